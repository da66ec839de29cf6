#pragma once

// New files and links for a folder, laid out in a hidden folder in it before anything else there
// changes: what takes room, or may not be written, fails first. Then all of it is renamed to its
// place, which takes none. Any thread that holds the Objects; blocks on the disk.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <utility>

#include "dsl/result.h"
#include "runner/sys/fd.h"
#include "runner/sys/git.h"

namespace runner {

class Staging {
 public:
  /// What names for `make` start with; nothing of the user's does.
  static constexpr std::string_view kPrefix = ".pipe-new-";

  /// `target`, an open folder, outlives this object. What an earlier attempt left under the same
  /// name is removed first; what is not in its place at the end is, too.
  static dsl::Result<Staging> make(int target, const std::string& name);
  Staging(Staging&& other) noexcept
      : target_(std::exchange(other.target_, -1)),
        name_(std::move(other.name_)),
        staged_(std::move(other.staged_)),
        mode_(other.mode_),
        folders_(std::move(other.folders_)),
        writable_(std::move(other.writable_)) {}
  Staging& operator=(Staging&&) = delete;
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging();

  /// A file or link that will be at `path`: with mode (but for the x bits) and owner of the file
  /// that is there now, else with those of new files in that folder.
  dsl::Status add(git::Objects& objects, const std::string& path, const git::Entry& entry);
  dsl::Status add_folder(const std::string& path);

  /// An Error where the folder that `path` lies in, or will lie in, cannot be written.
  dsl::Status check_writable(const std::string& path);

  /// What is in the way must be gone, but for files that files replace, and empty folders. On Error
  /// a part is in its place.
  dsl::Status put_in_place();

 private:
  Staging(int target, std::string name) : target_(target), name_(std::move(name)) {}
  void remove();
  /// Makes the folder of that path in the hidden one. What is made in it belongs to the owner told.
  dsl::Result<const struct stat*> counterpart(const std::string& folder);
  dsl::Status move(int from, int to, const std::string& prefix);

  int target_;  // -1: moved from
  std::string name_;
  Fd staged_;
  mode_t mode_ = 0;                             // what the user's umask leaves of 0777
  std::map<std::string, struct stat> folders_;  // that have a counterpart
  std::set<std::string> writable_;              // folders of the target
};

}  // namespace runner
