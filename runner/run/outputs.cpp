#include "runner/run/outputs.h"

#include <utility>

#include "dsl/exact_numbers.h"

namespace runner {

namespace {

using dsl::Error;
using dsl::Result;
using dsl::Value;

Result<Value> typed(dsl::ValueType type, std::string text) {
  if (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  if (!text.empty() && text.back() == '\r') {
    text.pop_back();
  }
  if (text.find('\0') != std::string::npos) {
    return Error{"it holds a NUL byte, which no variable can", ""};
  }
  if (type == dsl::ValueType::String) {
    return Value(std::move(text));
  }
  if (const std::string number = dsl::inexact_number(text); !number.empty()) {
    return Error{number + " is beyond 2^53, where numbers are not exact: write it as a text", ""};
  }
  Result<Value> value = dsl::value_from_json(text);
  const std::string shown = "'" + text.substr(0, 60) + "'";
  if (type == dsl::ValueType::Json) {
    return value ? std::move(value) : Result<Value>(Error{shown + " is no JSON", ""});
  }
  if (type == dsl::ValueType::Number && (!value || !std::holds_alternative<double>(value->held))) {
    return Error{shown + " is no number", ""};
  }
  if (type == dsl::ValueType::Boolean && (!value || !std::holds_alternative<bool>(value->held))) {
    return Error{shown + " is neither true nor false", ""};
  }
  return value;
}

}  // namespace

TypedOutputs type_outputs(const std::vector<dsl::OutputDecl>& declared,
                          const std::vector<Result<std::string>>& read) {
  TypedOutputs outputs;
  for (std::size_t i = 0; i < declared.size() && i < read.size(); ++i) {
    Result<Value> value = read[i] ? typed(declared[i].type, *read[i]) : read[i].error();
    if (value) {
      outputs.values.emplace_back(declared[i].name, *std::move(value));
    } else if (outputs.problem.empty()) {
      const std::string file =
          declared[i].file.empty() ? "$PIPE_OUTPUTS/" + declared[i].name : declared[i].file;
      outputs.problem =
          "output '" + declared[i].name + "' (" + file + "): " + value.error().message;
    }
  }
  return outputs;
}

}  // namespace runner
