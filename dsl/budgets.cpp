#include "dsl/budgets.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/names.h"

namespace dsl {
namespace {

using Amount = std::int64_t;  // micros of money, milliseconds, turns, tokens

/// One of the things that a budget limits.
struct Kind {
  std::string_view word;
  bool adds_up;  // what runs side by side takes its time once
  Stated<Amount> (*stated)(const BudgetSpec&);
  std::string (*shown)(Amount);

  [[nodiscard]] std::optional<Amount> cap(const Section<BudgetSpec>& budget) const {
    const Stated<Amount> amount = budget != nullptr ? stated(*budget) : Stated<Amount>{};
    return amount ? std::optional(amount.value) : std::nullopt;
  }
};

constexpr Kind kKinds[] = {
    {"money",
     true,
     [](const BudgetSpec& spec) {
       return Stated<Amount>{spec.cost.value.micros, spec.cost.span};
     },
     [](Amount micros) { return to_text(Money{micros}); }},
    {"time",
     false,
     [](const BudgetSpec& spec) {
       return Stated<Amount>{spec.time.value.ms, spec.time.span};
     },
     [](Amount ms) { return to_text(Duration{ms}); }},
    {"turns",
     true,
     [](const BudgetSpec& spec) { return spec.turns; },
     [](Amount turns) { return std::to_string(turns); }},
    {"tokens",
     true,
     [](const BudgetSpec& spec) {
       return Stated<Amount>{spec.tokens.value.count, spec.tokens.span};
     },
     [](Amount tokens) { return to_text(Tokens{tokens}); }},
};

struct Part {
  const BudgetSpec& budget;
  std::string_view name;
  std::string_view remedy;  // beside raising the whole
};

void check_part(const Part& part,
                const Section<BudgetSpec>& whole,
                std::string_view whole_name,
                Findings& findings) {
  if (whole == nullptr) {
    return;
  }
  for (const Kind& kind : kKinds) {
    const Stated<Amount> its = kind.stated(part.budget);
    const Stated<Amount> all = kind.stated(*whole);
    if (its && all && its.value > all.value) {
      findings.error(kPartExceedsWhole,
                     its.span,
                     fmt::format("{} may spend more {} ({}) than {} ({})",
                                 part.name,
                                 kind.word,
                                 kind.shown(its.value),
                                 whole_name,
                                 kind.shown(all.value)),
                     fmt::format("{}, or raise the budget of {}", part.remedy, whole_name),
                     {{all.span, fmt::format("the budget of {}", whole_name)}});
    }
  }
}

bool has_whole(const PipelineSpec& pipeline, const PhaseSpec& phase) {
  return pipeline.common.budget != nullptr || phase.common.budget != nullptr;
}

void check_task(const Unit& unit, Program& program) {
  const std::vector<Layer> layers = layers_of(program, unit);
  const Layer* layer = budget_layer(program, unit, layers);
  if (layer == nullptr) {
    return;
  }
  const bool is_own = layer->body == unit.task;
  const Part part{*layer->body->budget,
                  is_own                   ? "the task"
                  : layer->step != nullptr ? "the step"
                                           : "each task",
                  is_own ? "lower it" : "lower it, give the task a budget of its own"};
  const PipelineSpec& pipeline = program.pipeline;
  check_part(part, pipeline.phases[unit.phase].common.budget, "its phase", program.findings);
  check_part(part, pipeline.common.budget, "the pipeline", program.findings);
}

void check_timeout(const TaskSpec& task, Findings& findings) {
  if (task.timeout && task.budget != nullptr && task.budget->time &&
      task.timeout.value > task.budget->time.value) {
    findings.warning(kTimeoutExceedsBudget,
                     task.timeout.span,
                     fmt::format("the timeout ({}) is longer than the budget's time ({})",
                                 to_text(task.timeout.value),
                                 to_text(task.budget->time.value)),
                     "the budget ends the task first; shorten the timeout, or remove it",
                     {{task.budget->time.span, "the budget stands here"}});
  }
}

/// What the parts of a whole may spend together.
struct Share {
  std::size_t parts = 0;
  bool all_capped = true;
  Amount total = 0;
  Amount largest = 0;

  void add(std::optional<Amount> cap) {
    ++parts;
    all_capped = all_capped && cap;
    const Amount most = std::numeric_limits<Amount>::max();
    total = cap.value_or(0) > most - total ? most : total + cap.value_or(0);
    largest = std::max(largest, cap.value_or(0));
  }
};

struct Whole {
  const Section<BudgetSpec>& budget;
  std::string_view name;
};

void check_share(const Kind& kind,
                 const Share& share,
                 const Whole& whole,
                 std::string_view parts,
                 Findings& findings) {
  const Stated<Amount> cap =
      whole.budget != nullptr ? kind.stated(*whole.budget) : Stated<Amount>{};
  const bool is_alone_too_large = share.largest > cap.value;  // which is an error already
  if (!cap || !share.all_capped || share.total <= cap.value || is_alone_too_large) {
    return;
  }
  findings.warning(
      kPartsExceedWhole,
      cap.span,
      fmt::format("the {} {} may spend more {} together ({}) than {} ({})",
                  share.parts,
                  parts,
                  kind.word,
                  kind.shown(share.total),
                  whole.name,
                  kind.shown(cap.value)),
      fmt::format("the budget of {} is used up first and stops the run; raise it to {}, "
                  "or lower those of the {}",
                  whole.name,
                  kind.shown(share.total),
                  parts));
}

/// The task that a node is an instance of; null where two have the name, which was reported.
const TaskSpec* task_of(const PlanNode& node, const Program& program) {
  const auto unit = program.unit_of.find(node.task);
  return unit == program.unit_of.end() ? nullptr : program.units[unit->second].task;
}

void check_kind(const Kind& kind, const Plan& plan, Program& program) {
  const PipelineSpec& pipeline = program.pipeline;
  std::unordered_map<std::string_view, Share> tasks;  // by phase
  for (const PlanNode& node : plan.nodes) {
    if (node.kind == NodeKind::Task) {
      const TaskSpec* task = task_of(node, program);
      tasks[node.phase].add(task != nullptr ? kind.cap(task->budget) : std::nullopt);
    }
  }
  Share phases;
  for (const PhaseSpec& phase : pipeline.phases) {
    const Share& share = tasks[phase.name.value];
    check_share(kind, share, {phase.common.budget, "the phase"}, "tasks", program.findings);
    const std::optional<Amount> of_tasks =
        share.all_capped ? std::optional(share.total) : std::nullopt;
    const std::optional<Amount> own = kind.cap(phase.common.budget);
    phases.add(own && of_tasks ? std::min(own, of_tasks) : own ? own : of_tasks);
  }
  const Whole whole{pipeline.common.budget, "the pipeline"};
  if (pipeline.phases.size() == 1) {
    check_share(kind, tasks[pipeline.phases.front().name.value], whole, "tasks", program.findings);
  } else {
    check_share(kind, phases, whole, "phases", program.findings);
  }
}

}  // namespace

Budget to_budget(const BudgetSpec& spec) {
  Budget budget;
  const auto take = [](auto& into, const auto& from) {
    if (from) {
      into = from.value;
    }
  };
  take(budget.cost, spec.cost);
  take(budget.time, spec.time);
  take(budget.turns, spec.turns);
  take(budget.tokens, spec.tokens);
  take(budget.cost_per_day, spec.cost_per_day);
  return budget;
}

const Layer* budget_layer(const Program& program,
                          const Unit& unit,
                          const std::vector<Layer>& layers) {
  const auto states_one = [&](const Layer& layer) {
    const bool is_of_one_task = layer.body == unit.task || layer.step != nullptr ||
                                layer.body == &program.pipeline.defaults;
    return is_of_one_task && layer.body->budget != nullptr;
  };
  const auto found = std::find_if(layers.begin(), layers.end(), states_one);
  return unit.task == nullptr || found == layers.end() ? nullptr : &*found;
}

void check_budgets(Program& program) {
  const PipelineSpec& pipeline = program.pipeline;
  for (const PhaseSpec& phase : pipeline.phases) {
    if (phase.common.budget != nullptr) {
      const Part part{*phase.common.budget, "the phase", "lower it"};
      check_part(part, pipeline.common.budget, "the pipeline", program.findings);
    }
  }
  for (const Unit& unit : program.units) {
    if (unit.task != nullptr) {
      check_timeout(*unit.task, program.findings);
      if (has_whole(pipeline, pipeline.phases[unit.phase])) {
        check_task(unit, program);
      }
    }
  }
}

void check_shares(const Plan& plan, Program& program) {
  const PipelineSpec& pipeline = program.pipeline;
  if (std::none_of(pipeline.phases.begin(), pipeline.phases.end(), [&](const PhaseSpec& phase) {
        return has_whole(pipeline, phase);
      })) {
    return;
  }
  for (const Kind& kind : kKinds) {
    if (kind.adds_up) {
      check_kind(kind, plan, program);
    }
  }
}

}  // namespace dsl
