// pipe run FILE: the pipeline from beginning to end.

#include <filesystem>
#include <memory>

#include "runner/app/follow_up.h"
#include "runner/app/recording.h"
#include "runner/app/session.h"
#include "runner/cli/commands.h"
#include "runner/cli/drive.h"
#include "runner/cli/plan_file.h"
#include "runner/cli/resume.h"
#include "runner/cli/run_actions.h"
#include "runner/cli/run_argument.h"
#include "runner/cli/sealed_file.h"
#include "runner/report/escape.h"

namespace runner::cli {
namespace {

struct RunArguments {
  PlanSource source;
  ProgressOptions progress;
  std::optional<int> jobs;
  std::string name;
  std::string plan;  // sealed
  ContinueSource goes_on;
  std::string commit;
  std::string record;
  bool no_cache = false;
  bool no_push = false;
  bool no_pr = false;
  bool detach = false;
};

/// What the sealed plan says of how it was made is how it is made again. An Error where the command
/// line says something else.
dsl::Status take_origin(RunArguments& arguments, const dsl::SealedPlan& sealed) {
  const dsl::PlanOrigin& origin = sealed.origin;
  const PlanSource& given = arguments.source;
  if (!given.inputs.empty() || !given.engine.empty() || !given.env_files.empty() || given.dirty ||
      !given.instructions.empty() || !arguments.commit.empty()) {
    return dsl::Error{
        "--plan says how the plan is made; --input, --engine, --env-file, --dirty, --commit and "
        "--instructions would make another one",
        "leave them out, or seal a plan with them"};
  }
  if (!given.file.empty() && given.file != origin.file) {
    return dsl::Error{"the plan was made from '" + report::one_line(origin.file) + "', not from '" +
                          report::one_line(given.file) + "'",
                      "leave FILE out"};
  }
  arguments.goes_on = {origin.continues, origin.prompt, origin.task};
  PlanSource source;
  source.file = origin.file;
  for (const auto& [name, text] : origin.inputs) {
    source.inputs.push_back(name + "=" + text);
  }
  source.engine = origin.engine;
  source.env_files = origin.env_files;
  source.dirty = origin.dirty;
  source.instructions_as_sealed = sealed.plan.instructions;
  arguments.source = std::move(source);
  return dsl::Ok{};
}

/// Of the command line, for which run whatever.
void add_wishes(const RunArguments& arguments, Console& console, RunRequest& request) {
  request.name = arguments.name;
  if (!arguments.record.empty()) {
    request.record = std::filesystem::absolute(arguments.record).string();
  }
  request.say = [&console](const std::string& note) { console.note(note); };
  request.reuse = !arguments.no_cache;
  request.push = !arguments.no_push;
  request.pull_request = !arguments.no_pr;
  request.learn_firewall = arguments.progress.learn_firewall;
}

ExitCode drive_run(const RunArguments& arguments,
                   const Settings& settings,
                   RunRequest request,
                   Console& console) {
  return drive(
      [&](const MakeObservers& make) { return run_session(settings, std::move(request), make); },
      arguments.progress,
      arguments.detach ? Where::Background : Where::Foreground,
      console);
}

dsl::Status check_record(const std::string& file, const dsl::Plan& plan) {
  return file.empty() ? dsl::Status(dsl::Ok{})
                      : may_record(std::filesystem::absolute(file).string(), plan);
}

ExitCode go_on(const RunArguments& arguments,
               std::optional<dsl::SealedPlan> sealed,
               Console& console) {
  const RunLookup lookup = look_up_run(arguments.goes_on.run, Purpose::Act, console);
  if (!lookup.found) {
    return lookup.code;
  }
  const Settings& settings = lookup.found->runs.settings();
  const auto jobs = jobs_of(arguments.jobs, settings);
  auto next = follow_up_run(settings,
                            {lookup.found->run, arguments.goes_on.task, arguments.goes_on.prompt});
  if (!jobs || !next) {
    return console.fail(ExitCode::Invalid, jobs ? next.error() : jobs.error());
  }
  if (const dsl::Status may = check_record(arguments.record, next->request.plan); !may) {
    return console.fail(ExitCode::Invalid, may.error());
  }
  console.note(next->note);
  add_wishes(arguments, console, next->request);
  next->request.jobs = *jobs;
  next->request.env_files = arguments.source.env_files;
  next->request.sources.origin.env_files = arguments.source.env_files;
  next->request.sources.origin.settings_env_file = settings.env_file;
  next->request.sealed = std::move(sealed);
  next->request.sealed_file = arguments.plan;
  return drive_run(arguments, settings, std::move(next->request), console);
}

ExitCode run(RunArguments& arguments, Console& console) {
  const bool is_other = !arguments.plan.empty() || !arguments.commit.empty();
  if (const dsl::Status fits = check_goes_on(arguments.goes_on, arguments.source, is_other);
      !fits) {
    return console.fail(ExitCode::Invalid, fits.error());
  }
  std::optional<dsl::SealedPlan> sealed;
  if (!arguments.plan.empty()) {
    auto read = read_sealed_plan(arguments.plan);
    if (!read) {
      return console.fail(ExitCode::Invalid, read.error());
    }
    if (const dsl::Status taken = take_origin(arguments, *read); !taken) {
      return console.fail(ExitCode::Invalid, taken.error());
    }
    sealed = *std::move(read);
  }
  if (!arguments.goes_on.run.empty()) {
    return go_on(arguments, std::move(sealed), console);
  }
  if (arguments.source.file.empty()) {
    return console.fail(ExitCode::Invalid,
                        {"FILE is required", "name a pipeline, or a sealed plan with --plan"});
  }
  auto compiled = plan_of(arguments.source, console);
  if (!compiled) {
    return ExitCode::Invalid;
  }
  const Settings settings = compiled->settings;
  const auto jobs = jobs_of(arguments.jobs, settings);
  if (!jobs) {
    return console.fail(ExitCode::Invalid, jobs.error());
  }
  if (const dsl::Status may = check_record(arguments.record, compiled->plan); !may) {
    return console.fail(ExitCode::Invalid, may.error());
  }
  RunRequest request = request_of(*std::move(compiled), arguments.source);
  if (!arguments.commit.empty() && request.include_dirty) {
    return console.fail(ExitCode::Invalid,
                        {"--commit and --dirty contradict each other", "leave one of them out"});
  }
  request.commit = arguments.commit;
  add_wishes(arguments, console, request);
  request.jobs = *jobs;
  request.sealed = std::move(sealed);
  request.sealed_file = arguments.plan;
  return drive_run(arguments, settings, std::move(request), console);
}

}  // namespace

ExitCode continue_run(const ContinueArguments& arguments, Console& console) {
  RunArguments run;
  run.goes_on = {arguments.run, arguments.prompt, arguments.task};
  return go_on(run, std::nullopt, console);
}

Command run_command(Console& console) {
  auto arguments = std::make_shared<RunArguments>();
  Command command;
  command.name = "run";
  command.summary = "run a pipeline and verify its success criteria";
  command.description =
      "Runs the tasks of a pipeline, each on a private copy of the project; a task's result\n"
      "counts only once all its criteria are met. The project is changed at the end, and only\n"
      "when all went well. Exit codes: 0 passed, 1 failed, 2 invalid, 3 environment, 4 waits\n"
      "for a person, 5 over budget, 70 a bug, 130 interrupted, 143 terminated.";
  command.positionals = {
      {"FILE", "the pipeline", false, Completes::File, {}, &arguments->source.file}};
  add_plan_options(command.options, arguments->source);
  command.options.push_back(
      {"-j,--jobs", "N", "so many tasks at once (one a processor)", {}, &arguments->jobs});
  command.options.push_back({"-n,--name", "NAME", "call the run so", {}, &arguments->name});
  command.options.push_back(
      {"-d,--detach", "", "run in the background; prints the run's name", {}, &arguments->detach});
  command.options.push_back(
      {"--no-cache", "", "take nothing from earlier runs", {}, &arguments->no_cache});
  add_input_options(command.options, arguments->source);
  command.options.push_back(
      {"--commit", "COMMIT", "start from this one, not from HEAD", {}, &arguments->commit});
  command.options.push_back({"--learn-firewall",
                             "",
                             "print the rules that it would have needed",
                             {},
                             &arguments->progress.learn_firewall});
  command.options.push_back({"--record",
                             "FILE",
                             "write down what its models say, for a rehearsal",
                             {},
                             &arguments->record});
  command.options.push_back(
      {"--plan", "PLAN", "only what this sealed plan says", {}, &arguments->plan});
  add_continue_options(command.options, arguments->goes_on);
  command.options.push_back(
      {"--no-push", "", "do not push, whatever the pipeline says", {}, &arguments->no_push});
  command.options.push_back({"--no-pr", "", "open no pull request", {}, &arguments->no_pr});
  add_progress_options(command.options, arguments->progress);
  command.examples = {"pipe run pipeline.yaml --input service=api -j 4",
                      "pipe run --continue calm-otter --prompt 'Name the limit in the README'"};
  command.action = [arguments, &console] { return run(*arguments, console); };
  return command;
}

}  // namespace runner::cli
