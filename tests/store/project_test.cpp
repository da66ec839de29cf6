// What is taken from the user's project, and how a result gets back.

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <sys/wait.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class ProjectTest : public StoreTest {
 protected:
  void make_repository() {
    git(project_path(), "init -q");
    put("a", "1\n");
    put("sub/b", "1\n");
    commit_all();
  }
  void commit_all() {
    git(project_path(), "add -A");
    git(project_path(), "commit -q -m first");
  }
  /// Every file of a folder with its size, times and inode: equal texts, nothing was touched.
  static std::string fingerprint(const std::string& folder) {
    return git(
        folder,
        "--version >/dev/null; cd '" + folder + "'; find . -printf '%p %s %T@ %C@ %i\\n' | sort");
  }
  dsl::Result<Project> try_take(const std::string& folder) {
    TakeRequest request;
    request.folder = folder;
    return take_project(*store_, request);
  }
};

TEST_F(ProjectTest, ResultOfARepositoryBecomesABranchAndNothingElseChanges) {
  git(project_path(), "init -q");
  put("a", "1\n");
  put("sub/b", "1\n");
  git(project_path(), "add -A");
  git(project_path(), "commit -q -m first");
  const std::string status = git(project_path(), "status --porcelain=v2 --branch");
  const Project project = take();
  const TreeRef result =
      after(project.input, [](const std::string& at) { write_file(at + "/a", "2\n"); });

  EXPECT_EQ(must(deliver(*store_, project, "pipe/run", result)), "branch 'pipe/run'");

  EXPECT_EQ(git(project_path(), "status --porcelain=v2 --branch"), status);
  EXPECT_EQ(git(project_path(), "log --format=%s%n%an pipe/run"), "Work\npipe\nfirst\na");
  EXPECT_EQ(git(project_path(), "show pipe/run:a"), "2");
  EXPECT_EQ(git(project_path(), "fsck --strict"), "");
}

TEST_F(ProjectTest, ResultOfAFolderIsWrittenBack) {
  put("change", "1");
  put("gone/file", "1");
  put("keep", "1");
  const Project project = take();
  const TreeRef result = after(project.input, [](const std::string& at) {
    write_file(at + "/change", "2");
    write_file(at + "/new/file", "3", 0755);
    static_cast<void>(files::remove_tree(at + "/gone"));
  });

  EXPECT_THAT(must(deliver(*store_, project, "pipe/run", result)), HasSubstr("folder"));

  EXPECT_EQ(read_text(project_path() + "/change"), "2");
  EXPECT_EQ(read_text(project_path() + "/new/file"), "3");
  EXPECT_EQ(mode_of(project_path() + "/new/file"), mode_t{S_IFREG | 0755});
  EXPECT_FALSE(exists(project_path() + "/gone"));
  EXPECT_EQ(read_text(project_path() + "/keep"), "1");
}

TEST_F(ProjectTest, ArtifactsAloneAreAResultOfARepository) {
  make_repository();
  put(".gitignore", "build/\n");
  commit_all();
  const Project project = take();
  CaptureRequest request;
  request.artifacts = {{"app", {"build/y"}}};

  const TreeRef result = after(
      project.input, [](const std::string& at) { write_file(at + "/build/y", "hi"); }, request);

  EXPECT_EQ(result.commit, project.head);
  EXPECT_EQ(text(result, "build/y"), "hi");
  EXPECT_EQ(git(temp_ / "store/trees.git", "for-each-ref --format='%(refname) %(objectname)'"),
            "refs/pipe/runs/calm-otter-3f2a/job-1.artifacts " + result.artifacts);
  EXPECT_TRUE(workspaces_->keep("reused", result)) << "as a result from the cache is";
}

// ---- What is taken
// --------------------------------------------------------------------------------

TEST_F(ProjectTest, UncommittedFilesAreLeftOutAndSaidSo) {
  make_repository();
  put("a", "2\n");
  put("new", "x");

  const Project project = take();

  EXPECT_THAT(project.taken,
              AllOf(StartsWith("commit "),
                    HasSubstr("'first' on main"),
                    HasSubstr("1 changed file and 1 untracked file in the work tree left out "
                              "(--dirty takes them)")));
  EXPECT_EQ(text(project.input, "a"), "1\n");
  EXPECT_EQ(text(project.input, "new"), "<absent>");
}

TEST_F(ProjectTest, UncommittedFilesAreTakenOnDemandAsACommit) {
  make_repository();
  put(".gitignore", "*.o\n");
  put("a", "2\n");
  put("new", "x", 0755);
  put("x.o", "ignored");
  ::unlink((project_path() + "/sub/b").c_str());
  const std::string before = fingerprint(project_path() + "/.git");

  const Project project = take(true);

  EXPECT_THAT(project.taken, HasSubstr("with 4 uncommitted files"));
  EXPECT_EQ(text(project.input, "a"), "2\n");
  EXPECT_EQ(text(project.input, "new"), "x");
  EXPECT_EQ(text(project.input, "sub/b"), "<absent>");
  EXPECT_EQ(text(project.input, "x.o"), "<absent>");
  EXPECT_EQ(fingerprint(project_path() + "/.git"), before);
  must(deliver(*store_, project, "result", after(project.input, [](const std::string& at) {
    write_file(at + "/z", "z");
  })));
  EXPECT_EQ(git(project_path(), "log --format=%s result"), "Work\nUncommitted changes\nfirst");
}

TEST_F(ProjectTest, ACleanRepositoryIsItsHead) {
  make_repository();
  const std::string before = fingerprint(project_path());

  const Project project = take(true);

  EXPECT_EQ(project.input.commit, git(project_path(), "rev-parse HEAD"));
  EXPECT_THAT(project.taken, Not(HasSubstr("left out")));
  EXPECT_EQ(fingerprint(project_path()), before);
}

TEST_F(ProjectTest, ADetachedHeadIsTakenAndSaidSo) {
  make_repository();
  git(project_path(), "checkout -q --detach");

  EXPECT_THAT(take().taken, HasSubstr("(detached HEAD)"));
}

TEST_F(ProjectTest, ABranchIsTakenInPlaceOfHead) {
  make_repository();
  git(project_path(), "switch -q -c side");
  put("a", "2\n");
  commit_all();
  git(project_path(), "switch -q -");
  put("a", "dirty\n");
  TakeRequest request;
  request.folder = project_path();
  request.branch = "side";
  const Project taken = must(take_project(*store_, request));
  EXPECT_EQ(taken.head, git(project_path(), "rev-parse side"));
  EXPECT_THAT(taken.taken, AllOf(HasSubstr("on side"), Not(HasSubstr("left out"))));
  request.branch = "gone";
  EXPECT_THAT(take_project(*store_, request).error().message, HasSubstr("no branch 'gone'"));
}

TEST_F(ProjectTest, ARepositoryWithoutCommitsIsRefusedWithTheRemedy) {
  git(project_path(), "init -q");

  const auto refused = try_take(project_path());

  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("has no commits yet"));
  EXPECT_THAT(refused.error().remedy, HasSubstr("git commit"));
}

TEST_F(ProjectTest, ABareRepositoryWithoutCommitsIsRefusedWithARemedyThatWorksThere) {
  git(temp_.path(), "init -q --bare bare.git");
  const auto refused = try_take(temp_ / "bare.git");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().remedy, HasSubstr("push"));
}

TEST_F(ProjectTest, ABareRepositoryAndAWorktreeWork) {
  make_repository();
  git(temp_.path(), "clone -q --bare project bare.git");
  git(project_path(), "worktree add -q ../tree -b other");
  for (const char* folder : {"bare.git", "tree"}) {
    TakeRequest request;
    request.folder = temp_ / folder;
    const Project project = must(take_project(*store_, request));
    EXPECT_EQ(text(project.input, "sub/b"), "1\n") << folder;
    const TreeRef result =
        after(project.input, [](const std::string& at) { write_file(at + "/a", "2\n"); });
    must(deliver(*store_, project, "pipe/result", result));
    EXPECT_EQ(git(temp_ / folder, "show pipe/result:a"), "2") << folder;
  }
}

TEST_F(ProjectTest, ASubfolderOfARepositoryIsAWorkspaceOfItsOwn) {
  make_repository();
  TakeRequest request;
  request.folder = project_path() + "/sub";
  const Project project = must(take_project(*store_, request));
  EXPECT_THAT(project.taken, HasSubstr("folder 'sub'"));
  EXPECT_EQ(text(project.input, "b"), "1\n");
  EXPECT_EQ(text(project.input, "a"), "<absent>");
  const TreeRef left =
      after(project.input, [](const std::string& at) { write_file(at + "/b", "2\n"); });
  const TreeRef right =
      after(project.input, [](const std::string& at) { write_file(at + "/c", "3\n"); });

  must(deliver(*store_, project, "result", merge({{"l", left}, {"r", right}}).tree));

  EXPECT_EQ(git(project_path(), "diff --stat=80 main result --name-only"), "sub/b\nsub/c");
  EXPECT_EQ(git(project_path(), "merge-base main result"), git(project_path(), "rev-parse main"));
  EXPECT_EQ(git(project_path(), "log --format=%s main..result | sort"), "Merge l, r\nWork\nWork");
}

TEST_F(ProjectTest, AnUntrackedFolderInARepositoryIsAPlainFolder) {
  make_repository();
  put("scratch/x", "x");
  TakeRequest request;
  request.folder = project_path() + "/scratch";

  const Project project = must(take_project(*store_, request));

  EXPECT_EQ(project.kind, Project::Kind::Folder);
  EXPECT_THAT(project.taken, HasSubstr("does not track"));
  EXPECT_EQ(text(project.input, "x"), "x");
}

TEST_F(ProjectTest, AWorkspaceThatIsALinkIsResolvedAndSaidSo) {
  put("a", "1");
  ::symlink("project", (temp_ / "link").c_str());
  TakeRequest request;
  request.folder = temp_ / "link/";

  const Project project = must(take_project(*store_, request));

  EXPECT_EQ(project.folder, project_path());
  EXPECT_THAT(project.taken,
              HasSubstr("(the link '" + temp_ / "link" + "' leads to '" + project_path() + "')"));
}

TEST_F(ProjectTest, AMissingFolderAFileAndGitsOwnDataAreRefused) {
  make_repository();
  EXPECT_THAT(try_take(temp_ / "absent").error().message, HasSubstr("absent"));
  EXPECT_THAT(try_take(project_path() + "/a").error().message, HasSubstr("is not a folder"));
  EXPECT_THAT(try_take(project_path() + "/.git/hooks").error().message,
              HasSubstr("data of a repository"));
}

TEST_F(ProjectTest, TheWholeMachineIsNoProject) {
  const auto taken = try_take("/");
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr("'/' is the whole machine"));
  EXPECT_THAT(taken.error().remedy, HasSubstr("workspace: {source: …}"));
}

TEST_F(ProjectTest, ReadingIsTold) {
  put("a", "123");
  put("b", "4567");
  std::int64_t bytes = 0;
  TakeRequest request;
  request.folder = project_path();
  request.on_read = [&](std::int64_t of_file) { bytes += of_file; };
  must(take_project(*store_, request));
  EXPECT_EQ(bytes, 7);
}

TEST_F(ProjectTest, WhatCannotTakeTheResultIsFoundBeforeTheRun) {
  make_repository();
  const Project project = take();
  Project folder = project;
  folder.kind = Project::Kind::Folder;
  EXPECT_TRUE(check_project_is_writable(project));
  EXPECT_TRUE(check_project_is_writable(folder));

  folder.folder = project_path() + "/a/beneath-a-file";
  const auto refused = check_project_is_writable(folder);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              HasSubstr("cannot take the result: write to '" + folder.folder + "'"));
  EXPECT_THAT(refused.error().remedy, HasSubstr("`pipe resume`"));

  const pid_t child = ::fork();
  if (child == 0) {  // an ordinary user, whom modes stop
    const bool ordinary = ::geteuid() != 0 || ::setresuid(1234, 1234, 1234) == 0;
    ::chmod((project_path() + "/.git/objects").c_str(), 0555);
    ::_exit(ordinary && !check_project_is_writable(project) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ::chmod((project_path() + "/.git/objects").c_str(), 0755);
  EXPECT_EQ(status, 0);
}

TEST_F(ProjectTest, ARepositoryOfNewerFormatIsRefused) {
  git(project_path(), "init -q --object-format=sha256");
  put("a", "1");

  const auto refused = try_take(project_path());

  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().remedy, HasSubstr("SHA-1"));
}

TEST_F(ProjectTest, WhatOnlyFiltersMakeDifferentIsNotDirty) {
  git(project_path(), "init -q");
  put(".gitattributes", "*.txt text eol=crlf\n");
  put("kept.txt", "one\n");
  put("edited.txt", "one\n");
  commit_all();
  std::filesystem::remove(project_path() + "/kept.txt");
  std::filesystem::remove(project_path() + "/edited.txt");
  git(project_path(), "checkout -q -- .");
  ASSERT_EQ(read_text(project_path() + "/kept.txt"), "one\r\n");
  put("edited.txt", "two\r\n");

  TakeRequest request;
  request.folder = project_path();
  request.include_dirty = true;
  const auto project = take_project(*store_, request);

  ASSERT_TRUE(project);
  EXPECT_THAT(project->taken, HasSubstr("with 1 uncommitted file"));
}

// Files outside of a sparse checkout are no deleted ones.
TEST_F(ProjectTest, WhatIsNotCheckedOutIsTakenAsItIsCommitted) {
  git(project_path(), "init -q");
  put("kept", "1\n");
  put("big/far", "2\n");
  put("unchanged", "3\n");
  commit_all();
  git(project_path(), "sparse-checkout set --no-cone kept unchanged");
  ASSERT_FALSE(exists(project_path() + "/big/far"));
  git(project_path(), "update-index --assume-unchanged unchanged");
  std::filesystem::remove(project_path() + "/unchanged");

  TakeRequest request;
  request.folder = project_path();
  request.include_dirty = true;
  const auto clean = must(take_project(*store_, request));
  EXPECT_THAT(clean.taken, Not(HasSubstr("uncommitted")));
  EXPECT_EQ(text(clean.input, "big/far"), "2\n");
  EXPECT_EQ(text(clean.input, "unchanged"), "3\n");

  put("kept", "more\n");
  const auto dirty = must(take_project(*store_, request));
  EXPECT_THAT(dirty.taken, HasSubstr("with 1 uncommitted file"));
  EXPECT_EQ(text(dirty.input, "kept"), "more\n");
  EXPECT_EQ(text(dirty.input, "big/far"), "2\n");

  request.include_dirty = false;
  EXPECT_THAT(must(take_project(*store_, request)).taken, HasSubstr("1 changed file"));
}

TEST_F(ProjectTest, AStrangersRepositoryAboveIsNotTaken) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give a folder away";
  }
  git(temp_.path(), "init -q");
  write_file(temp_ / "project/a", "x");
  git(temp_.path(), "add project");
  git(temp_.path(), "commit -q -m theirs");
  ASSERT_EQ(::chown((temp_ / ".git").c_str(), 12345, 12345), 0);

  const auto refused = try_take(project_path());

  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("belongs to another user"));
}

TEST_F(ProjectTest, AFolderIsTakenWithoutIgnoredFilesRepositoriesAndTheStore) {
  put(".gitignore", "*.log\n/build/\n");
  put("a", "1");
  put("x.log", "1");
  put("build/x", "1");
  put("vendor/lib/.git/config", "[core]\n");
  put("vendor/lib/c", "1");
  put("state/pipe/trees.git/HEAD", "x");
  ASSERT_EQ(::mkfifo((project_path() + "/fifo").c_str(), 0600), 0);
  TakeRequest request;
  request.folder = project_path();
  request.excluded = {project_path() + "/state/pipe"};

  const Project project = must(take_project(*store_, request));

  const PreparedWorkspace workspace = prepare(project.input);
  EXPECT_EQ(
      git(temp_.path(),
          "--version > /dev/null; cd " + workspace.mount.directory + "; find . -type f | sort"),
      "./.gitignore\n./a\n./vendor/lib/c");
  EXPECT_THAT(project.taken, HasSubstr("left out: 'fifo' (a FIFO is no file)"));
}

TEST_F(ProjectTest, AFolderThatDidNotChangeIsNotReadAgain) {
  put("a", "1");
  put("b", "1");
  const timespec long_ago[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  ::utimensat(AT_FDCWD, (project_path() + "/b").c_str(), long_ago, 0);
  const Project first = take();
  put("b", "2");
  ::utimensat(AT_FDCWD, (project_path() + "/b").c_str(), long_ago, 0);

  const Project second = take();

  EXPECT_THAT(changes(first.input, second.input), ElementsAre("M b"));
}

TEST_F(ProjectTest, ItsDescriptionSurvivesAsJson) {
  put("a", "1");
  Project project = take();
  project.folder += "/\xff\n\"";
  project.prefix = "sub\\";

  const Project read = must(project_from_json(project_to_json(project)));

  EXPECT_EQ(read.folder, project.folder);
  EXPECT_EQ(read.prefix, project.prefix);
  EXPECT_EQ(read.input, project.input);
  EXPECT_EQ(read.taken, project.taken);
  EXPECT_FALSE(project_from_json("{}"));
  EXPECT_FALSE(project_from_json("nonsense"));
  EXPECT_THAT(project_from_json("{\"version\":2}").error().message, HasSubstr("newer pipe"));
}

// ---- How a result gets back
// -------------------------------------------------------------------------

TEST_F(ProjectTest, ABranchIsNeverMovedAndMakingItTwiceIsFine) {
  make_repository();
  const Project project = take();
  const TreeRef one =
      after(project.input, [](const std::string& at) { write_file(at + "/a", "2\n"); });
  const TreeRef two =
      after(project.input, [](const std::string& at) { write_file(at + "/a", "3\n"); });
  ASSERT_TRUE(publish_branch(*store_, project, "result", one));
  EXPECT_TRUE(publish_branch(*store_, project, "result", one));

  const dsl::Status refused = publish_branch(*store_, project, "result", two);

  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("branch 'result' is there already"));
  EXPECT_EQ(git(project_path(), "rev-parse result"), one.commit);
  EXPECT_FALSE(publish_branch(*store_, project, "result/below", two));
  EXPECT_FALSE(publish_branch(*store_, project, "--upload-pack=x", two));
}

TEST_F(ProjectTest, ABranchThatWouldBeInTheWayIsFoundBefore) {
  make_repository();
  const Project project = take();
  EXPECT_TRUE(check_branch_is_free(project, "pipe/build/run"));
  git(project_path(), "branch pipe");
  const auto taken = check_branch_is_free(project, "pipe/build/run");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().message,
            "the result would be branch 'pipe/build/run', and a branch 'pipe' is in the way");
  EXPECT_EQ(taken.error().remedy, "rename it with `git branch -m pipe OTHER`");
}

TEST_F(ProjectTest, NothingChangedIsNoBranch) {
  make_repository();
  const Project project = take();

  EXPECT_EQ(must(deliver(*store_, project, "result", project.input)), "nothing changed");
  EXPECT_EQ(git(project_path(), "branch --format='%(refname:short)'"), "main");
}

TEST_F(ProjectTest, EmptyFoldersAmongArtifactsStayWithThem) {
  put("a", "1");
  const Project project = take();
  CaptureRequest request;
  request.artifacts = {{"out", {"out/**"}}};
  const TreeRef result = after(
      project.input,
      [](const std::string& at) {
        write_file(at + "/.gitignore", "*.o\n");
        write_file(at + "/out/deep/main.o", "x");
        ASSERT_EQ(::mkdir((at + "/out/deep/none").c_str(), 0755), 0);
        ASSERT_EQ(::mkdir((at + "/out/none").c_str(), 0755), 0);
        ASSERT_EQ(::mkdir((at + "/plain").c_str(), 0755), 0);
      },
      request);
  must(deliver(*store_, project, "", result));

  EXPECT_TRUE(exists(project_path() + "/.gitignore"));
  EXPECT_TRUE(exists(project_path() + "/plain")) << "a folder of the result itself";
  EXPECT_FALSE(exists(project_path() + "/out"));
}

TEST_F(ProjectTest, WhatRootWritesBackIsTheFoldersOwners) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can write for others";
  }
  put("mine", "1");
  put("theirs", "1");
  ASSERT_EQ(::chown((project_path() + "/theirs").c_str(), 1234, 1234), 0);
  ASSERT_EQ(::chown(project_path().c_str(), 4321, 4321), 0);
  const Project project = take();
  const TreeRef result = after(project.input, [](const std::string& at) {
    write_file(at + "/mine", "2");
    write_file(at + "/theirs", "2");
    write_file(at + "/new/folder/file", "2");
  });
  must(deliver(*store_, project, "", result));

  const auto owner = [this](const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat((project_path() + "/" + path).c_str(), &status), 0) << path;
    return status.st_uid;
  };
  EXPECT_EQ(owner("mine"), 0U);
  EXPECT_EQ(owner("theirs"), 1234U);
  EXPECT_EQ(owner("new"), 4321U);
  EXPECT_EQ(owner("new/folder"), 4321U);
  EXPECT_EQ(owner("new/folder/file"), 4321U);
}

TEST_F(ProjectTest, OnlyNewObjectsAreCopiedToTheRepository) {
  make_repository();
  for (int i = 0; i < 50; ++i) {
    put("many/" + std::to_string(i), std::to_string(i));
  }
  commit_all();
  const Project project = take();
  const TreeRef result =
      after(project.input, [](const std::string& at) { write_file(at + "/many/new", "x"); });
  const std::string before = git(project_path(), "count-objects");
  must(deliver(*store_, project, "result", result));

  EXPECT_EQ(std::stoi(git(project_path(), "count-objects")) - std::stoi(before),
            4);  // blob, 2 trees, commit
  EXPECT_EQ(git(temp_ / "store/trees.git", "count-objects").substr(0, 2),
            "5 ");  // and the empty tree
}

TEST_F(ProjectTest, NothingIsWrittenBackWhereTheFolderChangedMeanwhile) {
  put("a", "1");
  put("b", "1");
  const Project project = take();
  const TreeRef result = after(project.input, [](const std::string& at) {
    write_file(at + "/a", "2");
    write_file(at + "/b", "2");
    write_file(at + "/new", "2");
  });
  put("b", "mine");
  put("new", "mine too");

  const auto refused = deliver(*store_, project, "", result);

  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("'b', 'new'; nothing was written"));
  EXPECT_EQ(read_text(project_path() + "/a"), "1");
  EXPECT_EQ(read_text(project_path() + "/b"), "mine");
}

TEST_F(ProjectTest, FilesAndFoldersMayChangePlaces) {
  put("file", "1");
  put("folder/inner/x", "1");
  put("script", "1", 0700);
  ::mkdir((project_path() + "/empty").c_str(), 0755);
  ::symlink("file", (project_path() + "/link").c_str());
  ::symlink("folder", (project_path() + "/to_folder").c_str());
  const Project project = take();
  const TreeRef result = after(project.input, [](const std::string& at) {
    ::unlink((at + "/file").c_str());
    write_file(at + "/file/x", "2");
    static_cast<void>(files::remove_tree(at + "/folder"));
    write_file(at + "/folder", "2");
    write_file(at + "/script", "2", 0755);
    ::rmdir((at + "/empty").c_str());
    ::mkdir((at + "/other").c_str(), 0755);
    ::unlink((at + "/link").c_str());
    ::symlink("elsewhere", (at + "/link").c_str());
    ::unlink((at + "/to_folder").c_str());
    write_file(at + "/to_folder/x", "2");
  });

  must(deliver(*store_, project, "", result));

  EXPECT_EQ(read_text(project_path() + "/file/x"), "2");
  EXPECT_EQ(read_text(project_path() + "/folder"), "2");
  EXPECT_EQ(mode_of(project_path() + "/script"), mode_t{S_IFREG | 0700});
  EXPECT_FALSE(exists(project_path() + "/empty"));
  EXPECT_TRUE(exists(project_path() + "/other"));
  EXPECT_EQ(must(files::real_path(project_path())), project_path());
  EXPECT_THAT(changes(take().input, result), IsEmpty());
}

TEST_F(ProjectTest, AFileThatCameWhereAFolderIsToBeIsFoundBefore) {
  put("a", "1");
  const Project project = take();
  const TreeRef result = after(project.input, [](const std::string& at) {
    write_file(at + "/a", "2");
    write_file(at + "/new/x", "2");
    write_file(at + "/linked/x", "2");
    ::mkdir((at + "/empty").c_str(), 0755);
  });
  put("empty", "mine");
  put("new", "mine");
  ::symlink("/tmp", (project_path() + "/linked").c_str());

  const auto refused = deliver(*store_, project, "", result);

  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("'linked', 'new', 'empty'; nothing was written"));
  EXPECT_EQ(read_text(project_path() + "/a"), "1");
}

TEST_F(ProjectTest, FoldersWithFilesOfTheUserAreNotReplaced) {
  put(".gitignore", "*.log\n");
  put("folder/x", "1");
  put("folder/mine.log", "keep");
  const Project project = take();
  const TreeRef result = after(project.input, [](const std::string& at) {
    static_cast<void>(files::remove_tree(at + "/folder"));
    write_file(at + "/folder", "2");
  });

  const auto refused = deliver(*store_, project, "", result);

  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("'folder/mine.log'"));
  EXPECT_EQ(read_text(project_path() + "/folder/x"), "1");
}

TEST_F(ProjectTest, NothingIsWrittenThroughALinkInTheFolder) {
  put("dir/a", "1");
  const Project project = take();
  const TreeRef result =
      after(project.input, [](const std::string& at) { write_file(at + "/dir/a", "2"); });
  write_file(temp_ / "outside/a", "1");
  static_cast<void>(files::remove_tree(project_path() + "/dir"));
  ::symlink((temp_ / "outside").c_str(), (project_path() + "/dir").c_str());

  EXPECT_FALSE(deliver(*store_, project, "", result));
  EXPECT_EQ(read_text(temp_ / "outside/a"), "1");
}

TEST_F(ProjectTest, AFolderInItThatCannotBeWrittenIsFoundBefore) {
  put("closed/a", "1");
  put("open", "1");
  const Project project = take();
  const TreeRef result = after(project.input, [](const std::string& at) {
    write_file(at + "/closed/a", "2");
    write_file(at + "/open", "2");
  });
  if (::geteuid() == 0) {  // whom no mode stops: an ordinary user is made
    git(project_path(), "--version >/dev/null; chown -R 1234 '" + temp_.path() + "'");
  }
  ASSERT_EQ(::chmod((project_path() + "/closed").c_str(), 0555), 0);

  std::array<int, 2> told{};
  ASSERT_EQ(::pipe2(told.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setresuid(1234, 1234, 1234) != 0) {
      ::_exit(1);
    }
    const auto done = write_back(*store_, project, result);
    const std::string text = done ? "written" : done.error().message + "|" + done.error().remedy;
    ::_exit(files::write_all(told[1], text) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ::close(told[1]);
  std::string text(4096, '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(::read(told[0], text.data(), 4096), 0)));
  ::close(told[0]);
  ::chmod((project_path() + "/closed").c_str(), 0755);

  EXPECT_THAT(text, AllOf(HasSubstr("nothing was written"), HasSubstr("'closed'")));
  EXPECT_THAT(text, HasSubstr("|check the owner"));
  EXPECT_EQ(read_text(project_path() + "/open"), "1");
}

TEST_F(ProjectTest, WhatADeadDeliveryStagedIsNotTaken) {
  put("a", "1");
  write_file(project_path() + "/.pipe-new-0123456789abcdef/a", "2");

  EXPECT_THAT(text(take().input, ".pipe-new-0123456789abcdef/a"), "<absent>");
}

TEST_F(ProjectTest, NewFilesHaveTheModeThatTheUserGivesNewFiles) {
  put("old", "1", 0640);
  const Project project = take();
  const TreeRef result = after(project.input, [](const std::string& at) {
    write_file(at + "/old", "2");
    write_file(at + "/sub/new", "2");
    write_file(at + "/script", "2", 0755);
  });

  const mode_t mask = ::umask(027);
  const auto done = deliver(*store_, project, "", result);
  ::umask(mask);

  must(done);
  EXPECT_EQ(mode_of(project_path() + "/old"), mode_t{S_IFREG | 0640});
  EXPECT_EQ(mode_of(project_path() + "/sub"), mode_t{S_IFDIR | 0750});
  EXPECT_EQ(mode_of(project_path() + "/sub/new"), mode_t{S_IFREG | 0640});
  EXPECT_EQ(mode_of(project_path() + "/script"), mode_t{S_IFREG | 0750});
}

}  // namespace
}  // namespace runner::test
