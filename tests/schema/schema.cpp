#include "tests/schema/schema.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "dsl/findings.h"
#include "dsl/yaml.h"

namespace schema_test {
namespace {

using nlohmann::json;

json read_schema(const std::string& file) {
  return json::parse(read_source_file("schemas/" + file));
}

}  // namespace

struct Schema::Content {
  json document;
  valijson::Schema parsed;
};

Schema::Schema(const std::string& file) : content_(std::make_unique<Content>()) {
  content_->document = read_schema(file);
  valijson::SchemaParser parser;
  const valijson::adapters::NlohmannJsonAdapter adapter(content_->document);
  parser.populateSchema(
      adapter,
      content_->parsed,
      [](const std::string& uri) { return std::make_unique<json>(read_schema(uri)).release(); },
      [](const json* document) { delete document; });
}

Schema::~Schema() = default;

std::string Schema::judge(const std::string& text) const {
  const json document = json::parse(text);
  valijson::Validator validator(valijson::Validator::kStrongTypes);
  valijson::ValidationResults results;
  const valijson::adapters::NlohmannJsonAdapter adapter(document);
  if (validator.validate(content_->parsed, adapter, &results)) {
    return "";
  }
  std::string told;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    for (const std::string& step : error.context) {
      told += step;
    }
    told += ": " + error.description + "\n";
  }
  return told;
}

std::set<std::string> Schema::properties(const std::string& definition) const {
  const json& record =
      definition.empty() ? content_->document : content_->document.at("definitions").at(definition);
  std::set<std::string> names;
  for (const auto& [name, property] : record.at("properties").items()) {
    names.insert(name);
  }
  return names;
}

std::set<std::string> Schema::required(const std::string& definition) const {
  const json& record =
      definition.empty() ? content_->document : content_->document.at("definitions").at(definition);
  return record.at("required").get<std::set<std::string>>();
}

std::set<std::string> Schema::closed_records() const {
  std::set<std::string> names;
  for (const auto& [name, definition] : content_->document.at("definitions").items()) {
    if (definition.value("additionalProperties", json(true)) == json(false)) {
      names.insert(name);
    }
  }
  return names;
}

std::string read_source_file(const std::string& path) {
  std::ifstream file(std::string(PIPE_SOURCE_DIR) + "/" + path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> source_files(const std::string& folder, std::string_view ending) {
  const std::filesystem::path root(PIPE_SOURCE_DIR);
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
    const std::string path = entry.path().lexically_relative(root).generic_string();
    if (path.ends_with(ending)) {
      paths.push_back(path);
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

namespace {

std::vector<std::string> examples(bool steps) {
  std::vector<std::string> files = source_files("examples/pipelines", ".yaml");
  std::erase_if(files, [steps](const std::string& file) {
    return file.ends_with(".rehearsal.yaml") ||
           (std::filesystem::path(file).parent_path() != "examples/pipelines") != steps;
  });
  return files;
}

}  // namespace

std::vector<std::string> example_pipelines() {
  return examples(false);
}

std::vector<std::string> example_steps() {
  return examples(true);
}

std::string json_of_yaml(const std::string& yaml) {
  dsl::Sources sources;
  dsl::Findings findings;
  const auto document = dsl::YamlDocument::parse(sources, sources.add("text.yaml", yaml), findings);
  EXPECT_TRUE(document && !findings.has_errors()) << findings.take().at(0).message << "\n" << yaml;
  return document ? to_json(document->root().to_value()) : "null";
}

}  // namespace schema_test
