#include "runner/engine/cgroup.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "runner/sys/fd.h"
#include "runner/sys/files.h"

namespace runner {
namespace fs = std::filesystem;

namespace {

constexpr std::array<const char*, 3> kNames = {"memory", "pids", "cpu"};
constexpr std::int64_t kPeriodUs = 100'000;

/// Whitespace-separated words of a file; none where it cannot be read.
std::vector<std::string> words_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> words;
  for (std::string word; in >> word;) {
    words.push_back(word);
  }
  return words;
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_writable(const std::string& path) {
  return access(path.c_str(), W_OK) == 0;
}

dsl::Status write_setting(const std::string& path, const std::string& value) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || !files::write_all(file.get(), value)) {
    return files::system_error("write '" + value + "' to", path, errno);
  }
  return dsl::Ok{};
}

/// Our cgroup in the hierarchy of a version 1 controller, or of version 2 for ""; nothing where
/// there is no such hierarchy. A line is "4:memory:/a/b", "2:cpu,cpuacct:/" or "0::/a/b".
std::optional<std::string> own_path(const std::string& file, const std::string& controller) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    std::istringstream names(line.substr(first + 1, second - first - 1));
    const std::string path = line.substr(second + 1);
    if (controller.empty() && second == first + 1) {
      return path;
    }
    for (std::string name; !controller.empty() && std::getline(names, name, ',');) {
      if (name == controller) {
        return path;
      }
    }
  }
  return std::nullopt;
}

std::string folder_of(const std::string& mount, const std::string& path) {
  return path == "/" ? mount : mount + path;
}

/// The number after a word in a file of "word number" lines; 0 where there is none.
std::int64_t counter(const std::string& path, const std::string& name) {
  const std::vector<std::string> words = words_of(path);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == name) {
      return std::strtoll(words[i + 1].c_str(), nullptr, 10);
    }
  }
  return 0;
}

dsl::Status limit_memory(const std::string& folder, bool unified, dsl::Bytes limit) {
  const std::string bytes = std::to_string(limit.count);
  if (unified) {
    if (auto set = write_setting(folder + "/memory.max", bytes); !set) {
      return set;
    }
    const std::string swap = folder + "/memory.swap.max";  // not there without swap accounting
    return is_writable(swap) ? write_setting(swap, "0") : dsl::Status(dsl::Ok{});
  }
  if (auto set = write_setting(folder + "/memory.limit_in_bytes", bytes); !set) {
    return set;
  }
  const std::string both = folder + "/memory.memsw.limit_in_bytes";
  return is_writable(both) ? write_setting(both, bytes) : dsl::Status(dsl::Ok{});
}

dsl::Status limit_cpu(const std::string& folder, bool unified, dsl::Cpus limit) {
  const std::string quota = std::to_string(std::max<std::int64_t>(
      limit.millis * kPeriodUs / 1000, 1000));  // the kernel takes no less than a millisecond
  const std::string period = std::to_string(kPeriodUs);
  if (unified) {
    return write_setting(folder + "/cpu.max", quota + " " + period);
  }
  if (auto set = write_setting(folder + "/cpu.cfs_period_us", period); !set) {
    return set;
  }
  return write_setting(folder + "/cpu.cfs_quota_us", quota);
}

/// Kills what is in a cgroup and removes it. Nobody of a dead run should be there any more.
bool remove_cgroup(const std::string& folder) {
  if (rmdir(folder.c_str()) == 0 || errno == ENOENT) {
    return true;
  }
  for (const std::string& pid : words_of(folder + "/cgroup.procs")) {
    kill(static_cast<pid_t>(std::strtol(pid.c_str(), nullptr, 10)), SIGKILL);
  }
  for (int i = 0; i < 100; ++i) {  // the killed take a moment to be gone
    if (rmdir(folder.c_str()) == 0 || errno != EBUSY) {
      break;
    }
    usleep(2'000);
  }
  return access(folder.c_str(), F_OK) != 0;
}

}  // namespace

// ---- JobCgroup ----------------------------------------------------------------------------------

JobCgroup::JobCgroup(JobCgroup&& other) noexcept
    : folders_(std::exchange(other.folders_, {})), memory_(std::exchange(other.memory_, {})) {}

JobCgroup& JobCgroup::operator=(JobCgroup&& other) noexcept {
  std::swap(folders_, other.folders_);
  std::swap(memory_, other.memory_);
  return *this;
}

JobCgroup::~JobCgroup() {
  for (const std::string& folder : folders_) {
    remove_cgroup(folder);
  }
}

void JobCgroup::conclude(JobEnd& end) const {
  if (memory_.empty()) {
    return;
  }
  for (const char* const name : {"/memory.peak", "/memory.max_usage_in_bytes"}) {
    if (const auto words = words_of(memory_ + name); !words.empty()) {
      end.peak_memory = dsl::Bytes{std::strtoll(words[0].c_str(), nullptr, 10)};
    }
  }
  const bool failed = !end.succeeded() && end.how != JobEnd::How::TimedOut &&
                      end.how != JobEnd::How::Stopped && end.how != JobEnd::How::NotStarted;
  if (failed && (counter(memory_ + "/memory.events", "oom_kill") > 0 ||
                 counter(memory_ + "/memory.oom_control", "oom_kill") > 0)) {
    end.how = JobEnd::How::OutOfMemory;
    end.code = 0;
    end.detail.clear();
  }
}

// ---- Cgroups ------------------------------------------------------------------------------------

Cgroups::Cgroups(const EngineOptions& options)
    : root_(options.cgroup_root),
      own_(options.own_cgroups),
      suffix_(options.store_id.empty() ? "" : "." + options.store_id),
      record_(options.state_dir + "/engine/cgroups") {
  for (std::size_t i = 0; i < kControllers; ++i) {
    places_[i] = find_place(kNames[i]);
  }
}

Cgroups::Place Cgroups::find_place(const std::string& controller) const {
  const auto path = own_path(own_, controller);
  if (!path) {
    return find_unified_place(controller);
  }
  const std::string mount = root_ + "/" + controller;
  std::string parent = folder_of(mount, *path);
  if (!fs::is_directory(parent)) {
    parent = mount;  // a container shows its own cgroup as the root
  }
  return {is_writable(parent) ? parent : "", false, false};
}

Cgroups::Place Cgroups::find_unified_place(const std::string& controller) const {
  const std::string mount = fs::exists(root_ + "/cgroup.controllers") ? root_ : root_ + "/unified";
  const auto path = own_path(own_, "");
  if (!path) {
    return {};
  }
  const std::string own = folder_of(mount, *path);
  const auto offers = [&](const std::string& folder) {
    return contains(words_of(folder + "/cgroup.controllers"), controller) && is_writable(folder) &&
           is_writable(folder + "/cgroup.subtree_control");
  };
  if (offers(own)) {
    const auto processes = words_of(own + "/cgroup.procs");
    const bool enabled = contains(words_of(own + "/cgroup.subtree_control"), controller);
    const bool alone =
        processes.empty() || (processes.size() == 1 && processes[0] == std::to_string(getpid()));
    if (enabled || alone) {
      return {own, true, !processes.empty()};
    }
  }
  // The machine's own root is the one cgroup that may have both processes and limited children;
  // only that has no type.
  if (offers(mount) && !fs::exists(mount + "/cgroup.type")) {
    return {mount, true, false};
  }
  return {};
}

std::vector<dsl::Error> Cgroups::unsupported(const dsl::Resources& wanted) const {
  const std::array<bool, kControllers> asked = {
      wanted.memory.has_value(), wanted.pids.has_value(), wanted.cpus.has_value()};
  constexpr std::array kWords = {"memory", "pids", "cpus"};
  std::vector<dsl::Error> errors;
  for (std::size_t i = 0; i < kControllers; ++i) {
    if (!asked[i] || !places_[i].parent.empty()) {
      continue;
    }
    const bool unified = !own_path(own_, kNames[i]).has_value();
    const std::string leave = std::string("leave out `") + kWords[i] + "`";
    errors.push_back(
        {std::string("a limit of ") + kWords[i] + " cannot be enforced: the cgroup controller '" +
             kNames[i] + "' is not ours to use",
         unified ? "start it with `systemd-run --user --scope -p Delegate=yes pipe …`, run it as "
                   "root, or " +
                       leave
                 : "run it as root, choose engine `docker` or `podman`, or " + leave});
  }
  return errors;
}

dsl::Status Cgroups::make_ready(const Place& place, const std::string& controller) {
  if (place.unified) {
    const std::string enabled = place.parent + "/cgroup.subtree_control";
    if (place.move_away) {
      const std::string runner = place.parent + "/pipe-runner";
      if (mkdir(runner.c_str(), 0755) != 0 && errno != EEXIST) {
        return files::system_error("create the cgroup", runner, errno);
      }
      if (auto moved = write_setting(runner + "/cgroup.procs", "0"); !moved) {
        return moved;
      }
    }
    if (!contains(words_of(enabled), controller)) {
      if (auto set = write_setting(enabled, "+" + controller); !set) {
        return set;
      }
    }
  }
  remember(place.parent);
  return dsl::Ok{};
}

dsl::Result<JobCgroup> Cgroups::make(const JobName& job,
                                     const dsl::Resources& wanted,
                                     int own_pids) {
  JobCgroup made;
  const auto folder = [&](Controller controller) -> dsl::Result<std::string> {
    const Place& place = places_[controller];
    if (place.parent.empty()) {
      return unsupported(wanted).front();
    }
    if (!ready_[controller]) {
      if (auto ready = make_ready(place, kNames[controller]); !ready) {
        return ready.error();
      }
      ready_[controller] = true;
    }
    std::string path = place.parent + "/" + job.value + suffix_;
    if (!contains(made.folders_, path)) {
      if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
        return files::system_error("create the cgroup", path, errno);
      }
      made.folders_.push_back(path);
    }
    return path;
  };
  const auto limit = [&](Controller controller, const auto& set) -> dsl::Status {
    const auto path = folder(controller);
    return path ? set(*path, places_[controller].unified) : dsl::Status(path.error());
  };
  dsl::Status done = dsl::Ok{};
  if (wanted.memory) {
    done = limit(Memory, [&](const std::string& path, bool unified) {
      made.memory_ = path;
      return limit_memory(path, unified, *wanted.memory);
    });
  }
  if (done && wanted.pids) {
    done = limit(Pids, [&](const std::string& path, bool) {
      return write_setting(path + "/pids.max", std::to_string(*wanted.pids + own_pids));
    });
  }
  if (done && wanted.cpus) {
    done = limit(Cpu, [&](const std::string& path, bool unified) {
      return limit_cpu(path, unified, *wanted.cpus);
    });
  }
  if (!done) {
    return done.error();
  }
  return made;
}

// ---- After a crash ------------------------------------------------------------------------------

std::vector<std::string> Cgroups::remembered() const {
  std::vector<std::string> parents;
  std::ifstream in(record_);
  for (std::string line; std::getline(in, line);) {
    parents.push_back(line);
  }
  return parents;
}

/// The next runner may be in another cgroup, and must find these all the same.
void Cgroups::remember(const std::string& parent) const {
  if (contains(remembered(), parent)) {
    return;
  }
  static_cast<void>(files::make_directories(fs::path(record_).parent_path().string()));
  const Fd file(open(record_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (file) {
    files::write_all(file.get(), parent + "\n");
  }
}

dsl::Status Cgroups::remove_leftovers(const dsl::RunId& run) const {
  for (const std::string& parent : remembered()) {
    std::error_code gone;  // with the session that it belonged to
    for (const fs::directory_entry& entry : fs::directory_iterator(parent, gone)) {
      std::string name = entry.path().filename().string();
      if (!name.ends_with(suffix_) || !entry.is_directory()) {
        continue;
      }
      name.resize(name.size() - suffix_.size());
      if (is_job_of(name, run) && !remove_cgroup(entry.path().string())) {
        return files::system_error("remove the cgroup", entry.path().string(), errno);
      }
    }
  }
  return dsl::Ok{};
}

bool is_job_of(const std::string& job_name, const dsl::RunId& run) {
  constexpr std::string_view kPrefix = "pipe-";
  if (!std::string_view(job_name).starts_with(kPrefix)) {
    return false;
  }
  if (run.empty()) {
    return true;
  }
  // After the run's name come 12 hex digits: "calm-otter" is not the run of "pipe-calm-otter-2-…".
  std::string_view rest = std::string_view(job_name).substr(kPrefix.size());
  if (!rest.starts_with(run.value + "-")) {
    return false;
  }
  rest.remove_prefix(run.value.size() + 1);
  const std::size_t digits = rest.find_first_not_of("0123456789abcdef");
  return digits == 12 && rest[12] == '-';
}

}  // namespace runner
