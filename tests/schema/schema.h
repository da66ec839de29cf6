#pragma once

// One of the files in schemas/, ready to judge documents.

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace schema_test {

class Schema {
 public:
  /// `file` as in schemas/. Fails the test where it cannot be read.
  explicit Schema(const std::string& file);
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;
  ~Schema();

  /// What is wrong with a JSON document, a line each; "" when it fits.
  [[nodiscard]] std::string judge(const std::string& json) const;

  /// The properties of a record: of one definition, or with "" of the document itself.
  [[nodiscard]] std::set<std::string> properties(const std::string& definition) const;
  /// The properties that it must have.
  [[nodiscard]] std::set<std::string> required(const std::string& definition) const;
  /// The definitions that are records, closed to properties they do not name.
  [[nodiscard]] std::set<std::string> closed_records() const;

 private:
  struct Content;
  std::unique_ptr<Content> content_;
};

/// The whole file beneath the source folder.
std::string read_source_file(const std::string& path);

/// Files beneath a folder of the source folder that end so, sorted, as paths from the source
/// folder.
std::vector<std::string> source_files(const std::string& folder, std::string_view ending);

/// The pipelines of examples/, without the scripts of their rehearsals; what lies in a folder of
/// theirs is a step that one of them uses.
std::vector<std::string> example_pipelines();
std::vector<std::string> example_steps();

/// A YAML text as JSON, as our own reader takes it.
std::string json_of_yaml(const std::string& yaml);

}  // namespace schema_test
