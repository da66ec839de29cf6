#include "runner/sys/git.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <span>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>

#include <climits>
#include <fmt/format.h>
#include <git2/sys/odb_backend.h>
#include <git2/sys/repository.h>

#include "runner/sys/files.h"
#include "runner/sys/git_error.h"

namespace runner::git {
namespace {

using Odb = Held<git_odb, git_odb_free>;
using Raw = Held<git_odb_object, git_odb_object_free>;

constexpr std::int64_t kStreamFrom = 4 << 20;      // blobs of this size are never held whole
constexpr std::int64_t kSureToBeSmall = 32 << 10;  // deflated; inflates to 33 MB at the most
constexpr std::size_t kFlushOneByOne = 64;         // more new objects: flush the file system
constexpr int kCompression = 1;                    // trees are short-lived; speed counts
constexpr int kAlternateDepth = 5;

struct ModeName {
  Kind kind;
  std::string_view text;
};
constexpr std::array<ModeName, 5> kModes{{{Kind::File, "100644"},
                                          {Kind::Executable, "100755"},
                                          {Kind::Link, "120000"},
                                          {Kind::Folder, "40000"},
                                          {Kind::Submodule, "160000"}}};

std::string_view mode_text(Kind kind) {
  for (const ModeName& mode : kModes) {
    if (mode.kind == kind) {
      return mode.text;
    }
  }
  return "100644";
}

std::optional<Kind> kind_of(std::string_view mode) {
  if (mode == "040000") {
    return Kind::Folder;  // written by very old tools
  }
  if (mode == "100664") {
    return Kind::File;
  }
  for (const ModeName& known : kModes) {
    if (known.text == mode) {
      return known.kind;
    }
  }
  return std::nullopt;
}

/// Git sorts folders as if their names ended with '/'.
bool comes_before(const Entry& a, const Entry& b) {
  const std::size_t common = std::min(a.name.size(), b.name.size());
  const int order = std::memcmp(a.name.data(), b.name.data(), common);
  if (order != 0) {
    return order < 0;
  }
  const auto next = [&](const Entry& entry) {
    if (entry.name.size() > common) {
      return static_cast<unsigned char>(entry.name[common]);
    }
    return static_cast<unsigned char>(entry.kind == Kind::Folder ? '/' : '\0');
  };
  return next(a) < next(b);
}

dsl::Error missing(const Oid& id) {
  return {fmt::format("object {} is missing", to_hex(id)),
          "the store is damaged, or the repository is an incomplete clone: fetch it whole"};
}

dsl::Result<Entries> parse_tree(const Oid& id, std::string_view bytes) {
  Entries entries;
  while (!bytes.empty()) {
    const std::size_t space = bytes.find(' ');
    const std::size_t nul = bytes.find('\0');
    const auto kind = space < nul ? kind_of(bytes.substr(0, space)) : std::nullopt;
    if (!kind || nul == std::string_view::npos || bytes.size() - nul - 1 < sizeof(Oid::bytes)) {
      return dsl::Error{fmt::format("tree {} is broken", to_hex(id)),
                        "check the repository with 'git fsck'"};
    }
    Entry entry;
    entry.name = bytes.substr(space + 1, nul - space - 1);
    entry.kind = *kind;
    std::memcpy(entry.id.bytes.data(), bytes.data() + nul + 1, sizeof(Oid::bytes));
    entries.push_back(std::move(entry));
    bytes.remove_prefix(nul + 1 + sizeof(Oid::bytes));
  }
  return entries;
}

/// Where a loose object lies in the folder of objects.
std::string loose_name(const Oid& id) {
  std::string name = to_hex(id);
  name.insert(2, 1, '/');
  return name;
}

/// The folders that `objects/info/alternates` names, as absolute paths.
std::vector<std::string> alternates_of(const std::string& objects) {
  std::vector<std::string> found;
  auto text = files::read_file(objects + "/info/alternates", 1 << 20);
  if (!text) {
    return found;  // there is no such file
  }
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.empty() && line.front() != '#') {
      found.push_back(line.front() == '/' ? std::string(line) : objects + "/" + std::string(line));
    }
  }
  return found;
}

}  // namespace

void start_library() {
  static const bool started = [] {
    git_libgit2_init();
    // The user's and the system's configuration must not change what a tree is; a repository's
    // owner is checked by Project, by rules of our own.
    for (const int level : {GIT_CONFIG_LEVEL_PROGRAMDATA,
                            GIT_CONFIG_LEVEL_SYSTEM,
                            GIT_CONFIG_LEVEL_XDG,
                            GIT_CONFIG_LEVEL_GLOBAL}) {
      git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    }
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, static_cast<ssize_t>(8) << 20);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, static_cast<std::size_t>(4) << 20);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, static_cast<std::size_t>(64) << 20);
    return true;
  }();
  static_cast<void>(started);
}

std::string to_hex(const Oid& id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * id.bytes.size());
  for (const std::uint8_t byte : id.bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::optional<Oid> from_hex(std::string_view text) {
  Oid id;
  if (text.size() != 2 * id.bytes.size()) {
    return std::nullopt;
  }
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') {
      return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    id.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return id;
}

dsl::Result<Oid> parse_oid(std::string_view text) {
  if (const auto id = from_hex(text)) {
    return *id;
  }
  return dsl::Error{fmt::format("'{}' is no object id", files::printable(text.substr(0, 80))), ""};
}

Oid empty_tree() {
  return *from_hex("4b825dc642cb6eb9a060e54bf8d69288fbee4904");
}

bool is_safe_name(std::string_view name) {
  if (name.empty() || name == "." || name == ".." ||
      name.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos) {
    return false;
  }
  constexpr std::string_view kGit = ".git";
  return name.size() != kGit.size() ||
         !std::equal(name.begin(), name.end(), kGit.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
         });
}

// ---- Objects ------------------------------------------------------------------------------------

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
  std::string_view rest = raw->bytes;
  const dsl::Error broken{fmt::format("commit {} is broken", to_hex(id)),
                          "check the repository with 'git fsck'"};
  Commit commit;
  bool has_tree = false;
  while (!rest.empty() && rest.front() != '\n') {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto object = [&](std::string_view label) { return from_hex(line.substr(label.size())); };
    if (line.starts_with("tree ")) {
      const auto tree = object("tree ");
      if (!tree) {
        return broken;
      }
      commit.tree = *tree;
      has_tree = true;
    } else if (line.starts_with("parent ")) {
      const auto parent = object("parent ");
      if (!parent) {
        return broken;
      }
      commit.parents.push_back(*parent);
    } else if (line.starts_with("author ")) {
      commit.author = line.substr(7, line.rfind('>') - 6);
    } else if (line.starts_with("committer ")) {
      const std::size_t close = line.rfind("> ");
      if (close != std::string_view::npos) {
        commit.time_s = std::strtoll(std::string(line.substr(close + 2)).c_str(), nullptr, 10);
      }
    }
  }
  if (!has_tree) {
    return broken;
  }
  commit.message = rest.empty() ? rest : rest.substr(1);
  return commit;
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
  std::sort(entries.begin(), entries.end(), comes_before);
  std::string bytes;
  for (const Entry& entry : entries) {
    bytes += mode_text(entry.kind);
    bytes += ' ';
    bytes += entry.name;
    bytes += '\0';
    bytes.append(entry.id.bytes.begin(), entry.id.bytes.end());
  }
  return impl_->write(bytes, GIT_OBJECT_TREE);
}

dsl::Result<Oid> Objects::write_commit(const Commit& commit) {
  std::string bytes = fmt::format("tree {}\n", to_hex(commit.tree));
  for (const Oid& parent : commit.parents) {
    bytes += fmt::format("parent {}\n", to_hex(parent));
  }
  bytes += fmt::format("author {0} {1} +0000\ncommitter {0} {1} +0000\n\n{2}",
                       commit.author,
                       commit.time_s,
                       commit.message);
  if (!bytes.ends_with('\n')) {
    bytes += '\n';
  }
  return impl_->write(bytes, GIT_OBJECT_COMMIT);
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

namespace {

/// A tree from the sorted entries of an index, whose paths all share their first `skip` bytes.
dsl::Result<Oid> write_flat_tree(Objects& objects,
                                 std::span<const git_index_entry* const> entries,
                                 std::size_t skip) {
  Entries tree;
  while (!entries.empty()) {
    const std::string_view path = std::string_view(entries.front()->path).substr(skip);
    const std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) {
      const auto kind = kind_of(fmt::format("{:o}", entries.front()->mode));
      tree.push_back({std::string(path), kind.value_or(Kind::File), from_git(entries.front()->id)});
      entries = entries.subspan(1);
      continue;
    }
    const std::string_view folder = path.substr(0, slash + 1);
    std::size_t count = 0;
    while (count < entries.size() &&
           std::string_view(entries[count]->path).substr(skip).starts_with(folder)) {
      ++count;
    }
    auto below = write_flat_tree(objects, entries.first(count), skip + folder.size());
    if (!below) {
      return below;
    }
    tree.push_back({std::string(path.substr(0, slash)), Kind::Folder, *below});
    entries = entries.subspan(count);
  }
  return objects.write_tree(std::move(tree));
}

}  // namespace

// Not git_index_write_tree_to: that would touch equal trees in the repositories that we borrow
// from.
dsl::Result<Oid> write_index(Objects& objects, git_index* index) {
  std::vector<const git_index_entry*> entries(git_index_entrycount(index));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i] = git_index_get_byindex(index, i);
  }
  return write_flat_tree(objects, entries, 0);
}

std::optional<std::string> Objects::merge_texts(std::string_view base,
                                                std::string_view ours,
                                                std::string_view theirs) {
  start_library();
  const auto is_binary = [](std::string_view text) {
    return text.substr(0, 8000).find('\0') != std::string_view::npos;
  };
  if (is_binary(base) || is_binary(ours) || is_binary(theirs)) {
    return std::nullopt;
  }
  const auto input = [](std::string_view text) {
    git_merge_file_input made{};
    git_merge_file_input_init(&made, GIT_MERGE_FILE_INPUT_VERSION);
    made.ptr = text.data();
    made.size = text.size();
    return made;
  };
  const git_merge_file_input ancestor = input(base);
  const git_merge_file_input left = input(ours);
  const git_merge_file_input right = input(theirs);
  git_merge_file_result result{};
  if (git_merge_file(&result, &ancestor, &left, &right, nullptr) != 0) {
    return std::nullopt;
  }
  std::optional<std::string> merged;
  if (result.automergeable != 0) {
    merged.emplace(result.ptr == nullptr ? "" : result.ptr, result.len);
  }
  git_merge_file_result_free(&result);
  return merged;
}

dsl::Result<std::optional<Oid>> Objects::merge_trees(const Oid& base,
                                                     const Oid& ours,
                                                     const Oid& theirs) {
  for (const Oid* tree : {&base, &ours, &theirs}) {
    if (auto kept = keep(*tree); !kept) {
      return kept.error();  // libgit2 does not see what is held
    }
  }
  git_repository* wrapped = nullptr;
  if (const int code = git_repository_wrap_odb(&wrapped, impl_->all.get()); code != 0) {
    return error_of("merge", code);
  }
  const Held<git_repository, git_repository_free> repository(wrapped);
  using Tree = Held<git_tree, git_tree_free>;
  std::array<Tree, 3> trees;
  const std::array<const Oid*, 3> ids{&base, &ours, &theirs};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const git_oid raw = to_git(*ids[i]);
    git_tree* tree = nullptr;
    if (const int code = git_tree_lookup(&tree, repository.get(), &raw); code != 0) {
      return error_of("merge", code);
    }
    trees[i].reset(tree);
  }
  git_merge_options options = GIT_MERGE_OPTIONS_INIT;
  options.flags = GIT_MERGE_FIND_RENAMES;
  git_index* merged = nullptr;
  if (const int code = git_merge_trees(
          &merged, repository.get(), trees[0].get(), trees[1].get(), trees[2].get(), &options);
      code != 0) {
    return error_of("merge", code);
  }
  const Held<git_index, git_index_free> index(merged);
  if (git_index_has_conflicts(index.get()) != 0) {
    return std::optional<Oid>();
  }
  auto tree = write_index(*this, index.get());
  if (!tree) {
    return tree.error();
  }
  return std::optional<Oid>(*tree);
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

// ---- ObjectDatabase -----------------------------------------------------------------------------

struct ObjectDatabase::Impl {
  std::string folder;                                    // of the bare repository
  std::string objects;                                   // folder + "/objects"
  Held<git_repository, git_repository_free> repository;  // for references; under `mutex`

  std::mutex mutex;                     // guards what follows
  std::vector<std::string> alternates;  // only ever grows
  std::vector<std::unique_ptr<Objects>> idle;

  static dsl::Result<Odb> open_odb(const std::string& objects, git_odb_backend** loose) {
    git_odb* made = nullptr;
    if (const int code = git_odb_new(&made); code != 0) {
      return error_of("open objects", code);
    }
    Odb odb(made);
    git_odb_backend* backend = nullptr;
    int code = git_odb_backend_loose(&backend, objects.c_str(), kCompression, 0, 0, 0);
    if (code == 0) {
      code = git_odb_add_backend(odb.get(), backend, 1);
      if (loose != nullptr) {
        *loose = backend;
      }
    }
    if (code == 0) {
      code = git_odb_backend_pack(&backend, objects.c_str());
    }
    if (code == 0) {
      code = git_odb_add_backend(odb.get(), backend, 2);
    }
    if (code != 0) {
      return error_of(fmt::format("open '{}'", objects), code);
    }
    return odb;
  }

  dsl::Result<std::unique_ptr<Objects>> make_objects() const {
    auto impl = std::make_unique<Objects::Impl>();
    impl->folder = objects;
    impl->folder_fd = Fd(::open(objects.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!impl->folder_fd) {
      return files::system_error("open", objects, errno);
    }
    auto own = open_odb(objects, &impl->loose);
    auto all = open_odb(objects, nullptr);
    if (!own || !all) {
      return own ? all.error() : own.error();
    }
    impl->own = *std::move(own);
    impl->all = *std::move(all);
    return std::make_unique<Objects>(std::move(impl));
  }

  dsl::Status add_missing_alternates(Objects::Impl& objects_impl) const {
    for (; objects_impl.alternates < alternates.size(); ++objects_impl.alternates) {
      const std::string& path = alternates[objects_impl.alternates];
      if (const int code = git_odb_add_disk_alternate(objects_impl.all.get(), path.c_str());
          code != 0) {
        return error_of(fmt::format("open '{}'", path), code);
      }
    }
    return dsl::Ok{};
  }

  void add(const std::string& objects_folder, int depth) {
    if (std::find(alternates.begin(), alternates.end(), objects_folder) != alternates.end()) {
      return;
    }
    alternates.push_back(objects_folder);
    for (const std::string& next : alternates_of(objects_folder)) {
      if (auto real = files::real_path(next); real && depth < kAlternateDepth) {
        add(*real, depth + 1);
      }
    }
  }
};

ObjectDatabase::ObjectDatabase() : impl_(std::make_unique<Impl>()) {}
ObjectDatabase::~ObjectDatabase() = default;

const std::string& ObjectDatabase::objects_folder() const {
  return impl_->objects;
}

dsl::Result<std::unique_ptr<ObjectDatabase>> ObjectDatabase::open(const std::string& folder) {
  start_library();
  std::unique_ptr<ObjectDatabase> database(new ObjectDatabase);
  Impl& impl = *database->impl_;
  impl.folder = folder;
  impl.objects = folder + "/objects";
  git_repository* opened = nullptr;
  int code = git_repository_open_bare(&opened, folder.c_str());
  if (code == GIT_ENOTFOUND) {
    git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
    options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
    options.mode = GIT_REPOSITORY_INIT_SHARED_UMASK;
    options.initial_head = "main";
    code = git_repository_init_ext(&opened, folder.c_str(), &options);
  }
  if (code != 0) {
    return error_of(fmt::format("open '{}'", folder), code);
  }
  impl.repository.reset(opened);
  auto objects = database->borrow();
  if (!objects) {
    return objects.error();
  }
  const Oid empty = empty_tree();
  if (!(*objects)->owns(empty)) {
    // Not through write_tree, which knows that tree without looking.
    const git_oid raw = to_git(empty);
    git_odb_backend* loose = (*objects)->impl_->loose;
    if (const int written = loose->write(loose, &raw, "", 0, GIT_OBJECT_TREE); written != 0) {
      return error_of(fmt::format("write to '{}'", folder), written);
    }
  }
  return database;
}

dsl::Status ObjectDatabase::add_alternate(const std::string& objects_folder) {
  auto real = files::real_path(objects_folder);
  if (!real) {
    return real.error();
  }
  const std::lock_guard lock(impl_->mutex);
  impl_->add(*real, 0);
  return dsl::Ok{};
}

ObjectDatabase::Lease::Lease(ObjectDatabase& owner, std::unique_ptr<Objects> objects)
    : owner_(&owner), objects_(std::move(objects)) {}

ObjectDatabase::Lease::Lease(Lease&&) noexcept = default;

ObjectDatabase::Lease::~Lease() {
  if (objects_ != nullptr) {
    objects_->impl_->fresh.clear();
    objects_->forget();
    const std::lock_guard lock(owner_->impl_->mutex);
    owner_->impl_->idle.push_back(std::move(objects_));
  }
}

dsl::Result<ObjectDatabase::Lease> ObjectDatabase::borrow() {
  std::unique_ptr<Objects> objects;
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->idle.empty()) {
    objects = std::move(impl_->idle.back());
    impl_->idle.pop_back();
  } else {
    auto made = impl_->make_objects();
    if (!made) {
      return made.error();
    }
    objects = *std::move(made);
  }
  if (auto added = impl_->add_missing_alternates(*objects->impl_); !added) {
    return added.error();
  }
  return Lease(*this, std::move(objects));
}

dsl::Status ObjectDatabase::set_reference(const std::string& name, const Oid& target) {
  const git_oid raw = to_git(target);
  const std::lock_guard lock(impl_->mutex);
  git_reference* made = nullptr;
  const int code =
      git_reference_create(&made, impl_->repository.get(), name.c_str(), &raw, 1, nullptr);
  if (code != 0) {
    return error_of(fmt::format("reference '{}'", name), code);
  }
  git_reference_free(made);
  return dsl::Ok{};
}

dsl::Status ObjectDatabase::remove_references(const std::string& prefix) {
  const std::lock_guard lock(impl_->mutex);
  git_reference_iterator* made = nullptr;
  if (const int code =
          git_reference_iterator_glob_new(&made, impl_->repository.get(), (prefix + "*").c_str());
      code != 0) {
    return error_of(fmt::format("references '{}'", prefix), code);
  }
  const Held<git_reference_iterator, git_reference_iterator_free> iterator(made);
  std::vector<std::string> names;
  const char* name = nullptr;
  while (git_reference_next_name(&name, iterator.get()) == 0) {
    names.emplace_back(name);
  }
  for (const std::string& found : names) {
    if (const int code = git_reference_remove(impl_->repository.get(), found.c_str()); code != 0) {
      return error_of(fmt::format("reference '{}'", found), code);
    }
  }
  return dsl::Ok{};
}

dsl::Result<std::vector<Oid>> ObjectDatabase::reference_targets() {
  const std::lock_guard lock(impl_->mutex);
  git_reference_iterator* made = nullptr;
  if (const int code = git_reference_iterator_new(&made, impl_->repository.get()); code != 0) {
    return error_of("references", code);
  }
  const Held<git_reference_iterator, git_reference_iterator_free> iterator(made);
  std::vector<Oid> targets;
  git_reference* next = nullptr;
  while (git_reference_next(&next, iterator.get()) == 0) {
    const Held<git_reference, git_reference_free> reference(next);
    if (const git_oid* target = git_reference_target(reference.get())) {
      targets.push_back(from_git(*target));
    }
  }
  return targets;
}

}  // namespace runner::git
