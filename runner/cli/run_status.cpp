#include "runner/cli/run_status.h"

#include <algorithm>

#include "dsl/plan_words.h"
#include "runner/report/egress_text.h"
#include "runner/report/node_text.h"
#include "runner/run/owed.h"
#include "runner/run/review.h"
#include "runner/run/scheduler.h"

namespace runner::cli {
namespace {

using dsl::Value;

Value number(std::int64_t value) {
  return Value(static_cast<double>(value));
}

Value or_null(const std::string& text) {
  return text.empty() ? Value() : Value(text);
}

std::string_view verdict_word(Verdict verdict) {
  switch (verdict) {
    case Verdict::Met:
      return "met";
    case Verdict::NotMet:
      return "not_met";
    case Verdict::Unverified:
      return "unverified";
  }
  return "";
}

std::string_view kind_word(dsl::NodeKind kind) {
  switch (kind) {
    case dsl::NodeKind::Task:
      return "task";
    case dsl::NodeKind::PhaseGate:
      return "phase";
    case dsl::NodeKind::Approval:
      return "approval";
  }
  return "";
}

RunStatus status_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::Passed:
      return RunStatus::Passed;
    case Outcome::Failed:
      return RunStatus::Failed;
    case Outcome::Errored:
      return RunStatus::Errored;
    case Outcome::Skipped:
      return RunStatus::Skipped;
  }
  return RunStatus::Errored;
}

/// Logs of what was taken from an earlier run lie in that run's folder.
Value criterion_value(const dsl::Criterion& criterion, const CriterionState& state, bool reused) {
  const Evidence& evidence = state.evidence;
  return Value(Value::Record{
      {"text", Value(criterion.text)},
      {"verdict", state.verdict ? Value(std::string(verdict_word(*state.verdict))) : Value()},
      {"what", or_null(evidence.what)},
      {"result", or_null(evidence.result)},
      {"was_red", Value(evidence.was_red)},
      {"took_ms", number(evidence.took.ms)},
      {"excerpt", or_null(evidence.excerpt)},
      {"digest", or_null(evidence.digest)},
      {"log", reused ? Value() : or_null(evidence.log)},
  });
}

Value list_of(const std::vector<std::string>& texts) {
  Value::List list;
  for (const std::string& text : texts) {
    list.emplace_back(text);
  }
  return Value(std::move(list));
}

/// What its `permissions` did not let it do.
Value denials_of(const NodeState& node) {
  Value::List list;
  for (const PermissionDenied& denied : node.not_permitted) {
    list.emplace_back(
        Value::Record{{"operation", Value(denied.operation)}, {"rule", or_null(denied.rule)}});
  }
  return Value(std::move(list));
}

/// What the agent of the last attempt said of itself; its cost is its own figure.
Value agent_value(const AgentOutcome& agent) {
  const auto tokens = [](const std::optional<dsl::Tokens>& count) {
    return count ? number(count->count) : Value();
  };
  return Value(Value::Record{
      {"reason", Value(std::string(dsl::word_of(agent.reason)))},
      {"session", or_null(agent.session)},
      {"model", or_null(agent.model)},
      {"turns", agent.turns ? number(*agent.turns) : Value()},
      {"cost_micros", agent.cost ? number(agent.cost->micros) : Value()},
      {"input_tokens", tokens(agent.input_tokens)},
      {"output_tokens", tokens(agent.output_tokens)},
      {"cached_tokens", tokens(agent.cached_tokens)},
      {"claim", or_null(agent.claim)},
      {"errors", list_of(agent.errors)},
      {"denials", list_of(agent.denials)},
      {"resets_at_s", agent.resets_at_s > 0 ? number(agent.resets_at_s) : Value()},
      {"unread_lines", number(agent.unread_lines)},
  });
}

Value flagged_value(const std::vector<FlaggedPath>& flagged) {
  Value::List list;
  for (const FlaggedPath& one : flagged) {
    list.push_back(Value(Value::Record{{"path", Value(one.path)}, {"why", Value(one.why)}}));
  }
  return Value(std::move(list));
}

Value refused_value(const std::vector<EgressDenied>& denied) {
  Value::List list;
  for (const EgressDenied& one : denied) {
    list.push_back(Value(Value::Record{{"host", Value(one.name)},
                                       {"port", one.port == 0 ? Value() : number(one.port)},
                                       {"reason", Value(std::string(to_text(one.reason)))},
                                       {"what", Value(report::egress_text(one))},
                                       {"remedy", or_null(report::egress_remedy(one))}}));
  }
  return Value(std::move(list));
}

Value sent_back_value(const SentBack& word) {
  return Value(Value::Record{{"by", Value(word.by)}, {"because", Value(word.because)}});
}

std::string_view standing_word(FanInStanding standing) {
  switch (standing) {
    case FanInStanding::Open:
      return "open";
    case FanInStanding::Met:
      return "met";
    case FanInStanding::Superseded:
      return "superseded";
    case FanInStanding::Broken:
      return "broken";
  }
  return "";
}

/// What had to be proved again where work met.
Value merge_value(const RunState& state, std::optional<std::size_t> place) {
  if (!place) {
    return {};
  }
  const FanIn& merge = state.fan_ins()[*place];
  const auto id_of = [&state](std::size_t node) { return Value(state.nodes()[node].id.value); };
  Value::List sides;
  for (const std::size_t side : merge.sides) {
    sides.push_back(id_of(side));
  }
  Value::List criteria;
  for (const FanInCriterion& one : merge.criteria) {
    const FanInFinding finding = look_at(state, merge, one);
    const FanInTrial none;
    const FanInTrial* proof = proof_of(one) == nullptr ? &none : proof_of(one);
    criteria.push_back(Value(Value::Record{
        {"node", id_of(one.task)},
        {"text", Value(state.plan_node(one.task).criteria[one.criterion].text)},
        {"standing", Value(std::string(standing_word(finding.standing)))},
        {"against", finding.culprit ? id_of(*finding.culprit) : Value()},
        {"what", or_null(proof->evidence.what)},
        {"result", or_null(proof->evidence.result)},
        {"took_ms", number(proof->evidence.took.ms)},
        {"excerpt", or_null(proof->evidence.excerpt)},
        {"digest", or_null(proof->evidence.digest)},
        {"log", or_null(proof->evidence.log)},
        {"reused_from", or_null(proof->from_run.value)},
    }));
  }
  return Value(Value::Record{{"commit", or_null(merge.tree.commit)},
                             {"sides", Value(std::move(sides))},
                             {"criteria", Value(std::move(criteria))}});
}

Value question_value(const RunState& state, const Question& question) {
  return Value(Value::Record{
      {"node", Value(state.nodes()[question.node].id.value)},
      {"criterion", question.criterion < 0 ? Value() : number(question.criterion + 1)},
      {"text", Value(question.text)},
  });
}

/// What the gateway counted.
Value spend_value(const Spend& spent) {
  return Value(Value::Record{{"cost_micros", number(spent.cost.micros)},
                             {"tokens", number(spent.tokens)},
                             {"turns", number(spent.turns)}});
}

Value node_value(const RunState& state, std::size_t node, std::int64_t until_ms) {
  const NodeState& n = state.nodes()[node];
  const dsl::PlanNode& plan_node = state.plan_node(node);
  Value::List criteria;
  for (std::size_t k = 0; k < n.criteria.size(); ++k) {
    criteria.push_back(criterion_value(plan_node.criteria[k], n.criteria[k], n.reused));
  }
  return Value(Value::Record{
      {"node", Value(n.id.value)},
      {"kind", Value(std::string(kind_word(plan_node.kind)))},
      {"phase", Value(plan_node.phase)},
      {"stage", Value(report::stage_text(state, node))},
      {"outcome", n.outcome ? Value(std::string(report::outcome_word(*n.outcome))) : Value()},
      {"reason", or_null(n.reason)},
      {"attempts", number(n.attempt)},
      {"parkings", number(n.parkings)},
      {"goes_on_at_ms", n.stage == Stage::Parked ? number(n.not_before_ms) : Value()},
      {"spent", n.spent == Spend{} ? Value() : spend_value(n.spent)},
      {"took_ms", n.started_ms == 0 ? Value() : number(state.took_ms(node, until_ms))},
      {"answered_by", or_null(n.answered_by)},
      {"answered_at_ms", n.answered_ms == 0 ? Value() : number(n.answered_ms)},
      {"sent_back", n.sent_back ? sent_back_value(*n.sent_back) : Value()},
      {"reused_from", or_null(n.reused_from.value)},
      {"commit", or_null(n.tree.commit)},
      {"outputs", Value(n.outputs)},
      {"log", n.last ? or_null(n.last->log) : Value()},
      {"denied", denials_of(n)},
      {"notes", list_of(n.last ? n.last->notes : std::vector<std::string>())},
      {"flagged", flagged_value(n.flagged)},
      {"refused", refused_value(n.denied)},
      {"agent", n.last && n.last->agent ? agent_value(*n.last->agent) : Value()},
      {"resolves", or_null(n.to_resolve)},
      {"merge", merge_value(state, report::merge_of(n))},
      {"criteria", Value(std::move(criteria))},
  });
}

/// Nothing goes on but the waiting for a model's provider.
bool is_parked(const RunState& state) {
  const auto& active = state.active();
  return state.busy() == 0 && state.open().empty() && state.undecided().empty() &&
         std::any_of(active.begin(), active.end(), [&](const RunState::Rank& rank) {
           return state.nodes()[rank.node].stage == Stage::Parked;
         });
}

}  // namespace

RunStatus status_of(const RunView& view) {
  const RunState& state = view.state();
  if (!state.undone().empty()) {
    return RunStatus::Undone;
  }
  if (state.outcome() && owed(state) == Owed::Nothing) {
    return status_of(*state.outcome());
  }
  if (view.runner()) {
    return is_parked(state) ? RunStatus::Parked : RunStatus::Running;
  }
  if (state.outcome()) {
    return RunStatus::Undelivered;
  }
  if (state.interrupted()) {
    return RunStatus::Interrupted;
  }
  if (state.started() && standstill(state) == Standstill::Waiting) {
    return RunStatus::Waiting;
  }
  return state.answered() ? RunStatus::Answered : RunStatus::Dead;
}

std::string_view to_text(RunStatus status) {
  switch (status) {
    case RunStatus::Passed:
      return "passed";
    case RunStatus::Undone:
      return "undone";
    case RunStatus::Undelivered:
      return "undelivered";
    case RunStatus::Failed:
      return "failed";
    case RunStatus::Errored:
      return "error";
    case RunStatus::Skipped:
      return "skipped";
    case RunStatus::Running:
      return "running";
    case RunStatus::Parked:
      return "parked";
    case RunStatus::Interrupted:
      return "interrupted";
    case RunStatus::Waiting:
      return "waiting";
    case RunStatus::Answered:
      return "answered";
    case RunStatus::Dead:
      return "unfinished";
  }
  return "";
}

bool is_finished(RunStatus status) {
  return status == RunStatus::Passed || status == RunStatus::Undone ||
         status == RunStatus::Failed || status == RunStatus::Skipped;
}

RunOverview overview_of(const RunView& view) {
  RunOverview overview{view.run(), view.folder(), status_of(view), report::summarise(view.state())};
  overview.summary.last_ms = view.until_ms();  // what goes on takes longer than to its last event
  overview.summary.took_ms = view.state().took_ms(view.until_ms());
  return overview;
}

dsl::Result<RunOverview> look_over(const Runs& runs, const dsl::RunId& run) {
  if (auto kept = runs.kept_summary(run); kept && kept->outcome) {
    const RunStatus status = status_of(*kept->outcome);
    return RunOverview{run, runs.folder_of(run), status, *std::move(kept)};
  }
  const auto view = runs.view(run);
  return view ? overview_of(*view) : dsl::Result<RunOverview>(view.error());
}

dsl::Value::Record summary_record(const RunOverview& overview) {
  const report::RunSummary& summary = overview.summary;
  return {
      {"run", Value(overview.run.value)},
      {"pipeline", Value(summary.pipeline)},
      {"status", Value(std::string(to_text(overview.status)))},
      {"started_at_ms", number(summary.started_ms)},
      {"took_ms", number(summary.took_ms)},
      {"tasks", number(summary.tasks)},
      {"settled", number(summary.settled)},
      {"result", or_null(summary.delivered)},
      {"folder", Value(overview.folder)},
  };
}

dsl::Value::Record whole_record(const RunView& view) {
  Value::Record record = summary_record(overview_of(view));
  record.emplace_back("taken", or_null(view.state().taken()));
  record.emplace_back("reason", or_null(view.state().reason()));
  record.emplace_back("spent", spend_value(view.state().spent()));
  record.emplace_back("pushed", or_null(view.state().pushed()));
  record.emplace_back("pull_request", or_null(view.state().pull_request()));
  record.emplace_back("sealed", or_null(view.state().sealed()));
  record.emplace_back("approved_by", list_of(view.state().approved_by()));
  Value::List questions;
  for (const Question& question : open_questions(view.state())) {
    questions.push_back(question_value(view.state(), question));
  }
  record.emplace_back("merge", merge_value(view.state(), view.state().result_fan_in()));
  record.emplace_back("questions", Value(std::move(questions)));
  const std::int64_t until_ms = view.until_ms();
  Value::List nodes;
  for (const std::size_t node : report::file_order(view.state())) {
    nodes.push_back(node_value(view.state(), node, until_ms));
  }
  record.emplace_back("nodes", Value(std::move(nodes)));
  return record;
}

}  // namespace runner::cli
