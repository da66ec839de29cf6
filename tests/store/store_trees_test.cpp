// Trees of a run over the event loop: the interface that the run loop drives.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/store/trees.h"
#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

using testing::IsEmpty;

class StoreTreesTest : public StoreTest {
 protected:
  StoreTreesTest()
      : trees_(
            loop_,
            *store_,
            dsl::RunId("calm-otter-3f2a"),
            {temp_ / "store/runs/r/work", temp_ / "store/checkouts", temp_ / "store/caches", "p"},
            [this](const dsl::Error& error) { problems_.push_back(error.message); }) {}

  /// Starts something and runs the loop until its answer came.
  template <class T, class Start>
  T wait(Start start) {
    std::optional<dsl::Result<T>> answer;
    start([&](dsl::Result<T> result) { answer.emplace(std::move(result)); });
    EXPECT_FALSE(answer.has_value()) << "answered inside the call";
    while (!answer) {
      loop_.run_for(dsl::Duration{1'000});
    }
    return must(std::move(*answer));
  }

  PreparedWorkspace prepare_now(const std::string& job, const TreeRef& tree) {
    return wait<PreparedWorkspace>([&](auto done) {
      WorkspaceRequest request;
      request.job = JobName(job);
      request.tree = tree;
      trees_.prepare(request, done);
    });
  }
  Capture capture_now(const PreparedWorkspace& workspace) {
    return wait<Capture>([&](auto done) {
      CaptureRequest request;
      request.workspace = workspace;
      request.commit_message = "Work";
      request.commit_time_s = 1'700'000'000;
      trees_.capture(request, done);
    });
  }

  EventLoop loop_;
  StoreTrees trees_;
  std::vector<std::string> problems_;
};

TEST_F(StoreTreesTest, RunsANodeFromItsInputToTheMergeBehindIt) {
  put("a", "1");
  const TreeRef input = take().input;
  std::vector<MergeSide> sides;
  for (const std::string node : {"one", "two"}) {
    const PreparedWorkspace workspace = prepare_now("job-" + node, input);
    write_file(workspace.mount.directory + "/" + node, node);
    sides.push_back({dsl::NodeId(node), capture_now(workspace).tree});
    trees_.discard(workspace);
  }

  const Merge merged = wait<Merge>([&](auto done) { trees_.merge(sides, done); });

  EXPECT_THAT(merged.conflicts, IsEmpty());
  EXPECT_EQ(must(trees_.read_file(merged.tree, "one", 10))->bytes, "one");
  EXPECT_EQ(must(trees_.diff(input, merged.tree)).size(), 2U);
  EXPECT_EQ(must(trees_.content_of(merged.tree)).size(), 40U);
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(StoreTreesTest, FoldersOfEndedJobsServeAgain) {
  const TreeRef empty = must(store_->commit_root(*must(store_->borrow()), {}, "empty", 1));
  const PreparedWorkspace first = prepare_now("job-1", empty);
  write_file(first.home + "/left", "x");
  struct stat before {};
  ASSERT_EQ(::stat(first.mount.directory.c_str(), &before), 0);
  trees_.discard(first);

  // Discarding goes on in the background: some job soon gets the folder.
  struct stat after {};
  for (int i = 0; i < 1'000 && after.st_ino != before.st_ino; ++i) {
    const PreparedWorkspace next = prepare_now("next-" + std::to_string(i), empty);
    ASSERT_EQ(::stat(next.mount.directory.c_str(), &after), 0);
    EXPECT_FALSE(exists(next.home + "/left"));
  }
  EXPECT_EQ(after.st_ino, before.st_ino);
}

TEST_F(StoreTreesTest, AJobThatIsPreparedWhileCachesAreSettledFindsThem) {
  const TreeRef empty = must(store_->commit_root(*must(store_->borrow()), {}, "empty", 1));
  WorkspaceRequest request;
  request.caches = {{"key", {"~/c"}}};
  for (int round = 0; round < 20; ++round) {
    request.job = JobName("fills-" + std::to_string(round));
    request.tree = empty;
    const PreparedWorkspace first =
        wait<PreparedWorkspace>([&](auto done) { trees_.prepare(request, done); });
    write_file(first.home + "/c/v", std::to_string(round));
    CaptureRequest save;
    save.workspace = first;
    save.commit_message = "Work";
    save.commit_time_s = 1'700'000'000;
    save.save_caches = true;
    static_cast<void>(wait<Capture>([&](auto done) { trees_.capture(save, done); }));

    trees_.settle_caches(first.job, CachesOf::Passed, [](const dsl::Status&) {});
    request.job = JobName("finds-" + std::to_string(round));
    const PreparedWorkspace second =
        wait<PreparedWorkspace>([&](auto done) { trees_.prepare(request, done); });

    ASSERT_EQ(read_text(second.home + "/c/v"), std::to_string(round));
  }
  EXPECT_THAT(problems_, IsEmpty());
}

// What a runner leaves that is killed while it names a merge.
TEST_F(StoreTreesTest, AReferenceThatADeadRunnerHeldIsWrittenAllTheSame) {
  const TreeRef empty = must(store_->commit_root(*must(store_->borrow()), {}, "empty", 1));
  const std::string name = "refs/pipe/runs/calm-otter-3f2a/merge-" + empty.commit;
  write_file(temp_ / ("store/trees.git/" + name + ".lock"), "");

  const auto id = must(git::parse_oid(empty.commit));
  EXPECT_TRUE(store_->database().set_reference(name, id));
  EXPECT_EQ(read_text(temp_ / ("store/trees.git/" + name)), empty.commit + "\n");

  write_file(temp_ / ("store/trees.git/" + name + ".lock"), "");
  EXPECT_TRUE(store_->database().remove_references("refs/pipe/runs/calm-otter-3f2a/"));
  EXPECT_FALSE(exists(temp_ / ("store/trees.git/" + name)));
}

TEST_F(StoreTreesTest, TellsWhatCouldNotBeDone) {
  std::optional<std::string> error;
  WorkspaceRequest request;
  request.job = JobName("job");
  request.tree = {std::string(40, '1'), ""};
  trees_.prepare(request, [&](dsl::Result<PreparedWorkspace> result) {
    error = result ? "prepared" : result.error().message;
  });
  while (!error) {
    loop_.run_for(dsl::Duration{1'000});
  }

  EXPECT_EQ(*error, "object " + std::string(40, '1') + " is missing");
}

TEST_F(StoreTreesTest, WorkUnderWayOutlivesIt) {
  put("a", "1");
  const TreeRef input = take().input;
  bool called = false;
  {
    StoreTrees shortlived(
        loop_,
        *store_,
        dsl::RunId("r"),
        {temp_ / "store/runs/s/work", temp_ / "store/checkouts", temp_ / "store/caches", "p"},
        {});
    WorkspaceRequest request;
    request.job = JobName("job");
    request.tree = input;
    shortlived.prepare(request,
                       [&](dsl::Result<PreparedWorkspace> result) { called = result.has_value(); });
  }
  while (!called) {
    loop_.run_for(dsl::Duration{1'000});
  }
  EXPECT_TRUE(exists(temp_ / "store/runs/s/work/1/ws/a"));
}

}  // namespace
}  // namespace runner::test
