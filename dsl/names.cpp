#include "dsl/names.h"

#include <algorithm>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/fields.h"
#include "dsl/inputs.h"
#include "dsl/render.h"
#include "dsl/suggest.h"

namespace dsl {
namespace {

/// The literal text of a template without expressions.
std::optional<std::string> literal(const Template& text) {
  std::string whole;
  for (const Template::Piece& piece : text.pieces) {
    if (piece.kind == Template::Piece::Kind::Expression) {
      return std::nullopt;
    }
    whole += piece.text;
  }
  return whole;
}

void report_unknown_inputs(const StepSpec& step, const TaskSpec& user, Findings& findings) {
  std::vector<std::string_view> names;
  for (const InputSpec& input : step.inputs) {
    names.push_back(input.name.value);
  }
  for (const auto& [name, given] : user.with) {
    if (std::find(names.begin(), names.end(), name.value) != names.end()) {
      continue;
    }
    std::string remedy = did_you_mean(name.value, names);
    if (remedy.empty()) {
      remedy = names.empty() ? "remove 'with'"
                             : fmt::format("its inputs are {}", fmt::join(names, ", "));
    }
    findings.error(kUnknownInput,
                   name.span,
                   fmt::format("'{}' has no input {}", step.path, quoted(name.value)),
                   std::move(remedy));
  }
}

}  // namespace

std::vector<Layer> layers_of(Program& program, const Unit& unit) {
  std::vector<Layer> layers;
  layers.reserve(4);
  if (unit.task != nullptr) {
    layers.push_back({unit.task, nullptr});
    while (StepSpec* step = program.step_of(layers.back().body)) {
      layers.push_back({&step->body, step});
    }
  }
  layers.push_back({&program.pipeline.phases[unit.phase].common, nullptr});
  layers.push_back({&program.pipeline.defaults, nullptr});
  layers.push_back({&program.pipeline.common, nullptr});
  return layers;
}

std::vector<OutputDecl> declared_outputs(const std::vector<Layer>& layers) {
  std::vector<OutputDecl> outputs;
  for (const Layer& layer : layers) {
    for (const OutputSpec& output : layer.body->outputs) {
      const bool is_known = std::any_of(outputs.begin(), outputs.end(), [&](const auto& known) {
        return known.name == output.name.value;
      });
      if (!is_known) {  // a task's own word is above its step's
        outputs.push_back(
            {std::string(output.name.value), std::string(output.file.value), output.type.value});
      }
    }
  }
  return outputs;
}

TaskNames::TaskNames(Program& program,
                     Graph::Node unit,
                     const std::vector<Layer>& layers,
                     const Value::Record& matrix,
                     const std::vector<std::string>& axes)
    : program_(program), unit_(unit), layers_(layers), matrix_values_(matrix), axes_(axes) {}

const VisibleNames& TaskNames::at(std::size_t layer, const std::vector<EnvVar>& env) {
  if (!made_) {
    made_ = true;
    const Unit& unit = program_.units[unit_];
    for (const std::string& axis : axes_) {
      matrix_[axis] = {ExpressionType::Null, Value(), ""};
    }
    for (const auto& [name, value] : matrix_values_) {
      matrix_[name] = {type_of(value), value, ""};
    }
    VisibleNames shared;
    shared.task = unit.task != nullptr
                      ? std::string(unit.task->name.value)
                      : std::string(program_.pipeline.phases[unit.phase].name.value);
    shared.inputs = &program_.inputs;
    shared.env = &env_;
    shared.matrix = unit.task != nullptr && unit.task->matrix != nullptr ? &matrix_ : nullptr;
    if (unit.task != nullptr && unit.task->for_each) {
      shared.item = VisibleName{};
    }
    shared.need = [this](std::string_view task) { return answer_need(task); };
    shared.pipeline_name = std::string(program_.pipeline.name.value);
    names_.assign(layers_.size(), shared);
    step_inputs_.resize(layers_.size());
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (layers_[i].step != nullptr) {
        add_step_inputs(i);
        names_[i].inputs = &step_inputs_[i];
        names_[i].matrix = nullptr;  // a step sees what it was given, and no more
        names_[i].item = std::nullopt;
        names_[i].need = nullptr;
      }
    }
  }
  for (; env_size_ < env.size(); ++env_size_) {
    const EnvVar& variable = env[env_size_];
    VisibleName name{ExpressionType::String, std::nullopt, ""};
    if (auto text = literal(variable.value)) {
      name.value = Value(std::move(*text));
    }
    env_[variable.name] = std::move(name);
  }
  return names_[layer];
}

void TaskNames::add_step_inputs(std::size_t layer) {
  const StepSpec& step = *layers_[layer].step;
  const TaskSpec& user = *layers_[layer - 1].body;
  report_unknown_inputs(step, user, program_.findings);
  for (const InputSpec& input : step.inputs) {
    VisibleName& name = step_inputs_[layer][std::string(input.name.value)];
    name.type = expression_type(input.type);
    const auto given = std::find_if(user.with.begin(), user.with.end(), [&](const auto& with) {
      return with.first.value == input.name.value;
    });
    if (given != user.with.end()) {
      take_given(given->second, input, layer, name);
      continue;
    }
    name.value = default_value(input, program_.findings);
    if (!input.fallback.exists()) {
      program_.findings.error(
          kMissingInput,
          user.uses.span,
          fmt::format("'{}' needs the input {}", step.path, quoted(input.name.value)),
          fmt::format("add with: {{{}: …}}", input.name.value),
          {{input.span, "the input is defined here"}});
    }
  }
}

/// What a step is given for an input: a value, or an expression that the run computes.
void TaskNames::take_given(YamlValue given,
                           const InputSpec& input,
                           std::size_t layer,
                           VisibleName& name) {
  Findings& findings = program_.findings;
  const Text text{given.kind() == YamlValue::Kind::Scalar ? given.text() : "", given.span()};
  name.value = Value();  // where something is wrong with it
  std::optional<Value> value;
  if (has_hole(given)) {
    CheckedText checked = check_text(text.value, program_.origin(text), names_[layer - 1]);
    if (!checked.diagnostics.empty()) {
      findings.add(std::move(checked.diagnostics));
      return;
    }
    if (!checked.value) {
      name.value = std::nullopt;
      name.expression = as_expression(checked.text);
      return;
    }
    value = typed_value(*checked.value, input.type);
  } else {
    if (const YamlValue hole = find_expression(given); hole.exists()) {
      refuse_expression({hole.text(), hole.span()}, "a list or a map", findings);
    }
    value = typed_value(given, input.type);
  }
  if (!value) {
    findings.error(kInputType,
                   text.span,
                   fmt::format("the input {} of '{}' must be {}, this is {}",
                               quoted(input.name.value),
                               layers_[layer].step->path,
                               described(input.type),
                               given.described()),
                   std::string(how_to_write(input.type)),
                   {{input.span, "the input is defined here"}});
    return;
  }
  check_options(input, *value, text.span, findings);
  name.value = std::move(*value);
}

NeedAnswer TaskNames::answer_need(std::string_view task) const {
  NeedAnswer answer;
  const auto found = program_.unit_of.find(task);
  const bool is_task =
      found != program_.unit_of.end() && program_.units[found->second].task != nullptr;
  if (!is_task) {
    for (const Unit& unit : program_.units) {
      if (unit.task != nullptr) {
        answer.candidates.emplace_back(unit.task->name.value);
      }
    }
    return answer;
  }
  const Unit& target = program_.units[found->second];
  const auto& needs = program_.units[unit_].needs;
  const bool is_ancestor = std::find(needs.begin(), needs.end(), found->second) != needs.end() ||
                           (program_.graph && program_.graph->is_ancestor(found->second, unit_));
  if (!is_ancestor) {
    answer.kind = NeedAnswer::Kind::NotAncestor;
    return answer;
  }
  answer.kind = NeedAnswer::Kind::Ancestor;
  const bool is_many = target.task->matrix != nullptr || target.task->for_each;
  for (const OutputDecl& output : declared_outputs(layers_of(program_, target))) {
    answer.outputs.emplace_back(output.name,
                                is_many ? ExpressionType::Json : expression_type(output.type));
  }
  return answer;
}

}  // namespace dsl
