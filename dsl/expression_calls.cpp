// The part of ExpressionChecker that knows functions.

#include <utility>

#include <fmt/format.h>

#include "dsl/expression_checker.h"
#include "dsl/expression_wording.h"

namespace dsl {

ExpressionChecker::Facts ExpressionChecker::check_call(const Node& node) {
  const FunctionFacts* function = find_function(node.name);
  if (function == nullptr) {
    return fail("P0716",
                node.name_range,
                fmt::format("there is no function '{}'", node.name),
                suggest_name(node.name, function_names(), ""));
  }
  const std::size_t given = node.parts.size();
  if (given < function->min_arguments || given > function->max_arguments) {
    return fail(
        "P0717",
        node.range,
        fmt::format("'{}' is given {} value{}", function->name, given, given == 1 ? "" : "s"),
        fmt::format("it is used as {}", function->use));
  }
  if (is_status_function(function->function)) {
    asks_status_ = true;
    if (status_ == StatusFunctions::Refused) {
      return fail("P0719",
                  node.range,
                  fmt::format("'{}()' can only be asked in an 'if:'", function->name),
                  "the result of one task is needs.TASK.result");
    }
    return unknown(ExpressionType::Boolean);
  }
  if (!check_arguments(node, *function)) {
    return unknown(ExpressionType::Json);
  }
  return function->function == ExpressionFunction::HashFiles ? check_hash_files(node)
                                                             : fold_call(node, *function);
}

ExpressionChecker::Facts ExpressionChecker::check_hash_files(const Node& node) {
  if (!names_.hash_files) {
    return fail("P0711",
                node.range,
                "'hashFiles()' has no files to look at here",
                "use it in a task, where the files of its input are there");
  }
  return unknown(ExpressionType::String);
}

bool ExpressionChecker::check_arguments(const Node& node, const FunctionFacts& function) {
  bool good = true;
  for (std::size_t place = 0; place < node.parts.size(); ++place) {
    good = check_argument(node, function, place) && good;
  }
  return good;
}

bool ExpressionChecker::check_argument(const Node& call,
                                       const FunctionFacts& function,
                                       std::size_t place) {
  using enum ExpressionFunction;
  const ExpressionType type = facts_[call.parts[place]].type;
  const bool text = type == ExpressionType::String || type == ExpressionType::Json;
  bool good = true;
  std::string_view wanted = "a string";
  switch (function.function) {
    case Contains:
      good = text || place == 1;
      wanted = "a string or a list";
      break;
    case Join:
      good = place == 0 ? type == ExpressionType::Json : text;
      wanted = place == 0 ? "a list" : "a string";
      break;
    case Format:
      good = text || place > 0;
      break;
    case StartsWith:
    case EndsWith:
    case FromJson:
    case HashFiles:
      good = text;
      break;
    case ToJson:
    case Success:
    case Failure:
    case Always:
    case Cancelled:
      break;
  }
  if (!good) {
    fail("P0718",
         tree_.nodes[call.parts[place]].range,
         fmt::format("'{}' wants {} here, found {}", function.name, wanted, with_article(type)),
         fmt::format("it is used as {}", function.use));
  }
  return good;
}

ExpressionChecker::Facts ExpressionChecker::fold_call(const Node& node,
                                                      const FunctionFacts& function) {
  std::vector<Value> arguments;
  for (const Id part : node.parts) {
    if (facts_[part].value) {
      arguments.push_back(*facts_[part].value);
    }
  }
  if (arguments.size() == node.parts.size()) {
    Result<Value> value = call_pure(function.function, arguments, allowance_);
    if (!value) {
      return fail("P0724", node.range, value.error().message, value.error().remedy);
    }
    Facts facts = known(std::move(*value));
    if (function.function == ExpressionFunction::FromJson) {
      facts.type = ExpressionType::Json;
    }
    return facts;
  }
  const std::optional<Value>& text = facts_[node.parts[0]].value;
  if (function.function == ExpressionFunction::Format && text) {
    if (const auto problem = check_format(to_text(*text), node.parts.size() - 1)) {
      return fail("P0724", tree_.nodes[node.parts[0]].range, problem->message, problem->remedy);
    }
  }
  switch (function.function) {
    case ExpressionFunction::Contains:
    case ExpressionFunction::StartsWith:
    case ExpressionFunction::EndsWith:
      return unknown(ExpressionType::Boolean);
    case ExpressionFunction::Format:
    case ExpressionFunction::Join:
    case ExpressionFunction::ToJson:
      return unknown(ExpressionType::String);
    case ExpressionFunction::FromJson:
    case ExpressionFunction::HashFiles:
    case ExpressionFunction::Success:
    case ExpressionFunction::Failure:
    case ExpressionFunction::Always:
    case ExpressionFunction::Cancelled:
      break;
  }
  return unknown(ExpressionType::Json);
}

}  // namespace dsl
