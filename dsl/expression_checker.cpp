#include "dsl/expression_checker.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "dsl/expression.h"
#include "dsl/expression_values.h"
#include "dsl/expression_wording.h"

namespace dsl {
namespace {

using Kind = ExpressionNode::Kind;

bool is_task_result(const Value& value) {
  return std::any_of(kTaskResults.begin(), kTaskResults.end(), [&](std::string_view word) {
    return compare(value, Comparison::Equal, Value(std::string(word)));
  });
}

std::string remedy_for_comparison(ExpressionType left, ExpressionType right) {
  const auto either = [&](ExpressionType type) { return left == type || right == type; };
  if (either(ExpressionType::Boolean) && either(ExpressionType::String)) {
    return "write true or false without quotes";
  }
  if (either(ExpressionType::Number) && either(ExpressionType::String)) {
    return "write the number without quotes, or declare both with the same type";
  }
  return "compare values of the same type";
}

}  // namespace

ExpressionChecker::ExpressionChecker(const ExpressionTree& tree,
                                     const TextOrigin& origin,
                                     std::size_t begin,
                                     const VisibleNames& names,
                                     StatusFunctions status,
                                     std::vector<Diagnostic>& diagnostics)
    : tree_(tree),
      origin_(origin),
      begin_(begin),
      names_(names),
      status_(status),
      diagnostics_(diagnostics) {}

CheckedExpression ExpressionChecker::check() {
  const std::size_t mistakes = diagnostics_.size();
  facts_.reserve(tree_.nodes.size());
  for (const Node& node : tree_.nodes) {  // parts come before the nodes that have them
    facts_.push_back(facts_of(node));
  }
  demand_value(tree_.root);
  CheckedExpression result;
  if (diagnostics_.size() != mistakes) {
    return result;
  }
  const Facts& root = facts_[tree_.root];
  result.type = root.type;
  result.value = root.value;
  print(tree_.root, 0, result.text);
  const bool too_long = !result.value && result.text.size() > kMaxExpressionBytes;
  if (too_long || (replaced_ && !result.value &&
                   std::holds_alternative<SyntaxError>(parse_expression(result.text)))) {
    fail("P0708",
         tree_.nodes[tree_.root].range,
         "the expression becomes too long or too deep when its inputs are put in",
         "let a task compute the value once, and pass it on as an output");
  }
  return result;
}

ExpressionChecker::Facts ExpressionChecker::known(Value value) {
  Facts facts;
  facts.type = type_of(value);
  facts.value = std::move(value);
  return facts;
}

ExpressionChecker::Facts ExpressionChecker::unknown(ExpressionType type) {
  Facts facts;
  facts.type = type;
  return facts;
}

ExpressionChecker::Facts ExpressionChecker::fail(std::string code,
                                                 TextRange range,
                                                 std::string message,
                                                 std::string remedy) {
  Diagnostic diagnostic;
  diagnostic.code = std::move(code);
  diagnostic.span = origin_.span(begin_ + range.begin, begin_ + range.end);
  diagnostic.message = std::move(message);
  diagnostic.remedy = std::move(remedy);
  diagnostics_.push_back(std::move(diagnostic));
  return unknown(ExpressionType::Json);
}

ExpressionChecker::Facts ExpressionChecker::facts_of(const Node& node) {
  // Paths go on from a group of names; everything else computes with values.
  const bool path = node.kind == Kind::Member || node.kind == Kind::Index;
  for (std::size_t k = path ? 1 : 0; k < node.parts.size(); ++k) {
    demand_value(node.parts[k]);
  }
  switch (node.kind) {
    case Kind::Literal:
      return known(node.literal);
    case Kind::Name:
      return check_name(node);
    case Kind::Member:
      return member(facts_[node.parts[0]], node.name, node.name_range);
    case Kind::Index:
      return check_index(node);
    case Kind::Call:
      return check_call(node);
    case Kind::Not:
      return check_not(node);
    case Kind::Compare:
      return check_compare(node);
    case Kind::And:
    case Kind::Or:
      return check_chain(node);
  }
  return {};
}

// ---- operators -------------------------------------------------------------------------------

ExpressionChecker::Facts ExpressionChecker::check_not(const Node& node) {
  const Facts& operand = facts_[node.parts[0]];
  return operand.value ? known(Value(!is_true(*operand.value))) : unknown(ExpressionType::Boolean);
}

ExpressionChecker::Facts ExpressionChecker::check_compare(const Node& node) {
  const Facts& left = facts_[node.parts[0]];
  const Facts& right = facts_[node.parts[1]];
  const auto is = [&](ExpressionType type) { return left.type == type || right.type == type; };
  const bool open = is(ExpressionType::Json);
  if (is_ordered(node.comparison)) {
    for (const Node::Id part : node.parts) {
      const ExpressionType type = facts_[part].type;
      if (type == ExpressionType::Boolean || type == ExpressionType::Null) {
        return fail("P0720",
                    tree_.nodes[part].range,
                    fmt::format("{} is neither greater nor less than anything", with_article(type)),
                    "order numbers or strings");
      }
    }
  }
  if (!open && !is(ExpressionType::Null) && left.type != right.type) {
    return fail(
        "P0720",
        node.range,
        fmt::format("{} is compared with {}", with_article(left.type), with_article(right.type)),
        remedy_for_comparison(left.type, right.type));
  }
  for (const Id part : node.parts) {
    const Facts& word = facts_[part];
    if ((left.is_result || right.is_result) && word.value && !is_task_result(*word.value)) {
      return fail("P0741",
                  tree_.nodes[part].range,
                  fmt::format("a task's result is never {}", to_json(*word.value)),
                  fmt::format("it is one of {}", fmt::join(kTaskResults, ", ")));
    }
  }
  if (left.value && right.value) {
    return known(Value(compare(*left.value, node.comparison, *right.value)));
  }
  return unknown(ExpressionType::Boolean);
}

ExpressionChecker::Facts ExpressionChecker::check_chain(const Node& node) {
  const bool conjunction = node.kind == Kind::And;
  Facts result;
  bool decided = false;
  for (const Id part : node.parts) {
    const Facts& facts = facts_[part];
    const bool last = part == node.parts.back();
    if (decided || (!last && facts.value && is_true(*facts.value) == conjunction)) {
      continue;  // not reached, or passed over
    }
    decided = facts.value && is_true(*facts.value) != conjunction;
    const bool first = result.kept.empty();
    result.type = first || result.type == facts.type ? facts.type : ExpressionType::Json;
    result.kept.push_back(part);
  }
  if (result.kept.size() == 1) {
    result.value = facts_[result.kept.front()].value;
  }
  return result;
}

Diagnostic to_diagnostic(const SyntaxError& error, const TextOrigin& origin, std::size_t begin) {
  Diagnostic diagnostic;
  diagnostic.code = error.code;
  diagnostic.span = origin.span(begin + error.range.begin, begin + error.range.end);
  diagnostic.message = error.message;
  diagnostic.remedy = error.remedy;
  return diagnostic;
}

CheckedRange check_range(std::string_view text,
                         TextRange range,
                         const TextOrigin& origin,
                         const VisibleNames& names,
                         StatusFunctions status) {
  CheckedRange checked;
  std::vector<Diagnostic> diagnostics;
  const auto parsed = parse_expression(text.substr(range.begin, range.end - range.begin));
  if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
    diagnostics.push_back(to_diagnostic(*error, origin, range.begin));
  } else {
    ExpressionChecker checker(
        std::get<ExpressionTree>(parsed), origin, range.begin, names, status, diagnostics);
    checked.expression = checker.check();
    checked.asks_status = checker.asks_status();
  }
  // Nodes are checked from the leaves up; people read from left to right.
  std::stable_sort(
      diagnostics.begin(), diagnostics.end(), [](const Diagnostic& a, const Diagnostic& b) {
        return a.span.begin < b.span.begin;
      });
  checked.expression.diagnostics = std::move(diagnostics);
  return checked;
}

}  // namespace dsl
