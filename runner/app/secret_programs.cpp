#include "runner/app/secret_programs.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <map>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "runner/report/escape.h"
#include "runner/sys/fd.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using dsl::Error;
using dsl::Result;

bool is_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

std::string in_folder(const std::string& folder, std::string_view name) {
  return name.starts_with('/') ? std::string(name) : folder + "/" + std::string(name);
}

/// As the system finds it; "" it does not.
std::string find_program(const std::string& name, const std::string& folder) {
  if (name.find('/') != std::string::npos) {
    const std::string path = in_folder(folder, name);
    return is_file(path) ? path : "";
  }
  const char* const variable = std::getenv("PATH");
  std::string_view folders = variable == nullptr ? "/bin:/usr/bin" : variable;
  while (true) {
    const std::string_view one = folders.substr(0, folders.find(':'));
    const std::string path = in_folder(folder, one.empty() ? "." : one) + "/" + name;
    if (is_file(path) && ::access(path.c_str(), X_OK) == 0) {
      return path;
    }
    if (one.size() == folders.size()) {
      return "";
    }
    folders.remove_prefix(one.size() + 1);
  }
}

Result<std::string> digest_of_file(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    return files::system_error("read", path, errno);
  }
  dsl::Sha256 digest;
  std::array<char, 1 << 16> buffer{};
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got == 0) {
      return digest.finish();
    }
    if (got < 0 && errno != EINTR) {
      return files::system_error("read", path, errno);
    }
    digest.add(std::string_view(buffer.data(), got < 0 ? 0 : static_cast<std::size_t>(got)));
  }
}

}  // namespace

Result<std::vector<dsl::SealedFile>> programs_of_secrets(const dsl::Plan& plan) {
  const std::string& folder = plan.workspace.source;
  std::map<std::string, std::string> found;  // path by the plan's name
  for (const dsl::PlanNode& node : plan.nodes) {
    for (const dsl::Secret& secret : node.secrets) {
      for (std::size_t i = 0; i < secret.command.size(); ++i) {
        const std::string& word = secret.command[i];
        const std::string path = i == 0 ? find_program(word, folder) : in_folder(folder, word);
        if (i == 0 && path.empty()) {
          return Error{fmt::format("the secret '{}' is what `{}` prints, which is not here",
                                   report::one_line(secret.name),
                                   report::one_line(word)),
                       "install it, or name it by its path from the project's folder"};
        }
        if (i == 0 || is_file(path)) {
          found.emplace(word, path);
        }
      }
    }
  }
  std::vector<dsl::SealedFile> programs;
  for (const auto& [name, path] : found) {
    auto digest = digest_of_file(path);
    if (!digest) {
      return digest.error();
    }
    programs.push_back({name, dsl::SealedFile::Role::Program, *std::move(digest)});
  }
  return programs;
}

}  // namespace runner
