#include "runner/sys/git.h"

#include <array>
#include <fcntl.h>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/sys/git_project.h"
#include "tests/support/git_program.h"
#include "tests/support/temp_folder.h"

namespace runner::git {
namespace {

using test::read_text;
using test::TempFolder;
using test::write_file;
using testing::HasSubstr;

template <class T>
T must(dsl::Result<T> result) {
  if (!result) {
    throw std::runtime_error(result.error().message);
  }
  return *std::move(result);
}

std::unique_ptr<ObjectDatabase> open(const TempFolder& temp) {
  return must(ObjectDatabase::open(temp / "trees.git"));
}

TEST(Objects, AreOfOneDatabaseWhoeverMakesIt) {
  for (int round = 0; round < 10; ++round) {
    const TempFolder temp;
    std::vector<std::thread> threads;
    std::array<std::string, 6> problems;
    for (std::string& problem : problems) {
      threads.emplace_back([&] {
        const auto database = ObjectDatabase::open(temp / "trees.git");
        problem = database ? "" : database.error().message;
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    EXPECT_THAT(problems, testing::Each(""));
  }
}

TEST(Objects, AreThoseThatGitWouldWrite) {
  const TempFolder temp;
  const auto database = open(temp);
  auto objects = must(database->borrow());
  const Oid blob = must(objects->write_blob("hello\n"));
  const Oid tree = must(objects->write_tree(
      {{"a.b", Kind::File, blob},
       {"a", Kind::Folder, must(objects->write_tree({{"x", Kind::Link, blob}}))},
       {"a-b", Kind::Executable, blob}}));
  Commit commit;
  commit.tree = tree;
  commit.time_s = 1'700'000'000;
  commit.message = "First";
  const Oid id = must(objects->write_commit(commit));

  const std::string store = temp / "trees.git";
  EXPECT_EQ(to_hex(blob), "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(test::git(store, "fsck --strict --no-dangling " + to_hex(id)), "");
  EXPECT_EQ(test::git(store, "ls-tree --name-only " + to_hex(tree)), "a-b\na.b\na");
  EXPECT_EQ(test::git(store, "log --format='%an <%ae> %at %s' " + to_hex(id)),
            "pipe <pipe@localhost> 1700000000 First");
  EXPECT_EQ(must(objects->read_tree(tree)).size(), 3U);
  EXPECT_EQ(must(objects->read_commit(id)).message, "First\n");
}

TEST(Objects, ReadWhatGitPackedAndSayWhatIsMissing) {
  const TempFolder temp;
  ASSERT_TRUE(files::make_directories(temp / "user"));
  test::git(temp / "user", "init -q");
  write_file(temp / "user/file", "content");
  test::git(temp / "user", "add -A");
  test::git(temp / "user", "commit -q -m first");
  test::git(temp / "user", "gc -q");
  const auto database = open(temp);
  auto objects = must(database->borrow());
  const Oid head = *from_hex(test::git(temp / "user", "rev-parse HEAD"));
  const auto absent = objects->read_commit(head);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().message, "object " + to_hex(head) + " is missing");

  ASSERT_TRUE(database->add_alternate(temp / "user/.git/objects"));
  auto again = must(database->borrow());
  const Commit commit = must(again->read_commit(head));

  EXPECT_EQ(must(again->read_blob(must(again->read_tree(commit.tree)).front().id, 100)), "content");
  EXPECT_TRUE(again->has(head));
  EXPECT_FALSE(again->owns(head));
}

TEST(Objects, SeeThroughAlternatesOfAlternatesAndWriteToNone) {
  const TempFolder temp;
  ASSERT_TRUE(files::make_directories(temp / "user"));
  test::git(temp / "user", "init -q");
  write_file(temp / "user/file", "content");
  test::git(temp / "user", "add -A");
  test::git(temp / "user", "commit -q -m first");
  test::git(temp.path(), "clone -q --shared user clone");
  const std::string blob = test::git(temp / "user", "rev-parse HEAD:file");
  const std::string path = temp / "user/.git/objects/" + blob.substr(0, 2) + "/" + blob.substr(2);
  const timespec long_ago[2] = {{1'000'000, 0}, {1'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), long_ago, 0), 0);
  const auto database = open(temp);
  ASSERT_TRUE(database->add_alternate(temp / "clone/.git/objects"));
  auto objects = must(database->borrow());

  EXPECT_EQ(to_hex(must(objects->write_blob("content"))), blob);  // is there already

  EXPECT_FALSE(objects->owns(*from_hex(blob)));
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mtim.tv_sec, 1'000'000);
}

TEST(Objects, LargeBlobsGoThroughInPieces) {
  const TempFolder temp;
  std::string bytes;
  for (std::int64_t i = 0; bytes.size() < (9U << 20U); ++i) {
    bytes += std::to_string(i * 7919) + "\n";
  }
  write_file(temp / "large", bytes);
  const auto database = open(temp);
  auto objects = must(database->borrow());
  const Fd from(::open((temp / "large").c_str(), O_RDONLY | O_CLOEXEC));

  const Oid id =
      must(objects->write_blob_from(from.get(), static_cast<std::int64_t>(bytes.size())));

  EXPECT_EQ(to_hex(id), test::git(temp.path(), "hash-object large"));
  EXPECT_EQ(must(objects->blob_size(id)), static_cast<std::int64_t>(bytes.size()));
  const Fd to(::open((temp / "copy").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_TRUE(objects->copy_blob(id, to.get()));
  EXPECT_TRUE(read_text(temp / "copy") == bytes);
  EXPECT_TRUE(objects->make_durable());
}

TEST(Objects, AFileThatChangesItsSizeIsRefused) {
  const TempFolder temp;
  write_file(temp / "file", "12345");
  const auto database = open(temp);
  auto objects = must(database->borrow());
  for (const std::int64_t claimed : {4, 6, 5 << 20}) {
    const Fd file(::open((temp / "file").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_FALSE(objects->write_blob_from(file.get(), claimed)) << claimed;
  }
}

TEST(Objects, MergeTextsByLinesOnly) {
  EXPECT_EQ(Objects::merge_texts("1\n2\n3\n4\n", "0\n2\n3\n4\n", "1\n2\n3\n5\n"), "0\n2\n3\n5\n");
  EXPECT_EQ(Objects::merge_texts("1\n", "2\n", "3\n"), std::nullopt);
  const std::string binary("1\0\n2\n3\n", 7);
  EXPECT_EQ(Objects::merge_texts(binary, binary + "4\n", "0" + binary), std::nullopt);
}

TEST(ObjectDatabase, KeepsReferencesAndRemovesThemByPrefix) {
  const TempFolder temp;
  const auto database = open(temp);
  auto objects = must(database->borrow());
  Commit commit;
  commit.tree = empty_tree();
  const Oid id = must(objects->write_commit(commit));
  ASSERT_TRUE(database->set_reference("refs/pipe/runs/a/one", id));
  ASSERT_TRUE(database->set_reference("refs/pipe/runs/a/two", id));
  ASSERT_TRUE(database->set_reference("refs/pipe/runs/ab/one", id));

  ASSERT_TRUE(database->remove_references("refs/pipe/runs/a/"));

  EXPECT_EQ(test::git(temp / "trees.git", "for-each-ref --format='%(refname)'"),
            "refs/pipe/runs/ab/one");
}

TEST(SafeNames, AreNeverGitsOwnNorPaths) {
  for (const char* good : {"a", ".gitignore", "git", "...", " ", "\xff", "a\n"}) {
    EXPECT_TRUE(is_safe_name(good)) << good;
  }
  for (const char* bad : {"", ".", "..", ".git", ".GIT", ".Git", "a/b", "/"}) {
    EXPECT_FALSE(is_safe_name(bad)) << bad;
  }
}

// What other systems take for `.git`, as git refuses it too.
TEST(SafeNames, AreNotTakenForGitsOwnAnywhere) {
  for (const char* bad : {"git~1",
                          "GIT~1",
                          ".git.",
                          ".git ",
                          ".Git . .",
                          ".git::$INDEX_ALLOCATION",
                          ".git:x",
                          ".git\\config",
                          "git~1.",
                          ".g\u200cit",
                          "\u200e.git",
                          ".gi\u202et",
                          ".GIT\ufeff",
                          ".\u206fgit"}) {
    EXPECT_FALSE(is_safe_name(bad)) << bad;
  }
  for (const char* good : {"git~2",
                           "git~10",
                           ".gitx",
                           "x.git",
                           ".git\u00e9",
                           ".g\u2010it",
                           "a:b",
                           "a. ",
                           "back\\slash",
                           "\u200c",
                           "\xe2\x80"}) {
    EXPECT_TRUE(is_safe_name(good)) << good;
  }
}

TEST(BranchNames, AreOnlyThoseThatNothingReadsAsSomethingElse) {
  for (const char* good : {"main", "pipe/build/calm-otter-3f2a", "a.b", "v1.0_x+y=z@home"}) {
    EXPECT_TRUE(check_branch_name(good)) << good;
  }
  for (const char* bad : {"",
                          "--upload-pack=touch m",
                          "-x",
                          "a..b",
                          "@{-1}",
                          "x.lock",
                          "a.lock/b",
                          "$(id)",
                          "a b",
                          "a/",
                          "/a",
                          "a//b",
                          ".a",
                          "a/.b",
                          "a.",
                          "HEAD",
                          "@",
                          "a~1",
                          "a^",
                          "a:b",
                          "a\\b",
                          "a*",
                          "refs/heads/x",
                          "a/-b",
                          "a;b",
                          "`id`",
                          "a\nb"}) {
    EXPECT_FALSE(check_branch_name(bad)) << bad;
  }
  EXPECT_FALSE(check_branch_name(std::string(201, 'a')));
}

}  // namespace
}  // namespace runner::git
