// Which tasks an expression looks at.

#include <algorithm>
#include <utility>

#include "dsl/expression.h"
#include "dsl/expression_tree.h"

namespace dsl {
namespace {

using Kind = ExpressionNode::Kind;

/// The last word of `path.word` and of `path['word']`; "" for anything else.
std::string last_word(const ExpressionTree& tree, const ExpressionNode& node) {
  if (node.kind == Kind::Member) {
    return node.name;
  }
  if (node.kind == Kind::Index) {
    const ExpressionNode& key = tree.nodes[node.parts[1]];
    const auto* word = std::get_if<std::string>(&key.literal.held);
    return key.kind == Kind::Literal && word != nullptr ? *word : "";
  }
  return "";
}

void add_once(std::vector<std::string>& names, std::string name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    names.push_back(std::move(name));
  }
}

}  // namespace

std::vector<std::string> tasks_read(std::string_view expression) {
  const auto parsed = parse_expression(expression);
  const auto* tree = std::get_if<ExpressionTree>(&parsed);
  std::vector<std::string> tasks;
  if (tree == nullptr) {
    return tasks;
  }
  for (const ExpressionNode& outputs : tree->nodes) {
    if (last_word(*tree, outputs) != "outputs") {
      continue;
    }
    const ExpressionNode& task = tree->nodes[outputs.parts[0]];
    std::string name = last_word(*tree, task);
    if (name.empty()) {
      continue;
    }
    const ExpressionNode& needs = tree->nodes[task.parts[0]];
    if (needs.kind == Kind::Name && needs.name == "needs") {
      add_once(tasks, std::move(name));
    }
  }
  return tasks;
}

std::optional<std::vector<std::string>> tasks_named(std::string_view expression) {
  const auto parsed = parse_expression(expression);
  const auto* tree = std::get_if<ExpressionTree>(&parsed);
  std::vector<std::string> tasks;
  if (tree == nullptr) {
    return tasks;
  }
  std::size_t whole = 0;  // mentions of `needs` of which no single task was taken so far
  for (const ExpressionNode& node : tree->nodes) {
    if (node.kind == Kind::Name && node.name == "needs") {
      ++whole;
      continue;
    }
    std::string name = last_word(*tree, node);
    if (name.empty()) {
      continue;
    }
    const ExpressionNode& of = tree->nodes[node.parts[0]];
    if (of.kind == Kind::Name && of.name == "needs") {
      --whole;
      add_once(tasks, std::move(name));
    }
  }
  return whole == 0 ? std::optional(std::move(tasks)) : std::nullopt;
}

}  // namespace dsl
