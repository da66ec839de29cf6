// What a job gets and what it leaves behind, in plain workspaces.

#include <fcntl.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

class WorkspaceTest : public StoreTest {};

/// What is mounted read-only: the path, and what is there on the host.
std::vector<std::string> read_only_parts(const PreparedWorkspace& workspace) {
  std::vector<std::string> parts;
  for (const ReadOnlyPath& part : workspace.mount.read_only_paths) {
    struct stat status {};
    const bool is_folder = ::stat(part.source.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    parts.push_back(part.path + (is_folder ? "/" : "=" + read_text(part.source)));
  }
  return parts;
}

TEST_F(WorkspaceTest, ReadOnlyPartsAreThoseThatAreThereAndNoLink) {
  put("checks/a", "a");
  put("p.yaml", "p");
  put("x.lock", "l");
  ASSERT_EQ(::symlink("/etc", (project_path() + "/link").c_str()), 0);
  const TreeRef tree = take().input;
  WorkspaceRequest request;
  request.read_only_paths = {"checks/", "p.yaml", "*.lock", "link", "link/passwd", ".pipe/"};
  EXPECT_THAT(read_only_parts(prepare(tree, request)),
              ElementsAre("checks/", "p.yaml=p", "x.lock=l"));

  // In an overlay of several layers each comes from the one that counts.
  for (int i = 0; i < 40; ++i) {
    put("more/" + std::to_string(i), "x");
  }
  const TreeRef many = take().input;
  request.overlay = true;
  EXPECT_THAT(read_only_parts(prepare(many, request)),
              ElementsAre("checks/", "p.yaml=p", "x.lock=l"));
  const TreeRef changed = after(many, [](const std::string& folder) {
    write_file(folder + "/checks/b", "b");
    write_file(folder + "/p.yaml", "new");
  });
  const PreparedWorkspace layered = prepare(changed, request);
  ASSERT_EQ(layered.mount.lower.size(), 2U);
  EXPECT_THAT(read_only_parts(layered),
              ElementsAre("checks/a=a", "checks/b=b", "p.yaml=new", "x.lock=l"));
}

TEST_F(WorkspaceTest, LaysOutFilesModesLinksAndEmptyFolders) {
  put("a.txt", "hello");
  put("bin/tool", "#!/bin/sh\n", 0755);
  ::symlink("../a.txt", (project_path() + "/bin/link").c_str());
  ::mkdir((project_path() + "/empty").c_str(), 0700);
  put("space and\nnewline \xff", "odd");

  const PreparedWorkspace workspace = prepare(take().input);

  const std::string at = workspace.mount.directory;
  EXPECT_EQ(read_text(at + "/a.txt"), "hello");
  EXPECT_EQ(mode_of(at + "/a.txt"), mode_t{S_IFREG | 0644});
  EXPECT_EQ(mode_of(at + "/bin/tool"), mode_t{S_IFREG | 0755});
  EXPECT_TRUE(S_ISLNK(mode_of(at + "/bin/link")));
  EXPECT_TRUE(S_ISDIR(mode_of(at + "/empty")));
  EXPECT_EQ(read_text(at + "/space and\nnewline \xff"), "odd");
  EXPECT_TRUE(exists(workspace.home));
  EXPECT_TRUE(exists(workspace.scratch + "/outputs"));
}

TEST_F(WorkspaceTest, TellsWhatIsAtAPath) {
  put("dir/a", "1");
  ::symlink("dir", (project_path() + "/link").c_str());
  ::symlink("gone", (project_path() + "/dangling").c_str());
  ::mkdir((project_path() + "/empty").c_str(), 0755);
  CaptureRequest request;
  request.artifacts = {{"all", {"out/**"}}};
  const TreeRef tree = after(
      take().input, [](const std::string& at) { write_file(at + "/out/x", "1"); }, request);
  const auto kind = [&](const char* path) { return must(store_->kind_of(tree, path)); };

  EXPECT_EQ(kind("dir"), PathKind::Folder);
  EXPECT_EQ(kind("dir/a"), PathKind::File);
  EXPECT_EQ(kind("dir/a/b"), PathKind::Absent);
  EXPECT_EQ(kind("link"), PathKind::Link);
  EXPECT_EQ(kind("link/a"), PathKind::Absent);
  EXPECT_EQ(kind("dangling"), PathKind::Link);
  EXPECT_EQ(kind("empty"), PathKind::Folder);
  EXPECT_EQ(kind("out"), PathKind::Folder);
  EXPECT_EQ(kind("out/x"), PathKind::File);
  EXPECT_EQ(kind("gone"), PathKind::Absent);
}

TEST_F(WorkspaceTest, FoldersWithoutFilesThatCameOrWentAreChanges) {
  put("gone/empty/.keep", "1");
  put("moved/a", "1");
  ::unlink((project_path() + "/gone/empty/.keep").c_str());
  ::mkdir((project_path() + "/filled").c_str(), 0755);
  const TreeRef input = take().input;
  const TreeRef result = after(input, [](const std::string& at) {
    static_cast<void>(files::remove_tree(at + "/gone"));
    ::mkdir((at + "/new").c_str(), 0755);
    write_file(at + "/filled/x", "1");
    ::rename((at + "/moved/a").c_str(), (at + "/b").c_str());
  });

  EXPECT_THAT(changes(input, result),
              ElementsAre("A b", "A filled/x", "D gone/empty", "D moved/a", "A new"));
}

TEST_F(WorkspaceTest, UnchangedFilesMakeNoCommit) {
  put("a.txt", "hello");
  const TreeRef input = take().input;

  const Capture result = capture(prepare(input));

  EXPECT_EQ(result.tree, input);
  EXPECT_THAT(result.changes, IsEmpty());
}

TEST_F(WorkspaceTest, TakesWhatTheJobAddedChangedAndRemoved) {
  put("keep", "1");
  put("change", "1");
  put("dir/gone", "1");
  const TreeRef input = take().input;
  const PreparedWorkspace workspace = prepare(input);
  write_file(workspace.mount.directory + "/change", "2");
  write_file(workspace.mount.directory + "/new/file", "3", 0755);
  ASSERT_TRUE(files::remove_tree(workspace.mount.directory + "/dir"));

  const Capture result = capture(workspace);

  EXPECT_THAT(lines(result.changes), ElementsAre("M change", "D dir/gone", "A new/file"));
  EXPECT_EQ(text(result.tree, "change"), "2");
  EXPECT_EQ(text(result.tree, "keep"), "1");
  EXPECT_TRUE(must(store_->read_file(result.tree, "new/file", 10))->executable);
}

TEST_F(WorkspaceTest, RunsDoNotSeeEachOthersFiles) {
  put("a", "1");
  const TreeRef input = take().input;
  const PreparedWorkspace one = prepare(input);
  const PreparedWorkspace two = prepare(input);

  write_file(one.mount.directory + "/a", "2");

  EXPECT_EQ(read_text(two.mount.directory + "/a"), "1");
  EXPECT_EQ(read_text(project_path() + "/a"), "1");
}

TEST_F(WorkspaceTest, IgnoredFilesAreTakenOnlyAsArtifacts) {
  put(".gitignore", "*.o\nout/\n");
  const TreeRef input = take().input;
  const PreparedWorkspace workspace = prepare(input);
  const std::string at = workspace.mount.directory;
  write_file(at + "/x.o", "ignored");
  write_file(at + "/out/app", "declared", 0755);
  write_file(at + "/out/log", "ignored");
  write_file(at + "/report.xml", "declared although not ignored");
  CaptureRequest request;
  request.artifacts = {{"app", {"out/a*"}}, {"report", {"*.xml"}}};

  const Capture result = capture(workspace, request);

  EXPECT_THAT(lines(result.changes), ElementsAre("A out/app", "A report.xml"));
  EXPECT_EQ(result.tree.commit, input.commit);
  const PreparedWorkspace next = prepare(result.tree);
  EXPECT_EQ(mode_of(next.mount.directory + "/out/app"), mode_t{S_IFREG | 0755});
  EXPECT_TRUE(exists(next.mount.directory + "/report.xml"));
  EXPECT_FALSE(exists(next.mount.directory + "/out/log"));
  EXPECT_EQ(capture(next).tree, result.tree);
}

TEST_F(WorkspaceTest, AnArtifactThatIsNotThereWhenTheJobSucceededIsTold) {
  put("tracked/a", "1");
  CaptureRequest request;
  request.artifacts = {{"app", {"out/a*", "out/b*", "tracked"}}};
  const PreparedWorkspace failed = prepare(take().input);
  EXPECT_THAT(capture(failed, request).refused, IsEmpty());

  request.save_caches = true;
  const PreparedWorkspace workspace = prepare(take().input);
  request.workspace = workspace;
  EXPECT_FALSE(Workspaces::left_alone(request)) << "it has to be looked for";
  write_file(workspace.mount.directory + "/out/app", "1");
  EXPECT_THAT(capture(workspace, request).refused,
              ElementsAre(Pair("artifacts 'out/b*'", "nothing matches")));
}

TEST_F(WorkspaceTest, ArtifactsThatTheJobRemovesAreGone) {
  CaptureRequest request;
  request.artifacts = {{"out", {"out"}}};
  put("a", "1");
  const TreeRef built = after(
      take().input, [](const std::string& at) { write_file(at + "/out/x", "1"); }, request);

  const TreeRef cleaned = after(
      built, [](const std::string& at) { static_cast<void>(files::remove_tree(at + "/out")); });

  EXPECT_EQ(text(built, "out/x"), "1");
  EXPECT_EQ(text(cleaned, "out/x"), "<absent>");
}

TEST_F(WorkspaceTest, EqualContentGivesEqualIdsWhateverTheHistory) {
  put("a", "1");
  const TreeRef input = take().input;
  const TreeRef there = after(input, [](const std::string& at) { write_file(at + "/a", "2"); });
  const TreeRef back = after(there, [](const std::string& at) { write_file(at + "/a", "1"); });

  EXPECT_NE(back.commit, input.commit);
  EXPECT_EQ(must(store_->content_of(back)), must(store_->content_of(input)));
}

TEST_F(WorkspaceTest, AResultFromTheCacheJoinsTheHistory) {
  put("a", "1");
  const TreeRef input = take().input;
  const TreeRef result = after(input, [](const std::string& at) { write_file(at + "/a", "2"); });
  const std::string content = must(store_->content_of(result));

  const TreeRef adopted = must(store_->adopt(input, content, "", "Reused", 5));
  const TreeRef same = must(store_->adopt(adopted, content, "", "Reused", 6));

  EXPECT_EQ(text(adopted, "a"), "2");
  EXPECT_EQ(same, adopted);
  EXPECT_TRUE(store_->has(content, ""));
  EXPECT_FALSE(store_->has(std::string(40, '1'), ""));
}

TEST_F(WorkspaceTest, ProtectedPathsAreRestoredExactly) {
  put("Makefile", "all:\n");
  put("tests/a", "1");
  put("tests/sub/b", "1");
  put("script", "1", 0755);
  const TreeRef input = take().input;
  const TreeRef cheated = after(input, [](const std::string& at) {
    static_cast<void>(files::remove_tree(at + "/tests"));
    ::symlink("/tmp", (at + "/tests").c_str());
    write_file(at + "/script", "1", 0644);
    write_file(at + "/added-later", "x");
    ::unlink((at + "/Makefile").c_str());
    ::symlink("/etc/passwd", (at + "/Makefile").c_str());
  });
  WorkspaceRequest request;
  request.protect = {"tests/", "Makefile", "script", "added-later", "never/was"};
  request.protect_from = input;

  const PreparedWorkspace workspace = prepare(cheated, request);

  const std::string at = workspace.mount.directory;
  EXPECT_EQ(read_text(at + "/tests/sub/b"), "1");
  EXPECT_TRUE(S_ISDIR(mode_of(at + "/tests")));
  EXPECT_EQ(mode_of(at + "/script"), mode_t{S_IFREG | 0755});
  EXPECT_EQ(read_text(at + "/Makefile"), "all:\n");
  EXPECT_TRUE(S_ISREG(mode_of(at + "/Makefile")));
  EXPECT_FALSE(exists(at + "/added-later"));
}

TEST_F(WorkspaceTest, WhatIsDoneInOrInPlaceOfASubmoduleIsToldAndNotTaken) {
  put("a", "1");
  git(project_path(), "init -q");
  git(project_path(), "add -A");
  git(project_path(),
      "update-index --add --cacheinfo 160000,0123456789012345678901234567890123456789,lib");
  git(project_path(), "commit -q -m first");
  const TreeRef input = take().input;

  const PreparedWorkspace untouched = prepare(input);
  const Capture nothing = capture(untouched);
  EXPECT_THAT(nothing.refused, IsEmpty());
  EXPECT_EQ(nothing.tree, input);

  const PreparedWorkspace filled = prepare(input);
  write_file(filled.mount.directory + "/lib/x", "lost");
  const Capture in_it = capture(filled);
  EXPECT_THAT(in_it.refused, ElementsAre(Pair("lib", "files in a submodule are not taken")));
  EXPECT_EQ(in_it.tree, input);

  const PreparedWorkspace replaced = prepare(input);
  ASSERT_EQ(::rmdir((replaced.mount.directory + "/lib").c_str()), 0);
  write_file(replaced.mount.directory + "/lib", "a file");
  const Capture in_place = capture(replaced);
  EXPECT_THAT(in_place.refused,
              ElementsAre(Pair("lib", "a file in the place of a submodule is not taken")));
  EXPECT_EQ(in_place.tree, input);
}

// A protected file that an earlier, verified task made is part of what was verified.
TEST_F(WorkspaceTest, ProtectedFilesThatTheRunDidNotBeginWithStayAsTheNodeGotThem) {
  put("tests/old", "approved");
  put("plain", "a file");
  const TreeRef approved = take().input;
  const TreeRef verified = after(approved, [](const std::string& at) {
    write_file(at + "/tests/old", "verified, but not approved");
    write_file(at + "/tests/new", "verified");
    write_file(at + "/more/check.py", "verified");
    ::unlink((at + "/plain").c_str());
    write_file(at + "/plain/below", "in the way of an approved file");
  });
  const TreeRef produced = after(verified, [](const std::string& at) {
    write_file(at + "/tests/new", "exit 0");
    write_file(at + "/tests/planted", "exit 0");
    write_file(at + "/more/check.py", "exit 0");
    write_file(at + "/more/other.py", "2");
  });
  WorkspaceRequest request;
  request.protect = {"tests/", "**/check.py", "plain"};
  request.protect_from = approved;
  request.protect_else = verified;

  const std::string at = prepare(produced, request).mount.directory;

  EXPECT_EQ(read_text(at + "/tests/old"), "approved");
  EXPECT_EQ(read_text(at + "/tests/new"), "verified");
  EXPECT_EQ(read_text(at + "/more/check.py"), "verified");
  EXPECT_EQ(read_text(at + "/more/other.py"), "2");
  EXPECT_EQ(read_text(at + "/plain"), "a file");
  EXPECT_FALSE(exists(at + "/tests/planted"));
}

TEST_F(WorkspaceTest, AFolderServesOnlyWhoIsGivenTheSameProtectedFiles) {
  LaidOut laid_out;
  laid_out.request.protect = {"tests/"};
  laid_out.request.protect_from = {"approved", ""};
  laid_out.request.protect_else = {"verified", ""};
  WorkspaceRequest wanted = laid_out.request;
  EXPECT_TRUE(laid_out.serves(wanted));
  wanted.protect_else = {"planted by another node", ""};
  EXPECT_FALSE(laid_out.serves(wanted));
}

TEST_F(WorkspaceTest, WhatAJobDidAtProtectedPathsIsNotTaken) {
  put("Makefile", "all:\n");
  put("tests/a", "1");
  put("tests/sub/b", "1");
  put("deep/down/c", "1");
  put("src", "1");
  const TreeRef input = take().input;
  const PreparedWorkspace workspace = prepare(input);
  const std::string at = workspace.mount.directory;
  write_file(at + "/tests/a", "exit 0");
  write_file(at + "/tests/extra", "x");
  static_cast<void>(files::remove_tree(at + "/tests/sub"));
  static_cast<void>(files::remove_tree(at + "/deep"));
  ::symlink("/etc", (at + "/deep").c_str());
  ::unlink((at + "/Makefile").c_str());
  write_file(at + "/never/was", "x");
  write_file(at + "/src", "2");
  CaptureRequest request;
  request.protect = {"tests/", "Makefile", "deep/down", "never"};

  const Capture result = capture(workspace, request);

  EXPECT_THAT(lines(result.changes), ElementsAre("M src"));
  EXPECT_THAT(changes(input, result.tree), ElementsAre("M src"));
  EXPECT_THAT(
      result.untaken,
      ElementsAre(
          "Makefile", "deep", "deep/down/c", "never/was", "tests/a", "tests/extra", "tests/sub/b"));
}

TEST_F(WorkspaceTest, PatternsProtectWhatTheyMatch) {
  put("tests/real.sh", "1");
  put("tests/sub/deep.sh", "1");
  put("tests/data", "1");
  put("a.lock", "1");
  put("odd[1].txt", "1");
  put("gone/x/check.py", "1");
  const TreeRef input = take().input;
  const auto cheat = [](const std::string& at) {
    write_file(at + "/tests/real.sh", "exit 0");
    write_file(at + "/tests/new.sh", "exit 0");
    write_file(at + "/tests/sub/deep.sh", "2");
    write_file(at + "/tests/data", "2");
    write_file(at + "/odd[1].txt", "2");
    ::unlink((at + "/a.lock").c_str());
    static_cast<void>(files::remove_tree(at + "/gone"));
    write_file(at + "/gone", "a file in the place of a folder");
  };
  WorkspaceRequest before;
  before.protect = {"tests/*.sh", "*.lock", "odd[1].txt", "**/check.py"};
  before.protect_from = input;
  CaptureRequest request;
  request.protect = before.protect;
  const PreparedWorkspace workspace = prepare(input);
  cheat(workspace.mount.directory);

  const Capture result = capture(workspace, request);

  EXPECT_THAT(changes(input, result.tree), ElementsAre("M tests/data", "M tests/sub/deep.sh"));
  EXPECT_THAT(
      result.untaken,
      ElementsAre(
          "a.lock", "gone", "gone/x/check.py", "odd[1].txt", "tests/new.sh", "tests/real.sh"));

  const TreeRef cheated = after(input, cheat);
  const std::string at = prepare(cheated, before).mount.directory;
  EXPECT_EQ(read_text(at + "/tests/real.sh"), "1");
  EXPECT_FALSE(exists(at + "/tests/new.sh"));
  EXPECT_EQ(read_text(at + "/tests/data"), "2");
  EXPECT_EQ(read_text(at + "/gone/x/check.py"), "1");
}

TEST_F(WorkspaceTest, ProtectedPathsAloneMakeNoCommit) {
  put("checks/a", "1");
  const TreeRef input = take().input;
  const PreparedWorkspace workspace = prepare(input);
  write_file(workspace.mount.directory + "/checks/a", "exit 0");
  CaptureRequest request;
  request.protect = {"checks/"};

  const Capture result = capture(workspace, request);

  EXPECT_EQ(result.tree, input);
  EXPECT_THAT(result.untaken, ElementsAre("checks/a"));
}

TEST_F(WorkspaceTest, AnArtifactDoesNotHideOrReplaceAProtectedPath) {
  put(".gitignore", "out/\n");
  put("ci/check", "1");
  const TreeRef input = take().input;
  const PreparedWorkspace workspace = prepare(input);
  const std::string at = workspace.mount.directory;
  static_cast<void>(files::remove_tree(at + "/ci"));
  write_file(at + "/ci", "declared");
  write_file(at + "/out/app", "declared");
  write_file(at + "/out/report", "protected");
  CaptureRequest request;
  request.artifacts = {{"all", {"ci", "out/**"}}};
  request.protect = {"ci/check", "out/report"};

  const Capture result = capture(workspace, request);

  EXPECT_THAT(changes(input, result.tree), ElementsAre("A out/app"));
  EXPECT_EQ(read_text(prepare(result.tree).mount.directory + "/ci/check"), "1");
  EXPECT_THAT(merge({{"a", input}, {"b", result.tree}}).conflicts, IsEmpty());
}

TEST_F(WorkspaceTest, DeliveryWritesNothingAtProtectedPaths) {
  put("checks/a", "1");
  put("p.yaml", "version: 1\n");
  const Project project = take();
  CaptureRequest request;
  request.protect = {"checks/", "p.yaml"};
  const TreeRef result = after(
      project.input,
      [](const std::string& at) {
        write_file(at + "/checks/a", "exit 0");
        write_file(at + "/p.yaml", "engine: host\n");
        write_file(at + "/made", "1");
      },
      request);

  put("checks/a", "changed by its owner meanwhile");
  must(deliver(*store_, project, "pipe/x", result));

  EXPECT_EQ(read_text(project_path() + "/checks/a"), "changed by its owner meanwhile");
  EXPECT_EQ(read_text(project_path() + "/p.yaml"), "version: 1\n");
  EXPECT_EQ(read_text(project_path() + "/made"), "1");
}

TEST_F(WorkspaceTest, CachesAreRestoredAndNeverPartOfTheTree) {
  put("a", "1");
  const TreeRef input = take().input;
  WorkspaceRequest request;
  request.caches = {{"key-1", {"vendor/", "~/.cache/tool"}}};
  const PreparedWorkspace first = prepare(input, request);
  write_file(first.mount.directory + "/vendor/lib", "1");
  write_file(first.home + "/.cache/tool/x", "1");
  CaptureRequest save;
  save.save_caches = true;
  EXPECT_EQ(capture(first, save).tree, input);
  ASSERT_TRUE(workspaces_->settle_caches(first.job, CachesOf::Passed));

  // By path, whatever its place in the list.
  request.caches = {{"key-1", {"~/.cache/tool/", "./vendor"}}};
  const PreparedWorkspace second = prepare(input, request);
  EXPECT_EQ(read_text(second.mount.directory + "/vendor/lib"), "1");
  EXPECT_EQ(read_text(second.home + "/.cache/tool/x"), "1");
  request.caches = {{"key-2", {"vendor/"}}};
  EXPECT_FALSE(exists(prepare(input, request).mount.directory + "/vendor"));
}

TEST_F(WorkspaceTest, ACacheAtAPathOfTheProjectIsTold) {
  put("dir/f", "1");
  const TreeRef input = take().input;
  WorkspaceRequest request;
  request.caches = {{"key", {"./dir/", "vendor", "~/dir"}}};
  const PreparedWorkspace workspace = prepare(input, request);
  write_file(workspace.mount.directory + "/dir/new", "1");

  EXPECT_THAT(capture(workspace).refused,
              ElementsAre(Pair("dir", HasSubstr("new files in it are not taken"))));
}

TEST_F(WorkspaceTest, ACacheMayBeginWithAnothersAndGoesItsOwnWay) {
  put("a", "1");
  const TreeRef input = take().input;
  WorkspaceRequest request;
  const auto work = [&](const std::string& key, const std::string& else_key) {
    request.caches = {{key, {"~/state"}, else_key, true}};
    const PreparedWorkspace workspace = prepare(input, request);
    const std::string file = workspace.home + "/state/log";
    const std::string before = exists(file) ? read_text(file) : "";
    write_file(file, before + key + " ");
    capture(workspace);
    EXPECT_TRUE(workspaces_->settle_caches(workspace.job, CachesOf::Failed));
    return before;
  };
  EXPECT_EQ(work("one", ""), "");
  EXPECT_EQ(work("two", "one"), "one ");
  EXPECT_EQ(work("two", "one"), "one two ") << "its own is newer";
  EXPECT_EQ(work("three", "one"), "one ");
  EXPECT_EQ(work("four", "nobody"), "");
}

TEST_F(WorkspaceTest, AJobThatDoesAwayWithItsHomeLosesOnlyItsCaches) {
  put("a", "1");
  const TreeRef input = take().input;
  WorkspaceRequest request;
  request.caches = {{"key", {"~/tool", "vendor"}}};
  const PreparedWorkspace workspace = prepare(input, request);
  write_file(workspace.mount.directory + "/vendor/lib", "1");
  ASSERT_EQ(::rename(workspace.home.c_str(), (workspace.home + "-2").c_str()), 0);
  ASSERT_EQ(::symlink("/etc", workspace.home.c_str()), 0);
  CaptureRequest save;
  save.save_caches = true;
  EXPECT_EQ(capture(workspace, save).tree, input);
  ASSERT_TRUE(workspaces_->settle_caches(workspace.job, CachesOf::Passed));

  const PreparedWorkspace next = prepare(input, request);
  EXPECT_EQ(read_text(next.mount.directory + "/vendor/lib"), "1");
  EXPECT_FALSE(exists(next.home + "/tool"));
}

TEST_F(WorkspaceTest, WhatIsKeptAnywayNeedsNoVerdict) {
  put("a", "1");
  const TreeRef input = take().input;
  WorkspaceRequest request;
  request.caches = {{"key", {"~/.cache"}}, {"session", {"~/.agent"}, "", true}};
  const PreparedWorkspace first = prepare(input, request);
  write_file(first.home + "/.cache/x", "1");
  write_file(first.home + "/.agent/session", "1");
  EXPECT_EQ(capture(first, {}).tree, input);

  const PreparedWorkspace second = prepare(input, request);
  EXPECT_EQ(read_text(second.home + "/.agent/session"), "1");
  EXPECT_FALSE(exists(second.home + "/.cache/x")) << "nobody said that it passed";
}

TEST_F(WorkspaceTest, ACacheIsWhatTheLastNodeThatPassedLeft) {
  put("a", "1");
  const TreeRef input = take().input;
  WorkspaceRequest request;
  request.caches = {{"key", {"vendor"}}};
  CaptureRequest save;
  save.save_caches = true;
  const auto leave = [&](const std::string& text, std::optional<CachesOf> verdict) {
    const PreparedWorkspace workspace = prepare(input, request);
    write_file(workspace.mount.directory + "/vendor/lib", text);
    capture(workspace, save);
    if (verdict) {
      EXPECT_TRUE(workspaces_->settle_caches(workspace.job, *verdict));
    }
  };
  const auto found = [&] {
    return read_text(prepare(input, request).mount.directory + "/vendor/lib");
  };
  leave("1", CachesOf::Passed);
  EXPECT_EQ(found(), "1");
  leave("2", CachesOf::Passed);
  EXPECT_EQ(found(), "2") << "self-build's ccache grows from run to run";
  leave("poisoned", CachesOf::Failed);
  EXPECT_EQ(found(), "2");
  leave("killed before it was judged", std::nullopt);
  EXPECT_EQ(found(), "2");
}

TEST_F(WorkspaceTest, ACacheOfAnotherPipelineOrProjectIsAnother) {
  put("a", "1");
  const TreeRef input = take().input;
  WorkspaceRequest request;
  request.caches = {{"key", {"vendor"}}};
  const PreparedWorkspace first = prepare(input, request);
  write_file(first.mount.directory + "/vendor/lib", "1");
  CaptureRequest save;
  save.save_caches = true;
  capture(first, save);
  ASSERT_TRUE(workspaces_->settle_caches(first.job, CachesOf::Passed));
  Workspaces other(*store_,
                   dsl::RunId("other"),
                   {temp_ / "store/runs/other/work",
                    temp_ / "store/checkouts",
                    temp_ / "store/caches",
                    "another project"});
  request.job = JobName("elsewhere");
  request.tree = input;
  const auto theirs = other.prepare(request, nullptr);
  ASSERT_TRUE(theirs) << theirs.error().message;
  EXPECT_FALSE(exists(theirs->mount.directory + "/vendor"));
}

TEST_F(WorkspaceTest, CachesDoNotLeaveTheWorkspace) {
  put("a", "1");
  write_file(temp_ / "outside/secret", "secret");
  WorkspaceRequest request;
  request.caches = {{"key", {"vendor/lib"}}};
  const PreparedWorkspace workspace = prepare(take().input, request);
  ::symlink((temp_ / "outside").c_str(), (workspace.mount.directory + "/vendor").c_str());
  write_file(temp_ / "outside/lib", "secret");
  CaptureRequest save;
  save.save_caches = true;
  capture(workspace, save);

  EXPECT_FALSE(exists(prepare(take().input, request).mount.directory + "/vendor"));
  request.caches = {{"other", {"../x"}}};
  save.workspace = prepare(take().input, request);
  const auto refused = workspaces_->capture(save);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("leads out"));
}

TEST_F(WorkspaceTest, OutputsAreBytesInTheOrderTheyWereDeclared) {
  put("a", "1");
  const PreparedWorkspace workspace = prepare(take().input);
  write_file(workspace.scratch + "/outputs/version", "1.2\n");
  write_file(workspace.mount.directory + "/ignored/result.json", "{}");
  write_file(workspace.mount.directory + "/.gitignore", "ignored/\n");
  CaptureRequest request;
  request.outputs = {{"json", "ignored/result.json", {}}, {"version", "", {}}, {"none", "", {}}};

  const Capture result = capture(workspace, request);

  EXPECT_EQ(*result.outputs[0], "{}");
  EXPECT_EQ(*result.outputs[1], "1.2\n");
  EXPECT_EQ(result.outputs[2].error().message, "it was not written");
}

TEST_F(WorkspaceTest, HashesOfFilesFollowNamesAndContent) {
  put("go.sum", "1");
  put("sub/go.sum", "2");
  put("other", "3");
  const TreeRef input = take().input;
  const TreeRef touched =
      after(input, [](const std::string& at) { write_file(at + "/other", "4"); });
  const TreeRef changed =
      after(input, [](const std::string& at) { write_file(at + "/sub/go.sum", "4"); });
  const auto hash = [&](const TreeRef& tree, const std::string& glob) {
    return must(store_->hash_files(tree, {glob}));
  };

  EXPECT_EQ(hash(input, "**/go.sum").size(), 64U);
  EXPECT_EQ(hash(input, "**/go.sum"), hash(touched, "**/go.sum"));
  EXPECT_NE(hash(input, "**/go.sum"), hash(changed, "**/go.sum"));
  EXPECT_EQ(hash(input, "*.none"), "");
}

TEST_F(WorkspaceTest, AChangeThatHidesBehindSizeAndTimeIsSeen) {
  for (int i = 0; i < 100; ++i) {
    put("file-" + std::to_string(i), std::string(50, static_cast<char>('a' + i % 26)));
  }
  const PreparedWorkspace workspace = prepare(take().input);
  const std::string at = workspace.mount.directory;
  // Same size and same modification time, as a job that hides its change would leave it.
  struct stat status {};
  ASSERT_EQ(::stat((at + "/file-7").c_str(), &status), 0);
  write_file(at + "/file-7", std::string(50, 'X'));
  const timespec times[2] = {status.st_atim, status.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (at + "/file-7").c_str(), times, 0), 0);

  const Capture result = capture(workspace);

  EXPECT_THAT(lines(result.changes), ElementsAre("M file-7"));
}

TEST_F(WorkspaceTest, TreesOfARunAreKeptByReferences) {
  put("a", "1");
  const TreeRef result =
      after(take().input, [](const std::string& at) { write_file(at + "/a", "2"); });

  EXPECT_EQ(git(temp_ / "store/trees.git", "rev-parse refs/pipe/runs/calm-otter-3f2a/job-1"),
            result.commit);
  EXPECT_THAT(git(temp_ / "store/trees.git", "fsck --no-dangling"), Not(HasSubstr("missing")));
}

}  // namespace
}  // namespace runner::test
