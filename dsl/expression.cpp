#include "dsl/expression.h"

#include <utility>
#include <variant>

#include <fmt/format.h>

#include "dsl/expression_tree.h"
#include "dsl/expression_values.h"

namespace dsl {
namespace {

using Node = ExpressionNode;
using Kind = ExpressionNode::Kind;

/// Walks a tree; its depth, and so the stack, is bounded by the parser.
class Evaluator {
 public:
  Evaluator(const ExpressionTree& tree, const Scope& scope) : tree_(tree), scope_(scope) {}

  Result<Value> evaluate(Node::Id id) {
    const Node& node = tree_.nodes[id];
    switch (node.kind) {
      case Kind::Literal:
        return node.literal;
      case Kind::Name:
      case Kind::Member:
      case Kind::Index:
        return path(id);
      case Kind::Call:
        return call(node);
      case Kind::Not: {
        const Result<Value> operand = evaluate(node.parts[0]);
        return operand ? Result<Value>(Value(!is_true(*operand))) : operand;
      }
      case Kind::Compare:
        return comparison(node);
      case Kind::And:
        return chain(node, true);
      case Kind::Or:
        return chain(node, false);
    }
    return Value();
  }

 private:
  /// a.b[c].d without copying what lies on the way.
  Result<Value> path(Node::Id id) {
    std::vector<const Node*> steps;
    for (; is_step(tree_.nodes[id]); id = tree_.nodes[id].parts[0]) {
      steps.push_back(&tree_.nodes[id]);
    }
    Value start;  // owns what does not come from the scope
    const Value* at = &start;
    if (tree_.nodes[id].kind == Kind::Name) {
      at = context(tree_.nodes[id].name);
    } else {
      Result<Value> value = evaluate(id);
      if (!value) {
        return value;
      }
      start = std::move(*value);
    }
    for (; at != nullptr && !steps.empty(); steps.pop_back()) {
      const Node& step = *steps.back();
      if (step.kind == Kind::Member) {
        at = member_of(*at, step.name);
        continue;
      }
      Result<Value> key = evaluate(step.parts[1]);
      if (!key) {
        return key;
      }
      at = item_of(*at, *key);
    }
    return at == nullptr ? Value() : *at;
  }

  static bool is_step(const Node& node) {
    return node.kind == Kind::Member || node.kind == Kind::Index;
  }

  [[nodiscard]] const Value* context(std::string_view name) const {
    for (const auto& [key, value] : scope_.contexts) {
      if (key == name) {
        return &value;
      }
    }
    return nullptr;
  }

  Result<Value> comparison(const Node& node) {
    Result<Value> left = evaluate(node.parts[0]);
    if (!left) {
      return left;
    }
    const Result<Value> right = evaluate(node.parts[1]);
    return right ? Result<Value>(Value(compare(*left, node.comparison, *right))) : right;
  }

  /// The first part whose truth is not `go_on`, else the last.
  Result<Value> chain(const Node& node, bool go_on) {
    for (const Node::Id part : node.parts) {
      Result<Value> value = evaluate(part);
      if (!value || part == node.parts.back() || is_true(*value) != go_on) {
        return value;
      }
    }
    return Value();
  }

  Result<Value> call(const Node& node) {
    const FunctionFacts* facts = find_function(node.name);
    if (facts == nullptr || node.parts.size() < facts->min_arguments ||
        node.parts.size() > facts->max_arguments) {
      return Error{fmt::format("no function '{}' with {} values", node.name, node.parts.size()),
                   ""};
    }
    std::vector<Value> arguments;
    for (const Node::Id part : node.parts) {
      Result<Value> argument = evaluate(part);
      if (!argument) {
        return argument;
      }
      arguments.push_back(std::move(*argument));
    }
    switch (facts->function) {
      case ExpressionFunction::Success:
        return Value(!scope_.any_need_failed && !scope_.cancelled);
      case ExpressionFunction::Failure:
        return Value(scope_.any_need_failed);
      case ExpressionFunction::Always:
        return Value(true);
      case ExpressionFunction::Cancelled:
        return Value(scope_.cancelled);
      case ExpressionFunction::HashFiles:
        return hash_files(arguments);
      case ExpressionFunction::Contains:
      case ExpressionFunction::StartsWith:
      case ExpressionFunction::EndsWith:
      case ExpressionFunction::Format:
      case ExpressionFunction::Join:
      case ExpressionFunction::ToJson:
      case ExpressionFunction::FromJson:
        return call_pure(facts->function, arguments, allowance_);
    }
    return Value();
  }

  [[nodiscard]] Result<Value> hash_files(const std::vector<Value>& arguments) const {
    if (!scope_.hash_files) {
      return Error{"hashFiles() has no files to look at here", ""};
    }
    std::vector<std::string> patterns;
    patterns.reserve(arguments.size());
    for (const Value& argument : arguments) {
      patterns.push_back(to_text(argument));
    }
    Result<std::string> digest = scope_.hash_files(patterns);
    return digest ? Result<Value>(Value(std::move(*digest))) : Result<Value>(digest.error());
  }

  const ExpressionTree& tree_;
  const Scope& scope_;
  TextAllowance allowance_;
};

}  // namespace

Result<Value> evaluate(std::string_view expression, const Scope& scope) {
  const auto parsed = parse_expression(expression);
  if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
    return Error{error->message, error->remedy}.within(
        fmt::format("'{}'", expression.substr(0, 200)));
  }
  const auto& tree = std::get<ExpressionTree>(parsed);
  Result<Value> value = Evaluator(tree, scope).evaluate(tree.root);
  return value
             ? std::move(value)
             : Result<Value>(value.error().within(fmt::format("'{}'", expression.substr(0, 200))));
}

Result<bool> evaluate_condition(std::string_view expression, const Scope& scope) {
  const Result<Value> value = evaluate(expression, scope);
  return value ? Result<bool>(is_true(*value)) : Result<bool>(value.error());
}

Result<std::string> render(const Template& text, const Scope& scope) {
  std::string out;
  for (const Template::Piece& piece : text.pieces) {
    if (piece.kind == Template::Piece::Kind::Literal) {
      out += piece.text;
      continue;
    }
    const Result<Value> value = evaluate(piece.text, scope);
    if (!value) {
      return value.error();
    }
    out += to_text(*value);
  }
  return out;
}

}  // namespace dsl
