#include "dsl/inputs.h"

#include <algorithm>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/exact_numbers.h"
#include "dsl/fields.h"
#include "dsl/program.h"
#include "dsl/render.h"
#include "dsl/suggest.h"

namespace dsl {
namespace {

/// A text from the command line or an expression as a number, by the rules of JSON.
std::optional<Value> spelled(const std::string& text, ValueType type) {
  const auto value = value_from_json(text);
  if (!value) {
    return std::nullopt;
  }
  const bool fits = type == ValueType::Json ||
                    (type == ValueType::Number && std::holds_alternative<double>(value->held)) ||
                    (type == ValueType::Boolean && std::holds_alternative<bool>(value->held));
  return fits ? std::optional(*value) : std::nullopt;
}

/// Reports a number that would be another one.
bool check_exact(const InputSpec& input,
                 std::string_view text,
                 const Span& place,
                 Findings& findings) {
  const bool is_number = input.type == ValueType::Number || input.type == ValueType::Json;
  const std::string number = is_number ? inexact_number(text) : "";
  if (!number.empty()) {
    findings.error(kInputType,
                   place,
                   fmt::format("the input {}: {} is beyond 2^53, where numbers are not exact",
                               quoted(input.name.value),
                               number),
                   "give it as a text: 'type: string', or in quotes");
  }
  return number.empty();
}

/// The input's value where the command line gives none.
Value fallback(const InputSpec& input, Findings& findings) {
  if (!input.fallback.exists()) {
    findings.error(
        kMissingInput,
        input.span,
        fmt::format("the input {} has no default and was not given", quoted(input.name.value)),
        fmt::format("run with --input {}=VALUE, or add 'default:'", input.name.value));
    return Value();
  }
  return default_value(input, findings);
}

Value given_value(const InputSpec& input, const std::string& text, Findings& findings) {
  const auto value = typed_value(Value(text), input.type);
  if (!value) {
    findings.error(
        kInputType,
        input.span,
        fmt::format(
            "--input {}={} is not {}", input.name.value, visible(text), described(input.type)),
        std::string(how_to_write(input.type)));
    return Value();
  }
  if (!check_exact(input, text, input.span, findings)) {
    return Value();
  }
  check_options(input, *value, input.span, findings);
  return *value;
}

}  // namespace

std::string_view described(ValueType type) {
  switch (type) {
    case ValueType::String:
      return "a text";
    case ValueType::Number:
      return "a number";
    case ValueType::Boolean:
      return "true or false";
    case ValueType::Json:
      break;
  }
  return "JSON";
}

std::string_view how_to_write(ValueType type) {
  switch (type) {
    case ValueType::String:
      return "put it in quotes";
    case ValueType::Number:
      return "write digits without quotes";
    case ValueType::Boolean:
      return "write true or false, without quotes";
    case ValueType::Json:
      break;
  }
  return "write JSON, such as [\"a\", \"b\"] or {\"a\": 1}";
}

std::optional<Value> typed_value(YamlValue given, ValueType type) {
  if (type == ValueType::String) {
    return given.kind() == YamlValue::Kind::Scalar ? std::optional(Value(std::string(given.text())))
                                                   : std::nullopt;
  }
  Value value = given.to_value();
  const bool fits = type == ValueType::Json ||
                    (type == ValueType::Number && std::holds_alternative<double>(value.held)) ||
                    (type == ValueType::Boolean && std::holds_alternative<bool>(value.held));
  return fits ? std::optional(std::move(value)) : std::nullopt;
}

std::optional<Value> typed_value(const Value& given, ValueType type) {
  const auto* text = std::get_if<std::string>(&given.held);
  switch (type) {
    case ValueType::String:
      return Value(to_text(given));
    case ValueType::Number:
      if (std::holds_alternative<double>(given.held)) {
        return given;
      }
      return text != nullptr ? spelled(*text, type) : std::nullopt;
    case ValueType::Boolean:
      if (std::holds_alternative<bool>(given.held)) {
        return given;
      }
      return text != nullptr ? spelled(*text, type) : std::nullopt;
    case ValueType::Json:
      return text != nullptr ? spelled(*text, type) : std::optional(given);
  }
  return std::nullopt;
}

bool check_options(const InputSpec& input,
                   const Value& value,
                   const Span& place,
                   Findings& findings) {
  if (input.options.empty()) {
    return true;
  }
  std::vector<std::string> shown;
  for (const YamlValue& option : input.options) {
    const auto allowed = typed_value(option, input.type);
    if (allowed && *allowed == value) {
      return true;
    }
    shown.push_back(option.kind() == YamlValue::Kind::Scalar ? std::string(option.text())
                                                             : to_json(option.to_value()));
  }
  const std::vector<std::string_view> names(shown.begin(), shown.end());
  std::string remedy = did_you_mean(to_text(value), names);
  if (remedy.empty()) {
    remedy = fmt::format("give one of {}", fmt::join(shown, ", "));
  }
  findings.error(
      kInputType,
      place,
      fmt::format("the input {} cannot be {}", quoted(input.name.value), quoted(to_text(value))),
      std::move(remedy));
  return false;
}

Value default_value(const InputSpec& input, Findings& findings) {
  if (!input.fallback.exists()) {
    return Value();
  }
  if (has_hole(input.fallback)) {
    findings.error(kNoExpression,
                   input.fallback.span(),
                   "an expression cannot stand in 'default'",
                   "write the value itself");
    return Value();
  }
  const auto value = typed_value(input.fallback, input.type);
  if (!value) {
    findings.error(kInputType,
                   input.fallback.span(),
                   fmt::format("the default of {} must be {}, this is {}",
                               quoted(input.name.value),
                               described(input.type),
                               input.fallback.described()),
                   input.type == ValueType::String ? "put it in quotes, or change 'type:'"
                                                   : "change it, or change 'type:'");
    return Value();
  }
  const bool is_scalar = input.fallback.kind() == YamlValue::Kind::Scalar;
  if (is_scalar && !input.fallback.is_quoted() &&
      !check_exact(input, input.fallback.text(), input.fallback.span(), findings)) {
    return Value();
  }
  check_options(input, *value, input.fallback.span(), findings);
  return *value;
}

void resolve_inputs(Program& program) {
  for (const InputSpec& input : program.pipeline.inputs) {
    const std::string name(input.name.value);
    const auto given = program.request.inputs.find(name);
    const Value value = given == program.request.inputs.end()
                            ? fallback(input, program.findings)
                            : given_value(input, given->second, program.findings);
    program.inputs[name] = {expression_type(input.type), value, ""};
    program.input_values.emplace_back(name, value);
  }
  for (const auto& [name, text] : program.request.inputs) {
    if (program.inputs.count(name) != 0) {
      continue;
    }
    std::vector<std::string_view> names;
    for (const InputSpec& input : program.pipeline.inputs) {
      names.push_back(input.name.value);
    }
    std::string remedy = did_you_mean(name, names);
    if (remedy.empty()) {
      remedy = names.empty() ? "add it to 'inputs:'"
                             : fmt::format("its inputs are {}", fmt::join(names, ", "));
    }
    program.findings.error(kUnknownInput,
                           {0, 0, 0},
                           fmt::format("--input {}: the pipeline has no such input", quoted(name)),
                           std::move(remedy));
  }
}

}  // namespace dsl
