#include "runner/run/feedback.h"

#include <fmt/format.h>

namespace runner {

using dsl::PlanNode;

std::string feedback_text(const RunState& state, std::size_t node) {
  const NodeState& me = state.nodes()[node];
  const PlanNode& plan = state.plan_node(node);
  std::string text;
  if (me.sent_back) {
    text = fmt::format("# {} wants the work of '{}' done again\n\n{}\n",
                       me.sent_back->by,
                       me.id.value,
                       me.sent_back->because);
  }
  if (!me.to_resolve.empty()) {
    text += text.empty() ? "" : "\n";
    text +=
        fmt::format("# What '{}' merges does not go together\n\n{}\n", me.id.value, me.to_resolve);
    for (const std::string& path : me.marked) {
      text += fmt::format(
          "\n- '{}' has the lines of both between marks (<<<<<<<, =======, >>>>>>>)", path);
    }
    text += me.marked.empty() ? "" : "\n";
    text +=
        "\nMake one work of it in this workspace. Everything that each of the tasks had to prove "
        "is\n"
        "checked again on what you leave.\n";
  }
  if (me.parked) {
    text += text.empty() ? "" : "\n";
    text += fmt::format(
        "# Go on with '{}'\n\nThe provider of your model took nothing more for a while, and you "
        "were "
        "stopped in the middle of\nyour work. What you had done is as you left it; programs that "
        "you "
        "had started are gone. Go on\nfrom there.\n",
        me.id.value);
    if (plan.retry.feedback && me.failures > 0) {
      text += fmt::format("\nBefore that, your work was not accepted: {}\n", me.last_failure);
    }
    return text;
  }
  if (!plan.retry.feedback || me.failures == 0 || !me.last) {
    return text;
  }
  text += text.empty() ? "" : "\n";
  text += fmt::format("# Attempt {} of '{}' was not accepted\n\n{}\n",
                      me.last->attempt,
                      me.id.value,
                      me.last_failure);
  const auto quote = [&text](const std::string& excerpt) {
    if (!excerpt.empty()) {
      text += "\nThe end of its output:\n\n";
      text += "    ";
      for (const char byte : excerpt) {
        text += byte;
        if (byte == '\n') {
          text += "    ";
        }
      }
      text += "\n";
    }
  };
  for (const std::string& note : me.last->notes) {
    text += "\n- note: " + note;
  }
  text += me.last->notes.empty() ? "" : "\n";
  if (!me.last->is_through() && (me.last->agent || !me.last->end.succeeded())) {
    quote(me.last->excerpt);
    return text;
  }
  text += "\n## Criteria\n";
  for (std::size_t i = 0; i < plan.criteria.size(); ++i) {
    const CriterionState& criterion = me.criteria[i];
    const bool met = criterion.verdict == Verdict::Met;
    text += fmt::format("\n- [{}] {}\n", met ? "x" : " ", plan.criteria[i].text);
    if (!met && criterion.verdict) {
      text += fmt::format(
          "  checked by: {}\n  result: {}\n", criterion.evidence.what, criterion.evidence.result);
      quote(criterion.evidence.excerpt);
    }
  }
  return text;
}

}  // namespace runner
