#include "runner/store/job_folder.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/xattr.h>
#include <unistd.h>

#include "runner/sys/fd.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

constexpr std::size_t kMostTraces = 64;
constexpr std::array<const char*, 4> kEmptyFolders{"ws", "pipe", "pipe/home", "pipe/outputs"};

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

LaidOut::Trace trace_of(std::string path, const struct stat& status) {
  return {std::move(path),
          status.st_ino,
          status.st_mode,
          status.st_uid,
          // A folder's size may grow for good when files come and go.
          S_ISDIR(status.st_mode) ? 0 : status.st_size,
          nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}

Fd open_job(const std::string& job) {
  return Fd(::open(job.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// Whether two changes in a row get different times. Old kernels' clocks tick every few
/// milliseconds; a job that ends sooner could change a file without a trace.
bool stamps_finely(int folder) {
  struct stat last {};
  if (::fstat(folder, &last) != 0) {
    return false;
  }
  for (int i = 0; i < 6; ++i) {
    struct stat next {};
    if (::fchmod(folder, last.st_mode & 07777U) != 0 || ::fstat(folder, &next) != 0 ||
        nanoseconds(next.st_ctim) == nanoseconds(last.st_ctim)) {
      return false;
    }
    last = next;
  }
  return true;
}

bool add_traces(int job, const std::string& path, std::vector<LaidOut::Trace>& traces) {
  struct stat status {};
  if (traces.size() >= kMostTraces ||
      ::fstatat(job, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return false;
  }
  traces.push_back(trace_of(path, status));
  if (!S_ISDIR(status.st_mode)) {
    return true;
  }
  const Fd folder = files::open_beneath(job, path.c_str(), O_RDONLY | O_DIRECTORY);
  std::vector<std::string> names;
  return folder && files::list_names(folder.get(), names) &&
         std::all_of(names.begin(), names.end(), [&](const std::string& name) {
           return add_traces(job, path + "/" + name, traces);
         });
}

/// Folders come before what is in them, so that no name is looked up in a folder that changed.
bool are_as_noted(int job, const std::vector<LaidOut::Trace>& traces) {
  return !traces.empty() && std::all_of(traces.begin(), traces.end(), [&](const auto& trace) {
    struct stat status {};
    return ::fstatat(job, trace.path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           trace_of(trace.path, status) == trace;
  });
}

/// Empties the folders that every job has, but for those in them and what is in `kept`. False:
/// something of them is not as we made it.
bool make_as_new(int job, bool keep_workspace) {
  struct Level {
    const char* folder;
    std::vector<std::string_view> kept;
  };
  std::vector<Level> levels{{".", {"ws", "pipe"}},
                            {"pipe", {"home", "outputs"}},
                            {"pipe/home", {}},
                            {"pipe/outputs", {}}};
  if (keep_workspace) {
    levels.front().kept.insert(levels.front().kept.end(), {"upper", "over"});
  } else {
    levels.push_back({"ws", {}});
  }
  return std::all_of(levels.begin(), levels.end(), [&](const Level& level) {
    const Fd folder = files::open_beneath(job, level.folder, O_RDONLY | O_DIRECTORY);
    struct stat status {};
    if (!folder || ::fstat(folder.get(), &status) != 0 || (status.st_mode & 07777U) != 0755 ||
        status.st_uid != ::geteuid() || ::flistxattr(folder.get(), nullptr, 0) > 0) {
      return false;
    }
    bool only_kept = true;
    const bool listed = files::for_each_name(folder.get(), [&](const char* name, unsigned char) {
      only_kept = std::find(level.kept.begin(), level.kept.end(), name) != level.kept.end();
      return only_kept;
    });
    return listed && (only_kept || files::remove_contents(folder.get(), level.kept));
  });
}

dsl::Status make_folder(const std::string& path) {
  // Modes are set apart from mkdir against a umask that would keep a job of another user out.
  if (::mkdir(path.c_str(), 0755) != 0 || ::chmod(path.c_str(), 0755) != 0) {
    return files::system_error("make folder", path, errno);
  }
  return dsl::Ok{};
}

}  // namespace

bool LaidOut::serves(const WorkspaceRequest& wanted) const {
  return wanted.tree == request.tree && wanted.overlay == request.overlay &&
         wanted.caches.empty() && !wanted.repository && wanted.protect == request.protect &&
         wanted.read_only_paths == request.read_only_paths &&
         (wanted.protect.empty() || (wanted.protect_from == request.protect_from &&
                                     wanted.protect_else == request.protect_else));
}

dsl::Status make_job_folder(const std::string& path, const SpareFolder* spare) {
  if (spare != nullptr) {
    const Fd folder = open_job(path);
    if (folder && (spare->laid_out == nullptr || make_as_new(folder.get(), false))) {
      return dsl::Ok{};
    }
  }
  // There may be one of a runner that died.
  if (auto removed = files::remove_tree(path); !removed) {
    return removed;
  }
  if (auto parent = files::make_directories(path.substr(0, path.rfind('/'))); !parent) {
    return parent;
  }
  if (auto made = make_folder(path); !made) {
    return made;
  }
  for (const char* name : kEmptyFolders) {
    if (auto made = make_folder(path + "/" + name); !made) {
      return made;
    }
  }
  return dsl::Ok{};
}

bool note_traces(const std::string& job,
                 const std::vector<std::string>& folders,
                 LaidOut& laid_out) {
  const Fd folder = open_job(job);
  return folder && stamps_finely(folder.get()) &&
         std::all_of(
             folders.begin(),
             folders.end(),
             [&](const auto& name) { return add_traces(folder.get(), name, laid_out.traces); }) &&
         add_traces(folder.get(), "pipe", laid_out.scratch);
}

bool is_untouched(const std::string& job, const LaidOut& laid_out) {
  const Fd folder = open_job(job);
  return folder && are_as_noted(folder.get(), laid_out.traces);
}

bool is_all_untouched(const std::string& job, const LaidOut& laid_out) {
  const Fd folder = open_job(job);
  return folder && are_as_noted(folder.get(), laid_out.traces) &&
         are_as_noted(folder.get(), laid_out.scratch);
}

std::optional<SpareFolder> reclaim_job_folder(const std::string& job,
                                              const std::shared_ptr<const LaidOut>& laid_out) {
  const Fd folder = open_job(job);
  if (!folder) {
    return std::nullopt;
  }
  const bool keep = laid_out != nullptr && are_as_noted(folder.get(), laid_out->traces);
  if (keep && are_as_noted(folder.get(), laid_out->scratch)) {
    return SpareFolder{job, laid_out};
  }
  if (!make_as_new(folder.get(), keep)) {
    return std::nullopt;
  }
  if (!keep) {
    return SpareFolder{job, nullptr};
  }
  auto emptied = std::make_shared<LaidOut>(*laid_out);
  emptied->scratch.clear();
  if (!add_traces(folder.get(), "pipe", emptied->scratch)) {
    return std::nullopt;
  }
  return SpareFolder{job, emptied};
}

}  // namespace runner
