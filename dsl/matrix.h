#pragma once

// `matrix:` becomes instances. Any thread; pure but for what it reports.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dsl/findings.h"
#include "dsl/spec.h"
#include "dsl/value.h"

namespace dsl {

inline constexpr std::size_t kMaxMatrix = 256;  // instances of one task

/// Every combination of the axes, the last one running fastest, without those that a row of
/// `exclude` fits, then `include`: a row adds its further values to each combination that it
/// agrees with on all axes it names, and is an instance of its own where there is none. Empty when
/// something was wrong (reported). `list_of` gives the values of an axis that is an expression.
std::vector<Value::Record> expand_matrix(
    const MatrixSpec& matrix,
    const std::function<std::optional<Value::List>(const Text& expression)>& list_of,
    Findings& findings);

/// "os=linux,cc=gcc", for the name of an instance: no brackets, no commas in values, at most 40
/// bytes of each.
std::string instance_name(const Value::Record& instance);

}  // namespace dsl
