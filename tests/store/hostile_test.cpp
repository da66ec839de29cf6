// What a job may leave behind to lead us astray: cases A20 to A31 of the threat list, and their
// kin. "Marker" is a file that an attack would make on the host.

#include <array>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

class HostileTest : public StoreTest {
 protected:
  HostileTest() {
    put("a.txt", "a");
    put("dir/b.txt", "b");
    input_ = take().input;
  }

  /// A program that leaves the marker, as configuration would name it.
  [[nodiscard]] std::string attack() const { return "touch " + marker(); }
  [[nodiscard]] std::string marker() const { return temp_ / "marker"; }

  TreeRef input_;
};

TEST_F(HostileTest, AnOutputThatIsALinkIsNoFileAndItsTargetShowsNowhere) {
  const PreparedWorkspace workspace = prepare(input_);
  ASSERT_EQ(::symlink("/etc/passwd", (workspace.mount.directory + "/result.json").c_str()), 0);
  ASSERT_EQ(::symlink("/etc/passwd", (workspace.scratch + "/outputs/token").c_str()), 0);
  CaptureRequest request;
  request.outputs = {{"result", "result.json", {}}, {"token", "", {}}};

  const Capture result = capture(workspace, request);

  for (const auto& output : result.outputs) {
    ASSERT_FALSE(output);
    EXPECT_THAT(output.error().message, HasSubstr("not a regular file"));
  }
  EXPECT_EQ(text(result.tree, "result.json"), "-> /etc/passwd");  // as a link, never followed
}

TEST_F(HostileTest, AFifoAsOutputBlocksNobody) {
  const PreparedWorkspace workspace = prepare(input_);
  ASSERT_EQ(::mkfifo((workspace.mount.directory + "/result").c_str(), 0644), 0);
  CaptureRequest request;
  request.outputs = {{"result", "result", {}}};

  const Capture result = capture(workspace, request);

  EXPECT_THAT(result.outputs[0].error().message, HasSubstr("not a regular file"));
  EXPECT_THAT(result.refused, ElementsAre(Pair("result", "a FIFO is no file")));
  EXPECT_EQ(result.tree, input_);
}

TEST_F(HostileTest, OutputsOutsideTheWorkspaceAreNotRead) {
  write_file(temp_ / "secret", "secret");
  const PreparedWorkspace workspace = prepare(input_);
  CaptureRequest request;
  request.outputs = {{"up", "../../../../../../secret", {}}, {"root", "/etc/passwd", {}}};

  const Capture result = capture(workspace, request);

  EXPECT_THAT(result.outputs[0].error().message, HasSubstr("leads out"));
  EXPECT_THAT(result.outputs[1].error().message, HasSubstr("absolute"));
}

TEST_F(HostileTest, AFolderThatBecameALinkIsTakenAsALink) {
  write_file(temp_ / "outside/b.txt", "secret");
  const PreparedWorkspace workspace = prepare(input_);
  ASSERT_TRUE(files::remove_tree(workspace.mount.directory + "/dir"));
  ASSERT_EQ(::symlink((temp_ / "outside").c_str(), (workspace.mount.directory + "/dir").c_str()),
            0);

  const Capture result = capture(workspace);

  EXPECT_THAT(lines(result.changes), ElementsAre("A dir", "D dir/b.txt"));
  EXPECT_EQ(text(result.tree, "dir/b.txt"), "<absent>");
  must(workspaces_->discard(workspace));
  EXPECT_EQ(read_text(temp_ / "outside/b.txt"), "secret");
}

TEST_F(HostileTest, LinksOfATreeAreNeverWrittenThrough) {
  const TreeRef linked = after(input_, [&](const std::string& at) {
    ::symlink((temp_ / "outside").c_str(), (at + "/door").c_str());
  });
  ::mkdir((temp_ / "outside").c_str(), 0755);
  const TreeRef folder =
      after(input_, [](const std::string& at) { write_file(at + "/door/x", "x"); });

  const Merge merged = merge({{"linked", linked}, {"folder", folder}});
  ASSERT_EQ(merged.conflicts.size(), 1U);
  EXPECT_EQ(merged.conflicts[0].path, "door");
  prepare(folder);
  prepare(linked);

  EXPECT_FALSE(exists(temp_ / "outside/x"));
}

TEST_F(HostileTest, DevicesAndSocketsAreRefusedAndModeBitsDropped) {
  const PreparedWorkspace workspace = prepare(input_);
  const std::string at = workspace.mount.directory;
  write_file(at + "/suid", "x", 04755);
  write_file(at + "/sticky", "x", 01644);
  const bool is_root = ::mknod((at + "/null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0;
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (at + "/sock").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);

  const Capture result = capture(workspace);

  EXPECT_THAT(result.refused, Contains(Pair("sock", "a socket is no file")));
  if (is_root) {
    EXPECT_THAT(result.refused, Contains(Pair("null", "a device is no file")));
  }
  const PreparedWorkspace next = prepare(result.tree);
  EXPECT_EQ(mode_of(next.mount.directory + "/suid"), mode_t{S_IFREG | 0755});
  EXPECT_EQ(mode_of(next.mount.directory + "/sticky"), mode_t{S_IFREG | 0644});
  EXPECT_FALSE(exists(next.mount.directory + "/null"));
}

TEST_F(HostileTest, AGiantSparseFileIsRefusedUnread) {
  const PreparedWorkspace workspace = prepare(input_);
  write_file(workspace.mount.directory + "/giant", "");
  ASSERT_EQ(::truncate((workspace.mount.directory + "/giant").c_str(), 900LL << 30), 0);
  CaptureRequest request;
  request.outputs = {{"giant", "giant", {}}};

  const Capture result = capture(workspace, request);

  EXPECT_THAT(result.refused, ElementsAre(Pair("giant", HasSubstr("larger than"))));
  EXPECT_THAT(result.outputs[0].error().message, HasSubstr("larger than"));
}

TEST_F(HostileTest, OddNamesAreTakenByteForByteAndShownEscaped) {
  const std::vector<std::string> names{
      "new\nline", "\x1b[31mred", "-rf", "--upload-pack=x", "\xff\xfe", " ", "a\\b"};
  const TreeRef tree = after(input_, [&](const std::string& at) {
    for (const std::string& name : names) {
      write_file(at + "/" + name, name);
    }
  });

  const PreparedWorkspace next = prepare(tree);

  for (const std::string& name : names) {
    EXPECT_EQ(read_text(next.mount.directory + "/" + name), name);
  }
  EXPECT_EQ(files::printable("\x1b[31mred\n"), "\\x1b[31mred\\x0a");
}

TEST_F(HostileTest, ConfigurationHooksAndFiltersOfTheJobDoNotRun) {
  const PreparedWorkspace workspace = prepare(input_);
  const std::string at = workspace.mount.directory;
  git(at, "init -q");
  git(at, "config core.fsmonitor '" + attack() + "'");
  git(at, "config filter.evil.clean '" + attack() + "; cat'");
  git(at, "config filter.evil.smudge '" + attack() + "; cat'");
  for (const char* hook :
       {"pre-commit", "post-checkout", "post-index-change", "reference-transaction"}) {
    write_file(at + "/.git/hooks/" + hook, "#!/bin/sh\n" + attack() + "\n", 0755);
  }
  write_file(at + "/.gitattributes", "*.txt filter=evil eol=crlf\n");
  write_file(at + "/new.txt", "bytes\r\nas they are\n");

  const Capture result = capture(workspace);
  const PreparedWorkspace next = prepare(result.tree);

  EXPECT_THAT(result.refused, ElementsAre(Pair(".git", "repository data of a job is not taken")));
  EXPECT_EQ(text(result.tree, "new.txt"), "bytes\r\nas they are\n");
  EXPECT_EQ(read_text(next.mount.directory + "/new.txt"), "bytes\r\nas they are\n");
  EXPECT_FALSE(exists(next.mount.directory + "/.git"));
  EXPECT_FALSE(exists(marker()));
}

TEST_F(HostileTest, NestedRepositoriesAreOnlyFiles) {
  const PreparedWorkspace workspace = prepare(input_);
  const std::string at = workspace.mount.directory + "/nested";
  ::mkdir(at.c_str(), 0755);
  git(at, "init -q");
  write_file(at + "/file", "x");
  git(at, "add -A");
  git(at, "commit -q -m x");
  git(at, "config core.fsmonitor '" + attack() + "'");
  write_file(workspace.mount.directory + "/worktree/.git", "gitdir: " + at + "/.git\n");
  write_file(workspace.mount.directory + "/Case/.GIT/hooks/x", "x");

  const Capture result = capture(workspace);

  EXPECT_THAT(lines(result.changes), ElementsAre("A Case", "A nested/file", "A worktree"));
  EXPECT_THAT(result.refused,
              ElementsAre(Pair("Case/.GIT", HasSubstr("not taken")),
                          Pair("nested/.git", HasSubstr("not taken")),
                          Pair("worktree/.git", HasSubstr("not taken"))));
  EXPECT_FALSE(exists(marker()));
}

TEST_F(HostileTest, WhatReachesBeyondTheJobIsFlaggedWithTheReason) {
  const PreparedWorkspace workspace = prepare(input_);
  const std::string& folder = workspace.mount.directory;
  write_file(folder + "/.github/workflows/ci.yml", "on: push");
  write_file(folder + "/A.txt", "beside a.txt");
  write_file(folder + "/DIR/hook", "beside dir/");
  write_file(folder + "/nested/HEAD", "ref: refs/heads/main");
  write_file(folder + "/nested/config", "[core]");
  write_file(folder + "/nested/objects/x", "");
  write_file(folder + "/nested/refs/heads/main", "");
  write_file(folder + "/two\nlines", "");
  write_file(folder + "/ordinary", "");
  ASSERT_EQ(::symlink("../../../etc", (folder + "/out").c_str()), 0);
  ASSERT_EQ(::symlink("dir/b.txt", (folder + "/in").c_str()), 0);

  const Capture result = capture(workspace);

  const std::string repository =
      "git takes its folder for a repository, and runs what its config says";
  EXPECT_THAT(
      result.flagged,
      ElementsAre(FlaggedPath{".github/workflows/ci.yml", "GitHub Actions runs it"},
                  FlaggedPath{"A.txt", "macOS and Windows take 'A.txt' and 'a.txt' for one"},
                  FlaggedPath{"DIR/hook", "macOS and Windows take 'DIR' and 'dir' for one"},
                  FlaggedPath{"nested/HEAD", repository},
                  FlaggedPath{"nested/config", repository},
                  FlaggedPath{"out", "a link that leads out of the project"},
                  FlaggedPath{"two\nlines", "its name holds characters that do not show"}));
  EXPECT_EQ(must(store_->flagged(input_, result.tree)), result.flagged);

  // The next one changes nothing of it: nothing of its own is flagged, and removal is a change.
  const PreparedWorkspace next = prepare(result.tree);
  ASSERT_EQ(::unlink((next.mount.directory + "/.github/workflows/ci.yml").c_str()), 0);
  EXPECT_THAT(capture(next).flagged,
              ElementsAre(FlaggedPath{".github/workflows/ci.yml",
                                      "GitHub Actions runs it; it was removed"}));
}

TEST_F(HostileTest, AFileWithTheValueOfASecretIsFlagged) {
  CaptureRequest request;
  request.secrets.add("s3cret-value-1234");
  const PreparedWorkspace workspace = prepare(input_);
  const std::string& folder = workspace.mount.directory;
  write_file(folder + "/config", "token=s3cret-value-1234\n");
  write_file(folder + "/encoded", "czNjcmV0LXZhbHVlLTEyMzQ=\n");
  write_file(folder + "/ordinary", "s3cret-value\n");
  ASSERT_EQ(::symlink("s3cret-value-1234", (folder + "/link").c_str()), 0);

  const Capture result = capture(workspace, request);

  const std::string why = "it holds the value of a secret";
  EXPECT_THAT(
      result.flagged,
      ElementsAre(
          FlaggedPath{"config", why}, FlaggedPath{"encoded", why}, FlaggedPath{"link", why}));
  EXPECT_EQ(must(store_->flagged(input_, result.tree, request.secrets)), result.flagged);
  EXPECT_THAT(capture(prepare(result.tree), request).flagged, IsEmpty());
}

TEST_F(HostileTest, RulesThatAreNoFileDoNotCount) {
  write_file(temp_ / "rules", "*.txt\n");
  const PreparedWorkspace workspace = prepare(input_);
  const std::string at = workspace.mount.directory;
  ASSERT_EQ(::symlink((temp_ / "rules").c_str(), (at + "/.gitignore").c_str()), 0);
  ASSERT_EQ(::mkfifo((at + "/dir/.gitignore").c_str(), 0644), 0);
  write_file(at + "/new.txt", "x");
  write_file(at + "/dir/new.txt", "x");

  const Capture result = capture(workspace);

  EXPECT_THAT(lines(result.changes), ElementsAre("A .gitignore", "A dir/new.txt", "A new.txt"));
}

TEST_F(HostileTest, TrackedFilesCannotBeHiddenByRules) {
  const TreeRef tree = after(input_, [](const std::string& at) {
    write_file(at + "/.gitignore", "*\n");
    write_file(at + "/a.txt", "changed");
    write_file(at + "/dir/b.txt", "changed");
    write_file(at + "/dir/new", "not taken");
  });

  EXPECT_THAT(changes(input_, tree), ElementsAre("M a.txt", "M dir/b.txt"));
}

TEST_F(HostileTest, FoldersNestedTooDeeplyAreRefusedNotFollowedToTheEnd) {
  const PreparedWorkspace workspace = prepare(input_);
  Fd at(::open(workspace.mount.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < 600; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
    at = Fd(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  const Capture result = capture(workspace);

  ASSERT_EQ(result.refused.size(), 1U);
  EXPECT_THAT(result.refused[0].second, HasSubstr("nested deeper"));
  must(workspaces_->discard(workspace));
}

TEST_F(HostileTest, UnreadableFilesOfOursAreStillTaken) {
  const PreparedWorkspace workspace = prepare(input_);
  write_file(workspace.mount.directory + "/dir/locked", "x", 0);
  ASSERT_EQ(::chmod((workspace.mount.directory + "/dir").c_str(), 0), 0);

  const Capture result = capture(workspace);

  EXPECT_THAT(lines(result.changes), ElementsAre("A dir/locked"));
}

TEST_F(HostileTest, ATreeWithPathsForNamesIsNotLaidOut) {
  auto objects = must(store_->borrow());
  const git::Oid blob = must(objects->write_blob("x"));
  for (const char* name : {"..", ".git", "a/../../marker", "."}) {
    const git::Oid tree = must(objects->write_tree({{name, git::Kind::File, blob}}));
    const TreeRef bad = must(store_->commit_root(*objects, {tree, git::empty_tree()}, "x", 1));
    WorkspaceRequest request;
    request.job = JobName("bad");
    request.tree = bad;
    const auto refused = workspaces_->prepare(request, nullptr);
    ASSERT_FALSE(refused) << name;
    EXPECT_THAT(refused.error().message, HasSubstr("cannot be laid out"));
  }
  EXPECT_FALSE(exists(temp_ / "store/runs/r/work/marker"));
}

struct Change {
  const char* name;
  std::function<void(const PreparedWorkspace&)> make;
};

void PrintTo(const Change& change, std::ostream* out) {
  *out << change.name;
}

class ChangeTest : public HostileTest, public testing::WithParamInterface<Change> {
 protected:
  ChangeTest() {
    put("a/file", "1234");
    put("other", "x");
  }
};

std::string in(const PreparedWorkspace& workspace, const char* path) {
  return workspace.mount.directory + "/" + path;
}

/// Writes other bytes of the same length, and puts the file's times back.
void forge(const std::string& path) {
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  std::ofstream(path) << "6789";
  const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0), 0);
}

/// Whatever a job does to its workspace right after it was laid out is seen, and no later job gets
/// anything of it.
TEST_P(ChangeTest, IsSeenAndReachesNoOtherJob) {
  const TreeRef input = take().input;
  const PreparedWorkspace workspace = prepare(input);
  ASSERT_NE(workspace.laid_out, nullptr) << "the test wants a small workspace on a file system "
                                            "whose clock is fine";

  GetParam().make(workspace);

  EXPECT_FALSE(is_untouched(workspace.mount.directory + "/..", *workspace.laid_out));
  const auto spare = must(workspaces_->discard(workspace));
  EXPECT_TRUE(!spare || spare->laid_out == nullptr);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds,
    ChangeTest,
    testing::Values(
        Change{"Bytes", [](const auto& job) { forge(in(job, "a/file")); }},
        Change{"NewFile", [](const auto& job) { write_file(in(job, "a/new"), ""); }},
        Change{"NewFolder", [](const auto& job) { ::mkdir(in(job, "new").c_str(), 0755); }},
        Change{"Removed", [](const auto& job) { ::unlink(in(job, "other").c_str()); }},
        Change{"RemovedAndMadeAgain",
               [](const auto& job) {
                 ::unlink(in(job, "other").c_str());
                 write_file(in(job, "other"), "x");
               }},
        Change{"Mode", [](const auto& job) { ::chmod(in(job, "other").c_str(), 0755); }},
        Change{"ModeOfAFolder", [](const auto& job) { ::chmod(in(job, "a").c_str(), 0777); }},
        Change{"ModeOfTheWorkspace",
               [](const auto& job) { ::chmod(job.mount.directory.c_str(), 0777); }},
        Change{"Attribute",
               [](const auto& job) {
                 ::setxattr(in(job, "other").c_str(), "user.note", "psst", 4, 0);
               }},
        Change{"SecondName",
               [](const auto& job) {
                 ASSERT_EQ(::link(in(job, "other").c_str(), (job.home + "/kept").c_str()), 0);
               }},
        Change{"LinkInThePlaceOfAFolder",
               [](const auto& job) {
                 ASSERT_EQ(::rename(in(job, "a").c_str(), (job.home + "/a").c_str()), 0);
                 ASSERT_EQ(::symlink((job.home + "/a").c_str(), in(job, "a").c_str()), 0);
               }}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST_F(HostileTest, AnUntouchedWorkspaceServesTheNextJobThatWantsTheSame) {
  put("file", "1");
  const TreeRef input = take().input;
  const PreparedWorkspace first = prepare(input);
  write_file(first.home + "/.profile", attack());
  write_file(first.scratch + "/outputs/x", "1");
  const auto spare = must(workspaces_->discard(first));
  ASSERT_TRUE(spare && spare->laid_out != nullptr);

  WorkspaceRequest same;
  same.job = JobName("next");
  same.tree = input;
  ASSERT_TRUE(spare->laid_out->serves(same));
  const PreparedWorkspace next = Workspaces::take_over(same, *spare);
  EXPECT_EQ(read_text(in(next, "file")), "1");
  EXPECT_FALSE(exists(next.home + "/.profile"));
  EXPECT_FALSE(exists(next.scratch + "/outputs/x"));
  EXPECT_EQ(capture(next).tree, input);

  WorkspaceRequest other = same;
  other.protect = {"file"};
  EXPECT_FALSE(spare->laid_out->serves(other));
  other = same;
  other.caches = {{"key", {"file"}}};
  EXPECT_FALSE(spare->laid_out->serves(other));
  other = same;
  other.overlay = true;
  EXPECT_FALSE(spare->laid_out->serves(other));
}

TEST_F(HostileTest, AFolderThatAJobChangedIsNotUsedAgain) {
  const TreeRef empty = must(store_->commit_root(*must(store_->borrow()), {}, "empty", 1));
  const PreparedWorkspace clean = prepare(empty);
  EXPECT_NE(must(workspaces_->discard(clean)), std::nullopt);

  const PreparedWorkspace open_to_all = prepare(empty);
  ASSERT_EQ(::chmod(open_to_all.mount.directory.c_str(), 0777), 0);
  EXPECT_EQ(must(workspaces_->discard(open_to_all)), std::nullopt);
  EXPECT_FALSE(exists(open_to_all.mount.directory));

  const PreparedWorkspace littered = prepare(empty);
  write_file(littered.home + "/.profile", attack());
  write_file(littered.scratch + "/outputs/x", "1");
  write_file(littered.scratch + "/feedback.md", "1");
  const auto again = must(workspaces_->discard(littered));
  ASSERT_NE(again, std::nullopt);
  EXPECT_FALSE(exists(littered.home + "/.profile"));
  EXPECT_FALSE(exists(littered.scratch + "/outputs/x"));
  EXPECT_FALSE(exists(littered.scratch + "/feedback.md"));
}

}  // namespace
}  // namespace runner::test
