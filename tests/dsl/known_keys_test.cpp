// The parser's own list of keys: what the JSON Schema is compared with.

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "dsl/parse.h"
#include "tests/dsl/compile_file.h"

namespace dsl {
namespace {

TEST(KnownKeys, NameEveryRecordAndEveryKeyOnce) {
  std::set<std::string_view> records;
  for (const auto& [record, keys] : known_keys()) {
    EXPECT_TRUE(records.insert(record).second) << record;
    EXPECT_FALSE(keys.empty()) << record;
    EXPECT_EQ(std::set<std::string_view>(keys.begin(), keys.end()).size(), keys.size()) << record;
    EXPECT_LE(keys.size(), 64U) << "read_record counts keys in 64 bits";
  }
  for (const std::string_view record :
       {"pipeline", "phase", "task", "defaults", "step", "criterion", "input", "budget"}) {
    EXPECT_EQ(records.count(record), 1U) << record;
  }
}

std::vector<std::string_view> keys_of(std::string_view wanted) {
  for (auto& [record, keys] : known_keys()) {
    if (record == wanted) {
      return keys;
    }
  }
  return {};
}

// A key that a table lists and nobody reads would be ignored silently; a nonsense value must be
// noticed wherever the key is known.
TEST(KnownKeys, AreAllRead) {
  for (const std::string_view key : keys_of("task")) {
    const Compilation compilation = dsl_test::compile_text(
        "tasks:\n  t: {run: make, success_criteria: [{'[ ] ok': 'true'}]}\n  u:\n" +
        (key == "run" ? std::string() : "    run: make\n") + "    " + std::string(key) +
        ": {{}: nonsense}\n");
    EXPECT_FALSE(compilation.plan) << key;
  }
  for (const std::string_view key : keys_of("pipeline")) {
    const bool is_work = key == "tasks" || key == "phases";
    const Compilation compilation = dsl_test::compile_files(
        {{"p.yaml",
          (key == "version" ? "" : "version: 1\n") + std::string(key == "name" ? "" : "name: x\n") +
              std::string(key) + ": [[nonsense]]\n" +
              (is_work ? ""
                       : "tasks: {t: {run: make, success_criteria: [{'[ ] ok': 'true'}]}}\n")}});
    EXPECT_FALSE(compilation.plan) << key;
  }
}

}  // namespace
}  // namespace dsl
