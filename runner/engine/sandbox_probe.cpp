#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/engine/init_program.h"
#include "runner/engine/sandbox.h"
#include "runner/engine/sandbox_trouble.h"
#include "runner/sys/process.h"

namespace runner {
namespace fs = std::filesystem;

namespace {

constexpr dsl::Duration kPatience{10'000};

dsl::Result<Finished> run(std::vector<std::string> argv) {
  EventLoop loop;
  std::optional<dsl::Result<Finished>> finished;
  SpawnRequest request;
  request.argv = std::move(argv);
  run_to_end(loop, std::move(request), kPatience, 4096, [&](dsl::Result<Finished> result) {
    finished = std::move(result);
    loop.stop();
  });
  loop.run();
  return *std::move(finished);
}

/// Absolute, or "" where there is none.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return access(name.c_str(), X_OK) == 0 ? fs::absolute(name).string() : "";
  }
  const char* const path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): never changed
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string candidate = std::string(rest.substr(0, end)) + "/" + name;
    if (candidate.front() == '/' && access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return "";
}

std::string last_line_of(std::string text) {
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return text.substr(text.rfind('\n') + 1);
}

/// Shows nothing of the machine but pipe-init, which is static: binding all of / would fail
/// whenever another program's mount goes away at that moment.
std::optional<dsl::Error> try_sandbox(const SandboxProbe& probe, const std::string& init) {
  std::vector<std::string> argv = {probe.bwrap,
                                   "--unshare-ipc",
                                   "--unshare-pid",
                                   "--unshare-net",
                                   "--unshare-uts",
                                   "--cap-drop",
                                   "ALL",
                                   "--die-with-parent",
                                   "--as-pid-1",
                                   "--proc",
                                   "/proc",
                                   "--dev",
                                   "/dev",
                                   "--size",
                                   "4096",
                                   "--tmpfs",
                                   "/tmp",
                                   "--ro-bind",
                                   init,
                                   "/pipe-init",
                                   "--",
                                   "/pipe-init",
                                   "nothing"};
  if (geteuid() != 0) {
    argv.insert(argv.begin() + 1, "--unshare-user");
  }
  const auto finished = run(argv);
  if (!finished) {
    return finished.error();
  }
  if (!finished->ok()) {
    return sandbox_trouble(last_line_of(finished->err), finished->wait_status);
  }
  return std::nullopt;
}

bool try_overlay(const EngineOptions& options, const std::string& init) {
  const fs::path folder =
      fs::path(options.state_dir) / "engine" / ("probe-" + std::to_string(getpid()));
  std::error_code error;
  std::vector<std::string> argv = {init, "stage"};
  if (geteuid() != 0) {
    argv.insert(argv.end(), {"--new-user", std::to_string(geteuid()), std::to_string(getegid())});
  }
  argv.emplace_back("--overlay");
  for (const char* const name : {"target", "upper", "work", "lower"}) {
    fs::create_directories(folder / name, error);
    argv.push_back(folder / name);
  }
  argv.insert(argv.end(), {";", "--", init, "nothing"});
  const auto finished = run(argv);
  // The kernel left a folder without any permission in `work`.
  fs::permissions(folder / "work/work", fs::perms::owner_all, error);
  fs::remove_all(folder, error);
  return finished && finished->ok();
}

}  // namespace

SandboxProbe probe_sandbox(const EngineOptions& options) {
  SandboxProbe probe;
  probe.bwrap = find_program(options.bwrap);
  if (probe.bwrap.empty()) {
    probe.trouble = dsl::Error{"bubblewrap ('" + options.bwrap + "') is not installed",
                               "sudo apt-get install bubblewrap"};
    return probe;
  }
  if (const auto finished = run({probe.bwrap, "--version"}); finished && finished->ok()) {
    const std::string line = last_line_of(finished->out);  // "bubblewrap 0.8.0"
    probe.version = line.substr(line.rfind(' ') + 1);
  }
  const auto init = install_init_program(options.state_dir);
  if (!init) {
    probe.trouble = init.error();
    return probe;
  }
  probe.trouble = try_sandbox(probe, *init);
  probe.overlays = !probe.trouble && try_overlay(options, *init);
  return probe;
}

}  // namespace runner
