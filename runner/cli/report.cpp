// pipe report [RUN] --markdown PLAN.md: a run's evidence in the plan that people wrote.

#include <memory>

#include <fmt/format.h>

#include "dsl/markdown_ticks.h"
#include "runner/cli/commands.h"
#include "runner/cli/run_argument.h"
#include "runner/report/escape.h"
#include "runner/report/node_text.h"
#include "runner/sys/files.h"

namespace runner::cli {
namespace {

constexpr std::int64_t kLargest = 4LL << 20;

struct Arguments {
  std::string run;
  std::string markdown;
  std::string output;
  bool json = false;
};

std::string evidence_line(const RunState& state, const CriterionState& criterion) {
  constexpr std::size_t kWidth = 160;
  const std::string found = report::evidence_text(criterion.evidence, kWidth);
  std::string line = criterion.verdict == Verdict::Met ? "" : "not met: ";
  line += found.empty() ? std::string("no evidence") : found;
  if (criterion.evidence.took.ms > 0) {
    line += ", " + report::took_text(criterion.evidence.took.ms);
  }
  return line + ", run " + report::one_line(state.run().value);
}

/// Why a box that its task ticked does not hold where the task's work met that of others; "" it
/// does, or nothing is known against it.
std::string lost_on_a_merge(const RunState& state, std::size_t node, std::size_t criterion) {
  std::vector<std::size_t> merges;
  for (const NodeState& one : state.nodes()) {
    if (const auto merge = report::merge_of(one)) {
      merges.push_back(*merge);
    }
  }
  if (const auto merge = state.result_fan_in()) {
    merges.push_back(*merge);
  }
  for (const std::size_t place : merges) {
    const FanIn& merge = state.fan_ins()[place];
    for (const FanInCriterion& one : merge.criteria) {
      const bool is_it = !merge.stale && one.task == node && one.criterion == criterion;
      if (is_it && look_at(state, merge, one).standing == FanInStanding::Broken) {
        return "met alone, but not on the merge of " +
               report::one_line(names_of(state, merge.sides)) + ": ";
      }
    }
  }
  return "";
}

std::vector<dsl::BoxResult> results_of(const RunState& state) {
  std::vector<dsl::BoxResult> results;
  for (const std::size_t i : report::file_order(state)) {
    const auto& criteria = state.plan_node(i).criteria;
    for (std::size_t k = 0; k < criteria.size(); ++k) {
      const CriterionState& found = state.nodes()[i].criteria[k];
      dsl::BoxResult result;
      result.text = criteria[k].text;
      result.judged = found.verdict.has_value();
      // Work that was not taken for the sake of another box is nowhere.
      result.met = found.verdict == Verdict::Met && state.nodes()[i].outcome == Outcome::Passed;
      result.evidence = result.judged ? evidence_line(state, found) : "";
      if (result.judged && found.verdict == Verdict::Met && !result.met) {
        result.evidence = "met, but its task did not pass: " + result.evidence;
      }
      if (const std::string lost = result.met ? lost_on_a_merge(state, i, k) : ""; !lost.empty()) {
        result.met = false;
        result.evidence = lost + result.evidence;
      }
      results.push_back(std::move(result));
    }
  }
  return results;
}

ExitCode tick(const Arguments& arguments, Console& console) {
  if (arguments.markdown.empty()) {
    return console.fail(ExitCode::Invalid,
                        {"which report?", "--markdown plan.md ticks the boxes of that plan"});
  }
  const auto [view, failed] = look_up_view(arguments.run, Purpose::Act, console);
  if (!view) {
    return failed;
  }
  const auto text = files::read_file(arguments.markdown, kLargest);
  if (!text) {
    return console.fail(ExitCode::Invalid, text.error());
  }
  const dsl::TickedMarkdown ticked = dsl::tick_boxes(*text, results_of(view->state()));
  const std::string to = arguments.output.empty() ? arguments.markdown : arguments.output;
  if (const dsl::Status written = files::write_atomically(to, ticked.text, files::Durable::No);
      !written) {
    return console.fail(ExitCode::Environment, written.error());
  }
  if (arguments.json) {
    dsl::Value::List unknown;
    for (const std::string& box : ticked.unknown) {
      unknown.emplace_back(box);
    }
    console.out(dsl::to_json(dsl::Value(
                    dsl::Value::Record{{"run", dsl::Value(view->run().value)},
                                       {"file", dsl::Value(to)},
                                       {"boxes", dsl::Value(static_cast<double>(ticked.boxes))},
                                       {"ticked", dsl::Value(static_cast<double>(ticked.ticked))},
                                       {"unknown", dsl::Value(std::move(unknown))}})) +
                "\n");
    return ExitCode::Passed;
  }
  console.out(fmt::format("{}: {} of {} ticked, by run {}\n",
                          report::one_line(to),
                          ticked.ticked,
                          ticked.boxes == 1 ? "1 box" : fmt::format("{} boxes", ticked.boxes),
                          report::one_line(view->run().value)));
  for (const std::string& box : ticked.unknown) {
    console.note("the run has no criterion '" + report::one_line(box) + "'");
  }
  return ExitCode::Passed;
}

}  // namespace

Command report_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "report";
  command.summary = "tick the boxes of a plan with a run's evidence";
  command.description =
      "Ticks each box whose criterion was met by the run, empties it where it was not, and\n"
      "writes below it what was checked and found. A second report takes the place of the\n"
      "first. Boxes and criteria belong together by their text.";
  command.positionals = {run_argument(arguments->run)};
  command.options = {
      {"--markdown", "PLAN", "the plan to tick", {}, &arguments->markdown},
      {"-o,--output", "FILE", "write here, and leave the plan as it is", {}, &arguments->output},
      {"--json", "", "print as JSON", {}, &arguments->json}};
  command.examples = {"pipe report --markdown plan.md",
                      "pipe report calm-otter --markdown plan.md -o done.md"};
  command.action = [arguments, &console] { return tick(*arguments, console); };
  return command;
}

}  // namespace runner::cli
