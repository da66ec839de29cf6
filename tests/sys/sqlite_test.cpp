#include "runner/sys/sqlite.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace runner {
namespace {

using test::TempFolder;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::array<const char*, 2> kSteps{
    "CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT);",
    "ALTER TABLE words ADD COLUMN count INTEGER; CREATE INDEX by_text ON words (text);"};

Database open(const std::string& path) {
  auto database = Database::open(path, Database::Access::Create);
  EXPECT_TRUE(database);
  EXPECT_TRUE(database->migrate(kSteps));
  return *std::move(database);
}

std::int64_t count(Database& database) {
  auto query = database.prepare("SELECT count(*) FROM words");
  EXPECT_TRUE(*query->step());
  return query->integer(0);
}

TEST(Sqlite, BindsAndReadsAnyBytes) {
  const TempFolder temp;
  Database database = open(temp / "db");
  auto insert = database.prepare("INSERT INTO words (text, count) VALUES (?, ?)");
  const std::string odd("a\0b'\"\xff", 6);
  ASSERT_TRUE(insert->bind(odd).bind(std::int64_t{7}).run());
  ASSERT_TRUE(insert->bind("").bind_null().run());

  auto query = database.prepare("SELECT text, count FROM words ORDER BY id");
  ASSERT_TRUE(*query->step());
  EXPECT_EQ(query->text(0), odd);
  EXPECT_EQ(query->integer(1), 7);
  ASSERT_TRUE(*query->step());
  EXPECT_EQ(query->text(0), "");
  EXPECT_TRUE(query->is_null(1));
  EXPECT_FALSE(*query->step());
}

TEST(Sqlite, RollsBackWhatIsNotCommitted) {
  const TempFolder temp;
  Database database = open(temp / "db");
  {
    auto transaction = Transaction::begin(database);
    ASSERT_TRUE(database.execute("INSERT INTO words (text) VALUES ('lost')"));
  }
  EXPECT_EQ(count(database), 0);
  {
    auto transaction = Transaction::begin(database);
    ASSERT_TRUE(database.execute("INSERT INTO words (text) VALUES ('kept')"));
    ASSERT_TRUE(transaction->commit());
  }
  EXPECT_EQ(count(database), 1);
}

TEST(Sqlite, MigratesStepByStepAndRefusesANewerFile) {
  const TempFolder temp;
  {
    auto database = Database::open(temp / "db", Database::Access::Create);
    ASSERT_TRUE(database->migrate(std::span(kSteps).first(1)));
    EXPECT_EQ(*database->version(), 1);
    ASSERT_TRUE(database->migrate(kSteps));
    EXPECT_EQ(*database->version(), 2);
    ASSERT_TRUE(database->execute("PRAGMA user_version=9"));
  }
  auto database = Database::open(temp / "db", Database::Access::Create);
  const dsl::Status refused = database->migrate(kSteps);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("newer pipe"), HasSubstr("schema 9")));
  EXPECT_EQ(*database->version(), 9);
}

TEST(Sqlite, AFailedStepLeavesTheVersionBefore) {
  const TempFolder temp;
  auto database = Database::open(temp / "db", Database::Access::Create);
  constexpr std::array<const char*, 2> kBroken{"CREATE TABLE a (x)",
                                               "CREATE TABLE b (x); nonsense"};

  EXPECT_FALSE(database->migrate(kBroken));

  EXPECT_EQ(*database->version(), 1);
  EXPECT_FALSE(database->prepare("SELECT * FROM b"));
}

TEST(Sqlite, NamesTheFileTheCodeAndTheRemedy) {
  const TempFolder temp;
  test::write_file(temp / "garbage", std::string(8192, 'x'));
  const auto damaged = Database::open(temp / "garbage", Database::Access::Write);
  ASSERT_FALSE(damaged);
  EXPECT_THAT(damaged.error().message,
              AllOf(HasSubstr(temp / "garbage"), HasSubstr("SQLite code 26")));
  EXPECT_THAT(damaged.error().remedy, HasSubstr("damaged"));

  const auto absent = Database::open(temp / "absent", Database::Access::Write);
  ASSERT_FALSE(absent);
  EXPECT_THAT(absent.error().remedy, HasSubstr("PIPE_STATE"));
  EXPECT_FALSE(test::exists(temp / "absent"));
}

TEST(Sqlite, AFullDiskFailsCleanlyAndReadingGoesOn) {
  const TempFolder temp;
  Database database = open(temp / "db");
  ASSERT_TRUE(
      database.execute("INSERT INTO words (text) VALUES ('before'); PRAGMA max_page_count=10"));
  auto insert = database.prepare("INSERT INTO words (text) VALUES (?)");

  dsl::Status last = dsl::Ok{};
  for (int i = 0; i < 100 && last; ++i) {
    last = insert->bind(std::string(4'000, 'x')).run();
  }

  ASSERT_FALSE(last);
  EXPECT_THAT(last.error().remedy, HasSubstr("make room"));
  EXPECT_GE(count(database), 1);
  ASSERT_TRUE(database.execute("PRAGMA max_page_count=100000"));
  EXPECT_TRUE(insert->bind("room again").run());
}

TEST(Sqlite, ReadsWhileAnotherConnectionWrites) {
  const TempFolder temp;
  Database writer = open(temp / "db");
  auto reader = Database::open(temp / "db", Database::Access::ReadOnly);
  ASSERT_TRUE(reader);
  auto transaction = Transaction::begin(writer);
  ASSERT_TRUE(writer.execute("INSERT INTO words (text) VALUES ('x')"));

  EXPECT_EQ(count(*reader), 0);
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(count(*reader), 1);
  EXPECT_FALSE(reader->execute("INSERT INTO words (text) VALUES ('y')"));
}

}  // namespace
}  // namespace runner
