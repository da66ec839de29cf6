// pipe run FILE: the pipeline from beginning to end. pipe resume RUN: the rest of it.

#include <memory>

#include "runner/app/session.h"
#include "runner/cli/commands.h"
#include "runner/cli/drive.h"
#include "runner/cli/plan_file.h"
#include "runner/cli/run_argument.h"

namespace runner::cli {
namespace {

struct RunArguments {
  PlanSource source;
  ProgressOptions progress;
  std::optional<int> jobs;
  std::string name;
  std::vector<std::string> env_files;
  bool no_cache = false;
  bool dirty = false;
  bool detach = false;
};

struct ResumeArguments {
  std::string run;
  std::vector<std::string> env_files;
  ProgressOptions progress;
  std::optional<int> jobs;
  bool detach = false;
};

/// -j above the settings. An Error for what is no number of jobs.
dsl::Result<int> jobs_of(const std::optional<int>& given, const Settings& settings) {
  if (given && (*given < 1 || *given > 4096)) {
    return dsl::Error{"--jobs is a number from 1 to 4096", "leave it out for one job a processor"};
  }
  return given.value_or(settings.jobs);
}

Where where_of(bool detach) {
  return detach ? Where::Background : Where::Foreground;
}

ExitCode run(RunArguments& arguments, Console& console) {
  auto compiled = plan_of(arguments.source, console);
  if (!compiled) {
    return ExitCode::Invalid;
  }
  const Settings& settings = compiled->settings;
  const auto jobs = jobs_of(arguments.jobs, settings);
  if (!jobs) {
    return console.fail(ExitCode::Invalid, jobs.error());
  }
  RunRequest request;
  request.plan = std::move(compiled->plan);
  request.places = std::move(compiled->places);
  request.file = arguments.source.file;
  request.name = arguments.name;
  request.jobs = *jobs;
  request.reuse = !arguments.no_cache;
  request.include_dirty = arguments.dirty;
  request.env_files = arguments.env_files;
  request.learn_firewall = arguments.progress.learn_firewall;
  return drive(
      [&](const MakeObservers& make) { return run_session(settings, std::move(request), make); },
      arguments.progress,
      where_of(arguments.detach),
      console);
}

ExitCode resume(ResumeArguments& arguments, Console& console) {
  const RunLookup lookup = look_up_run(arguments.run, console);
  if (!lookup.found) {
    return lookup.code;
  }
  const Settings& settings = lookup.found->runs.settings();
  const auto jobs = jobs_of(arguments.jobs, settings);
  if (!jobs) {
    return console.fail(ExitCode::Invalid, jobs.error());
  }
  return drive(
      [&](const MakeObservers& make) {
        return resume_session(settings, lookup.found->run, *jobs, arguments.env_files, make);
      },
      arguments.progress,
      where_of(arguments.detach),
      console);
}

}  // namespace

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
      {"FILE", "the pipeline", true, Completes::File, {}, &arguments->source.file}};
  add_plan_options(command.options, arguments->source);
  command.options.push_back(
      {"-j,--jobs", "N", "so many tasks at once (one a processor)", {}, &arguments->jobs});
  command.options.push_back({"-n,--name", "NAME", "call the run so", {}, &arguments->name});
  command.options.push_back(
      {"-d,--detach", "", "run in the background; prints the run's name", {}, &arguments->detach});
  command.options.push_back(
      {"--no-cache", "", "take nothing from earlier runs", {}, &arguments->no_cache});
  command.options.push_back(
      {"--env-file", "FILE", "look for secrets in this file first", {}, &arguments->env_files});
  command.options.push_back(
      {"--dirty", "", "take uncommitted changes of the project too", {}, &arguments->dirty});
  command.options.push_back({"--learn-firewall",
                             "",
                             "print the rules that it would have needed",
                             {},
                             &arguments->progress.learn_firewall});
  add_progress_options(command.options, arguments->progress);
  command.examples = {"pipe run pipeline.yaml --input service=api -j 4",
                      "pipe run pipeline.yaml --json > events.jsonl"};
  command.action = [arguments, &console] { return run(*arguments, console); };
  return command;
}

Command resume_command(Console& console) {
  auto arguments = std::make_shared<ResumeArguments>();
  Command command;
  command.name = "resume";
  command.summary = "go on with a run that was stopped, died or waits";
  command.description =
      "Goes on with a run whose process was stopped or killed, or that waited for a person.\n"
      "What was verified is not run again.";
  command.positionals = {{"RUN",
                          "the run; the latest where none is given",
                          false,
                          Completes::Run,
                          {},
                          &arguments->run}};
  command.options = {
      {"-j,--jobs", "N", "so many tasks at once (one a processor)", {}, &arguments->jobs},
      {"-d,--detach", "", "run in the background; prints the run's name", {}, &arguments->detach},
      {"--env-file", "FILE", "look for secrets in this file first", {}, &arguments->env_files}};
  add_progress_options(command.options, arguments->progress);
  command.examples = {"pipe resume", "pipe resume calm-otter -j 4"};
  command.action = [arguments, &console] { return resume(*arguments, console); };
  return command;
}

}  // namespace runner::cli
