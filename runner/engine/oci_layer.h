#pragma once

// Applies one layer of an image to a folder. Blocks; any thread, one at a time for a folder.

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "dsl/result.h"
#include "runner/sys/fd.h"

namespace runner {

/// One thing of a layer, as its tar header tells.
struct LayerEntry {
  enum class Kind { File, Folder, Link, HardLink, Fifo, Device };
  Kind kind = Kind::File;
  std::string path;    // as in the archive
  std::string target;  // Link: its text; HardLink: a path of the image
  unsigned mode = 0;
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  std::int64_t mtime_s = 0;
};

/// Everything is done as if the folder were `/`: links of the image that lead out of it lead to
/// places within.
class LayerWriter {
 public:
  /// `root`: an open folder, empty or with the layers below.
  explicit LayerWriter(const Fd& root);

  /// Reads the next bytes of the file that is being added; 0 at its end, -1 on an error.
  using Reader = std::function<std::int64_t(char* buffer, std::size_t size)>;

  /// Adds, replaces, or (for a whiteout) removes. `read` gives a file's bytes.
  dsl::Status add(const LayerEntry& entry, const Reader& read);

 private:
  dsl::Result<Fd> open_parent(const std::string& path);
  dsl::Status remove_below(const std::string& folder);
  dsl::Status remove(int parent, const std::string& name, const std::string& path) const;
  dsl::Status write_file(int parent,
                         const std::string& name,
                         const LayerEntry& entry,
                         const Reader& read) const;
  dsl::Status make_folder(int parent, const std::string& name, const LayerEntry& entry) const;
  dsl::Status make_hard_link(int parent, const std::string& name, const LayerEntry& entry);
  dsl::Status own(int parent, const std::string& name, const LayerEntry& entry) const;

  const int root_;
  const bool is_root_user_;
  std::set<std::string> added_;  // by this layer: an opaque folder keeps these
};

}  // namespace runner
