#include "runner/store/trees.h"

#include <optional>
#include <utility>
#include <vector>

namespace runner {

struct StoreTrees::Shared {
  Shared(EventLoop& loop_,
         TreeStore& store_,
         const dsl::RunId& run,
         Workspaces::Places places,
         std::function<void(const dsl::Error&)> on_problem_)
      : loop(loop_),
        store(store_),
        workspaces(store_, run, std::move(places)),
        on_problem(std::move(on_problem_)) {}

  EventLoop& loop;
  TreeStore& store;
  Workspaces workspaces;
  const std::function<void(const dsl::Error&)> on_problem;
  std::vector<std::string> idle;  // folders of ended jobs, as good as new; loop thread
};

namespace {

constexpr std::size_t kMostIdle = 16;

/// Runs `work` on the pool and hands its result to `done` on the loop thread.
template <class T, class Shared, class Work>
void on_pool(const std::shared_ptr<Shared>& shared,
             Work work,
             std::function<void(dsl::Result<T>)> done) {
  auto answer = std::make_shared<std::optional<dsl::Result<T>>>();
  shared->loop.run_blocking(
      [shared, answer, work = std::move(work)]() mutable { answer->emplace(work(*shared)); },
      [shared, answer, done = std::move(done)] { done(std::move(**answer)); });
}

}  // namespace

StoreTrees::StoreTrees(EventLoop& loop,
                       TreeStore& store,
                       const dsl::RunId& run,
                       Workspaces::Places places,
                       std::function<void(const dsl::Error&)> on_problem)
    : shared_(
          std::make_shared<Shared>(loop, store, run, std::move(places), std::move(on_problem))) {}

StoreTrees::~StoreTrees() = default;

void StoreTrees::merge(std::vector<MergeSide> sides, std::function<void(dsl::Result<Merge>)> done) {
  on_pool<Merge>(
      shared_,
      [sides = std::move(sides)](Shared& shared) -> dsl::Result<Merge> {
        auto merged = shared.store.merge(sides);
        if (merged && merged->conflicts.empty() && merged->tree != sides.front().tree) {
          if (auto kept = shared.workspaces.keep("merge-" + merged->tree.commit, merged->tree);
              !kept) {
            return kept.error();
          }
        }
        return merged;
      },
      std::move(done));
}

void StoreTrees::prepare(WorkspaceRequest request,
                         std::function<void(dsl::Result<PreparedWorkspace>)> done) {
  std::string recycled;
  if (!shared_->idle.empty()) {
    recycled = std::move(shared_->idle.back());
    shared_->idle.pop_back();
  }
  on_pool<PreparedWorkspace>(
      shared_,
      [request = std::move(request), recycled = std::move(recycled)](Shared& shared) {
        return shared.workspaces.prepare(request, recycled);
      },
      std::move(done));
}

void StoreTrees::capture(CaptureRequest request, std::function<void(dsl::Result<Capture>)> done) {
  on_pool<Capture>(
      shared_,
      [request = std::move(request)](Shared& shared) { return shared.workspaces.capture(request); },
      std::move(done));
}

void StoreTrees::discard(PreparedWorkspace workspace) {
  using Folder = std::optional<std::string>;
  on_pool<Folder>(
      shared_,
      [workspace = std::move(workspace)](Shared& shared) {
        return shared.workspaces.discard(workspace);
      },
      [shared = shared_](dsl::Result<Folder> folder) {
        if (!folder) {
          shared->on_problem(folder.error());
        } else if (*folder && shared->idle.size() < kMostIdle) {
          shared->idle.push_back(**std::move(folder));
        }
      });
}

dsl::Result<TreeRef> StoreTrees::adopt(const TreeRef& parent,
                                       const std::string& content_tree,
                                       const std::string& artifacts,
                                       const std::string& message,
                                       std::int64_t time_s) {
  auto adopted = shared_->store.adopt(parent, content_tree, artifacts, message, time_s);
  if (adopted && *adopted != parent) {
    if (auto kept = shared_->workspaces.keep("reused-" + adopted->commit, *adopted); !kept) {
      return kept.error();
    }
  }
  return adopted;
}

dsl::Result<std::string> StoreTrees::content_of(const TreeRef& tree) {
  return shared_->store.content_of(tree);
}

dsl::Result<std::optional<TreeFile>> StoreTrees::read_file(const TreeRef& tree,
                                                           const std::string& path,
                                                           std::int64_t cap) {
  return shared_->store.read_file(tree, path, cap);
}

dsl::Result<std::vector<ChangedPath>> StoreTrees::diff(const TreeRef& from, const TreeRef& to) {
  return shared_->store.diff(from, to);
}

dsl::Result<std::string> StoreTrees::hash_files(const TreeRef& tree,
                                                const std::vector<std::string>& globs) {
  return shared_->store.hash_files(tree, globs);
}

}  // namespace runner
