// pipe plan FILE: what a run would do.

#include <memory>

#include "dsl/export_text.h"
#include "dsl/plan_json.h"
#include "runner/cli/commands.h"
#include "runner/cli/plan_file.h"

namespace runner::cli {
namespace {

struct Arguments {
  PlanSource source;
  bool json = false;
};

ExitCode show_plan(Arguments& arguments, Console& console) {
  const auto compiled = plan_of(arguments.source, console);
  if (!compiled) {
    return ExitCode::Invalid;
  }
  const dsl::Plan& plan = compiled->plan;
  if (arguments.json) {
    console.out(dsl::plan_to_json(plan, dsl::JsonLayout::Indented));
    console.out("\n");
    return ExitCode::Passed;
  }
  dsl::TextOptions options;
  options.colour = console.out_colour();
  options.width = console.width();
  console.out(dsl::export_text(plan, options));
  return ExitCode::Passed;
}

}  // namespace

Command plan_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "plan";
  command.summary = "show what a run would do";
  command.description =
      "Prints the plan of a pipeline: phases, tasks, their order, images, limits and\n"
      "criteria, with all inputs and matrix values put in. A run does this and nothing else.";
  command.positionals = {
      {"FILE", "the pipeline", true, Completes::File, {}, &arguments->source.file}};
  add_plan_options(command.options, arguments->source);
  command.options.push_back({"--json", "", "print the whole plan as JSON", {}, &arguments->json});
  command.examples = {"pipe plan pipeline.yaml",
                      "pipe plan pipeline.yaml --input service=api --json > plan.json"};
  command.action = [arguments, &console] { return show_plan(*arguments, console); };
  return command;
}

}  // namespace runner::cli
