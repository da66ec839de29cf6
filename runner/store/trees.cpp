#include "runner/store/trees.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "runner/sys/files.h"

namespace runner {

namespace {
constexpr std::size_t kMostSpare = 16;
}

struct StoreTrees::Shared {
  Shared(EventLoop& loop_,
         TreeStore& store_,
         const dsl::RunId& run,
         Workspaces::Places places,
         std::function<void(const dsl::Error&)> on_problem_,
         const Masking* secrets_)
      : loop(loop_),
        store(store_),
        added_to(places.added_to),
        workspaces(store_, run, std::move(places)),
        on_problem(std::move(on_problem_)),
        secrets(secrets_) {}

  EventLoop& loop;
  TreeStore& store;
  const std::string added_to;
  Workspaces workspaces;
  const std::function<void(const dsl::Error&)> on_problem;
  const Masking* const secrets;    // grows meanwhile; loop thread
  std::vector<SpareFolder> spare;  // of ended jobs; loop thread
  std::size_t settling = 0;        // caches that are being settled; loop thread
  using Prepare = std::function<void(const std::shared_ptr<Shared>&)>;
  std::vector<Prepare> waiting;  // for that to be done; loop thread
  /// By commit, artifacts and paths, of which a run has few; loop thread.
  using PathsOfTree = std::tuple<std::string, std::string, std::vector<std::string>>;
  std::map<PathsOfTree, std::vector<std::string>> behind_links;

  /// Loop thread.
  void keep(dsl::Result<std::optional<SpareFolder>> folder) {
    if (!folder) {
      on_problem(folder.error());
    } else if (*folder && spare.size() < kMostSpare) {
      spare.push_back(**std::move(folder));
    } else if (*folder) {
      loop.run_blocking([path = (*folder)->path] { static_cast<void>(files::remove_tree(path)); },
                        [] {});
    }
  }
};

namespace {

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

template <class Shared>
void prepare_in(const std::shared_ptr<Shared>& shared,
                WorkspaceRequest request,
                std::function<void(dsl::Result<PreparedWorkspace>)> done) {
  auto& spare = shared->spare;
  const auto fitting = std::find_if(spare.begin(), spare.end(), [&](const SpareFolder& one) {
    return one.laid_out != nullptr && one.laid_out->serves(request);
  });
  if (fitting != spare.end()) {
    const SpareFolder taken = std::move(*fitting);
    spare.erase(fitting);
    shared->loop.post([done = std::move(done), workspace = Workspaces::take_over(request, taken)] {
      done(workspace);
    });
    return;
  }
  std::optional<SpareFolder> folder;
  if (!spare.empty()) {
    folder = std::move(spare.back());
    spare.pop_back();
  }
  on_pool<PreparedWorkspace>(
      shared,
      [request = std::move(request), folder = std::move(folder)](Shared& in) {
        return in.workspaces.prepare(request, folder ? &*folder : nullptr);
      },
      std::move(done));
}

}  // namespace

StoreTrees::StoreTrees(EventLoop& loop,
                       TreeStore& store,
                       const dsl::RunId& run,
                       Workspaces::Places places,
                       std::function<void(const dsl::Error&)> on_problem,
                       const Masking* secrets)
    : shared_(std::make_shared<Shared>(
          loop, store, run, std::move(places), std::move(on_problem), secrets)) {}

StoreTrees::~StoreTrees() = default;

void StoreTrees::merge(std::vector<MergeSide> sides, std::function<void(dsl::Result<Merge>)> done) {
  on_pool<Merge>(
      shared_,
      [sides = std::move(sides)](Shared& shared) -> dsl::Result<Merge> {
        auto merged = shared.store.merge(sides, shared.added_to);
        if (merged && merged->tree != sides.front().tree) {
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
  if (!request.caches.empty() && shared_->settling > 0) {
    shared_->waiting.emplace_back([request = std::move(request), done = std::move(done)](
                                      const auto& shared) { prepare_in(shared, request, done); });
    return;
  }
  prepare_in(shared_, std::move(request), std::move(done));
}

void StoreTrees::capture(CaptureRequest request, std::function<void(dsl::Result<Capture>)> done) {
  if (request.discard) {
    if (auto spare = Workspaces::left_alone(request)) {
      shared_->keep({std::move(spare)});
      Capture nothing;
      nothing.tree = request.workspace.tree;
      shared_->loop.post([done = std::move(done), nothing = std::move(nothing)] { done(nothing); });
      return;
    }
  }
  if (shared_->secrets != nullptr) {
    request.secrets = *shared_->secrets;
  }
  using Discarded = dsl::Result<std::optional<SpareFolder>>;
  struct Both {
    dsl::Result<Capture> capture;
    std::optional<Discarded> discarded;
  };
  on_pool<Both>(
      shared_,
      [request = std::move(request)](Shared& shared) -> dsl::Result<Both> {
        Both both{shared.workspaces.capture(request), std::nullopt};
        if (request.discard) {
          both.discarded = shared.workspaces.discard(request.workspace);
        }
        return both;
      },
      [shared = shared_, done = std::move(done)](dsl::Result<Both> both) {
        if (both->discarded) {
          shared->keep(*std::move(both->discarded));
        }
        done(std::move(both->capture));
      });
}

void StoreTrees::measure(const PreparedWorkspace& workspace,
                         std::function<void(std::optional<std::int64_t>)> done) {
  using Bytes = std::optional<std::int64_t>;
  on_pool<Bytes>(
      shared_,
      [folders = std::vector<std::string>{written_folder(workspace), workspace.scratch}](
          Shared&) -> dsl::Result<Bytes> {
        std::int64_t bytes = 0;
        for (const std::string& folder : folders) {
          const auto more = files::disk_use(folder);
          if (!more) {
            return Bytes();
          }
          bytes += *more;
        }
        return Bytes(bytes);
      },
      [done = std::move(done)](dsl::Result<Bytes> bytes) { done(*bytes); });
}

void StoreTrees::discard(PreparedWorkspace workspace) {
  using Folder = std::optional<SpareFolder>;
  on_pool<Folder>(
      shared_,
      [workspace = std::move(workspace)](Shared& shared) {
        return shared.workspaces.discard(workspace);
      },
      [shared = shared_](dsl::Result<Folder> folder) { shared->keep(std::move(folder)); });
}

void StoreTrees::settle_caches(const JobName& job,
                               CachesOf verdict,
                               std::function<void(dsl::Status)> done) {
  ++shared_->settling;
  on_pool<dsl::Ok>(
      shared_,
      [job, verdict](Shared& shared) { return shared.workspaces.settle_caches(job, verdict); },
      [shared = shared_, done = std::move(done)](dsl::Status settled) {
        if (!settled) {
          shared->on_problem(settled.error());
        }
        if (--shared->settling == 0) {
          for (const auto& prepare : std::exchange(shared->waiting, {})) {
            prepare(shared);
          }
        }
        done(std::move(settled));
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

dsl::Result<PathKind> StoreTrees::kind_of(const TreeRef& tree, const std::string& path) {
  return shared_->store.kind_of(tree, path);
}

dsl::Result<std::vector<std::string>> StoreTrees::behind_links(
    const TreeRef& tree, const std::vector<std::string>& paths) {
  auto& known = shared_->behind_links;
  const auto found = known.find({tree.commit, tree.artifacts, paths});
  if (found != known.end()) {
    return found->second;
  }
  auto all = shared_->store.behind_links(tree, paths);
  if (all) {
    known.emplace(std::tuple(tree.commit, tree.artifacts, paths), *all);
  }
  return all;
}

dsl::Result<std::vector<ChangedPath>> StoreTrees::diff(const TreeRef& from, const TreeRef& to) {
  return shared_->store.diff(from, to);
}

dsl::Result<std::string> StoreTrees::patch(const TreeRef& from,
                                           const TreeRef& to,
                                           std::size_t most) {
  return shared_->store.patch(from, to, most);
}

dsl::Result<std::vector<ChangedPath>> StoreTrees::brought(const TreeRef& from, const TreeRef& to) {
  return shared_->store.brought(from, to);
}

dsl::Result<std::vector<FlaggedPath>> StoreTrees::flagged(const TreeRef& from, const TreeRef& to) {
  return shared_->store.flagged(
      from, to, shared_->secrets != nullptr ? *shared_->secrets : Masking());
}

dsl::Result<std::string> StoreTrees::hash_files(const TreeRef& tree,
                                                const std::vector<std::string>& globs) {
  return shared_->store.hash_files(tree, globs);
}

}  // namespace runner
