// pipe resume RUN: the rest of a run.

#include "runner/cli/resume.h"

#include <memory>

#include "runner/app/session.h"
#include "runner/cli/commands.h"
#include "runner/cli/drive.h"
#include "runner/cli/run_argument.h"

namespace runner::cli {

dsl::Result<int> jobs_of(const std::optional<int>& given, const Settings& settings) {
  if (given && (*given < 1 || *given > 4096)) {
    return dsl::Error{"--jobs is a number from 1 to 4096", "leave it out for one job a processor"};
  }
  return given.value_or(settings.jobs);
}

ExitCode resume_run(const ResumeArguments& arguments, Console& console) {
  const RunLookup lookup = look_up_run(arguments.run, Purpose::Act, console);
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
      arguments.detach ? Where::Background : Where::Foreground,
      console);
}

Command resume_command(Console& console) {
  auto arguments = std::make_shared<ResumeArguments>();
  Command command;
  command.name = "resume";
  command.summary = "go on with a run that was stopped, died or waits";
  command.description =
      "Goes on with a run whose process was stopped or killed, or that waited for a person.\n"
      "What was verified is not run again.";
  command.positionals = {run_argument(arguments->run)};
  command.options = {
      {"-j,--jobs", "N", "so many tasks at once (one a processor)", {}, &arguments->jobs},
      {"-d,--detach", "", "run in the background; prints the run's name", {}, &arguments->detach},
      {"--env-file", "FILE", "look for secrets in this file first", {}, &arguments->env_files}};
  add_progress_options(command.options, arguments->progress);
  command.examples = {"pipe resume", "pipe resume calm-otter -j 4"};
  command.action = [arguments, &console] { return resume_run(*arguments, console); };
  return command;
}

}  // namespace runner::cli
