// schemas/rehearsal.schema.json: what an editor knows of a script is what its reader knows.

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "runner/rehearsal/script.h"
#include "tests/schema/schema.h"

namespace schema_test {
namespace {

const Schema& rehearsal_schema() {
  static const Schema schema("rehearsal.schema.json");
  return schema;
}

TEST(RehearsalSchema, KnowsTheKeysOfTheReader) {
  std::set<std::string> records;
  for (const auto& [record, keys] : runner::script_keys()) {
    const std::string definition = record == "script" ? "" : std::string(record);
    EXPECT_EQ(rehearsal_schema().properties(definition),
              std::set<std::string>(keys.begin(), keys.end()))
        << record;
    if (!definition.empty()) {
      records.insert(definition);
    }
  }
  EXPECT_EQ(rehearsal_schema().closed_records(), records);
}

TEST(RehearsalSchema, TakesEveryScriptOfTheExamples) {
  const auto files = source_files("examples", ".rehearsal.yaml");
  EXPECT_GE(files.size(), 3u);
  for (const std::string& file : files) {
    EXPECT_EQ(rehearsal_schema().judge(json_of_yaml(read_source_file(file))), "") << file;
  }
}

TEST(RehearsalSchema, RefusesWhatTheReaderRefuses) {
  for (const char* const turn : {"txt: x", "cut: middle", "error: {status: 200}", "times: 0"}) {
    const std::string text =
        std::string("version: 1\ntasks: {t: {attempts: [{turns: [{") + turn + "}]}]}}\n";
    EXPECT_NE(rehearsal_schema().judge(json_of_yaml(text)), "") << turn;
    EXPECT_FALSE(runner::read_script("s.yaml", text, nullptr).script) << turn;
  }
}

// docs/rehearsal.md: what a person reads is what the reader knows.
TEST(RehearsalPage, HasEveryKeyOfATurn) {
  const std::string page = read_source_file("docs/rehearsal.md");
  for (const auto& [record, keys] : runner::script_keys()) {
    for (const std::string_view key : keys) {
      const std::string row = "| `" + std::string(key) + "` |";
      EXPECT_TRUE(record != "turn" || page.find(row) != std::string::npos) << key;
      EXPECT_NE(page.find(key), std::string::npos) << key;
    }
  }
}

}  // namespace
}  // namespace schema_test
