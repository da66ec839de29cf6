#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "runner/report/checklist.h"
#include "runner/report/escape.h"
#include "runner/report/node_text.h"
#include "runner/run/owed.h"

namespace runner::report {
namespace {

struct Tally {
  std::size_t tasks = 0;
  std::size_t passed = 0;
  std::size_t reused = 0;
  std::size_t failed = 0;
  std::size_t errored = 0;
  std::size_t phases = 0;  // that failed by themselves; they are no tasks
  std::size_t skipped = 0;
  std::size_t open = 0;
  std::size_t criteria = 0;
  std::size_t met = 0;
  std::vector<std::size_t> asking;
  std::optional<std::size_t> to_read;  // the first that wrote a log and failed the run
};

void count_criteria(const NodeState& node, Tally& tally) {
  for (const CriterionState& criterion : node.criteria) {
    ++tally.criteria;
    tally.met += criterion.verdict == Verdict::Met ? 1U : 0U;
  }
}

Tally tally_of(const RunState& state) {
  Tally tally;
  for (const std::size_t i : file_order(state)) {
    const NodeState& node = state.nodes()[i];
    if (!node.instances.empty()) {
      continue;
    }
    // What a failure kept from running was to be met too; what `if:` left out, or a for_each
    // without items, was not.
    const bool not_wanted = node.outcome == Outcome::Skipped && !node.failed_above;
    const bool no_items = state.plan_node(i).for_each && !node.group;
    if (!not_wanted && !no_items) {
      count_criteria(node, tally);
    }
    if (is_asking(state, i)) {
      tally.asking.push_back(i);
    }
    const bool wrong = node.outcome == Outcome::Failed || node.outcome == Outcome::Errored;
    if (wrong && state.blocks(i) && node.last && !node.last->log.empty() && !tally.to_read) {
      tally.to_read = i;
    }
    if (state.plan_node(i).kind == dsl::NodeKind::PhaseGate) {
      tally.phases += wrong && is_shown(state, i) ? 1U : 0U;
      continue;
    }
    ++tally.tasks;
    tally.open += node.outcome ? 0U : 1U;
    tally.passed += node.outcome == Outcome::Passed ? 1U : 0U;
    tally.reused += node.reused ? 1U : 0U;
    tally.failed += node.outcome == Outcome::Failed ? 1U : 0U;
    tally.errored += node.outcome == Outcome::Errored ? 1U : 0U;
    tally.skipped += node.outcome == Outcome::Skipped ? 1U : 0U;
  }
  return tally;
}

/// "5 tasks (3 from cache), 7 of 7 criteria met, 3m12s".
std::string figures(const RunState& state, const Tally& tally, std::int64_t until_ms) {
  std::string text = counted(tally.tasks, "task");
  std::vector<std::string> parts;
  const auto part = [&](std::size_t count, const char* word) {
    if (count > 0) {
      parts.push_back(fmt::format("{} {}", count, word));
    }
  };
  if (tally.failed + tally.errored + tally.open + tally.phases > 0) {
    part(tally.passed, "passed");
  }
  part(tally.failed, "failed");
  part(tally.errored, "could not run");
  part(tally.skipped, "skipped");
  part(tally.open, "not done");
  part(tally.reused, "from cache");
  part(tally.phases, tally.phases == 1 ? "phase failed" : "phases failed");
  if (!parts.empty()) {
    text += fmt::format(" ({})", fmt::join(parts, ", "));
  }
  if (tally.criteria > 0) {
    text += fmt::format(", {} of {} met", tally.met, counted(tally.criteria, "criterion"));
  }
  return state.started() ? text + ", " + took_text(state.took_ms(until_ms)) : text;
}

class ResultText {
 public:
  ResultText(const RunState& state, const ChecklistOptions& options)
      : state_(state),
        options_(options),
        tally_(tally_of(state)),
        run_(one_line(state.started() ? state.run().value : options.run)) {}

  std::string text() {
    if (!state_.started()) {
      headline("not started", Meaning::Quiet);
      if (options_.runner == Runner::Gone) {
        next("pipe resume " + run_, "start it");
      }
    } else if (state_.outcome()) {
      finished(*state_.outcome());
    } else if (options_.runner == Runner::Alive) {
      headline("running", Meaning::Active);
      next("pipe attach " + run_, "watch it");
    } else if (state_.interrupted()) {
      headline("interrupted", Meaning::Doubt);
      next("pipe resume " + run_, "go on; what passed is not run again");
    } else if (!tally_.asking.empty()) {
      waiting();
    } else if (state_.answered()) {
      headline("answered", Meaning::Doubt);
      next("pipe resume " + run_, "go on with the answer");
    } else {
      headline("unfinished", Meaning::Doubt);
      line("its runner is gone (killed, or the machine went down)");
      next("pipe resume " + run_, "go on; what passed is not run again");
    }
    return std::move(out_);
  }

 private:
  void finished(Outcome outcome) {
    switch (outcome) {
      case Outcome::Passed:
        passed();
        return;
      case Outcome::Skipped:
        headline("skipped", Meaning::Quiet);
        line("every task was skipped; nothing was delivered");
        return;
      case Outcome::Failed:
        headline("failed", Meaning::Bad);
        break;
      case Outcome::Errored:
        headline("could not run", Meaning::Bad);
        break;
    }
    if (!state_.reason().empty()) {
      line(one_line(state_.reason()));
    }
    line("nothing was delivered; your files are as they were");
    if (outcome == Outcome::Errored) {
      next("pipe resume " + run_, "go on once that is mended; what passed is not run again");
    }
    if (tally_.to_read) {
      const std::string task = one_line(state_.nodes()[*tally_.to_read].id.value);
      next("pipe logs " + run_ + " " + quoted(task), "what it wrote");
    }
  }

  void passed() {
    if (!state_.undone().empty()) {
      headline("passed, undone", Meaning::Quiet);
      line("taken out of the project again: " + one_line(state_.undone()));
      if (!state_.undone_because().empty()) {
        line("because " + one_line(state_.undone_because()));
      }
      return;
    }
    if (!state_.delivered().empty()) {
      delivered();
    } else if (options_.runner == Runner::Alive) {
      headline("passed", Meaning::Good);
    } else {
      headline("passed, not delivered", Meaning::Doubt);
      line("the project has not taken the result, or not all of it; it is kept");
      next("pipe resume " + run_, "deliver it once that is mended; nothing is run again");
    }
  }

  void delivered() {
    const Owed left = owed(state_);
    const bool done = left == Owed::Nothing || options_.runner == Runner::Alive;
    headline(done                 ? "passed"
             : left == Owed::Push ? "passed, not pushed"
                                  : "passed, no pull request",
             done ? Meaning::Good : Meaning::Doubt);
    const std::string where = one_line(state_.delivered());
    line("result: " + where);
    if (!state_.pushed().empty()) {
      line("pushed to " + one_line(state_.pushed()));
    }
    if (!state_.pull_request().empty()) {
      line("pull request: " + one_line(state_.pull_request()));
    }
    if (!done) {
      next("pipe resume " + run_, "try again once that is mended; nothing is run again");
      return;
    }
    constexpr std::string_view kBranch = "branch '";
    if (state_.pull_request().empty() && where.starts_with(kBranch) && where.ends_with('\'')) {
      const std::string branch = where.substr(kBranch.size(), where.size() - kBranch.size() - 1);
      next("git diff HEAD..." + branch, "look at it; `git merge " + branch + "` takes it");
    }
  }

  void waiting() {
    headline("waiting for a person", Meaning::Doubt);
    for (const std::size_t i : tally_.asking) {
      const NodeState& node = state_.nodes()[i];
      const dsl::PlanNode& plan_node = state_.plan_node(i);
      if (!plan_node.approval.empty()) {
        line(node_title(state_, i) + ": " + one_line(plan_node.approval));
      }
      for (std::size_t k = 0; k < node.criteria.size(); ++k) {
        if (node.criteria[k].asked && !node.criteria[k].verdict) {
          line(node_title(state_, i) + ": " + question_of(plan_node.criteria[k], node));
        }
      }
    }
    const std::string id = quoted(one_line(state_.nodes()[tally_.asking.front()].id.value));
    next("pipe approve " + run_ + " " + id, "or `pipe reject … --because`, to have it done again");
    next("pipe resume " + run_, "go on with the answer");
  }

  static std::string question_of(const dsl::Criterion& criterion, const NodeState& node) {
    if (std::holds_alternative<dsl::FlaggedCheck>(criterion.check)) {
      return counted(node.flagged.size(), "change") + " to approve, listed above";
    }
    const auto* manual = std::get_if<dsl::ManualCheck>(&criterion.check);
    const bool asks_more =
        manual != nullptr && !manual->question.empty() && manual->question != criterion.text;
    return one_line(criterion.text) + (asks_more ? " (" + one_line(manual->question) + ")" : "");
  }

  void headline(const std::string& word, Meaning meaning) {
    out_ += painted(word, meaning, options_.colour) + ": " + run_ + ", " +
            figures(state_, tally_, options_.until_ms) + "\n";
  }

  void line(const std::string& text) { out_ += "  " + text + "\n"; }

  void next(const std::string& command, const std::string& what) {
    out_ += "  next: " + painted(command, Meaning::Strong, options_.colour) + "   (" + what + ")\n";
  }

  static std::string quoted(const std::string& word) {
    const bool plain = word.find_first_of(" []=,*?$'\"\\&|;<>()") == std::string::npos;
    return plain ? word : "'" + word + "'";
  }

  const RunState& state_;
  const ChecklistOptions& options_;
  Tally tally_;
  std::string run_;
  std::string out_;
};

}  // namespace

std::string result_text(const RunState& state, const ChecklistOptions& options) {
  return ResultText(state, options).text();
}

}  // namespace runner::report
