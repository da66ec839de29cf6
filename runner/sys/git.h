#pragma once

// Git objects without git: trees, blobs and commits read from and written to object databases.
// Nothing here reads configuration, runs hooks or filters, or looks at a work tree. libgit2 stands
// behind the git*.cpp of this folder only.
//
// ObjectDatabase may be used by any thread; it lends Objects, one thread at a time each. Errors
// name the object or path; "object … is missing" means a damaged store or an incomplete clone.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/result.h"

namespace runner::git {

/// The name of an object: SHA-1 over kind, size and bytes.
struct Oid {
  std::array<std::uint8_t, 20> bytes{};
  auto operator<=>(const Oid&) const = default;
};

struct OidHash {
  std::size_t operator()(const Oid& id) const noexcept {
    std::size_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) {
      value = value << 8U | id.bytes[i];
    }
    return value;
  }
};

std::string to_hex(const Oid& id);
/// No value: not 40 hex digits.
std::optional<Oid> from_hex(std::string_view text);
/// An Error that says so where `text` is no object id.
dsl::Result<Oid> parse_oid(std::string_view text);

/// The tree without entries; every ObjectDatabase has it.
Oid empty_tree();

enum class Kind { File, Executable, Link, Folder, Submodule };

struct Entry {
  std::string name;  // bytes, without '/' and NUL
  Kind kind = Kind::File;
  Oid id;
  bool operator==(const Entry&) const = default;
};
/// In git's order, no name twice.
using Entries = std::vector<Entry>;

/// Whether a name may stand in a tree that is laid out on disk: not "", ".", "..", any spelling of
/// ".git", nothing with '/' or NUL.
bool is_safe_name(std::string_view name);

struct Commit {
  Oid tree;
  std::vector<Oid> parents;
  std::string author = "pipe <pipe@localhost>";  // "Name <email>"; also the committer
  std::int64_t time_s = 0;                       // since the epoch, UTC
  std::string message;
};

/// A line of a text diff. `text` is without its line feed; `ends_file`: there was none.
struct DiffLine {
  enum class Kind { Context, Added, Removed };
  Kind kind = Kind::Context;
  std::string text;
  bool ends_file = false;
};
/// Changes that lie together, with three lines round them. Lines count from 1; 0 where a side has
/// none.
struct DiffHunk {
  std::int64_t before_line = 0;
  std::int64_t before_count = 0;
  std::int64_t after_line = 0;
  std::int64_t after_count = 0;
  std::vector<DiffLine> lines;
};
struct TextDiff {
  bool binary = false;  // a side has a NUL near its beginning; nothing else is told
  std::int64_t added = 0;
  std::int64_t removed = 0;
  std::vector<DiffHunk> hunks;
};

/// A file (or link, submodule) of two trees, and what differs in it.
struct FileChange {
  std::string path;             // bytes, '/' between names
  std::optional<Entry> before;  // no value: not there
  std::optional<Entry> after;
  TextDiff text;
  bool too_large = false;  // its lines were not compared
};

/// A handle on the objects of a store and of the repositories it borrows from. One thread at a
/// time.
class Objects {
 public:
  struct Impl;
  explicit Objects(std::unique_ptr<Impl> impl);
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;
  ~Objects();

  [[nodiscard]] bool has(const Oid& id) const;
  /// In the store itself, not in a repository that it borrows from.
  [[nodiscard]] bool owns(const Oid& id) const;

  /// An Error for what is no tree, and for one that git itself would call broken.
  dsl::Result<Entries> read_tree(const Oid& id);
  dsl::Result<Commit> read_commit(const Oid& id);
  dsl::Result<std::int64_t> blob_size(const Oid& id);
  /// At most `cap` bytes are returned; larger blobs are cut.
  dsl::Result<std::string> read_blob(const Oid& id, std::int64_t cap);
  /// Writes the blob at the current place of `fd`; large ones go through in pieces.
  dsl::Status copy_blob(const Oid& id, int fd);

  enum class Type { Commit, Tree, Blob };
  using Begin = std::function<dsl::Status(Type type, std::int64_t size)>;
  using Sink = std::function<dsl::Status(std::string_view bytes)>;
  /// Any object: calls `begin` once, then `sink` with its bytes, several times for large blobs. An
  /// Error of either ends it and is returned.
  dsl::Status pour(const Oid& id, const Begin& begin, const Sink& sink);

  // Writing an object that is there already, here or in a borrowed repository, does nothing.

  /// Sorts the entries. REQUIRES: names are unique and without '/' and NUL.
  dsl::Result<Oid> write_tree(Entries entries);
  dsl::Result<Oid> write_commit(const Commit& commit);
  dsl::Result<Oid> write_blob(std::string_view bytes);
  /// All of a file of `size` bytes, from the current place of `fd`; large ones go through in
  /// pieces. An Error where the file has another size.
  dsl::Result<Oid> write_blob_from(int fd, std::int64_t size);

  /// Where both sides changed the same lines: there is no merge, or the lines of both are kept.
  enum class Overlap { None, Both };
  /// The text that has both sides' changes against `base`; no value: they overlap, or a side is
  /// binary.
  static std::optional<std::string> merge_texts(std::string_view base,
                                                std::string_view ours,
                                                std::string_view theirs,
                                                Overlap overlap = Overlap::None);

  /// What differs between two texts, by lines; no attributes, drivers or configuration count.
  static dsl::Result<TextDiff> diff_texts(std::string_view before, std::string_view after);

  /// From now on what is written stays in memory, until `keep` or `forget`: for work of which only
  /// the last result counts.
  void hold();
  /// Writes a tree with all that it leads to, as far as it is held.
  dsl::Status keep(const Oid& tree);
  /// Drops what is still held; writing is as before.
  void forget();

  /// No value: it is neither, or missing.
  std::optional<Type> type_of(const Oid& id);

  /// How many objects this handle wrote since the last `make_durable`.
  [[nodiscard]] std::size_t fresh() const;
  /// After it returns, what this handle wrote survives a crash of the machine.
  dsl::Status make_durable();

 private:
  friend class ObjectDatabase;
  std::unique_ptr<Impl> impl_;
};

/// A bare repository of our own.
class ObjectDatabase {
 public:
  /// Makes it where it is not there.
  static dsl::Result<std::unique_ptr<ObjectDatabase>> open(const std::string& folder);
  ObjectDatabase(const ObjectDatabase&) = delete;
  ObjectDatabase& operator=(const ObjectDatabase&) = delete;
  ~ObjectDatabase();

  /// Objects in this folder (".git/objects" of a user's repository), and in those that it borrows
  /// from itself, are seen from now on. They are never written.
  dsl::Status add_alternate(const std::string& objects_folder);

  /// A handle, returned when the lease ends.
  class Lease {
   public:
    Lease(Lease&&) noexcept;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Objects& operator*() const { return *objects_; }
    Objects* operator->() const { return objects_.get(); }

   private:
    friend class ObjectDatabase;
    Lease(ObjectDatabase& owner, std::unique_ptr<Objects> objects);
    ObjectDatabase* owner_;
    std::unique_ptr<Objects> objects_;
  };
  dsl::Result<Lease> borrow();

  // References of the store: they keep what they name from being pruned. Each belongs to one run,
  // which one runner holds: REQUIRES that nobody else writes it meanwhile.

  /// Moves the reference where it is there. REQUIRES: a valid name beneath "refs/", and a target
  /// that the store owns (Objects::owns), not a borrowed repository.
  dsl::Status set_reference(const std::string& name, const Oid& target);
  /// Every reference beneath a prefix that ends with '/'; success where there are none.
  dsl::Status remove_references(const std::string& prefix);
  dsl::Result<std::vector<Oid>> reference_targets();

  /// Removes loose objects that no reference and none of `also` leads to and that are older than
  /// `before_s`. Returns how many. REQUIRES: nobody else is writing objects that old.
  dsl::Result<std::int64_t> prune(const std::vector<Oid>& also, std::int64_t before_s);

 private:
  ObjectDatabase();
  [[nodiscard]] const std::string& objects_folder() const;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace runner::git
