#include "runner/sys/git.h"

#include <algorithm>
#include <unistd.h>

#include <fmt/format.h>

#include "runner/sys/files.h"
#include "runner/sys/git_objects.h"

namespace runner::git {
namespace {

constexpr std::int64_t kStreamFrom = 4 << 20;  // blobs of this size are never held whole
constexpr std::size_t kFlushOneByOne = 64;     // more new objects: flush the file system

}  // namespace

Objects::Objects(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Objects::~Objects() = default;

namespace {

std::optional<Objects::Type> kind_of_object(git_object_t type) {
  switch (type) {
    case GIT_OBJECT_COMMIT:
      return Objects::Type::Commit;
    case GIT_OBJECT_TREE:
      return Objects::Type::Tree;
    case GIT_OBJECT_BLOB:
      return Objects::Type::Blob;
    default:  // libgit2's enum, with kinds that trees and commits never name
      return std::nullopt;
  }
}

}  // namespace

bool Objects::has(const Oid& id) const {
  const git_oid raw = to_git(id);
  return git_odb_exists(impl_->all.get(), &raw) != 0;
}

bool Objects::owns(const Oid& id) const {
  const git_oid raw = to_git(id);
  return git_odb_exists_ext(impl_->own.get(), &raw, GIT_ODB_LOOKUP_NO_REFRESH) != 0;
}

dsl::Result<Entries> Objects::read_tree(const Oid& id) {
  if (id == empty_tree()) {
    return Entries{};
  }
  auto raw = impl_->read(id, GIT_OBJECT_TREE);
  if (!raw) {
    return raw.error();
  }
  return parse_tree(id, raw->bytes);
}
dsl::Result<Commit> Objects::read_commit(const Oid& id) {
  auto raw = impl_->read(id, GIT_OBJECT_COMMIT);
  if (!raw) {
    return raw.error();
  }
  return parse_commit(id, raw->bytes);
}

std::optional<Objects::Type> Objects::type_of(const Oid& id) {
  const git_oid raw = to_git(id);
  std::size_t size = 0;
  git_object_t type{};
  if (git_odb_read_header(&size, &type, impl_->all.get(), &raw) != 0) {
    return std::nullopt;
  }
  return kind_of_object(type);
}

void Objects::hold() {
  impl_->holding = true;
}

void Objects::forget() {
  impl_->holding = false;
  impl_->held.clear();
}

dsl::Status Objects::keep(const Oid& tree) {
  const auto found = impl_->held.find(tree);
  if (found == impl_->held.end()) {
    return dsl::Ok{};  // it was written before, and so was all in it
  }
  auto entries = read_tree(tree);
  if (!entries) {
    return entries.error();
  }
  for (const Entry& entry : *entries) {
    if (entry.kind == Kind::Folder) {
      if (auto kept = keep(entry.id); !kept) {
        return kept;
      }
    } else if (const auto blob = impl_->held.find(entry.id); blob != impl_->held.end()) {
      if (auto kept = impl_->write_new(entry.id, blob->second.bytes, blob->second.type); !kept) {
        return kept;
      }
      impl_->held.erase(blob);
    }
  }
  if (auto kept = impl_->write_new(tree, found->second.bytes, found->second.type); !kept) {
    return kept;
  }
  impl_->held.erase(tree);
  return dsl::Ok{};
}

dsl::Result<std::int64_t> Objects::blob_size(const Oid& id) {
  if (const auto held = impl_->held.find(id); held != impl_->held.end()) {
    return static_cast<std::int64_t>(held->second.bytes.size());
  }
  const git_oid raw = to_git(id);
  std::size_t size = 0;
  git_object_t type{};
  const int code = git_odb_read_header(&size, &type, impl_->all.get(), &raw);
  if (code == GIT_ENOTFOUND) {
    return missing(id);
  }
  if (code != 0) {
    return error_of(fmt::format("read object {}", to_hex(id)), code);
  }
  return static_cast<std::int64_t>(size);
}

dsl::Result<std::string> Objects::read_blob(const Oid& id, std::int64_t cap) {
  auto raw = impl_->read(id, GIT_OBJECT_BLOB);
  if (!raw) {
    return raw.error();
  }
  return std::string(
      raw->bytes.substr(0, static_cast<std::size_t>(std::max<std::int64_t>(cap, 0))));
}

namespace {

dsl::Status read_in_pieces(git_odb_stream* stream, std::size_t size, const Objects::Sink& sink) {
  std::vector<char> buffer(256 << 10);
  while (size > 0) {
    const int got = git_odb_stream_read(stream, buffer.data(), buffer.size());
    if (got <= 0) {
      return error_of("read a large object", got);
    }
    const std::size_t count = std::min(static_cast<std::size_t>(got), size);
    if (auto taken = sink({buffer.data(), count}); !taken) {
      return taken;
    }
    size -= count;
  }
  return dsl::Ok{};
}

}  // namespace

dsl::Status Objects::pour(const Oid& id, const Begin& begin, const Sink& sink) {
  const git_oid raw = to_git(id);
  if (!impl_->is_small(id)) {
    auto size = blob_size(id);
    if (!size) {
      return size.error();
    }
    git_odb_stream* opened = nullptr;
    std::size_t length = 0;
    git_object_t type{};
    // Packed objects cannot be read in pieces; they are read whole below.
    if (*size >= kStreamFrom &&
        git_odb_open_rstream(&opened, &length, &type, impl_->all.get(), &raw) == 0) {
      const Held<git_odb_stream, git_odb_stream_free> stream(opened);
      if (const auto kind = kind_of_object(type)) {
        auto begun = begin(*kind, *size);
        return begun ? read_in_pieces(opened, length, sink) : begun;
      }
    }
  }
  auto object = impl_->read(id, GIT_OBJECT_ANY);
  if (!object) {
    return object.error();
  }
  const auto kind = kind_of_object(object->type);
  if (!kind) {
    return dsl::Error{fmt::format("object {} is neither commit, tree nor blob", to_hex(id)), ""};
  }
  const std::string_view bytes = object->bytes;
  auto begun = begin(*kind, static_cast<std::int64_t>(bytes.size()));
  return begun ? sink(bytes) : begun;
}

dsl::Status Objects::copy_blob(const Oid& id, int fd) {
  const auto begin = [&](Type type, std::int64_t) -> dsl::Status {
    if (type != Type::Blob) {
      return dsl::Error{fmt::format("object {} is not a blob", to_hex(id)), ""};
    }
    return dsl::Ok{};
  };
  return pour(id, begin, [&](std::string_view bytes) -> dsl::Status {
    if (!files::write_all(fd, bytes)) {
      return files::system_error("write", to_hex(id), errno);
    }
    return dsl::Ok{};
  });
}
dsl::Result<Oid> Objects::write_tree(Entries entries) {
  if (entries.empty()) {
    return empty_tree();
  }
  return impl_->write(tree_bytes(std::move(entries)), GIT_OBJECT_TREE);
}

dsl::Result<Oid> Objects::write_commit(const Commit& commit) {
  return impl_->write(commit_bytes(commit), GIT_OBJECT_COMMIT);
}

dsl::Result<Oid> Objects::write_blob(std::string_view bytes) {
  return impl_->write(bytes, GIT_OBJECT_BLOB);
}

dsl::Result<Oid> Objects::write_blob_from(int fd, std::int64_t size) {
  const dsl::Error changed{"the file changed while it was read", "run the command again"};
  const bool whole = size < kStreamFrom;
  std::string buffer(whole ? static_cast<std::size_t>(size) + 1 : std::size_t{256} << 10U, '\0');
  git_odb_stream* opened = nullptr;
  if (!whole) {
    const int code = git_odb_open_wstream(
        &opened, impl_->own.get(), static_cast<git_object_size_t>(size), GIT_OBJECT_BLOB);
    if (code != 0) {
      return error_of(fmt::format("write to '{}'", impl_->folder), code);
    }
  }
  const Held<git_odb_stream, git_odb_stream_free> stream(opened);
  std::int64_t total = 0;
  while (true) {
    const std::size_t offset = whole ? static_cast<std::size_t>(total) : 0;
    const ssize_t got = ::read(fd, buffer.data() + offset, buffer.size() - offset);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return files::system_error("read", "file", errno);
    }
    total += got;
    if (total > size) {
      return changed;
    }
    if (got == 0) {
      break;
    }
    if (!whole) {
      const int code =
          git_odb_stream_write(stream.get(), buffer.data(), static_cast<std::size_t>(got));
      if (code != 0) {
        return error_of(fmt::format("write to '{}'", impl_->folder), code);
      }
    }
  }
  if (total != size) {
    return changed;
  }
  if (whole) {
    return write_blob({buffer.data(), static_cast<std::size_t>(size)});
  }
  git_oid raw{};
  if (const int code = git_odb_stream_finalize_write(&raw, stream.get()); code != 0) {
    return error_of(fmt::format("write to '{}'", impl_->folder), code);
  }
  impl_->fresh.push_back(from_git(raw));
  return from_git(raw);
}
std::size_t Objects::fresh() const {
  return impl_->fresh.size();
}

dsl::Status Objects::make_durable() {
  if (impl_->fresh.size() > kFlushOneByOne) {
    impl_->fresh.clear();
    return files::flush_file_system(impl_->folder);
  }
  // Renamed files are flushed: on the journaling file systems of Linux that takes their names
  // along. All writing is started before the first wait, so that one journal commit serves them
  // all.
  std::vector<Fd> opened;
  for (const Oid& id : impl_->fresh) {
    const std::string name = loose_name(id);
    opened.emplace_back(::openat(impl_->folder_fd.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!opened.back()) {
      return files::system_error("flush object", name, errno);
    }
    ::sync_file_range(opened.back().get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  }
  for (const Fd& file : opened) {
    if (::fdatasync(file.get()) != 0) {
      return files::system_error("flush objects in", impl_->folder, errno);
    }
  }
  impl_->fresh.clear();
  return dsl::Ok{};
}

}  // namespace runner::git
