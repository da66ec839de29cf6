#include "dsl/expression_checker.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "dsl/suggest.h"

namespace dsl {
namespace {

using Kind = ExpressionNode::Kind;

/// "'a', 'b' and 'c'", at most eight of them.
std::string list_names(const std::vector<std::string_view>& names) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t k = 0; k < names.size() && k < kShown; ++k) {
    const bool last = k + 1 == names.size();
    text += fmt::format("{}'{}'", k == 0 ? "" : (last ? " and " : ", "), names[k]);
  }
  return names.size() > kShown ? text + ", …" : text;
}

/// The nearest name, else all of them, else `none`.
std::string suggest(std::string_view name,
                    const std::vector<std::string_view>& candidates,
                    std::string_view none) {
  if (candidates.empty()) {
    return std::string(none);
  }
  std::string nearest = did_you_mean(name, candidates);
  return nearest.empty() ? "there is " + list_names(candidates) : nearest;
}

std::string_view with_article(ExpressionType type) {
  switch (type) {
    case ExpressionType::Null:
      return "null";
    case ExpressionType::Boolean:
      return "a boolean";
    case ExpressionType::Number:
      return "a number";
    case ExpressionType::String:
      return "a string";
    case ExpressionType::Json:
      return "a list or record";
  }
  return "";
}

/// What people write who come from another tool, and what is meant here.
std::string remedy_for_context(std::string_view name) {
  if (name == "steps" || name == "jobs" || name == "tasks") {
    return "an earlier task's outputs are needs.TASK.outputs.NAME";
  }
  if (name == "github" || name == "runner" || name == "strategy") {
    return "the run is run.id and run.attempt, the pipeline is pipeline.name";
  }
  if (name == "vars" || name == "variables" || name == "parameters") {
    return "values given to the pipeline are inputs.NAME";
  }
  return "";
}

bool is_plain_path(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

bool is_ordered(Comparison comparison) {
  return comparison != Comparison::Equal && comparison != Comparison::NotEqual;
}

std::string_view sign_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::Equal:
      return " == ";
    case Comparison::NotEqual:
      return " != ";
    case Comparison::Less:
      return " < ";
    case Comparison::LessOrEqual:
      return " <= ";
    case Comparison::Greater:
      return " > ";
    case Comparison::GreaterOrEqual:
      return " >= ";
  }
  return "";
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

// ---- names -----------------------------------------------------------------------------------

std::vector<std::string_view> ExpressionChecker::visible_contexts() const {
  std::vector<std::string_view> visible;
  const auto add = [&](bool here, std::string_view name) {
    if (here) {
      visible.push_back(name);
    }
  };
  add(names_.inputs != nullptr, "inputs");
  add(names_.env != nullptr, "env");
  add(names_.matrix != nullptr, "matrix");
  add(names_.item.has_value(), "item");
  add(static_cast<bool>(names_.need), "needs");
  add(names_.secrets != nullptr, "secrets");
  add(names_.run, "run");
  add(names_.pipeline_name.has_value(), "pipeline");
  return visible;
}

const NameTable* ExpressionChecker::table(Group group) const {
  switch (group) {
    case Group::Inputs:
      return names_.inputs;
    case Group::Env:
      return names_.env;
    case Group::Matrix:
      return names_.matrix;
    case Group::Secrets:
      return names_.secrets;
    case Group::None:
    case Group::Needs:
    case Group::Need:
    case Group::NeedOutputs:
    case Group::Run:
    case Group::Pipeline:
      break;
  }
  return nullptr;
}

ExpressionChecker::Facts ExpressionChecker::check_name(const Node& node) {
  if (node.name == "inputs") {
    return check_context(node, Group::Inputs, names_.inputs != nullptr);
  }
  if (node.name == "env") {
    return check_context(node, Group::Env, names_.env != nullptr);
  }
  if (node.name == "matrix") {
    return check_context(node, Group::Matrix, names_.matrix != nullptr);
  }
  if (node.name == "secrets") {
    return check_context(node, Group::Secrets, names_.secrets != nullptr);
  }
  if (node.name == "needs") {
    return check_context(node, Group::Needs, static_cast<bool>(names_.need));
  }
  if (node.name == "run") {
    return check_context(node, Group::Run, names_.run);
  }
  if (node.name == "pipeline") {
    return check_context(node, Group::Pipeline, names_.pipeline_name.has_value());
  }
  if (node.name == "item" && names_.item) {
    return named({{"item", *names_.item}}, "name", "item", node.range);
  }
  if (node.name == "item") {
    return check_context(node, Group::None, false);
  }
  std::string remedy = remedy_for_context(node.name);
  if (remedy.empty() && find_function(node.name) != nullptr) {
    remedy =
        fmt::format("a function is called with parentheses: {}", find_function(node.name)->use);
  }
  if (remedy.empty()) {
    remedy = suggest(node.name, visible_contexts(), "no names can be used here");
    if (!remedy.starts_with("did you")) {
      remedy += "; a text stands in single quotes";
    }
  }
  return fail("P0710", node.range, fmt::format("there is no '{}'", node.name), std::move(remedy));
}

ExpressionChecker::Facts ExpressionChecker::check_context(const Node& node,
                                                          Group group,
                                                          bool here) {
  if (here) {
    Facts facts;
    facts.group = group;
    return facts;
  }
  if (group == Group::Secrets) {
    return fail(
        "P0715",
        node.range,
        "secrets cannot be read in an expression here",
        "list the name under the task's 'secrets:'; the runner brings it to where it is used");
  }
  std::string remedy;
  if (group == Group::Matrix) {
    remedy = "give the task a 'matrix:'";
  } else if (node.name == "item") {
    remedy = "give the task a 'for_each:'";
  } else if (!visible_contexts().empty()) {
    remedy = "there is " + list_names(visible_contexts());
  } else {
    remedy = "only values can be used here";
  }
  return fail("P0711",
              node.range,
              fmt::format("'{}' does not exist {}",
                          node.name,
                          names_.task.empty() ? "here" : fmt::format("in task '{}'", names_.task)),
              std::move(remedy));
}

ExpressionChecker::Facts ExpressionChecker::named(const NameTable& table,
                                                  std::string_view what,
                                                  std::string_view name,
                                                  TextRange range) {
  const auto found = table.find(name);
  if (found == table.end()) {
    std::vector<std::string_view> candidates;
    for (const auto& entry : table) {
      candidates.push_back(entry.first);
    }
    return fail("P0712",
                range,
                fmt::format("there is no {} '{}'", what, name),
                suggest(name, candidates, "none is declared"));
  }
  Facts facts = unknown(found->second.type);
  facts.value = found->second.value;
  facts.replacement = found->second.expression;
  replaced_ = replaced_ || !facts.replacement.empty();
  return facts;
}

ExpressionChecker::Facts ExpressionChecker::member(const Facts& base,
                                                   std::string_view name,
                                                   TextRange range) {
  switch (base.group) {
    case Group::None:
      return member_of_value(base, Value(std::string(name)), range);
    case Group::Inputs:
      return named(*names_.inputs, "input", name, range);
    case Group::Env:
      return named(*names_.env, "variable", name, range);
    case Group::Matrix:
      return named(*names_.matrix, "matrix axis", name, range);
    case Group::Secrets:
      return named(*names_.secrets, "secret", name, range);
    case Group::Needs:
      return need(name, range);
    case Group::Need:
      return need_member(base, name, range);
    case Group::NeedOutputs:
      return need_output(base, name, range);
    case Group::Run:
      return run_member(name, range);
    case Group::Pipeline:
      return pipeline_member(name, range);
  }
  return {};
}

ExpressionChecker::Facts ExpressionChecker::member_of_value(const Facts& base,
                                                            const Value& key,
                                                            TextRange range) {
  if (base.type != ExpressionType::Json) {
    return fail("P0721",
                range,
                fmt::format("{} has no members", with_article(base.type)),
                base.type == ExpressionType::String
                    ? "to read JSON text, write fromJSON(…); an output or input can be of type json"
                    : "");
  }
  Facts facts = unknown(ExpressionType::Json);
  if (base.value) {
    const Value* found = item_of(*base.value, key);
    facts.value = found == nullptr ? Value() : *found;
  }
  return facts;
}

ExpressionChecker::Facts ExpressionChecker::need(std::string_view task, TextRange range) {
  auto answer = std::make_shared<NeedAnswer>(names_.need(task));
  const std::string asking = names_.task.empty() ? "this place" : fmt::format("'{}'", names_.task);
  switch (answer->kind) {
    case NeedAnswer::Kind::Unknown: {
      const std::vector<std::string_view> candidates(answer->candidates.begin(),
                                                     answer->candidates.end());
      return fail("P0713",
                  range,
                  fmt::format("there is no task '{}'", task),
                  suggest(task, candidates, "there is no task before this one"));
    }
    case NeedAnswer::Kind::NotAncestor:
      return fail("P0714",
                  range,
                  fmt::format("'{}' is no ancestor of {}", task, asking),
                  task == names_.task
                      ? "a task cannot read its own outputs"
                      : fmt::format("add '{}' to the 'needs:' of {}", task, asking));
    case NeedAnswer::Kind::Ancestor:
      break;
  }
  Facts facts;
  facts.group = Group::Need;
  facts.name = task;
  facts.need = std::move(answer);
  return facts;
}

ExpressionChecker::Facts ExpressionChecker::need_member(const Facts& base,
                                                        std::string_view name,
                                                        TextRange range) {
  if (name == "result") {
    return unknown(ExpressionType::String);
  }
  if (name == "outputs") {
    Facts facts = base;
    facts.group = Group::NeedOutputs;
    return facts;
  }
  const bool is_output = std::any_of(base.need->outputs.begin(),
                                     base.need->outputs.end(),
                                     [&](const auto& output) { return output.first == name; });
  return fail("P0712",
              range,
              fmt::format("there is no '{}' of a task", name),
              is_output ? fmt::format("write needs.{}.outputs.{}", base.name, name)
                        : suggest(name, {"outputs", "result"}, ""));
}

ExpressionChecker::Facts ExpressionChecker::need_output(const Facts& base,
                                                        std::string_view name,
                                                        TextRange range) {
  std::vector<std::string_view> candidates;
  for (const auto& [output, type] : base.need->outputs) {
    if (output == name) {
      return unknown(type);
    }
    candidates.push_back(output);
  }
  return fail(
      "P0712",
      range,
      fmt::format("task '{}' has no output '{}'", base.name, name),
      suggest(name, candidates, fmt::format("declare it under 'outputs:' of '{}'", base.name)));
}

ExpressionChecker::Facts ExpressionChecker::run_member(std::string_view name, TextRange range) {
  if (name == "id") {
    return unknown(ExpressionType::String);
  }
  if (name == "attempt") {
    return unknown(ExpressionType::Number);
  }
  return fail("P0712",
              range,
              fmt::format("there is no '{}' of a run", name),
              suggest(name, {"id", "attempt"}, ""));
}

ExpressionChecker::Facts ExpressionChecker::pipeline_member(std::string_view name,
                                                            TextRange range) {
  if (name == "name") {
    return known(Value(*names_.pipeline_name));
  }
  return fail("P0712",
              range,
              fmt::format("there is no '{}' of a pipeline", name),
              suggest(name, {"name"}, ""));
}

ExpressionChecker::Facts ExpressionChecker::check_index(const Node& node) {
  const Facts& base = facts_[node.parts[0]];
  const Facts& key = facts_[node.parts[1]];
  const TextRange range = node.name_range;
  if (key.type == ExpressionType::Boolean || key.type == ExpressionType::Null) {
    return fail("P0721",
                range,
                fmt::format("{} is no index", with_article(key.type)),
                "a list's index is a number, a record's is a string");
  }
  if (base.group == Group::None) {
    if (key.value || base.type != ExpressionType::Json) {
      return member_of_value(base, key.value.value_or(Value()), range);
    }
    return unknown(ExpressionType::Json);
  }
  if (!key.value) {
    return fail("P0721",
                range,
                "a name in '[ ]' must be known before the run",
                "write the name itself, or use an input or matrix value");
  }
  return member(base, to_text(*key.value), range);
}

void ExpressionChecker::demand_value(Id id) {
  Facts& facts = facts_[id];
  if (facts.group == Group::None) {
    return;
  }
  const Group group = std::exchange(facts.group, Group::None);
  facts.type = ExpressionType::Json;
  if (group == Group::Need || group == Group::NeedOutputs) {
    return;
  }
  const TextRange range = tree_.nodes[id].range;
  const NameTable* names = group == Group::Secrets ? nullptr : table(group);
  if (names == nullptr) {
    fail("P0723",
         range,
         fmt::format("'{}' is a group of names, not a value", tree_.nodes[id].name),
         "write one of its members");
    return;
  }
  Value::Record record;
  for (const auto& [name, visible] : *names) {
    if (!visible.value) {
      fail("P0723",
           range,
           fmt::format("'{}' as a whole is not known before the run", tree_.nodes[id].name),
           "write one of its members");
      return;
    }
    record.emplace_back(name, *visible.value);
  }
  facts.value = Value(std::move(record));
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

// ---- functions -------------------------------------------------------------------------------

ExpressionChecker::Facts ExpressionChecker::check_call(const Node& node) {
  const FunctionFacts* function = find_function(node.name);
  if (function == nullptr) {
    return fail("P0716",
                node.name_range,
                fmt::format("there is no function '{}'", node.name),
                suggest(node.name, function_names(), ""));
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

// ---- what remains ----------------------------------------------------------------------------

namespace {
constexpr int kOr = 1;
constexpr int kAnd = 2;
constexpr int kEquality = 3;
constexpr int kRelation = 4;
constexpr int kUnary = 5;
constexpr int kPrimary = 6;
}  // namespace

int ExpressionChecker::precedence_of(Id id) const {
  const Facts& facts = facts_[id];
  if (facts.value || !facts.replacement.empty()) {
    return kPrimary;
  }
  const Node& node = tree_.nodes[id];
  switch (node.kind) {
    case Kind::And:
      return kAnd;
    case Kind::Or:
      return kOr;
    case Kind::Not:
      return kUnary;
    case Kind::Compare:
      return is_ordered(node.comparison) ? kRelation : kEquality;
    case Kind::Literal:
    case Kind::Name:
    case Kind::Member:
    case Kind::Index:
    case Kind::Call:
      break;
  }
  return kPrimary;
}

void ExpressionChecker::print(Id id, int precedence, std::string& out) const {
  const Facts& facts = facts_[id];
  const Node& node = tree_.nodes[id];
  if (facts.value) {
    out += literal_expression(*facts.value);
    return;
  }
  if (!facts.replacement.empty()) {
    const bool plain = is_plain_path(facts.replacement);
    out += plain ? facts.replacement : "(" + facts.replacement + ")";
    return;
  }
  if (facts.kept.size() == 1) {
    print(facts.kept.front(), precedence, out);
    return;
  }
  const int own = precedence_of(id);
  out += own < precedence ? "(" : "";
  switch (node.kind) {
    case Kind::Literal:
      break;  // has a value
    case Kind::Name:
      out += node.name;
      break;
    case Kind::Member:
      print(node.parts[0], kPrimary, out);
      out += "." + node.name;
      break;
    case Kind::Index:
      print(node.parts[0], kPrimary, out);
      out += "[";
      print(node.parts[1], 0, out);
      out += "]";
      break;
    case Kind::Call:
      out += find_function(node.name)->name;
      out += "(";
      for (std::size_t k = 0; k < node.parts.size(); ++k) {
        out += k == 0 ? "" : ", ";
        print(node.parts[k], 0, out);
      }
      out += ")";
      break;
    case Kind::Not:
      out += "!";
      print(node.parts[0], kUnary, out);
      break;
    case Kind::Compare:
      print(node.parts[0], own, out);
      out += sign_of(node.comparison);
      print(node.parts[1], own + 1, out);
      break;
    case Kind::And:
    case Kind::Or:
      for (std::size_t k = 0; k < facts.kept.size(); ++k) {
        out += k == 0 ? "" : (node.kind == Kind::And ? " && " : " || ");
        print(facts.kept[k], own + 1, out);
      }
      break;
  }
  out += own < precedence ? ")" : "";
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
