#pragma once

// What the expressions of one task see. Tables are made when the first expression asks; most tasks
// have none. Internal to the compiler; one thread.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/expression_check.h"
#include "dsl/program.h"

namespace dsl {

/// The task's own body first, then the steps that it uses, then what holds for all tasks: a value
/// is taken from the first that states it.
std::vector<Layer> layers_of(Program& program, const Unit& unit);

/// Everything that a task and its steps declare as outputs.
std::vector<OutputDecl> declared_outputs(const std::vector<Layer>& layers);

class TaskNames {
 public:
  /// All must outlive it. `matrix` are the values of this instance, `axes` the names that some
  /// instance has (null in the others).
  TaskNames(Program& program,
            Graph::Node unit,
            const std::vector<Layer>& layers,
            const Value::Record& matrix,
            const std::vector<std::string>& axes);

  /// A variable among those that `at` has seen was replaced.
  void forget_env() { env_size_ = 0; }

  /// The names that texts of layer number `layer` see; `env` are the variables so far.
  const VisibleNames& at(std::size_t layer, const std::vector<EnvVar>& env);

 private:
  [[nodiscard]] NeedAnswer answer_need(std::string_view task) const;
  void add_step_inputs(std::size_t layer);
  void take_given(YamlValue given, const InputSpec& input, std::size_t layer, VisibleName& name);

  Program& program_;
  Graph::Node unit_;
  const std::vector<Layer>& layers_;
  const Value::Record& matrix_values_;
  const std::vector<std::string>& axes_;
  bool made_ = false;
  NameTable matrix_;
  NameTable env_;
  std::size_t env_size_ = 0;            // how much of `env` is in env_
  std::vector<NameTable> step_inputs_;  // by layer; empty for layers that are no step
  std::vector<VisibleNames> names_;     // by layer
};

}  // namespace dsl
