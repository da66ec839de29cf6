#pragma once

// For the git*.cpp of this folder alone: what an Objects holds.

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unordered_map>
#include <utility>
#include <vector>

#include <git2/sys/odb_backend.h>

#include "runner/sys/fd.h"
#include "runner/sys/git_bytes.h"
#include "runner/sys/git_error.h"

namespace runner::git {

using Odb = git::Held<git_odb, git_odb_free>;
using Raw = git::Held<git_odb_object, git_odb_object_free>;

constexpr std::int64_t kSureToBeSmall = 32 << 10;  // deflated; inflates to 33 MB at the most

struct Objects::Impl {
  std::string folder;  // of the objects
  Fd folder_fd;
  Odb all;                           // the store's own and every alternate's
  Odb own;                           // the store's own: the only one that is written
  git_odb_backend* loose = nullptr;  // of `own`
  std::size_t alternates = 0;        // how many of the database's alternates `all` has
  std::vector<Oid> fresh;

  struct Held {
    git_object_t type;
    std::string bytes;
  };
  bool holding = false;
  std::unordered_map<Oid, Held, OidHash> held;

  struct Loaded {
    Raw object;  // null: the bytes are those of `held`
    std::string_view bytes;
    git_object_t type;
  };

  dsl::Result<Loaded> read(const Oid& id, git_object_t type) const {
    dsl::Result<Loaded> loaded = load(id);
    if (loaded && type != GIT_OBJECT_ANY && loaded->type != type) {
      return dsl::Error{fmt::format("object {} is a {}, not a {}",
                                    to_hex(id),
                                    git_object_type2string(loaded->type),
                                    git_object_type2string(type)),
                        ""};
    }
    return loaded;
  }

  dsl::Result<Loaded> load(const Oid& id) const {
    if (const auto found = held.find(id); found != held.end()) {
      return Loaded{nullptr, found->second.bytes, found->second.type};
    }
    const git_oid raw = to_git(id);
    git_odb_object* object = nullptr;
    const int code = git_odb_read(&object, all.get(), &raw);
    if (code == GIT_ENOTFOUND) {
      return missing(id);
    }
    if (code != 0) {
      return error_of(fmt::format("read object {}", to_hex(id)), code);
    }
    return Loaded{
        Raw(object),
        {static_cast<const char*>(git_odb_object_data(object)), git_odb_object_size(object)},
        git_odb_object_type(object)};
  }

  dsl::Result<Oid> write(std::string_view bytes, git_object_t type) {
    git_oid raw{};
    if (const int code = git_odb_hash(&raw, bytes.data(), bytes.size(), type); code != 0) {
      return error_of("hash", code);
    }
    const Oid id = from_git(raw);
    if (git_odb_exists_ext(all.get(), &raw, GIT_ODB_LOOKUP_NO_REFRESH) != 0) {
      // Young again, so that `prune` leaves it; where it is not ours nothing happens.
      ::utimensat(folder_fd.get(), loose_name(id).c_str(), nullptr, 0);
      return id;
    }
    if (holding) {
      held.try_emplace(id, Held{type, std::string(bytes)});
      return id;
    }
    if (auto written = write_new(id, bytes, type); !written) {
      return written.error();
    }
    return id;
  }

  dsl::Status write_new(const Oid& id, std::string_view bytes, git_object_t type) {
    // The back end itself: git_odb_write would hash all bytes once more.
    const git_oid raw = to_git(id);
    if (const int code = loose->write(loose, &raw, bytes.data(), bytes.size(), type); code != 0) {
      return error_of(fmt::format("write to '{}'", folder), code);
    }
    fresh.push_back(id);
    return dsl::Ok{};
  }

  /// Whether the blob surely fits into memory, seen from its file's size alone.
  [[nodiscard]] bool is_small(const Oid& id) const {
    const std::string name = loose_name(id);
    struct stat status {};
    return ::fstatat(folder_fd.get(), name.c_str(), &status, 0) == 0 &&
           status.st_size <= kSureToBeSmall;
  }
};

}  // namespace runner::git
