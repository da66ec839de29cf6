// The environment of a node, and the work that it does.

#include <algorithm>
#include <initializer_list>
#include <utility>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/expression_holes.h"
#include "dsl/lower_task.h"
#include "dsl/shell.h"

namespace dsl {
namespace {

std::vector<Template> templates(std::initializer_list<std::string_view> words) {
  std::vector<Template> list;
  list.reserve(words.size() + 1);
  for (const std::string_view word : words) {
    list.emplace_back(std::string(word));
  }
  return list;
}

/// "/bin/sh" -> "sh"
std::string_view name_of_program(std::string_view path) {
  path.remove_prefix(std::min(path.rfind('/') + 1, path.size()));
  return path;
}

/// Shells whose language is sh's: expressions can become variables there.
bool is_posix_shell(std::string_view program) {
  const std::string_view name = name_of_program(program);
  for (const std::string_view known : {"sh", "bash", "dash", "ash", "ksh", "zsh"}) {
    if (name == known) {
      return true;
    }
  }
  return false;
}

std::string first_word(const std::vector<Template>& argv) {
  return argv.empty() || argv[0].pieces.size() != 1 ? "" : argv[0].pieces[0].text;
}

/// Whether a program takes what stands behind this option for code: `sh -ec`, `python3 -c`.
bool is_followed_by_code(std::string_view program, std::string_view option) {
  if (option.size() < 2 || option[0] != '-' || option[1] == '-') {
    return false;
  }
  const std::string_view name = name_of_program(program);
  if (is_posix_shell(program) || name.starts_with("python")) {
    return option.ends_with('c');
  }
  return (name == "perl" || name == "ruby" || name == "node") && option.ends_with('e');
}

}  // namespace

void TaskLowering::lower_env() {
  // Outermost first: a later one wins, and may mention those before it.
  for (std::size_t layer = layers_.size(); layer-- > 0;) {
    for (const NamedText& variable : layers_[layer].body->env) {
      Template value = text(variable.value, layer);
      const auto is_same = [&](const EnvVar& known) { return known.name == variable.name.value; };
      if (std::erase_if(node_.env, is_same) != 0) {
        names_.forget_env();
      }
      node_.env.push_back({std::string(variable.name.value), std::move(value)});
    }
  }
}

std::vector<EnvVar> TaskLowering::lower_variables(const std::vector<NamedText>& env,
                                                  std::size_t layer) {
  std::vector<EnvVar> variables;
  variables.reserve(env.size());
  for (const NamedText& variable : env) {
    variables.push_back({std::string(variable.name.value), text(variable.value, layer)});
  }
  return variables;
}

/// The shell that is stated nearest to the command. A step was written for its own: what holds for
/// the pipeline's scripts does not reach into it.
std::vector<Template> TaskLowering::shell_for(const Layer& command) {
  const std::size_t first = number_of(command);
  const std::size_t last = command.step != nullptr ? first + 1 : layers_.size();
  for (std::size_t layer = first; layer < last; ++layer) {
    const TaskSpec& body = *layers_[layer].body;
    if (body.shell_argv) {
      std::vector<Template> shell;
      for (const Text& word : body.shell_argv.items) {
        shell.emplace_back(known(word, layer, "'shell'"));
      }
      return shell;
    }
    if (body.shell) {
      return body.shell.value == "bash" ? templates({"bash", "-eo", "pipefail", "-c"})
                                        : templates({"/bin/sh", "-e", "-c"});
    }
  }
  return templates({"/bin/sh", "-e", "-c"});
}

Command TaskLowering::lower_command(const CommandSpec& command,
                                    const std::vector<Template>& shell,
                                    std::size_t layer,
                                    std::vector<EnvVar>& env) {
  Command lowered;
  if (command.argv) {
    const std::vector<Text>& words = command.argv.items;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (i > 1 && has_hole(words[i].value) &&
          is_followed_by_code(words[0].value, words[i - 1].value)) {
        lowered.argv.push_back(lower_script(words[i], words[0].value, layer, env));
      } else {
        lowered.argv.push_back(text(words[i], layer));
      }
    }
    return lowered;
  }
  lowered.argv = shell;
  const Text& script = command.script;
  if (!has_hole(script.value)) {
    lowered.argv.emplace_back(std::string(script.value));
    return lowered;
  }
  lowered.argv.push_back(lower_script(script, first_word(shell), layer, env));
  return lowered;
}

Template TaskLowering::lower_script(const Text& script,
                                    std::string_view program,
                                    std::size_t layer,
                                    std::vector<EnvVar>& env) {
  if (!is_posix_shell(program)) {
    program_.findings.add(refuse_expressions(script.value, program_.origin(script), program));
    return {};
  }
  BoundScript bound = bind_script(script.value, program_.origin(script), names(layer));
  program_.findings.add(std::move(bound.diagnostics));
  for (EnvVar& variable : bound.env) {
    env.push_back(std::move(variable));
  }
  return Template(std::move(bound.script));
}

void TaskLowering::lower_work() {
  if (unit_.task == nullptr) {
    node_.kind = NodeKind::PhaseGate;
    return;
  }
  const TaskSpec& task = *unit_.task;
  node_.description = known(task.description, 0, "'description'");
  if (task.condition) {
    CheckedCondition checked =
        check_condition(task.condition.value, program_.origin(task.condition), names(0));
    program_.findings.add(std::move(checked.diagnostics));
    node_.condition = std::move(checked.condition);
  }
  if (task.for_each) {
    CheckedExpression checked =
        check_expression(task.for_each.value, program_.origin(task.for_each), names(0));
    const bool is_list = checked.value ? std::holds_alternative<Value::List>(checked.value->held)
                                       : checked.type == ExpressionType::Json;
    if (checked.diagnostics.empty() && !is_list) {
      program_.findings.error(
          kForEachType,
          task.for_each.span,
          fmt::format("'for_each' needs a list, this is a {}", to_text(checked.type)),
          "give the output the type json, and write a JSON list into it");
    }
    program_.findings.add(std::move(checked.diagnostics));
    node_.for_each = std::move(checked.text);
  }
  if (task.approval) {
    node_.kind = NodeKind::Approval;
    node_.approval = known(task.approval, 0, "the question");
    return;
  }
  if (const Layer* layer = stating(&TaskSpec::run)) {
    const std::size_t number = number_of(*layer);
    node_.command = lower_command(layer->body->run, shell_for(*layer), number, node_.env);
  }
}

}  // namespace dsl
