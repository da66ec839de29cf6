// pipe diff-plan OLD NEW: what changed between two sealed plans, and whether it lets a run do more.

#include <memory>

#include <fmt/format.h>

#include "dsl/plan_changes.h"
#include "runner/cli/commands.h"
#include "runner/cli/sealed_file.h"
#include "runner/report/escape.h"
#include "runner/report/paint.h"

namespace runner::cli {
namespace {

struct Arguments {
  std::string before;
  std::string after;
  bool json = false;
};

void print(const std::vector<dsl::PlanChange>& changes, std::size_t wider, Console& console) {
  for (const dsl::PlanChange& change : changes) {
    const std::string mark =
        change.widens ? report::painted("wider ", report::Meaning::Bad, console.out_colour())
                      : "      ";
    console.out(fmt::format(
        "{} {}: {}\n", mark, report::one_line(change.part), report::one_line(change.text)));
  }
  if (changes.empty()) {
    console.out("the two plans let a run do the same\n");
  } else {
    console.out(fmt::format("{} differ{}; {}\n",
                            changes.size(),
                            changes.size() == 1 ? "s" : "",
                            wider == 0 ? "none lets a run do more"
                                       : fmt::format("{} let{} a run do more, spend more, or be "
                                                     "judged less strictly",
                                                     wider,
                                                     wider == 1 ? "s" : "")));
  }
}

ExitCode diff(const Arguments& arguments, Console& console) {
  const auto before = read_sealed_plan(arguments.before);
  const auto after = before ? read_sealed_plan(arguments.after) : before;
  if (!after) {
    return console.fail(ExitCode::Invalid, after.error());
  }
  const std::vector<dsl::PlanChange> changes = dsl::plan_changes(*before, *after);
  std::size_t wider = 0;
  dsl::Value::List list;
  for (const dsl::PlanChange& change : changes) {
    wider += change.widens ? 1U : 0U;
    list.emplace_back(dsl::Value::Record{{"part", dsl::Value(change.part)},
                                         {"text", dsl::Value(change.text)},
                                         {"widens", dsl::Value(change.widens)}});
  }
  if (arguments.json) {
    console.out(dsl::to_json(dsl::Value(dsl::Value::Record{{"changes", dsl::Value(std::move(list))},
                                                           {"widens", dsl::Value(wider > 0)}})) +
                "\n");
  } else {
    print(changes, wider, console);
  }
  return wider > 0 ? ExitCode::Failed : ExitCode::Passed;
}

}  // namespace

Command diff_plan_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "diff-plan";
  command.summary = "tell what changed between two sealed plans";
  command.description =
      "Says in words what differs, and marks what lets a run do more, spend more or be judged\n"
      "less strictly: hosts, secrets, budgets, limits, permissions, Docker, criteria that are\n"
      "gone or another. The exit code is 1 where anything does, and 0 where nothing does.";
  command.positionals = {{"OLD", "a sealed plan", true, Completes::File, {}, &arguments->before},
                         {"NEW", "another one", true, Completes::File, {}, &arguments->after}};
  command.options = {{"--json", "", "print as JSON", {}, &arguments->json}};
  command.examples = {"pipe diff-plan approved.json plan.json",
                      "pipe diff-plan approved.json plan.json || echo 'ask again'"};
  command.action = [arguments, &console] { return diff(*arguments, console); };
  return command;
}

}  // namespace runner::cli
