#pragma once

// The checker's side of ${{ }} expressions: which names are visible at a place of the file, what an
// expression's static type is, and what remains of it once everything known has been put in. What
// remains no longer mentions `inputs` or `matrix`. Any thread; everything here is pure and linear
// in the text; nesting is bounded.
//
// Codes: P0701..P0709 the text itself, P0710..P0719 names and functions, P0720..P0729 types and
// values; shell.h has P0731 and up.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/diagnostic.h"
#include "dsl/plan.h"
#include "dsl/template.h"
#include "dsl/text_origin.h"
#include "dsl/value.h"

namespace dsl {

/// Json is "a list, a record, or anything else that only the run knows".
enum class ExpressionType { Null, Boolean, Number, String, Json };

ExpressionType expression_type(ValueType type);
ExpressionType type_of(const Value& value);
/// "null", "boolean", "number", "string", "json", as messages say it.
std::string_view to_text(ExpressionType type);

/// One name that an expression may mention. At most one of `value` and `expression` is set; with
/// neither, the run looks it up by its own name.
struct VisibleName {
  ExpressionType type = ExpressionType::Json;
  std::optional<Value> value;  // known now; put in as a literal
  /// Put in instead of the name, an expression that was checked at its own place: what `with:` of a
  /// `uses:` step gave for an input (see as_expression).
  std::string expression;
};

using NameTable = std::map<std::string, VisibleName, std::less<>>;

/// What `needs.TASK` means at a place.
struct NeedAnswer {
  enum class Kind {
    Ancestor,     // `outputs` may be read
    NotAncestor,  // there is such a task, but the asking one does not wait for it
    Unknown,      // there is no such task; `candidates` are the ones there are
  };
  Kind kind = Kind::Unknown;
  /// Name -> type; Json for a task with a matrix or a for_each if its outputs come as a list.
  std::vector<std::pair<std::string, ExpressionType>> outputs;
  std::vector<std::string> candidates;
};

/// The names visible at one place. Tables are borrowed and may be shared by any number of places; a
/// table that is null (or `item` absent, `need` empty) does not exist at this place.
struct VisibleNames {
  std::string task;  // the asking task, for messages; "" outside of tasks
  const NameTable* inputs = nullptr;
  const NameTable* env = nullptr;
  const NameTable* matrix = nullptr;
  const NameTable* secrets = nullptr;
  std::optional<VisibleName> item;
  std::function<NeedAnswer(std::string_view task)> need;  // asked only for names that are used
  std::optional<std::string> pipeline_name;
  bool run = true;         // run.id, run.attempt
  bool hash_files = true;  // hashFiles()
};

/// Whole text with ${{ }} holes.
struct CheckedText {
  std::vector<Diagnostic> diagnostics;  // by position; the rest means nothing where there are any
  Template text;           // everything known is literal, neighbouring literals are one piece
  bool has_holes = false;  // there was a ${{ }} in it, known or not
  /// Of the expression where the text is one hole and nothing else, String otherwise.
  ExpressionType type = ExpressionType::String;
  std::optional<Value> value;  // when everything is known: the hole's value, or the whole text
};

/// Status functions are refused here; they belong into an `if:`.
CheckedText check_text(std::string_view text, const TextOrigin& origin, const VisibleNames& names);

/// One expression, without ${{ }} around it (or with; blanks around it do not matter).
struct CheckedExpression {
  std::vector<Diagnostic> diagnostics;  // as above
  ExpressionType type = ExpressionType::Json;
  std::optional<Value> value;  // when known now
  std::string text;            // what remains, for dsl::evaluate; a literal when known
};

/// For `for_each:` and its like: the text is one expression, with or without ${{ }}.
CheckedExpression check_expression(std::string_view text,
                                   const TextOrigin& origin,
                                   const VisibleNames& names);

/// An `if:`, with or without ${{ }}. As on GitHub, a condition that calls no status function means
/// `success() && (condition)`.
struct CheckedCondition {
  std::vector<Diagnostic> diagnostics;  // as above
  /// For PlanNode::condition. Absent: nothing but success() is asked, as without an `if:`.
  std::optional<std::string> condition;
  /// The condition is false whatever happens in the run; `condition` is "false".
  bool never = false;
};

CheckedCondition check_condition(std::string_view text,
                                 const TextOrigin& origin,
                                 const VisibleNames& names);

/// A checked text as the source of one expression, for VisibleName::expression: `'a'`, the
/// expression itself where it is the only piece, else `format('…{0}…', …)`.
std::string as_expression(const Template& text);

}  // namespace dsl
