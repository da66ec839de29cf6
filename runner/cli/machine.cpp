#include "runner/cli/machine.h"

#include <cstdlib>
#include <filesystem>
#include <linux/magic.h>
#include <sched.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "dsl/plan.h"
#include "dsl/units.h"
#include "runner/app/engines.h"
#include "runner/engine/cgroup.h"
#include "runner/report/node_text.h"
#include "runner/store/run_store.h"
#include "runner/sys/files.h"

namespace runner::cli {
namespace {

namespace fs = std::filesystem;
using Result = Check::Result;

constexpr std::int64_t kLittleSpace = 2LL << 30U;

std::string read_small(const std::string& path) {
  auto text = files::read_file(path, 64 << 10);
  return text ? *text : "";
}

/// Of the nearest folder above that exists: the store may not be there yet.
std::string existing_above(const std::string& folder) {
  fs::path path(folder);
  std::error_code ignored;
  while (!fs::exists(path, ignored) && path.has_relative_path()) {
    path = path.parent_path();
  }
  return path.string();
}

std::string rounded(std::int64_t bytes) {
  const double gib = static_cast<double>(bytes) / static_cast<double>(1LL << 30U);
  return fmt::format("{:.1f} GiB", gib);
}

/// Tries it in a child, since it cannot be undone.
bool can_make_user_namespace() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(::unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
  }
  int status = 1;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

Check user_namespaces() {
  Check check{"kernel", "user namespaces", Result::Good, "available", ""};
  if (can_make_user_namespace()) {
    return check;
  }
  if (::geteuid() == 0) {
    check.result = Result::Lacking;
    check.detail = "not available; not needed as root";
    return check;
  }
  check.result = Result::Broken;
  check.detail = "not available, so that only root can use the sandbox";
  check.remedy = read_small("/proc/sys/kernel/unprivileged_userns_clone").starts_with('0')
                     ? "`sysctl kernel.unprivileged_userns_clone=1` as root"
                     : "`sysctl user.max_user_namespaces=15000` as root, or look at AppArmor's "
                       "`kernel.apparmor_restrict_unprivileged_userns`";
  return check;
}

Check cgroups() {
  Check check{"kernel", "cgroups", Result::Good, "", ""};
  struct statfs mounted {};
  std::error_code ignored;
  if (::statfs("/sys/fs/cgroup", &mounted) != 0) {
    check.result = Result::Lacking;
    check.detail = "none mounted; limits cannot be enforced by the sandbox";
    return check;
  }
  if (mounted.f_type == CGROUP2_SUPER_MAGIC) {
    std::string controllers = read_small("/sys/fs/cgroup/cgroup.controllers");
    controllers.erase(controllers.find_last_not_of('\n') + 1);
    check.detail = "version 2 (" + controllers + ")";
  } else if (fs::exists("/sys/fs/cgroup/unified", ignored)) {
    check.detail = "hybrid: controllers in version 1, a version 2 tree beside them";
  } else {
    check.detail = "version 1";
  }
  return check;
}

Check overlays() {
  Check check{"kernel", "overlay", Result::Good, "available", ""};
  if (read_small("/proc/filesystems").find("\toverlay\n") == std::string::npos) {
    check.result = Result::Lacking;
    check.detail = "not loaded; private copies are made file by file";
    check.remedy = "`modprobe overlay` as root makes them cheaper";
  }
  return check;
}

std::string find_in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string file = rest.substr(0, end) + "/" + program;
    if (::access(file.c_str(), X_OK) == 0) {
      return file;
    }
    rest.erase(0, end + 1);
  }
  return "";
}

Check program(const std::string& name, const std::string& without, const std::string& package) {
  const std::string path = find_in_path(name);
  if (!path.empty()) {
    return {"programs", name, Result::Good, path, ""};
  }
  return {"programs",
          name,
          Result::Lacking,
          "not found; " + without,
          "`apt-get install " + package + "`"};
}

}  // namespace

std::vector<Check> check_limits(const Settings& settings) {
  const Cgroups cgroups(engine_options(settings, ""));
  dsl::Resources memory;
  memory.memory = dsl::Bytes{1 << 30};
  dsl::Resources cpus;
  cpus.cpus = dsl::Cpus{1000};
  dsl::Resources pids;
  pids.pids = 100;
  std::vector<Check> checks;
  for (const auto& [name, wanted] :
       {std::pair("memory", memory), std::pair("cpus", cpus), std::pair("pids", pids)}) {
    Check check{"limits", name, Result::Good, "enforced by `sandbox` and `host`", ""};
    for (const dsl::Error& error : cgroups.unsupported(wanted)) {
      check.result = Result::Lacking;
      check.detail = error.message;
      check.remedy = error.remedy;
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

std::vector<Check> check_store(const Settings& settings) {
  Check check{"store", settings.state_dir, Result::Good, "", ""};
  std::string runs = "not there yet; the first run makes it";
  if (RunStore::exists(settings.state_dir)) {
    const auto store = RunStore::open(settings.state_dir, RunStore::Access::ReadOnly);
    const auto names = store ? store->runs() : store.error();
    if (!names) {
      return {{"store",
               settings.state_dir,
               Result::Broken,
               names.error().message,
               names.error().remedy}};
    }
    runs = report::counted(names->size(), "run");
  }
  const std::string folder = existing_above(settings.state_dir);
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    check.result = Result::Broken;
    check.detail = "'" + folder + "' cannot be written";
    check.remedy = "set PIPE_STATE to a folder of yours";
    return {check};
  }
  struct statvfs space {};
  if (::statvfs(folder.c_str(), &space) == 0) {
    const auto bytes =
        static_cast<std::int64_t>(space.f_bavail) * static_cast<std::int64_t>(space.f_frsize);
    check.detail = runs + ", " + rounded(bytes) + " free";
    if (bytes < kLittleSpace) {
      check.result = Result::Lacking;
      check.remedy = "`pipe clean` removes finished runs; PIPE_STATE moves the store";
    }
  }
  return {check};
}

std::vector<Check> check_kernel() {
  utsname kernel{};
  ::uname(&kernel);
  return {{"kernel", "Linux", Result::Good, kernel.release, ""},
          user_namespaces(),
          cgroups(),
          overlays()};
}

std::vector<Check> check_programs() {
  return {program("bwrap", "the sandbox needs it", "bubblewrap"),
          program("git", "only steps that push need it", "git"),
          program("dot", "only `pipe graph --format svg` needs it", "graphviz")};
}

}  // namespace runner::cli
