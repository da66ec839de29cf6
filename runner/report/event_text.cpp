#include "runner/report/event_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "runner/report/egress_text.h"
#include "runner/report/escape.h"
#include "runner/report/node_text.h"

namespace runner::report {
namespace {

using Line = std::optional<std::string>;

std::string first_line(const std::string& text) {
  return one_line(text.substr(0, text.find('\n')));
}

/// An overload for each kind of event, so that a new one has to be thought about here.
struct EventText {
  const RunState& state;
  const Event& event;
  Colour colour;
  std::size_t evidence_width;

  Line operator()(const RunStarted& e) const {
    std::string text = fmt::format("run {} of '{}' started: {}, {} at once",
                                   painted(one_line(e.run.value), Meaning::Strong, colour),
                                   one_line(e.pipeline),
                                   counted(count_tasks(), "task"),
                                   e.jobs);
    const auto& nodes = state.plan().nodes;
    const bool bare = std::any_of(nodes.begin(), nodes.end(), [](const dsl::PlanNode& node) {
      return node.engine == dsl::EngineName::Host;
    });
    text += bare ? ", engine host (no isolation)" : "";
    return e.taken.empty() ? text : text + ", on " + first_line(e.taken);
  }
  Line operator()(const RunResumed& /*e*/) const {
    return fmt::format("run {} goes on: {} of {} settled",
                       painted(one_line(state.run().value), Meaning::Strong, colour),
                       count_settled(),
                       counted(count_tasks(), "task"));
  }
  Line operator()(const NodeExpanded& e) const {
    return about(e.node, "has " + counted(e.items.size(), "item"));
  }
  Line operator()(const ConditionHeld& /*e*/) const { return {}; }
  Line operator()(const NodeSkipped& e) const {
    const auto node = state.find(e.node);
    if (!node || !is_shown(state, *node)) {
      return {};
    }
    return about(e.node, painted("skipped", Meaning::Quiet, colour) + because(e.reason));
  }
  Line operator()(const InputRequested& /*e*/) const { return {}; }
  Line operator()(const InputReady& /*e*/) const { return {}; }
  Line operator()(const FanInOpened& e) const {
    const std::string what = fmt::format(
        "merges {}: the criteria of {} are verified again",
        one_line(names_of(state, state.fan_ins()[static_cast<std::size_t>(e.fan_in) - 1].sides)),
        counted(e.tasks.size(), "task"));
    if (e.resolved && e.tasks.empty()) {
      return {};
    }
    return e.node.empty() ? "result  " + what
                          : about(e.node, (e.resolved ? "resolved, " : "") + what);
  }
  Line operator()(const MergeUnresolved& e) const {
    return about(e.node, painted("resolves: ", Meaning::Doubt, colour) + one_line(e.problem));
  }
  Line operator()(const FanInCheckStarted& /*e*/) const { return {}; }
  Line operator()(const FanInCheckEnded& e) const {
    const std::string on = e.on.empty() ? ", merged" : ", merged with less";
    return about(e.node,
                 box(e.verdict) + criterion(e.node, e.criterion) + on +
                     (e.from_run.empty() ? "" : ", from cache") + ": " +
                     evidence_text(e.evidence, evidence_width));
  }
  Line operator()(const NodeReused& e) const {
    const std::string from = e.from_run.empty() ? "" : " (run " + one_line(e.from_run.value) + ")";
    const std::string flagged =
        e.flagged.empty()
            ? ""
            : "; " + painted("flagged: ", Meaning::Doubt, colour) + flagged_line(e.flagged);
    return about(e.node,
                 painted("passed", Meaning::Good, colour) + ", from cache" + from + flagged);
  }
  Line operator()(const AttemptStarted& e) const {
    return about(e.node, e.attempt > 1 ? fmt::format("started, attempt {}", e.attempt) : "started");
  }
  Line operator()(const AttemptEnded& e) const {
    std::string text = e.agent ? "agent: " + agent_text(*e.agent) : "";
    for (const std::string& note : e.notes) {
      text += (text.empty() ? "note: " : "; ") + first_line(note);
    }
    if (!e.flagged.empty()) {
      text += (text.empty() ? "" : "; ") + painted("flagged: ", Meaning::Doubt, colour) +
              flagged_line(e.flagged);
    }
    return text.empty() ? Line{} : about(e.node, text);
  }
  Line operator()(const CheckStarted& /*e*/) const { return {}; }
  Line operator()(const CheckEnded& e) const {
    if (e.subject == Subject::Input) {
      return e.verdict == Verdict::NotMet
                 ? Line{}
                 : about(e.node,
                         painted("[?] ", Meaning::Doubt, colour) + criterion(e.node, e.criterion) +
                             ", before the task: " + evidence_text(e.evidence, evidence_width));
    }
    return about(e.node,
                 box(e.verdict) + criterion(e.node, e.criterion) + ": " +
                     evidence_text(e.evidence, evidence_width));
  }
  Line operator()(const RetryScheduled& e) const {
    const std::int64_t wait = e.not_before_ms - event.at_ms;
    const std::string when = wait > 0 ? " in " + took_text(wait) : "";
    return about(e.node, painted("tries again", Meaning::Doubt, colour) + when + because(e.reason));
  }
  Line operator()(const NodeParked& e) const {
    const std::string wait = took_text(e.until_ms - event.at_ms);
    return about(
        e.node,
        painted("parked", Meaning::Doubt, colour) + ", goes on in " + wait + because(e.reason));
  }
  Line operator()(const PersonAsked& e) const {
    return about(e.node,
                 painted("waits for a person: ", Meaning::Doubt, colour) + first_line(e.question));
  }
  Line operator()(const PersonAnswered& e) const {
    const std::string by = e.by.empty() ? "" : " by " + one_line(e.by);
    const char* word = e.yes ? "approved" : e.again.empty() ? "rejected" : "sent back";
    return about(e.node, word + by + because(e.because));
  }
  Line operator()(const EgressDenied& e) const {
    const std::string remedy = egress_remedy(e);
    return about(e.node,
                 painted(one_line(egress_text(e)), Meaning::Doubt, colour) +
                     (remedy.empty() ? "" : "; " + remedy));
  }
  Line operator()(const PermissionDenied& e) const {
    return about(e.node, painted(permission_text(e), Meaning::Doubt, colour));
  }
  Line operator()(const ModelAnswered& /*e*/) const { return {}; }
  Line operator()(const BudgetReached& e) const {
    const bool full = e.is_refusal();
    return about(e.node,
                 painted(full ? "refused a request to its model" : "budget",
                         full ? Meaning::Bad : Meaning::Doubt,
                         colour) +
                     ": " + one_line(e.text));
  }
  Line operator()(const NodeFinished& e) const {
    const auto node = state.find(e.node);
    if (!node || !is_shown(state, *node)) {
      return {};
    }
    const NodeState& n = state.nodes()[*node];
    const bool good = e.outcome == Outcome::Passed;
    const Meaning meaning = good                                   ? Meaning::Good
                            : e.outcome == Outcome::Skipped        ? Meaning::Quiet
                            : state.plan_node(*node).allow_failure ? Meaning::Doubt
                                                                   : Meaning::Bad;
    std::string text = painted(stage_text(state, *node), meaning, colour);
    if (n.started_ms != 0) {
      text += " in " + took_text(state.took_ms(*node, event.at_ms));
    }
    if (n.attempt > 1) {
      text += fmt::format(", {} attempts", n.attempt);
    }
    return about(e.node, text + because(e.reason));
  }
  Line operator()(const RunInterrupted& e) const {
    return painted("interrupted", Meaning::Doubt, colour) + " by " + one_line(e.by);
  }
  Line operator()(const RunFinished& e) const {
    const std::string took = " in " + took_text(state.took_ms(event.at_ms));
    switch (e.outcome) {
      case Outcome::Passed:
        return painted("run passed", Meaning::Good, colour) + took;
      case Outcome::Failed:
        return painted("run failed", Meaning::Bad, colour) + took + because(e.reason);
      case Outcome::Errored:
        return painted("run could not go on", Meaning::Bad, colour) + took + because(e.reason);
      case Outcome::Skipped:
        return painted("run skipped", Meaning::Quiet, colour) + took + because(e.reason);
    }
    return {};
  }
  Line operator()(const ResultDelivered& e) const { return "result: " + one_line(e.where); }
  Line operator()(const ResultUndone& e) const {
    return "undone: " + one_line(e.what) + because(e.because);
  }
  Line operator()(const PushStarted& e) const {
    return "pushing '" + one_line(e.branch) + "' to " + one_line(e.remote) +
           (e.hook.empty() ? "" : ", with the repository's hook " + one_line(e.hook));
  }
  Line operator()(const PushEnded& e) const {
    return e.problem.empty() ? "pushed to " + one_line(e.remote)
                             : painted("not pushed", Meaning::Bad, colour) + because(e.problem);
  }
  Line operator()(const PullRequestStarted& e) const {
    return "opening a pull request for '" + one_line(e.branch) + "'";
  }
  Line operator()(const PullRequestEnded& e) const {
    return e.problem.empty()
               ? "pull request: " + one_line(e.url)
               : painted("no pull request", Meaning::Bad, colour) + because(e.problem);
  }

 private:
  [[nodiscard]] Line about(const dsl::NodeId& id, const std::string& text) const {
    const auto node = state.find(id);
    return (node ? node_title(state, *node) : one_line(id.value)) + "  " + text;
  }

  [[nodiscard]] std::string box(Verdict verdict) const {
    return verdict == Verdict::Met      ? painted("[x] ", Meaning::Good, colour)
           : verdict == Verdict::NotMet ? painted("[ ] ", Meaning::Bad, colour)
                                        : painted("[?] ", Meaning::Doubt, colour);
  }

  static std::string flagged_line(const std::vector<FlaggedPath>& flagged) {
    const std::string first = one_line(flagged.front().path) + ": " + one_line(flagged.front().why);
    return flagged.size() == 1 ? first : fmt::format("{} (and {} more)", first, flagged.size() - 1);
  }

  static std::string because(const std::string& reason) {
    return reason.empty() ? "" : ": " + first_line(reason);
  }

  [[nodiscard]] std::string criterion(const dsl::NodeId& id, std::int64_t number) const {
    const auto node = state.find(id);
    if (!node || static_cast<std::size_t>(number) >= state.plan_node(*node).criteria.size()) {
      return fmt::format("criterion {}", number + 1);
    }
    return one_line(state.plan_node(*node).criteria[static_cast<std::size_t>(number)].text);
  }

  [[nodiscard]] std::size_t count_tasks() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < state.nodes().size(); ++i) {
      count += is_counted(state, i) ? 1U : 0U;
    }
    return count;
  }
  [[nodiscard]] std::size_t count_settled() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < state.nodes().size(); ++i) {
      count += is_counted(state, i) && state.nodes()[i].outcome ? 1U : 0U;
    }
    return count;
  }
};

}  // namespace

std::optional<std::string> event_text(const RunState& state,
                                      const Event& event,
                                      Colour colour,
                                      std::size_t evidence_width) {
  return std::visit(EventText{state, event, colour, evidence_width}, event.what);
}

}  // namespace runner::report
