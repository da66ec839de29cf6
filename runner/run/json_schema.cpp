#include "runner/run/json_schema.h"

#include <exception>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <nlohmann/json.hpp>

namespace runner {

dsl::Result<std::vector<std::string>> json_schema_problems(const std::string& schema,
                                                           const std::string& document) {
  using Adapter = valijson::adapters::NlohmannJsonAdapter;
  const nlohmann::json schema_json = nlohmann::json::parse(schema, nullptr, false);
  if (schema_json.is_discarded()) {
    return dsl::Error{"the schema is no JSON", "check it with a JSON tool"};
  }
  const nlohmann::json document_json = nlohmann::json::parse(document, nullptr, false);
  if (document_json.is_discarded()) {
    return std::vector<std::string>{"the file is no JSON"};
  }
  std::vector<std::string> problems;
  try {
    valijson::Schema compiled;
    valijson::SchemaParser().populateSchema(Adapter(schema_json), compiled);
    valijson::ValidationResults results;
    valijson::Validator().validate(compiled, Adapter(document_json), &results);
    valijson::ValidationResults::Error error;
    while (results.popError(error)) {
      std::string place;
      for (const std::string& part : error.context) {
        place += part;
      }
      problems.push_back(place + ": " + error.description);
    }
  } catch (const std::exception& refused) {
    return dsl::Error{std::string("the schema cannot be used: ") + refused.what(), ""};
  }
  return problems;
}

}  // namespace runner
