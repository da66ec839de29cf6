#pragma once

// The git program, for tests that need a repository as users make them. Knows no configuration but
// its own.

#include <cstdio>
#include <stdexcept>
#include <string>
#include <sys/wait.h>

namespace runner::test {

/// Runs `git -C folder arguments` (shell syntax) and returns its output without the last newline.
inline std::string git(const std::string& folder, const std::string& arguments) {
  const std::string command =
      "GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_NAME=a "
      "GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b "
      "GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000' "
      "git -c init.defaultBranch=main -c safe.directory='*' -C '" +
      folder + "' " + arguments + " 2>&1";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    output.append(buffer, got);
  }
  const int status = ::pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error(command + ": " + output);
  }
  while (output.ends_with('\n')) {
    output.pop_back();
  }
  return output;
}

}  // namespace runner::test
