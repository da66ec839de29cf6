// pipe plan FILE: what a run would do; with -o it is sealed.

#include <memory>

#include <fmt/format.h>

#include "dsl/export_text.h"
#include "dsl/plan_json.h"
#include "runner/app/follow_up.h"
#include "runner/cli/commands.h"
#include "runner/cli/plan_file.h"
#include "runner/cli/run_argument.h"
#include "runner/cli/sealed_file.h"
#include "runner/report/escape.h"

namespace runner::cli {
namespace {

struct Arguments {
  PlanSource source;
  ContinueSource goes_on;
  std::string output;
  bool json = false;
};

ExitCode seal(const Arguments& arguments,
              const Settings& settings,
              RunRequest request,
              Console& console) {
  request.sealed_file = arguments.output;
  request.say = [&console](const std::string& note) { console.note(note); };
  SealEnd end = seal_session(settings, std::move(request));
  for (const dsl::Error& problem : end.problems) {
    console.error(problem);
  }
  if (!end.sealed) {
    return end.code;
  }
  if (const dsl::Status written = write_sealed_plan(arguments.output, *end.sealed); !written) {
    return console.fail(ExitCode::Environment, written.error());
  }
  const std::string file = report::one_line(arguments.output);
  if (arguments.json) {
    console.out(
        dsl::to_json(dsl::Value(dsl::Value::Record{{"file", dsl::Value(arguments.output)},
                                                   {"digest", dsl::Value(end.sealed->digest)}})) +
        "\n");
  } else {
    console.out(fmt::format("sealed {} as {}\n  input: {}\n  takes: {}\n",
                            file,
                            short_digest(*end.sealed),
                            report::one_line(end.sealed->taken),
                            forecast_text(end.sealed->forecast)));
  }
  console.note("`pipe show-plan " + file + "` shows it, `pipe approve " + file +
               "` approves it, `pipe run --plan " + file + "` runs it and nothing else");
  return ExitCode::Passed;
}

ExitCode print(const dsl::Plan& plan, const Arguments& arguments, Console& console) {
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

/// The plan of a run that goes on from another.
ExitCode plan_to_go_on(const Arguments& arguments, Console& console) {
  const RunLookup lookup = look_up_run(arguments.goes_on.run, Purpose::Act, console);
  if (!lookup.found) {
    return lookup.code;
  }
  const Settings& settings = lookup.found->runs.settings();
  auto next = follow_up_run(settings,
                            {lookup.found->run, arguments.goes_on.task, arguments.goes_on.prompt});
  if (!next) {
    return console.fail(ExitCode::Invalid, next.error());
  }
  console.note(next->note);
  if (arguments.output.empty()) {
    return print(next->request.plan, arguments, console);
  }
  next->request.env_files = arguments.source.env_files;
  next->request.sources.origin.env_files = arguments.source.env_files;
  next->request.sources.origin.settings_env_file = settings.env_file;
  return seal(arguments, settings, std::move(next->request), console);
}

ExitCode show_plan(Arguments& arguments, Console& console) {
  if (const dsl::Status fits = check_goes_on(arguments.goes_on, arguments.source); !fits) {
    return console.fail(ExitCode::Invalid, fits.error());
  }
  if (arguments.output.empty() && (arguments.source.dirty || !arguments.source.env_files.empty())) {
    return console.fail(ExitCode::Invalid,
                        {"--dirty and --env-file belong to a sealed plan", "add -o plan.json"});
  }
  if (!arguments.goes_on.run.empty()) {
    return plan_to_go_on(arguments, console);
  }
  if (arguments.source.file.empty()) {
    return console.fail(ExitCode::Invalid,
                        {"FILE is required", "name a pipeline, or a run with --continue"});
  }
  arguments.source.may_be_stdin = arguments.output.empty();
  auto compiled = plan_of(arguments.source, console);
  if (!compiled) {
    return ExitCode::Invalid;
  }
  if (!arguments.output.empty()) {
    const Settings settings = compiled->settings;
    return seal(arguments, settings, request_of(*std::move(compiled), arguments.source), console);
  }
  return print(compiled->plan, arguments, console);
}

}  // namespace

Command plan_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "plan";
  command.summary = "show what a run would do, or seal it for approval";
  command.description =
      "Prints the plan of a pipeline: phases, tasks, their order, images, limits and\n"
      "criteria, with all inputs and matrix values put in. A run does this and nothing else.\n"
      "With -o everything is resolved (images by digest, the input's files, check scripts) and\n"
      "written to a file that people can approve and `pipe run --plan` obeys.";
  command.positionals = {
      {"FILE", "the pipeline; - is STDIN", false, Completes::File, {}, &arguments->source.file}};
  add_plan_options(command.options, arguments->source);
  command.options.push_back(
      {"-o,--output", "PLAN", "seal the plan into this file", {}, &arguments->output});
  add_input_options(command.options, arguments->source);
  add_continue_options(command.options, arguments->goes_on);
  command.options.push_back({"--json", "", "print the whole plan as JSON", {}, &arguments->json});
  command.examples = {"pipe plan pipeline.yaml --input service=api",
                      "pipe plan pipeline.yaml -o plan.json && pipe approve plan.json --by ann"};
  command.action = [arguments, &console] { return show_plan(*arguments, console); };
  return command;
}

}  // namespace runner::cli
