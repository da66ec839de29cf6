#pragma once

// Checks one parsed expression: a pass from the leaves up that gives every node its type and, where
// it is known, its value. Internal to the expression files. Any thread; linear in the tree.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/expression_check.h"
#include "dsl/expression_tree.h"
#include "dsl/expression_values.h"

namespace dsl {

enum class StatusFunctions { Refused, Allowed };

class ExpressionChecker {
 public:
  /// `begin` is where the expression's text starts in the text that `origin` is about. All are
  /// borrowed for the life of the checker; mistakes are appended to `diagnostics`.
  ExpressionChecker(const ExpressionTree& tree,
                    const TextOrigin& origin,
                    std::size_t begin,
                    const VisibleNames& names,
                    StatusFunctions status,
                    std::vector<Diagnostic>& diagnostics);

  /// To be called once. The text is "" when there were mistakes.
  CheckedExpression check();

  /// A status function was called.
  [[nodiscard]] bool asks_status() const { return asks_status_; }

 private:
  using Node = ExpressionNode;
  using Id = ExpressionNode::Id;

  // What a path has reached, while it is not a value yet.
  enum class Group { None, Inputs, Env, Matrix, Secrets, Needs, Need, NeedOutputs, Run, Pipeline };

  struct Facts {
    ExpressionType type = ExpressionType::Json;
    std::optional<Value> value;
    Group group = Group::None;
    std::string name;                  // Need, NeedOutputs: the task
    std::shared_ptr<NeedAnswer> need;  // Need, NeedOutputs
    std::string replacement;           // VisibleName::expression
    std::vector<Id> kept;              // And, Or: the parts that are not decided yet
    bool is_result = false;            // needs.TASK.result: one of kTaskResults
  };

  static Facts known(Value value);
  static Facts unknown(ExpressionType type);

  Facts facts_of(const Node& node);
  Facts check_name(const Node& node);
  Facts check_context(const Node& node, Group group, bool here);
  Facts check_index(const Node& node);
  Facts check_not(const Node& node);
  Facts check_compare(const Node& node);
  Facts check_chain(const Node& node);
  Facts check_call(const Node& node);
  Facts check_hash_files(const Node& node);
  Facts fold_call(const Node& node, const FunctionFacts& function);
  bool check_arguments(const Node& node, const FunctionFacts& function);
  bool check_argument(const Node& call, const FunctionFacts& function, std::size_t place);

  Facts member(const Facts& base, std::string_view name, TextRange range);
  Facts member_of_value(const Facts& base, const Value& key, TextRange range);
  Facts named(const NameTable& table,
              std::string_view what,
              std::string_view name,
              TextRange range);
  Facts need(std::string_view task, TextRange range);
  Facts need_member(const Facts& base, std::string_view name, TextRange range);
  Facts need_output(const Facts& base, std::string_view name, TextRange range);
  Facts run_member(std::string_view name, TextRange range);
  Facts pipeline_member(std::string_view name, TextRange range);

  /// Makes a value of what a path has reached; a mistake where it is a mere group of names.
  void demand_value(Id id);
  [[nodiscard]] const NameTable* table(Group group) const;
  [[nodiscard]] std::vector<std::string_view> visible_contexts() const;

  /// Adds a mistake; what is returned causes no further ones.
  Facts fail(std::string code, TextRange range, std::string message, std::string remedy);

  void print(Id id, int precedence, std::string& out) const;
  void print_undecided(Id id, int own, std::string& out) const;
  [[nodiscard]] int precedence_of(Id id) const;

  const ExpressionTree& tree_;
  const TextOrigin& origin_;
  const std::size_t begin_;
  const VisibleNames& names_;
  const StatusFunctions status_;
  std::vector<Diagnostic>& diagnostics_;
  std::vector<Facts> facts_;  // by node
  TextAllowance allowance_;
  bool asks_status_ = false;
  bool replaced_ = false;  // a name gave way to an expression
};

Diagnostic to_diagnostic(const SyntaxError& error, const TextOrigin& origin, std::size_t begin);

struct CheckedRange {
  CheckedExpression expression;
  bool asks_status = false;
};

/// Parses and checks the bytes `range` of the text that `origin` is about.
CheckedRange check_range(std::string_view text,
                         TextRange range,
                         const TextOrigin& origin,
                         const VisibleNames& names,
                         StatusFunctions status);

}  // namespace dsl
