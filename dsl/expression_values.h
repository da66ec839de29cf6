#pragma once

// How values compare and what the functions compute: GitHub's rules. Used by the evaluator, and by
// the checker for what is known already. Internal to the expression files. Any thread; pure.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/expression_tree.h"
#include "dsl/result.h"
#include "dsl/value.h"

namespace dsl {

/// null, false, 0 and "" are false.
bool is_true(const Value& value);

/// Texts compare without regard to ASCII case; values of different types as numbers (null and ""
/// are 0, a text that is no number equals nothing); lists and records with their like only.
bool compare(const Value& left, Comparison comparison, const Value& right);

/// < <= > >=
bool is_ordered(Comparison comparison);

/// The member of a record, the item of a list, or null.
const Value* member_of(const Value& value, std::string_view name);
const Value* item_of(const Value& value, const Value& index);

enum class ExpressionFunction {
  Contains,
  StartsWith,
  EndsWith,
  Format,
  Join,
  ToJson,
  FromJson,
  HashFiles,
  Success,
  Failure,
  Always,
  Cancelled,
};

struct FunctionFacts {
  ExpressionFunction function;
  std::string_view name;  // as we write it
  std::string_view use;   // "contains(search, item)"
  std::size_t min_arguments;
  std::size_t max_arguments;
};

/// By name, without regard to case; null: there is none.
const FunctionFacts* find_function(std::string_view name);
std::vector<std::string_view> function_names();

/// success(), failure(), always(), cancelled().
bool is_status_function(ExpressionFunction function);

/// How many bytes functions may still produce for one expression or text.
struct TextAllowance {
  std::size_t left = std::size_t{16} << 20;
};

/// All functions that only look at their arguments: contains to fromJSON. REQUIRES: the number of
/// arguments fits.
Result<Value> call_pure(ExpressionFunction function,
                        const std::vector<Value>& arguments,
                        TextAllowance& allowance);

/// What is wrong with a format() text that is given `arguments` values, or nothing.
std::optional<Error> check_format(std::string_view format, std::size_t arguments);

}  // namespace dsl
