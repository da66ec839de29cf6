#pragma once

// A store, a project folder and one run's workspaces, for the tests of trees.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runner/store/project.h"
#include "runner/store/tree_store.h"
#include "runner/store/workspaces.h"
#include "tests/support/git_program.h"
#include "tests/support/temp_folder.h"

namespace runner::test {

/// The value, or a failed test with the error's text.
template <class T>
T must(dsl::Result<T> result) {
  if (!result) {
    throw std::runtime_error(result.error().message + " [" + result.error().remedy + "]");
  }
  return *std::move(result);
}

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    ::mkdir(project_path().c_str(), 0755);
    store_ = must(TreeStore::open(temp_ / "store/trees.git", {"pipe <pipe@localhost>", false}));
    workspaces_ = std::make_unique<Workspaces>(
        *store_,
        dsl::RunId("calm-otter-3f2a"),
        Workspaces::Places{
            temp_ / "store/runs/r/work", temp_ / "store/checkouts", temp_ / "store/caches", "p"});
  }

  [[nodiscard]] std::string project_path() const { return temp_ / "project"; }
  /// Writes a file of the project.
  void put(std::string_view name, std::string_view bytes, mode_t mode = 0644) {
    write_file(project_path() + "/" + std::string(name), bytes, mode);
  }

  Project take(bool include_dirty = false) {
    TakeRequest request;
    request.folder = project_path();
    request.include_dirty = include_dirty;
    request.time_s = 1'700'000'000;
    return must(take_project(*store_, request));
  }

  PreparedWorkspace prepare(const TreeRef& tree, WorkspaceRequest request = {}) {
    request.job = JobName("job-" + std::to_string(++jobs_));
    request.tree = tree;
    return must(workspaces_->prepare(request, nullptr));
  }

  Capture capture(const PreparedWorkspace& workspace, CaptureRequest request = {}) {
    request.workspace = workspace;
    request.since = workspace.tree;
    request.commit_message = request.commit_message.empty() ? "Work" : request.commit_message;
    request.commit_time_s = 1'700'000'001;
    return must(workspaces_->capture(request));
  }

  /// What a job that calls `work` with its workspace's folder makes of a tree.
  template <class Work>
  TreeRef after(const TreeRef& tree, Work work, CaptureRequest request = {}) {
    const PreparedWorkspace workspace = prepare(tree);
    work(workspace.mount.directory);
    return capture(workspace, std::move(request)).tree;
  }

  /// "<absent>", the bytes, or "-> target".
  std::string text(const TreeRef& tree, const std::string& path) {
    auto file = must(store_->read_file(tree, path, 1 << 20));
    return !file ? "<absent>" : file->symlink ? "-> " + file->bytes : file->bytes;
  }

  /// "A path", "M path", "D path" for each.
  static std::vector<std::string> lines(const std::vector<ChangedPath>& changes) {
    std::vector<std::string> text;
    for (const ChangedPath& change : changes) {
      const char letter = change.change == ChangedPath::Change::Added      ? 'A'
                          : change.change == ChangedPath::Change::Modified ? 'M'
                                                                           : 'D';
      text.push_back(std::string(1, letter) + " " + change.path);
    }
    return text;
  }
  std::vector<std::string> changes(const TreeRef& from, const TreeRef& to) {
    return lines(must(store_->diff(from, to)));
  }

  Merge merge(std::vector<std::pair<const char*, TreeRef>> sides) {
    std::vector<MergeSide> all;
    for (auto& [node, tree] : sides) {
      all.push_back({dsl::NodeId(node), tree});
    }
    return must(store_->merge(all));
  }

  TempFolder temp_;
  std::unique_ptr<TreeStore> store_;
  std::unique_ptr<Workspaces> workspaces_;
  int jobs_ = 0;
};

}  // namespace runner::test
