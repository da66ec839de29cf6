// docs/language.md: what a person reads is what the parser knows.

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

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

// ---- types -------------------------------------------------------------------------------------

/// A row of a record's table: the key, and the words of its type.
struct Row {
  std::string record;
  std::string key;
  std::string type;
};

std::vector<Row> rows_of(const std::string& page) {
  std::vector<Row> rows;
  std::istringstream lines(page);
  std::string record;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) {
      record = line.starts_with("### `") ? quoted_word(line) : "";
    } else if (!record.empty() && line.starts_with("| `")) {
      const std::size_t begin = line.find(" | ") + 3;
      rows.push_back(
          {record, quoted_word(line), line.substr(begin, line.find(" |", begin) - begin)});
    }
  }
  return rows;
}

/// Whether a value of this JSON type may stand where the schema says so.
bool takes(const nlohmann::json& schema, const nlohmann::json& place, const std::string& type) {
  if (place.contains("$ref")) {
    const std::string path = place["$ref"].get<std::string>().substr(1);
    return takes(schema, schema.at(nlohmann::json::json_pointer(path)), type);
  }
  for (const char* any : {"oneOf", "anyOf", "allOf"}) {
    if (place.contains(any)) {
      return std::any_of(place[any].begin(), place[any].end(), [&](const auto& one) {
        return takes(schema, one, type);
      });
    }
  }
  const nlohmann::json types = place.value("type", nlohmann::json());
  return types == type || (types.is_array() && std::count(types.begin(), types.end(), type) > 0);
}

TEST(LanguagePage, TellsNoTypeThatTheSchemaRefuses) {
  const auto schema = nlohmann::json::parse(read_source_file("schemas/pipeline.schema.json"));
  std::size_t compared = 0;
  for (const Row& row : rows_of(read_source_file("docs/language.md"))) {
    const std::string record = row.record == "image" ? "image_source" : row.record;
    const auto& parent =
        record == "pipeline" ? schema : schema["definitions"].value(record, nlohmann::json());
    if (!parent.contains("properties") || !parent["properties"].contains(row.key)) {
      continue;  // of a file with another schema
    }
    const auto& place = parent["properties"][row.key];
    const auto says = [&](std::string_view word) { return row.type.starts_with(word); };
    const bool alternatives = row.type.find(" or `") != std::string::npos;
    const std::string what = row.record + "." + row.key + " is " + row.type;
    if (says("text") || says("path or") || says("duration") || says("name")) {
      EXPECT_TRUE(takes(schema, place, "string")) << what;
      ++compared;
    }
    if (says("list of")) {
      EXPECT_TRUE(takes(schema, place, "array")) << what;
      ++compared;
    }
    if (says("map") || (alternatives && !says("list of") && !says("flag"))) {
      EXPECT_TRUE(takes(schema, place, "object")) << what;
      ++compared;
    }
  }
  EXPECT_GT(compared, 80U);
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
