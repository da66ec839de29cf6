#pragma once

// Trees in memory: a tree is a map from path to bytes, its id is its place in a list. Good enough
// for what the run loop asks; merges are by path, against the run's first tree.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runner/run/trees.h"
#include "tests/support/fake_clock.h"

namespace runner::test {

class FakeTrees final : public Trees {
 public:
  using Files = std::map<std::string, std::string>;
  /// Bytes that begin so are a link to the rest.
  static constexpr std::string_view kLinkTo = "link to ";

  explicit FakeTrees(FakeClock& clock) : clock_(clock) { add({}); }

  TreeRef add(Files files) {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (all_[i] == files) {
        return {std::to_string(i), ""};
      }
    }
    all_.push_back(std::move(files));
    return {std::to_string(all_.size() - 1), ""};
  }
  [[nodiscard]] const Files& files(const TreeRef& tree) const {
    return all_.at(std::stoul(tree.commit));
  }

  /// What a job writes into its workspace; merged into the tree when it is captured.
  std::map<JobName, Files> written;
  /// What a job leaves as outputs, by job and output's name.
  std::map<JobName, Files> outputs;
  std::vector<JobName> kept_caches;
  std::vector<JobName> dropped_caches;
  std::map<JobName, std::int64_t> on_disk;
  std::map<JobName, TreeRef> given;  // what each job started from
  std::size_t workspaces = 0;        // prepared and not discarded
  dsl::Duration capture_takes{0};

  void merge(std::vector<MergeSide> sides, std::function<void(dsl::Result<Merge>)> done) override {
    Merge merge;
    Files merged = files(sides.front().tree);
    std::map<std::string, dsl::NodeId> owner;
    const Files& base = all_.front();
    for (const MergeSide& side : sides) {
      for (const auto& [path, bytes] : files(side.tree)) {
        const auto old = base.find(path);
        if (old != base.end() && old->second == bytes) {
          continue;
        }
        const auto taken = owner.find(path);
        const bool conflicts = taken != owner.end() && merged[path] != bytes;
        if (conflicts) {
          merge.conflicts.push_back({path, taken->second, side.node});
        }
        owner.emplace(path, side.node);
        merged[path] = conflicts ? kConflictMark + merged[path] + bytes : bytes;
      }
    }
    merge.tree = add(merged);
    clock_.after({0}, [done, merge] { done(merge); });
  }
  void prepare(WorkspaceRequest request,
               std::function<void(dsl::Result<PreparedWorkspace>)> done) override {
    ++workspaces;
    given[request.job] = request.tree;
    PreparedWorkspace workspace;
    workspace.job = request.job;
    workspace.tree = request.tree;
    workspace.mount.directory = "/fake/" + request.job.value;
    workspace.scratch = "/fake-scratch/" + request.job.value;
    workspace.home = workspace.scratch + "/home";
    clock_.after({0}, [done, workspace] { done(workspace); });
  }
  void capture(CaptureRequest request, std::function<void(dsl::Result<Capture>)> done) override {
    workspaces -= request.discard ? 1 : 0;
    Capture capture;
    Files now = files(request.workspace.tree);
    for (const auto& [path, bytes] : written[request.workspace.job]) {
      const auto covers = [&path = path](const std::string& one) { return path.starts_with(one); };
      if (std::any_of(request.protect.begin(), request.protect.end(), covers)) {
        capture.untaken.push_back(path);
        continue;
      }
      now[path] = bytes;
      capture.changes.push_back({path, ChangedPath::Change::Modified});
    }
    capture.tree = add(now);
    capture.flagged = *flagged(request.since, capture.tree);
    for (const dsl::OutputDecl& output : request.outputs) {
      const Files& left = outputs[request.workspace.job];
      const auto found = left.find(output.name);
      capture.outputs.push_back(found != left.end()
                                    ? dsl::Result<std::string>(found->second)
                                    : dsl::Result<std::string>(dsl::Error{"no such file", ""}));
    }
    clock_.after(capture_takes, [done, capture] { done(capture); });
  }
  void measure(const PreparedWorkspace& workspace,
               std::function<void(std::optional<std::int64_t>)> done) override {
    clock_.after({0}, [this, done = std::move(done), job = workspace.job] { done(on_disk[job]); });
  }
  void discard(PreparedWorkspace) override { --workspaces; }
  void settle_caches(const JobName& job,
                     CachesOf verdict,
                     std::function<void(dsl::Status)> done) override {
    (verdict == CachesOf::Passed ? kept_caches : dropped_caches).push_back(job);
    clock_.after(dsl::Duration{0}, [done = std::move(done)] { done(dsl::Ok{}); });
  }
  dsl::Result<TreeRef> adopt(const TreeRef&,
                             const std::string& content,
                             const std::string&,
                             const std::string&,
                             std::int64_t) override {
    return TreeRef{content, ""};
  }
  dsl::Result<std::string> content_of(const TreeRef& tree) override { return tree.commit; }
  dsl::Result<std::optional<TreeFile>> read_file(const TreeRef& tree,
                                                 const std::string& path,
                                                 std::int64_t) override {
    const auto found = files(tree).find(path);
    if (found == files(tree).end()) {
      return std::optional<TreeFile>();
    }
    const bool link = found->second.starts_with(kLinkTo);
    return std::optional<TreeFile>(
        {link ? found->second.substr(kLinkTo.size()) : found->second, false, link, false});
  }
  dsl::Result<PathKind> kind_of(const TreeRef& tree, const std::string& path) override {
    for (const auto& [name, bytes] : files(tree)) {
      if (name == path) {
        return bytes.starts_with(kLinkTo) ? PathKind::Link : PathKind::File;
      }
      if (name.starts_with(path + "/")) {
        return PathKind::Folder;
      }
    }
    return PathKind::Absent;
  }
  dsl::Result<std::vector<std::string>> behind_links(
      const TreeRef&, const std::vector<std::string>& paths) override {
    return paths;
  }
  dsl::Result<std::vector<ChangedPath>> diff(const TreeRef& from, const TreeRef& to) override {
    std::vector<ChangedPath> changes;
    for (const auto& [path, bytes] : files(to)) {
      const auto old = files(from).find(path);
      if (old == files(from).end() || old->second != bytes) {
        changes.push_back({path, ChangedPath::Change::Modified});
      }
    }
    return changes;
  }
  dsl::Result<std::vector<ChangedPath>> brought(const TreeRef& from, const TreeRef& to) override {
    return diff(from, to);
  }
  dsl::Result<std::string> patch(const TreeRef& from,
                                 const TreeRef& to,
                                 std::size_t /*most*/) override {
    std::string text;
    const auto changes = diff(from, to);
    for (const ChangedPath& change : *changes) {
      text += "changed " + change.path + "\n+" + files(to).at(change.path) + "\n";
    }
    return text;
  }
  dsl::Result<std::vector<FlaggedPath>> flagged(const TreeRef& from, const TreeRef& to) override {
    std::vector<FlaggedPath> flagged;
    const auto changes = diff(from, to);
    for (const ChangedPath& change : *changes) {
      if (const auto who = runs_elsewhere(change.path); !who.empty()) {
        flagged.push_back({change.path, std::string(who)});
      }
    }
    return flagged;
  }
  dsl::Result<std::string> hash_files(const TreeRef& tree,
                                      const std::vector<std::string>&) override {
    return "hash-of-" + tree.commit;
  }

 private:
  FakeClock& clock_;
  std::vector<Files> all_;
};

}  // namespace runner::test
