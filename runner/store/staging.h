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
  /// What names for it start with; nothing of the user's does.
  static constexpr std::string_view kPrefix = ".pipe-new-";

  /// `target`, an open folder, outlives this object. What an earlier attempt left under the same
  /// name is removed before anything is laid out; what is not in its place at the end is, too.
  Staging(int target, std::string name) : target_(target), name_(std::move(name)) {}
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
  dsl::Status begin();
  void remove();
  /// Makes the folder of that path in the hidden one. What is made in it belongs to the owner told.
  dsl::Result<const struct stat*> counterpart(const std::string& folder);
  dsl::Status move(int from, int to, const std::string& prefix);

  const int target_;
  const std::string name_;
  Fd staged_;                                   // none: nothing was laid out
  mode_t mode_ = 0;                             // what the user's umask leaves of 0777
  std::map<std::string, struct stat> folders_;  // that have a counterpart
  std::set<std::string> writable_;              // folders of the target
};

}  // namespace runner
