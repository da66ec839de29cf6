#include "runner/sys/files.h"

#include <array>
#include <fcntl.h>
#include <set>
#include <sys/socket.h>
#include <sys/un.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace runner::files {
namespace {

using test::exists;
using test::mode_of;
using test::read_text;
using test::TempFolder;
using test::write_file;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

std::string why_not(const dsl::Result<std::string>& result) {
  return result ? "was read: " + *result : result.error().message;
}

// A task may nest folders as it likes; a buffer of the walk on the stack for each of them was more
// than there is of it.
TEST(DiskUse, IsToldOfNestedFoldersAndIsUnknownBeyond) {
  const TempFolder folder;
  const auto nested = [&](const std::string& name, int levels) {
    Fd at(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < levels; ++i) {
      EXPECT_EQ(::mkdirat(at.get(), name.c_str(), 0755), 0);
      at = Fd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    return disk_use(folder.path() + "/" + name);
  };
  EXPECT_TRUE(nested("a", 500).has_value());
  EXPECT_FALSE(nested("b", 600).has_value());
}

// Records of 32 bytes fill the kernel's buffer to its last byte: the end of a name was written
// behind what had been allocated.
TEST(ListNames, TellsEachOfThousands) {
  const TempFolder folder;
  const Fd at(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::set<std::string> made;
  for (int i = 0; i < 5'000; ++i) {
    const std::string name = "name" + std::to_string(10'000'000 + i);
    ASSERT_EQ(name.size(), 12U);
    ASSERT_TRUE(Fd(::openat(at.get(), name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)));
    made.insert(name);
  }
  std::vector<std::string> names;
  ASSERT_TRUE(list_names(at.get(), names));
  EXPECT_EQ(names.size(), made.size());
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()), made);
}

TEST(JoinBelow, TakesOnlyWhatStaysInTheFolder) {
  EXPECT_EQ(*join_below("/root", "a/b"), "/root/a/b");
  EXPECT_EQ(*join_below("/root/", "..a"), "/root/..a");
  for (const std::string& bad : {std::string(),
                                 std::string("/a"),
                                 std::string(".."),
                                 std::string("a/../b"),
                                 std::string("a/.."),
                                 std::string("a\0b", 3)}) {
    EXPECT_FALSE(join_below("/root", bad)) << bad;
  }
}

TEST(Printable, ShowsControlCharactersAndBadUtf8AsNumbers) {
  EXPECT_EQ(printable("grün €😀"), "grün €😀");
  EXPECT_EQ(printable("a\nb\x1b[31m\\"), "a\\x0ab\\x1b[31m\\x5c");
  EXPECT_EQ(printable("\xff\xc0\xaf\xed\xa0\x80"), "\\xff\\xc0\\xaf\\xed\\xa0\\x80");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");  // CSI as one character
}

TEST(ReadBeneath, FollowsNoLinkAndLeavesNoFolder) {
  const TempFolder temp;
  write_file(temp / "secret", "secret");
  write_file(temp / "root/dir/file", "fine");
  ASSERT_EQ(::symlink((temp / "secret").c_str(), (temp / "root/link").c_str()), 0);
  ASSERT_EQ(::symlink("..", (temp / "root/up").c_str()), 0);
  ASSERT_EQ(::symlink("/proc/self/root", (temp / "root/magic").c_str()), 0);

  EXPECT_EQ(*read_beneath(temp / "root", "dir/file", 10), "fine");
  EXPECT_THAT(why_not(read_beneath(temp / "root", "link", 10)), HasSubstr("not a regular file"));
  EXPECT_THAT(why_not(read_beneath(temp / "root", "up/secret", 10)),
              HasSubstr("not a regular file"));
  EXPECT_THAT(why_not(read_beneath(temp / "root", "magic/etc/passwd", 10)),
              HasSubstr("not a regular file"));
  EXPECT_THAT(why_not(read_beneath(temp / "root", "../secret", 10)), HasSubstr("leads out"));
}

TEST(ReadBeneath, RefusesWhatIsNoRegularFileWithoutWaiting) {
  const TempFolder temp;
  write_file(temp / "x", "");
  ASSERT_EQ(::mkfifo((temp / "fifo").c_str(), 0644), 0);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (temp / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);

  for (const char* name : {"fifo", "socket", "."}) {
    EXPECT_THAT(why_not(read_beneath(temp.path(), name, 10)), HasSubstr("not a regular file"))
        << name;
  }
}

TEST(ReadBeneath, TellsATooLargeFileFromASparseOneWithoutReadingIt) {
  const TempFolder temp;
  write_file(temp / "ten", "0123456789");
  write_file(temp / "sparse", "");
  ASSERT_EQ(::truncate((temp / "sparse").c_str(), 900LL << 30), 0);

  EXPECT_EQ(*read_beneath(temp.path(), "ten", 10), "0123456789");
  EXPECT_THAT(why_not(read_beneath(temp.path(), "ten", 9)), HasSubstr("larger than 9 bytes"));
  EXPECT_THAT(why_not(read_beneath(temp.path(), "sparse", 1 << 20)), HasSubstr("larger than"));
}

TEST(WriteAtomically, LeavesTheOldFileWhereItFails) {
  const TempFolder temp;
  ASSERT_TRUE(write_atomically(temp / "file", "old", Durable::Yes, 0600));
  ASSERT_TRUE(write_atomically(temp / "file", "new", Durable::No, 0640));
  EXPECT_EQ(read_text(temp / "file"), "new");
  EXPECT_EQ(mode_of(temp / "file"), mode_t{S_IFREG | 0640});

  ASSERT_TRUE(make_directories(temp / "folder/inner"));
  const dsl::Status failed = write_atomically(temp / "folder", "x", Durable::No);

  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("write '"));
  const auto folder = open_folder(temp.path());
  std::vector<std::string> names;
  ASSERT_TRUE(list_names(folder->get(), names));
  EXPECT_THAT(names, UnorderedElementsAre("file", "folder"));
}

TEST(MakeDirectories, IsContentWithWhatIsThereAndNamesAFileInTheWay) {
  const TempFolder temp;
  EXPECT_TRUE(make_directories(temp / "a/b/c"));
  EXPECT_TRUE(make_directories(temp / "a/b/c"));
  write_file(temp / "file", "");
  EXPECT_THAT(make_directories(temp / "file").error().message,
              HasSubstr("a file of that name is there"));
  EXPECT_FALSE(make_directories(temp / "file/x"));
}

TEST(RemoveTree, NeverGoesThroughALink) {
  const TempFolder temp;
  write_file(temp / "outside/file", "stays");
  write_file(temp / "tree/inner/file", "goes");
  ASSERT_EQ(::symlink((temp / "outside").c_str(), (temp / "tree/link").c_str()), 0);

  EXPECT_TRUE(remove_tree(temp / "tree"));
  EXPECT_TRUE(remove_tree(temp / "tree"));  // nothing there is success

  EXPECT_FALSE(exists(temp / "tree"));
  EXPECT_EQ(read_text(temp / "outside/file"), "stays");
}

TEST(RemoveTree, RemovesReadOnlyFolders) {
  const TempFolder temp;
  write_file(temp / "tree/locked/inner/file", "x");
  for (const char* name : {"tree/locked/inner", "tree/locked"}) {
    ASSERT_EQ(::chmod((temp / name).c_str(), 0), 0);
  }

  EXPECT_TRUE(remove_tree(temp / "tree"));
  EXPECT_FALSE(exists(temp / "tree"));
}

TEST(RemoveTree, NeedsNeitherStackNorDescriptorsForDeepFolders) {
  const TempFolder temp;
  ASSERT_TRUE(make_directories(temp / "tree"));
  Fd at(::open((temp / "tree").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < 3'000; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
    at = Fd(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  EXPECT_TRUE(remove_tree(temp / "tree"));
  EXPECT_FALSE(exists(temp / "tree"));
}

TEST(RemoveContents, KeepsWhatIsNamed) {
  const TempFolder temp;
  write_file(temp / "kept/file", "x");
  write_file(temp / "gone/file", "x");
  write_file(temp / "too", "x");
  const auto folder = open_folder(temp.path());
  constexpr std::array<std::string_view, 1> kKept{"kept"};

  EXPECT_TRUE(remove_contents(folder->get(), kKept));

  std::vector<std::string> names;
  ASSERT_TRUE(list_names(folder->get(), names));
  EXPECT_THAT(names, ElementsAre("kept"));
}

TEST(CopyTree, KeepsLinksAndModesAndLeavesOutSpecialFiles) {
  const TempFolder temp;
  write_file(temp / "from/sub/file", "bytes", 04755);
  ASSERT_EQ(::symlink("/etc/passwd", (temp / "from/link").c_str()), 0);
  ASSERT_EQ(::mkfifo((temp / "from/fifo").c_str(), 0644), 0);
  const auto folder = open_folder(temp.path());

  ASSERT_TRUE(copy_tree(folder->get(), "from", folder->get(), "to"));

  EXPECT_EQ(read_text(temp / "to/sub/file"), "bytes");
  EXPECT_EQ(mode_of(temp / "to/sub/file"), mode_t{S_IFREG | 0755});
  EXPECT_TRUE(S_ISLNK(mode_of(temp / "to/link")));
  EXPECT_FALSE(exists(temp / "to/fifo"));
}

}  // namespace
}  // namespace runner::files
