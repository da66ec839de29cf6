#include "runner/store/journal.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/run/event_json.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using testing::HasSubstr;

class JournalTest : public testing::Test {
 protected:
  void SetUp() override { folder = *files::make_temporary_folder(testing::TempDir(), "journal-"); }
  void TearDown() override { ASSERT_TRUE(files::remove_tree(folder)); }

  static std::vector<Event> events(std::int64_t first, std::int64_t count) {
    std::vector<Event> all;
    for (std::int64_t i = first; i < first + count; ++i) {
      all.push_back({i, 1'000 + i, NodeSkipped{dsl::NodeId("n" + std::to_string(i)), "r"}});
    }
    return all;
  }

  std::string folder;
};

TEST_F(JournalTest, GivesBackWhatWasAppended) {
  auto journal = SqliteJournal::open(folder);
  ASSERT_TRUE(journal) << journal.error().message;
  ASSERT_TRUE((*journal)->append(events(1, 3)));
  auto reader = JournalReader::open(folder);
  ASSERT_TRUE(reader) << reader.error().message;
  const auto read = reader->more();
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 3U);
  EXPECT_EQ(event_to_json((*read)[2]), event_to_json(events(3, 1)[0]));
}

TEST_F(JournalTest, AReaderFollowsAWriter) {
  auto journal = SqliteJournal::open(folder);
  ASSERT_TRUE((*journal)->append(events(1, 1)));
  auto reader = JournalReader::open(folder);
  ASSERT_EQ(reader->more()->size(), 1U);
  EXPECT_EQ(reader->more()->size(), 0U);
  ASSERT_TRUE((*journal)->append(events(2, 2)));
  EXPECT_EQ(reader->more()->size(), 2U);
}

TEST_F(JournalTest, ABatchIsWrittenWholeOrNotAtAll) {
  auto journal = SqliteJournal::open(folder);
  ASSERT_TRUE((*journal)->append(events(1, 2)));
  std::vector<Event> batch = events(3, 2);
  batch.push_back(events(1, 1)[0]);  // a number that is taken
  EXPECT_FALSE((*journal)->append(batch));
  EXPECT_EQ(JournalReader::open(folder)->more()->size(), 2U);
  EXPECT_TRUE((*journal)->append(events(3, 1))) << "the journal goes on after a failure";
}

TEST_F(JournalTest, AGapIsToldAsDamage) {
  auto journal = SqliteJournal::open(folder);
  ASSERT_TRUE((*journal)->append(events(1, 1)));
  ASSERT_TRUE((*journal)->append(events(3, 1)));
  const auto read = JournalReader::open(folder)->more();
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("event 2 is missing"));
}

TEST_F(JournalTest, AJournalOfANewerPipeIsRefusedAndUnchanged) {
  {
    auto database = Database::open(folder + "/journal.db", Database::Access::Create);
    ASSERT_TRUE(database->execute("PRAGMA user_version = 99"));
  }
  const auto journal = SqliteJournal::open(folder);
  ASSERT_FALSE(journal);
  EXPECT_THAT(journal.error().message, HasSubstr("newer"));
  const auto reader = JournalReader::open(folder);
  ASSERT_FALSE(reader) << "it would show what it does not understand";
  EXPECT_THAT(reader.error().message, HasSubstr("newer"));
}

TEST_F(JournalTest, AFileThatIsNoDatabaseIsAnErrorWithItsName) {
  ASSERT_TRUE(
      files::write_atomically(folder + "/journal.db", std::string(5'000, 'x'), files::Durable::No));
  const auto journal = SqliteJournal::open(folder);
  ASSERT_FALSE(journal);
  EXPECT_THAT(journal.error().message, HasSubstr("journal.db"));
}

}  // namespace
}  // namespace runner
