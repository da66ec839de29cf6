// A job finds a repository in its workspace and commits there. What it left is hostile.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <vector>

#include <gmock/gmock.h>

#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class OwnCommits : public StoreTest {
 protected:
  OwnCommits() {
    git(project_path(), "init -q");
    put("kept.txt", "one\n");
    put("src/a.c", "int a;\n");
    put("guard/check.sh", "true\n", 0755);
    git(project_path(), "add -A");
    git(project_path(), "commit -qm first");
    git(project_path(), "commit -q --allow-empty -m second");
    input_ = take().input;
  }

  /// What a job that calls `work` with its workspace left.
  template <class Work>
  Capture left(Work work, CaptureRequest request = {}) {
    WorkspaceRequest wanted;
    wanted.repository = true;
    const PreparedWorkspace workspace = prepare(input_, wanted);
    work(workspace.mount.directory);
    request.own_commits = true;
    request.discard = true;
    return capture(workspace, std::move(request));
  }

  /// From the tip back to the input, which is not among them.
  std::vector<git::Commit> commits(const TreeRef& tip) {
    std::vector<git::Commit> all;
    auto objects = must(store_->borrow());
    for (std::string id = tip.commit; id != input_.commit;) {
      all.push_back(must(objects->read_commit(must(git::parse_oid(id)))));
      EXPECT_EQ(all.back().parents.size(), 1U);
      id = git::to_hex(all.back().parents.at(0));
    }
    return all;
  }
  std::vector<std::string> messages(const TreeRef& tip) {
    std::vector<std::string> all;
    for (const git::Commit& commit : commits(tip)) {
      all.push_back(commit.message);
    }
    return all;
  }

  TreeRef input_;
};

void write(const std::string& path, const std::string& bytes) {
  write_file(path, bytes, 0644);
}

TEST_F(OwnCommits, AJobFindsItsInputCommittedAndNothingBeforeIt) {
  left([&](const std::string& ws) {
    EXPECT_EQ(git(ws, "status --porcelain"), "");
    EXPECT_EQ(git(ws, "rev-parse HEAD"), input_.commit);
    EXPECT_EQ(git(ws, "log --format=%s"), "second");
    EXPECT_EQ(git(ws, "fsck --no-dangling"), "");
    EXPECT_EQ(git(ws, "branch --show-current"), "pipe");
  });
}

TEST_F(OwnCommits, ItsCommitsAreKeptAndTheRestIsOneMore) {
  const Capture capture = left([](const std::string& ws) {
    write(ws + "/kept.txt", "two\n");
    git(ws, "commit -qam 'fix: two'");
    write(ws + "/new.txt", "new\n");
    git(ws, "add -A");
    git(ws, "commit -qm 'feat: new'");
    write(ws + "/rest.txt", "rest\n");
  });
  EXPECT_THAT(capture.notes, IsEmpty());
  EXPECT_THAT(capture.refused, IsEmpty());
  EXPECT_THAT(messages(capture.tree), ElementsAre("Work\n", "feat: new\n", "fix: two\n"));
  const git::Commit own = commits(capture.tree)[1];
  EXPECT_EQ(own.author, "a <a@b>");
  EXPECT_EQ(own.committer, "pipe <pipe@localhost>");
  EXPECT_EQ(text(capture.tree, "kept.txt"), "two\n");
  EXPECT_EQ(text(capture.tree, "rest.txt"), "rest\n");
  EXPECT_EQ(capture.changes.size(), 3U);
}

TEST_F(OwnCommits, WhereNothingIsLeftOverItsLastCommitIsTheResult) {
  const Capture capture = left([](const std::string& ws) {
    write(ws + "/kept.txt", "two\n");
    git(ws, "commit -qam 'fix: two'");
  });
  EXPECT_THAT(messages(capture.tree), ElementsAre("fix: two\n"));
}

TEST_F(OwnCommits, ABranchThatItMergedIsKeptAsOne) {
  const Capture capture = left([](const std::string& ws) {
    git(ws, "checkout -qb side");
    write(ws + "/side.txt", "side\n");
    git(ws, "add -A");
    git(ws, "commit -qm side");
    git(ws, "checkout -q pipe");
    write(ws + "/kept.txt", "two\n");
    git(ws, "commit -qam two");
    git(ws, "merge -q --no-edit side");
  });
  auto objects = must(store_->borrow());
  const git::Commit merge = must(objects->read_commit(must(git::parse_oid(capture.tree.commit))));
  EXPECT_EQ(merge.parents.size(), 2U);
  EXPECT_EQ(text(capture.tree, "side.txt"), "side\n");
}

TEST_F(OwnCommits, CommitsThatComeToNothingAreNone) {
  const Capture capture = left([](const std::string& ws) {
    write(ws + "/kept.txt", "two\n");
    git(ws, "commit -qam there");
    git(ws, "revert --no-edit HEAD");
  });
  EXPECT_EQ(capture.tree, input_);
}

TEST_F(OwnCommits, TheTreeIsTheOneInTheWorkspaceWhateverWasCommitted) {
  const Capture capture = left([](const std::string& ws) {
    write(ws + "/evil.txt", "evil\n");
    git(ws, "add -A");
    git(ws, "commit -qm evil");
    fs::remove(ws + "/evil.txt");
    write(ws + "/good.txt", "good\n");
  });
  EXPECT_EQ(text(capture.tree, "evil.txt"), "<absent>");
  EXPECT_EQ(text(capture.tree, "good.txt"), "good\n");
  EXPECT_THAT(messages(capture.tree), ElementsAre("Work\n", "evil\n"));
}

TEST_F(OwnCommits, NothingOfItsRepositoryRunsOrIsObeyed) {
  const std::string marker = temp_ / "ran";
  const Capture capture = left([&](const std::string& ws) {
    write(ws + "/kept.txt", "two\n");
    git(ws, "commit -qam two");
    for (const char* hook :
         {"post-checkout", "pre-commit", "post-commit", "reference-transaction"}) {
      write_file(ws + "/.git/hooks/" + hook, "#!/bin/sh\ntouch " + marker + "\n", 0755);
    }
    git(ws, "config core.fsmonitor 'touch " + marker + "'");
    git(ws, "config filter.evil.clean 'touch " + marker + "; cat'");
    git(ws, "config core.attributesFile " + ws + "/.git/attributes");
    write(ws + "/.git/attributes", "* filter=evil\n");
    write(ws + "/.git/objects/info/alternates", "/nowhere\n");
    git(ws, "config core.worktree /");
  });
  EXPECT_THAT(messages(capture.tree), ElementsAre("two\n"));
  EXPECT_FALSE(fs::exists(marker));
}

TEST_F(OwnCommits, ProtectedFilesAreAsTheyWereInEachCommit) {
  CaptureRequest request;
  request.protect = {"guard/"};
  const Capture capture = left(
      [](const std::string& ws) {
        write(ws + "/guard/check.sh", "exit 0\n");
        git(ws, "commit -qam 'only the guard'");
        write(ws + "/kept.txt", "two\n");
        write(ws + "/guard/more.sh", "more\n");
        git(ws, "add -A");
        git(ws, "commit -qm both");
      },
      request);
  EXPECT_THAT(messages(capture.tree), ElementsAre("both\n"));
  EXPECT_EQ(text(capture.tree, "guard/check.sh"), "true\n");
  EXPECT_EQ(text(capture.tree, "guard/more.sh"), "<absent>");
  EXPECT_THAT(capture.untaken, Contains("guard/check.sh"));
}

TEST_F(OwnCommits, MessagesAndAuthorsCannotPassForOurs) {
  const Capture capture = left([](const std::string& ws) {
    write(ws + "/kept.txt", "two\n");
    git(ws,
        "-c user.name=x commit -qa --author='E\x1b[31mve <e@x>' "
        "-m \"subject\x1b[2J\" -m 'Pipe-Run: other\n pipe-task: forged\nReviewed-by: eve'");
  });
  const git::Commit own = commits(capture.tree).at(0);
  EXPECT_EQ(own.message, "subject[2J\n\nReviewed-by: eve\n");
  EXPECT_EQ(own.author, "E[31mve <e@x>");
  EXPECT_EQ(own.committer, "pipe <pipe@localhost>");
}

TEST_F(OwnCommits, WhatAnyOfThemBringsIsFlagged) {
  const Capture capture = left([](const std::string& ws) {
    fs::create_directories(ws + "/.github/workflows");
    write(ws + "/.github/workflows/x.yml", "on: push\n");
    git(ws, "add -A");
    git(ws, "commit -qm 'for a moment'");
    git(ws, "rm -rqf .github");
    write(ws + "/kept.txt", "two\n");
    git(ws, "commit -qam 'as if nothing'");
  });
  ASSERT_EQ(capture.flagged.size(), 1U);
  EXPECT_EQ(capture.flagged[0].path, ".github/workflows/x.yml");
}

TEST_F(OwnCommits, UnconventionalOnesAreOneCommitWhereTheyMustBeConventional) {
  CaptureRequest request;
  request.conventional = true;
  const Capture capture = left(
      [](const std::string& ws) {
        write(ws + "/kept.txt", "two\n");
        git(ws, "commit -qam 'fix: two'");
        write(ws + "/kept.txt", "three\n");
        git(ws, "commit -qam wip");
      },
      request);
  EXPECT_THAT(messages(capture.tree), ElementsAre("Work\n"));
  EXPECT_THAT(capture.notes,
              ElementsAre(AllOf(HasSubstr("its own commits are not kept"), HasSubstr("'wip'"))));
}

/// What a job may leave in its repository that is no history of ours. In each case its files are
/// taken as one commit, and a note says why.
struct Refusal {
  const char* name;
  void (*work)(const std::string& ws);
  const char* note;
};

class OwnCommitsRefused : public OwnCommits, public testing::WithParamInterface<Refusal> {};

TEST_P(OwnCommitsRefused, AllIsOneCommit) {
  const Capture capture = left([](const std::string& ws) {
    write(ws + "/kept.txt", "two\n");
    git(ws, "commit -qam own");
    GetParam().work(ws);
    write(ws + "/rest.txt", "rest\n");
  });
  EXPECT_THAT(messages(capture.tree), ElementsAre("Work\n"));
  EXPECT_THAT(capture.notes, ElementsAre(HasSubstr(GetParam().note)));
  EXPECT_EQ(text(capture.tree, "kept.txt"), "two\n");
  EXPECT_EQ(text(capture.tree, "rest.txt"), "rest\n");
}

std::string object_file(const std::string& ws, const std::string& what) {
  const std::string id = git(ws, "rev-parse " + what);
  return ws + "/.git/objects/" + id.substr(0, 2) + "/" + id.substr(2);
}

const Refusal kRefusals[] = {
    {"Gone", [](const std::string& ws) { fs::remove_all(ws + "/.git"); }, "is gone"},
    {"ALink",
     [](const std::string& ws) {
       fs::rename(ws + "/.git", ws + "/../elsewhere");
       fs::create_symlink("../elsewhere", ws + "/.git");
     },
     "is gone"},
    {"NoHead",
     [](const std::string& ws) { write(ws + "/.git/HEAD", "ref: refs/heads/nowhere\n"); },
     "HEAD leads nowhere"},
    {"HeadAboveIt",
     [](const std::string& ws) { write(ws + "/.git/HEAD", "ref: refs/../../kept.txt\n"); },
     "HEAD"},
    {"HeadIsAPipe",
     [](const std::string& ws) {
       fs::remove(ws + "/.git/HEAD");
       ::mkfifo((ws + "/.git/HEAD").c_str(), 0644);
     },
     "HEAD leads nowhere"},
    {"AHistoryOfItsOwn",
     [](const std::string& ws) {
       git(ws, "checkout -q --orphan own");
       git(ws, "commit -qm orphan");
     },
     "do not stand on what the task began from"},
    {"ABrokenObject",
     [](const std::string& ws) {
       fs::permissions(object_file(ws, "HEAD"), fs::perms::owner_all);
       write(object_file(ws, "HEAD"), "no object");
     },
     "is broken"},
    {"AnotherObject",
     [](const std::string& ws) {
       const std::string file = object_file(ws, "HEAD:kept.txt");
       fs::remove(file);
       fs::copy_file(object_file(ws, "HEAD~1:kept.txt"), file);
     },
     "is not what its name says"},
    {"AnObjectThatIsALink",
     [](const std::string& ws) {
       const std::string file = object_file(ws, "HEAD");
       fs::rename(file, file + ".there");
       fs::create_symlink(file + ".there", file);
     },
     "is not there as a file of its own"},
    {"AnObjectThatIsAPipe",
     [](const std::string& ws) {
       const std::string file = object_file(ws, "HEAD");
       fs::remove(file);
       ::mkfifo(file.c_str(), 0644);
     },
     "is not there as a file of its own"},
    {"Packed",
     [](const std::string& ws) { git(ws, "gc -q"); },
     "is not there as a file of its own"},
    {"ARepositoryInIt",
     [](const std::string& ws) {
       git(ws,
           "update-index --add --cacheinfo 160000,1111111111111111111111111111111111111111,sub");
       git(ws, "commit -qm sub");
     },
     "has the repository 'sub' in it"},
    {"AFileNamedGit",
     [](const std::string& ws) {
       const std::string tree =
           git(ws,
               "rev-parse HEAD:kept.txt | sed 's/.*/100644 blob &\\t.GIT/' | git -C '" + ws +
                   "' mktree");
       git(ws, "update-ref HEAD $(git -C '" + ws + "' commit-tree -p HEAD -m evil " + tree + ")");
     },
     "has a file of the name '.GIT'"},
};

INSTANTIATE_TEST_SUITE_P(Left,
                         OwnCommitsRefused,
                         testing::ValuesIn(kRefusals),
                         [](const auto& each) { return each.param.name; });

TEST_F(OwnCommits, WhatItWasNotGivenCannotBeNamedIntoItsHistory) {
  // The user's repository has a secret on another branch; the job knows its id, not its bytes.
  git(project_path(), "checkout -qb private");
  put("secret.txt", "secret\n");
  git(project_path(), "add -A");
  git(project_path(), "commit -qm private");
  const std::string secret = git(project_path(), "rev-parse HEAD:secret.txt");
  git(project_path(), "checkout -q main");
  const Capture capture = left([&](const std::string& ws) {
    write(ws + "/kept.txt", "two\n");
    git(ws, "commit -qam own");
    const std::string tree = git(ws,
                                 "--version >/dev/null; printf '100644 blob " + secret +
                                     "\\tgot\\n' | git -C '" + ws + "' mktree --missing");
    git(ws, "update-ref HEAD $(git -C '" + ws + "' commit-tree -p HEAD -m evil " + tree + ")");
  });
  EXPECT_THAT(messages(capture.tree), ElementsAre("Work\n"));
  EXPECT_THAT(capture.notes, ElementsAre(HasSubstr("is not there as a file of its own")));
}

TEST_F(OwnCommits, AWorkspaceWithoutOneTakesNothingOfOne) {
  const PreparedWorkspace workspace = prepare(input_);
  EXPECT_FALSE(fs::exists(workspace.mount.directory + "/.git"));
  git(workspace.mount.directory, "init -q");
  write(workspace.mount.directory + "/kept.txt", "two\n");
  git(workspace.mount.directory, "add -A");
  git(workspace.mount.directory, "commit -qm own");
  const Capture capture = this->capture(workspace);
  EXPECT_THAT(messages(capture.tree), ElementsAre("Work\n"));
  ASSERT_EQ(capture.refused.size(), 1U);
  EXPECT_EQ(capture.refused[0].first, ".git");
}

TEST_F(OwnCommits, BringWhatTheLastOneTookBack) {
  const Capture capture = left([this](const std::string& workspace) {
    fs::create_directories(workspace + "/.github/workflows");
    std::ofstream(workspace + "/.github/workflows/x.yml") << "on: push\n";
    std::ofstream(workspace + "/allowed") << "1\n";
    git(workspace, "add -A");
    git(workspace, "commit -qm one");
    fs::remove_all(workspace + "/.github");
    git(workspace, "add -A");
    git(workspace, "commit -qm two");
    std::ofstream(workspace + "/rest") << "not committed\n";
  });
  ASSERT_EQ(commits(capture.tree).size(), 3U);
  const auto flagged = must(store_->flagged(input_, capture.tree));
  ASSERT_EQ(flagged.size(), 1U);
  EXPECT_EQ(flagged[0].path, ".github/workflows/x.yml");
  const auto paths = [](const std::vector<ChangedPath>& changes) {
    std::vector<std::string> all;
    for (const ChangedPath& change : changes) {
      all.push_back(change.path);
    }
    return all;
  };
  EXPECT_THAT(paths(must(store_->diff(input_, capture.tree))), ElementsAre("allowed", "rest"));
  EXPECT_THAT(paths(must(store_->brought(input_, capture.tree))),
              ElementsAre(".github/workflows/x.yml", "allowed", "rest"));
}

}  // namespace
}  // namespace runner::test
