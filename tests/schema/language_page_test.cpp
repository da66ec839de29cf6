// docs/language.md: what a person reads is what the parser knows.

#include <map>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "dsl/parse.h"
#include "tests/schema/schema.h"

namespace schema_test {
namespace {

using Keys = std::set<std::string>;

/// The text between the first two backquotes, or "".
std::string quoted_word(const std::string& line) {
  const std::size_t begin = line.find('`');
  const std::size_t end = begin == std::string::npos ? begin : line.find('`', begin + 1);
  return end == std::string::npos ? "" : line.substr(begin + 1, end - begin - 1);
}

/// The keys of each record: rows of the table beneath a heading "### `record`".
std::map<std::string, Keys> tables_of(const std::string& page) {
  std::map<std::string, Keys> tables;
  std::istringstream lines(page);
  Keys* table = nullptr;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) {
      table = line.starts_with("### `") ? &tables[quoted_word(line)] : nullptr;
    } else if (table != nullptr && line.starts_with("| `")) {
      EXPECT_TRUE(table->insert(quoted_word(line)).second) << "twice: " << line;
    }
  }
  return tables;
}

TEST(LanguagePage, HasEveryKeyOfTheParserAndNoOther) {
  auto tables = tables_of(read_source_file("docs/language.md"));
  for (const auto& [record, keys] : dsl::known_keys()) {
    EXPECT_EQ(tables[std::string(record)], Keys(keys.begin(), keys.end())) << record;
    tables.erase(std::string(record));
  }
  for (const auto& [record, keys] : tables) {
    ADD_FAILURE() << "the parser knows no record '" << record << "'";
  }
}

}  // namespace
}  // namespace schema_test
