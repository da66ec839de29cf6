// Which tasks' outputs an expression looks at.

#include <algorithm>

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
    if (needs.kind == Kind::Name && needs.name == "needs" &&
        std::find(tasks.begin(), tasks.end(), name) == tasks.end()) {
      tasks.push_back(std::move(name));
    }
  }
  return tasks;
}

}  // namespace dsl
