#pragma once

// ${{ }} expressions: GitHub's grammar, statically checked by the compiler, evaluated by the
// runner. This header is what the runner needs; the checker's side is expression_check.h. Any
// thread; everything here is pure.

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/result.h"
#include "dsl/template.h"
#include "dsl/value.h"

namespace dsl {

/// What needs.TASK.result may be.
inline constexpr std::string_view kSuccess = "success";
inline constexpr std::string_view kFailure = "failure";
inline constexpr std::string_view kSkipped = "skipped";
inline constexpr std::array<std::string_view, 3> kTaskResults{kSuccess, kFailure, kSkipped};

/// What an expression may look at.
struct Scope {
  /// Members: inputs, env, matrix, item, needs (task -> {result, outputs}), run {id, attempt},
  /// pipeline {name}. A member that is missing is null.
  Value::Record contexts;
  bool any_need_failed = false;  // failure(); success() is neither this nor `cancelled`
  bool cancelled = false;
  /// hashFiles(patterns): sha256 over the matching files of the input tree, "" when none matches.
  std::function<Result<std::string>(const std::vector<std::string>& patterns)> hash_files;
};

/// The value of one expression (source without ${{ }}). An Error only for what checking cannot
/// see: fromJSON of bad text, a format() index out of range, a file that cannot be read.
Result<Value> evaluate(std::string_view expression, const Scope& scope);

/// `evaluate`, and the value's truth: null, false, 0 and "" are false.
Result<bool> evaluate_condition(std::string_view expression, const Scope& scope);

/// The tasks whose outputs an expression looks at (needs.TASK.outputs), each once. None where it
/// cannot be parsed.
std::vector<std::string> tasks_read(std::string_view expression);

/// The tasks and phases that an expression names at all (needs.TASK), each once. No value: it looks
/// at `needs` as a whole.
std::optional<std::vector<std::string>> tasks_named(std::string_view expression);

/// The text with every hole filled by dsl::to_text of its value.
Result<std::string> render(const Template& text, const Scope& scope);

}  // namespace dsl
