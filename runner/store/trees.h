#pragma once

// Trees of one run over the store: the work is done on the loop's pool, answers come on the loop
// thread. Loop thread.

#include <functional>
#include <memory>
#include <string>

#include "dsl/result.h"
#include "runner/run/trees.h"
#include "runner/store/tree_store.h"
#include "runner/store/workspaces.h"
#include "runner/sys/event_loop.h"

namespace runner {

class StoreTrees final : public Trees {
 public:
  /// `loop`, `store` and `secrets` (null: none) outlive this object. `on_problem` hears what went
  /// wrong in the background (a folder that could not be removed). Destroying it waits for nothing:
  /// work under way ends by itself and its answers are dropped with the loop.
  StoreTrees(EventLoop& loop,
             TreeStore& store,
             const dsl::RunId& run,
             Workspaces::Places places,
             std::function<void(const dsl::Error&)> on_problem,
             const Masking* secrets = nullptr);
  ~StoreTrees() override;

  void merge(std::vector<MergeSide> sides, std::function<void(dsl::Result<Merge>)> done) override;
  void prepare(WorkspaceRequest request,
               std::function<void(dsl::Result<PreparedWorkspace>)> done) override;
  void capture(CaptureRequest request, std::function<void(dsl::Result<Capture>)> done) override;
  void measure(const PreparedWorkspace& workspace,
               std::function<void(std::optional<std::int64_t>)> done) override;
  void discard(PreparedWorkspace workspace) override;
  void settle_caches(const JobName& job,
                     CachesOf verdict,
                     std::function<void(dsl::Status)> done) override;
  dsl::Result<TreeRef> adopt(const TreeRef& parent,
                             const std::string& content_tree,
                             const std::string& artifacts,
                             const std::string& message,
                             std::int64_t time_s) override;
  dsl::Result<std::string> content_of(const TreeRef& tree) override;
  dsl::Result<std::optional<TreeFile>> read_file(const TreeRef& tree,
                                                 const std::string& path,
                                                 std::int64_t cap) override;
  dsl::Result<PathKind> kind_of(const TreeRef& tree, const std::string& path) override;
  dsl::Result<std::vector<std::string>> behind_links(
      const TreeRef& tree, const std::vector<std::string>& paths) override;
  dsl::Result<std::vector<ChangedPath>> diff(const TreeRef& from, const TreeRef& to) override;
  dsl::Result<std::vector<ChangedPath>> brought(const TreeRef& from, const TreeRef& to) override;
  dsl::Result<std::string> patch(const TreeRef& from, const TreeRef& to, std::size_t most) override;
  dsl::Result<std::vector<FlaggedPath>> flagged(const TreeRef& from, const TreeRef& to) override;
  dsl::Result<std::string> hash_files(const TreeRef& tree,
                                      const std::vector<std::string>& globs) override;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  // with the work under way
};

}  // namespace runner
