#include "runner/run/prompt.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "dsl/value.h"

namespace runner {

using dsl::Error;
using dsl::Result;

namespace {

// An agent can read files by itself: what it is told of them is a beginning.
constexpr std::int64_t kLongestFile = 1 << 20;
constexpr std::size_t kMostLearnings = 64 << 10;
constexpr std::int64_t kLongestLearnings = 16 << 20;
constexpr std::size_t kMostOutputs = 64 << 10;
constexpr std::size_t kMostDiff = 64 << 10;

/// The prompt of its step, and what stands behind all that is asked.
struct Stated {
  std::string prompt;
  std::string sections;
};

std::string without_end(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

void append_outputs(const NodeState& node, std::string& text) {
  for (const auto& [name, value] : node.outputs) {
    const std::string line = fmt::format("{}.{} = {}\n", node.id.value, name, dsl::to_json(value));
    text += text.size() + line.size() <= kMostOutputs
                ? line
                : fmt::format("{}.{} is too long to stand here\n", node.id.value, name);
  }
}

/// Of all tasks that lead to this one.
std::string outputs_section(const RunState& state, std::size_t node) {
  std::set<std::size_t> before;
  std::vector<std::size_t> next{node};
  while (!next.empty()) {
    const std::size_t one = next.back();
    next.pop_back();
    for (const dsl::NodeIndex need : state.needs(one)) {
      if (before.insert(need).second) {
        next.push_back(need);
      }
    }
  }
  std::string text;
  for (const std::size_t place : before) {
    const NodeState& earlier = state.nodes()[place];
    append_outputs(earlier, text);
    for (const std::size_t instance : earlier.instances) {
      append_outputs(state.nodes()[instance], text);
    }
  }
  return text.empty() ? "" : "\n\n# Outputs of earlier tasks\n\n" + without_end(text);
}

/// How a prompt has what earlier tasks changed. For a key it is enough to say since when.
enum class Changes { AsLines, SinceWhen };

Result<std::string> diff_section(const OrderContext& context,
                                 const TreeRef& input,
                                 Changes changes) {
  const TreeRef& begin = context.state.input();
  if (input == begin) {
    return std::string();
  }
  if (changes == Changes::SinceWhen) {
    return context.trees.content_of(begin);
  }
  Result<std::string> patch = context.trees.patch(begin, input, kMostDiff);
  if (!patch) {
    return patch.error().within("the diff so far");
  }
  return patch->empty() ? "" : "\n\n# What earlier tasks changed\n\n" + without_end(*patch);
}

bool adds_learnings(const OrderContext& context, std::size_t node) {
  return !context.state.plan().learnings.empty() &&
         context.state.plan_node(node).workspace.mode != dsl::Workspace::Mode::ReadOnly;
}

Result<Stated> state_prompt(const OrderContext& context,
                            std::size_t node,
                            const TreeRef& input,
                            Changes changes) {
  const dsl::Plan& plan = context.state.plan();
  const dsl::Agent& agent = *context.state.plan_node(node).agent;
  Result<std::string> prompt = filled(context, node, agent.prompt);
  if (!prompt) {
    return prompt.error().within("prompt");
  }
  Stated stated{*std::move(prompt), ""};
  if (!plan.instructions.empty()) {
    stated.sections += "\n\n# Instructions for this run\n\n" + plan.instructions;
  }
  if (agent.context.outputs) {
    stated.sections += outputs_section(context.state, node);
  }
  if (agent.context.diff) {
    const Result<std::string> diff = diff_section(context, input, changes);
    if (!diff) {
      return diff.error();
    }
    stated.sections += *diff;
  }
  if (adds_learnings(context, node)) {
    stated.sections += fmt::format(
        "\n\n# What others should know\n\nWhere you find out something that whoever works on this "
        "project next should know, add it to the\nend of '{}', in a line or a few. Leave what "
        "stands there as it is.",
        plan.learnings);
  }
  return stated;
}

/// No value: the input does not have it.
Result<std::optional<TreeFile>> read_text(const OrderContext& context,
                                          const TreeRef& input,
                                          const std::string& path,
                                          std::int64_t cap) {
  auto file = context.trees.read_file(input, path, cap);
  if (file && *file && (*file)->symlink) {
    return Error{"it is a link", ""};
  }
  return file;
}

Result<std::string> file_of_prompt(const OrderContext& context,
                                   const TreeRef& input,
                                   const std::string& path) {
  const auto file = read_text(context, input, path, kLongestFile);
  if (!file) {
    return file.error().within("prompt_file '" + path + "'");
  }
  if (!*file || (*file)->truncated) {
    return Error{fmt::format("prompt_file '{}' {}",
                             path,
                             *file ? "is larger than 1 MiB" : "is not in the task's input"),
                 ""};
  }
  return "\n\n" + (*file)->bytes;
}

/// What has been written there so far.
Result<std::string> learnings_section(const OrderContext& context, const TreeRef& input) {
  const std::string& path = context.state.plan().learnings;
  if (path.empty()) {
    return std::string();
  }
  const auto file = read_text(context, input, path, kLongestLearnings);
  if (!file) {
    return file.error().within("learnings '" + path + "'");
  }
  if (!*file || (*file)->bytes.empty()) {
    return std::string();
  }
  // It grows at its end: what was found out last is there.
  std::string_view told = (*file)->bytes;
  const bool is_long = told.size() > kMostLearnings || (*file)->truncated;
  if (told.size() > kMostLearnings) {
    told.remove_prefix(told.size() - kMostLearnings);
    told.remove_prefix(std::min(told.find('\n') + 1, told.size()));
  }
  return fmt::format("\n\n# What was found out before ('{}')\n\n{}{}",
                     path,
                     is_long ? "(The file begins earlier, and is worth shortening.)\n\n" : "",
                     told);
}

}  // namespace

Result<std::string> stated_prompt(const OrderContext& context,
                                  std::size_t node,
                                  const TreeRef& input) {
  const Result<Stated> stated = state_prompt(context, node, input, Changes::SinceWhen);
  if (!stated) {
    return stated.error();
  }
  return stated->prompt + stated->sections;
}

Result<std::string> first_prompt(const OrderContext& context,
                                 std::size_t node,
                                 const TreeRef& input) {
  const dsl::Agent& agent = *context.state.plan_node(node).agent;
  const Result<Stated> stated = state_prompt(context, node, input, Changes::AsLines);
  if (!stated) {
    return stated.error();
  }
  std::string prompt = stated->prompt;
  if (!agent.prompt_file.empty()) {
    const Result<std::string> more = file_of_prompt(context, input, agent.prompt_file);
    if (!more) {
      return more.error();
    }
    prompt += *more;
  }
  prompt = without_end(prompt.erase(0, prompt.find_first_not_of(" \t\r\n")));
  if (prompt.empty()) {
    return Error{"the agent's prompt is empty", ""};
  }
  const Result<std::string> learnings = learnings_section(context, input);
  if (!learnings) {
    return learnings.error();
  }
  return without_end(prompt + stated->sections + *learnings) + "\n";
}

}  // namespace runner
