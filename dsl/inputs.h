#pragma once

// Typed values from what a file or the command line says. Pure; any thread.

#include <optional>
#include <string_view>

#include "dsl/expression_check.h"
#include "dsl/plan.h"
#include "dsl/spec.h"
#include "dsl/value.h"

namespace dsl {

/// What the file says as a value of `type`; nothing when it does not fit. A text may be written
/// without quotes: `1.10` for a string is "1.10".
std::optional<Value> typed_value(YamlValue given, ValueType type);

/// A value that an expression gave, as `type`; a string may spell a number or a boolean.
std::optional<Value> typed_value(const Value& given, ValueType type);

/// "a text", "a number", "true or false", "JSON".
std::string_view described(ValueType type);
/// The remedy for a value of another type.
std::string_view how_to_write(ValueType type);

/// Where `options:` are given, `value` is one of them (or it is reported at `place`).
bool check_options(const InputSpec& input,
                   const Value& value,
                   const Span& place,
                   Findings& findings);

/// The value of `default:`, reported when it is not of the input's type; null when there is none.
Value default_value(const InputSpec& input, Findings& findings);

}  // namespace dsl
