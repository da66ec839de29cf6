// What a step says of its agent, with the task's words filled in.

#include <algorithm>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/fields.h"
#include "dsl/lower_task.h"

namespace dsl {
namespace {

/// Is it known already that the text says nothing?
bool is_blank(const Template& text) {
  return std::all_of(text.pieces.begin(), text.pieces.end(), [](const Template::Piece& piece) {
    return piece.kind == Template::Piece::Kind::Literal &&
           piece.text.find_first_not_of(" \t\r\n") == std::string::npos;
  });
}

}  // namespace

/// Rules of the one would be lost, or mixed with those of another program.
void TaskLowering::refuse_second_agent(const Layer& first) {
  for (std::size_t i = number_of(first) + 1; i < layers_.size(); ++i) {
    if (layers_[i].body->agent) {
      program_.findings.error(
          kExclusiveKeys,
          first.body->agent->span,
          fmt::format("'agent' stands here, and in the step {} that this one uses",
                      quoted(layers_[i].step != nullptr ? layers_[i].step->name.value : "")),
          "leave it out: what that agent is asked is said by with: {prompt: …}");
      return;
    }
  }
}

/// Whether it is there is seen when the task begins: a task before it may write it.
void TaskLowering::check_prompt_file(const Text& stated) {
  const std::string& path = node_.agent->prompt_file;
  if (path.empty()) {
    return;
  }
  Span place = stated.span;
  for (const auto& [name, value] : unit_.task->with) {
    if (has_hole(stated.value) && name.value == "prompt_file") {
      place = value.span();
    }
  }
  check_path({path, place}, "the prompt_file", program_.findings);
}

void TaskLowering::lower_agent() {
  const Layer* layer = stating(&TaskSpec::agent);
  if (layer == nullptr || unit_.task == nullptr || unit_.task->approval) {
    if (unit_.task != nullptr && unit_.task->context) {
      program_.findings.error(kUselessKey,
                              unit_.task->context.span,
                              "'context' tells an agent of earlier work, and this task has none",
                              "use a step with an agent, or leave it out");
    }
    return;
  }
  const AgentSpec& spec = *layer->body->agent;
  refuse_second_agent(*layer);
  const std::size_t number = number_of(*layer);
  Agent& agent = node_.agent.emplace();
  agent.name = layer->step != nullptr ? std::string(layer->step->name.value) : "";
  agent.prompt = text(spec.prompt, number);
  agent.prompt_file = known(spec.prompt_file, number, "'prompt_file'");
  check_prompt_file(spec.prompt_file);
  if (const Layer* const told = stating(&TaskSpec::context)) {
    agent.context = told->body->context.value;
  }
  for (const Text& path : spec.state) {
    agent.state.emplace_back(path.value);
  }
  for (const AgentRuleSpec& rule : spec.stream) {
    AgentRule& lowered = agent.stream.emplace_back();
    for (const AgentConditionSpec& condition : rule.when) {
      lowered.when.push_back(
          {std::string(condition.pointer.value), condition.comparison, condition.expected});
    }
    for (const AgentTakeSpec& take : rule.takes) {
      lowered.takes.push_back({take.field, std::string(take.pointer.value), take.adds});
    }
    if (rule.reason) {
      lowered.reason = rule.reason.value;
    }
    lowered.ends = rule.ends.value;
  }
  agent.exit = spec.exit;
  if (const auto& provider = spec.provider) {
    agent.provider = {provider->dialect.value,
                      std::string(provider->host.value),
                      std::string(provider->base_url.value),
                      std::string(provider->path.value)};
  }
  if (is_blank(agent.prompt) && agent.prompt_file.empty()) {
    program_.findings.error(kNoPrompt,
                            unit_.task->uses ? unit_.task->uses.span : spec.span,
                            "the agent is not told what to do",
                            "add with: {prompt: …}, or with: {prompt_file: …}");
  }
}

}  // namespace dsl
