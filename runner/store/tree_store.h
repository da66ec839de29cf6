#pragma once

// The trees of all runs in one bare repository, and what can be asked of them. A TreeRef's `commit`
// has the tracked files; its `artifacts` is a commit too, on a line of its own with neither author
// nor time that matter, so that declared files merge by their history like all others. Only what is
// new is written; the user's repository is read where it lies.
//
// Any thread; calls may block on the disk.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dsl/result.h"
#include "runner/run/trees.h"
#include "runner/store/behind_links.h"
#include "runner/store/scan.h"
#include "runner/sys/git.h"

namespace runner {

class TreeStore {
 public:
  struct Options {
    std::string author = "pipe <pipe@localhost>";
    bool durable = true;  // new trees survive a crash of the machine; false for tests and benches
  };

  /// `folder` is the repository (".../trees.git"); made where it is not there.
  static dsl::Result<std::unique_ptr<TreeStore>> open(const std::string& folder, Options options);

  /// Borrows another repository's objects; as ObjectDatabase::add_alternate.
  dsl::Status add_alternate(const std::string& objects_folder);

  dsl::Result<git::ObjectDatabase::Lease> borrow() { return database_->borrow(); }
  [[nodiscard]] git::ObjectDatabase& database() { return *database_; }
  [[nodiscard]] const Options& options() const { return options_; }

  // ---- As in Trees, at once
  // -----------------------------------------------------------------------

  /// `added_to`: a file that several add to, of which all sides' lines are kept; "" none.
  dsl::Result<Merge> merge(const std::vector<MergeSide>& sides, const std::string& added_to = "");
  dsl::Result<TreeRef> adopt(const TreeRef& parent,
                             const std::string& content_tree,
                             const std::string& artifacts,
                             const std::string& message,
                             std::int64_t time_s);
  dsl::Result<std::string> content_of(const TreeRef& tree);
  dsl::Result<std::optional<TreeFile>> read_file(const TreeRef& tree,
                                                 const std::string& path,
                                                 std::int64_t cap);
  dsl::Result<PathKind> kind_of(const TreeRef& tree, const std::string& path);
  /// The object id of what is at the path: equal files, and equal folders, have equal ids; ""
  /// where nothing is.
  dsl::Result<std::string> id_of(const TreeRef& tree, const std::string& path);
  dsl::Result<std::vector<std::string>> behind_links(const TreeRef& tree,
                                                     const std::vector<std::string>& paths);
  dsl::Result<std::vector<LinkBeyond>> links_beyond(const TreeRef& tree,
                                                    const std::vector<std::string>& paths);
  dsl::Result<std::vector<ChangedPath>> diff(const TreeRef& from, const TreeRef& to);
  dsl::Result<std::vector<ChangedPath>> brought(const TreeRef& from, const TreeRef& to);
  dsl::Result<std::string> patch(const TreeRef& from, const TreeRef& to, std::size_t most);
  dsl::Result<std::vector<FlaggedPath>> flagged(const TreeRef& from,
                                                const TreeRef& to,
                                                const Masking& secrets = {});
  dsl::Result<std::string> hash_files(const TreeRef& tree, const std::vector<std::string>& globs);

  /// Whether the store still has the tree with these ids ("" artifacts: none).
  bool has(const std::string& content_tree, const std::string& artifacts);

  /// Removes objects written before a time that no reference leads to and none of `kept` (content
  /// tree in TreeRef::commit). Returns how many.
  dsl::Result<std::int64_t> prune(const std::vector<TreeRef>& kept, std::int64_t before_s);

  /// Writes the files of a tree, artifacts too, to a new folder.
  dsl::Status write_to(const TreeRef& tree, const std::string& folder);

  /// Where files of a project's folder are remembered from run to run (see stamps.h).
  [[nodiscard]] std::string stamps_file(const std::string& folder) const;

  // ---- For the other files of this room
  // -------------------------------------------------------------

  /// `parent` with these files: a commit only where they differ from the parent's.
  dsl::Result<TreeRef> commit(git::Objects& objects,
                              const TreeRef& parent,
                              const Halves& after,
                              const std::string& message,
                              std::int64_t time_s) const;
  /// A commit without parents.
  dsl::Result<TreeRef> commit_root(git::Objects& objects,
                                   const Halves& files,
                                   const std::string& message,
                                   std::int64_t time_s) const;
  /// To be called when all of a result is written.
  dsl::Status settle(git::Objects& objects) const;

 private:
  template <class Answer>
  auto ask(const TreeRef& tree, Answer answer)
      -> decltype(answer(std::declval<git::Objects&>(), Halves{}));

  TreeStore(std::string folder, std::unique_ptr<git::ObjectDatabase> database, Options options)
      : folder_(std::move(folder)), database_(std::move(database)), options_(std::move(options)) {}

  const std::string folder_;
  std::unique_ptr<git::ObjectDatabase> database_;
  const Options options_;
};

}  // namespace runner
