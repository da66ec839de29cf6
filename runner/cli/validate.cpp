// pipe validate FILE...: every mistake of a pipeline file, offline.

#include <memory>

#include <fmt/format.h>

#include "dsl/render.h"
#include "runner/cli/commands.h"
#include "runner/cli/plan_file.h"
#include "runner/report/escape.h"
#include "runner/report/node_text.h"

namespace runner::cli {
namespace {

struct Arguments {
  PlanSource source;
  bool json = false;
};

std::string summary(const std::string& file, const dsl::Plan& plan) {
  std::size_t tasks = 0;
  std::size_t criteria = 0;
  for (const dsl::PlanNode& node : plan.nodes) {
    tasks += node.kind == dsl::NodeKind::PhaseGate ? 0U : 1U;
    criteria += node.criteria.size();
  }
  return fmt::format("{}: valid, {} in {}, {}\n",
                     report::one_line(file),
                     report::counted(tasks, "task"),
                     report::counted(plan.phases.size(), "phase"),
                     report::counted(criteria, "criterion"));
}

ExitCode validate(Arguments& arguments, Console& console) {
  arguments.source.may_be_stdin = true;
  auto compilation = compile_file(arguments.source);
  if (!compilation) {
    return console.fail(ExitCode::Invalid, compilation.error());
  }
  const auto& [sources, diagnostics, plan, places] = *compilation;
  if (arguments.json) {
    console.out(dsl::render_json(diagnostics, sources));
  } else {
    console.err(dsl::render_text(diagnostics, sources, console.err_colour()));
    console.out(plan ? summary(arguments.source.file, *plan) : "");
  }
  return plan ? ExitCode::Passed : ExitCode::Invalid;
}

}  // namespace

Command validate_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "validate";
  command.summary = "report every mistake of a pipeline file";
  command.description =
      "Compiles a pipeline file and reports everything that is wrong with it, each with\n"
      "its place and the remedy. Runs nothing and needs no network. Exit code 2 when there\n"
      "is an error; warnings do no harm.";
  command.positionals = {
      {"FILE", "the pipeline; - is STDIN", true, Completes::File, {}, &arguments->source.file}};
  add_plan_options(command.options, arguments->source);
  command.options.push_back({"--json", "", "print the findings as JSON", {}, &arguments->json});
  command.examples = {"pipe validate pipeline.yaml",
                      "pipe validate pipeline.yaml --json | jq '.diagnostics[].message'"};
  command.action = [arguments, &console] { return validate(*arguments, console); };
  return command;
}

}  // namespace runner::cli
