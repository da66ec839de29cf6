// pipe stop [RUN...] [--all]: ends runs of other processes; they can go on later.

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "dsl/value.h"
#include "runner/cli/commands.h"
#include "runner/cli/run_argument.h"
#include "runner/cli/runs.h"
#include "runner/report/escape.h"
#include "runner/report/node_text.h"
#include "runner/sys/fd.h"

namespace runner::cli {
namespace {

struct Arguments {
  std::vector<std::string> runs;
  bool all = false;
  bool now = false;
  bool json = false;
};

constexpr int kKillTime = 30'000;  // what a runner may take on top of the grace time, milliseconds

std::string list_of(const std::vector<dsl::RunId>& runs) {
  std::string names;
  for (const dsl::RunId& run : runs) {
    names += (names.empty() ? "" : ", ") + report::one_line(run.value);
  }
  return names;
}

/// Without a name: the one run of this project that is going on, or all runs.
dsl::Result<std::vector<dsl::RunId>> going_on(const Runs& runs, bool all, Console& console) {
  const auto here = whereabouts_of(".");
  if (!here && !all) {
    return here.error();
  }
  std::vector<dsl::RunId> found;
  std::vector<dsl::RunId> elsewhere;
  for (const dsl::RunId& run : runs.names()) {
    if (!runs.runner_of(run)) {
      continue;
    }
    const auto project = runs.project_of(run);
    const bool is_meant = all || (project && is_at(*project, *here));
    (is_meant ? found : elsewhere).push_back(run);
  }
  if (found.size() > 1 && !all) {
    return dsl::Error{fmt::format("{} runs are going on: {}", found.size(), list_of(found)),
                      "name one, or use `pipe stop --all`"};
  }
  if (found.empty()) {
    console.note(elsewhere.empty() ? "nothing is running"
                                   : "nothing of '" + report::one_line(here->folder) +
                                         "' is running; of other projects: " + list_of(elsewhere));
  }
  return found;
}

/// The runs meant, each once. An Error where a name means none, or nothing says which.
dsl::Result<std::vector<dsl::RunId>> chosen(const Runs& runs,
                                            const Arguments& arguments,
                                            Console& console) {
  std::vector<dsl::RunId> found;
  for (const std::string& name : arguments.runs) {
    auto run = find_run(runs, name, Purpose::Act, console);
    if (!run) {
      return run.error();
    }
    found.push_back(*std::move(run));
  }
  return found.empty() ? going_on(runs, arguments.all, console) : found;
}

/// Signals the process that holds the run, and no other that was given its number since. Two equal
/// signals in a row may arrive as one: what shall happen at once has a signal of its own.
dsl::Result<Fd> signal_runner(const Runs& runs, const dsl::RunId& run, pid_t pid, int signal) {
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process || runs.runner_of(run) != pid) {
    return Fd();  // it has ended by itself
  }
  if (::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) != 0 && errno != ESRCH) {
    return dsl::Error{fmt::format("cannot signal process {}: {}", pid, std::strerror(errno)),
                      errno == EPERM ? "it belongs to another user" : ""};
  }
  return process;
}

bool wait_for_end(const Fd& process, std::int64_t limit_ms) {
  pollfd ended{process.get(), POLLIN, 0};
  return ::poll(&ended, 1, static_cast<int>(limit_ms)) > 0;
}

/// Whether there was something to stop; an Error where it goes on.
dsl::Result<bool> stop_one(const Runs& runs, const dsl::RunId& run, bool now) {
  const std::string name = report::one_line(run.value);
  const auto pid = runs.runner_of(run);
  if (!pid) {
    return false;
  }
  const auto process = signal_runner(runs, run, *pid, now ? SIGQUIT : SIGTERM);
  if (!process) {
    return process.error().within("stop '" + name + "'");
  }
  const std::int64_t grace = runs.settings().grace.ms;
  if (*process && !wait_for_end(*process, grace + kKillTime)) {
    return dsl::Error{
        fmt::format("'{}' (process {}) has not ended after {}",
                    name,
                    *pid,
                    report::took_text(grace + kKillTime)),
        fmt::format("`kill -9 {}` ends it; `pipe resume {}` loses nothing", *pid, name)};
  }
  return true;
}

ExitCode stop(const Arguments& arguments, Console& console) {
  const auto runs = Runs::open_here();
  if (!runs) {
    return console.fail(ExitCode::Environment, runs.error());
  }
  const auto named = chosen(*runs, arguments, console);
  if (!named) {
    return console.fail(ExitCode::Invalid, named.error());
  }
  ExitCode worst = ExitCode::Passed;
  dsl::Value::List records;
  for (const dsl::RunId& run : *named) {
    const std::string name = report::one_line(run.value);
    const auto stopped = stop_one(*runs, run, arguments.now);
    if (!stopped) {
      worst = console.fail(ExitCode::Environment, stopped.error());
    } else if (!*stopped) {
      console.note("'" + name + "' is not running");
    } else if (!arguments.json) {
      console.out(fmt::format("stopped {}; `pipe resume {}` goes on\n", name, name));
    }
    records.emplace_back(dsl::Value::Record{
        {"run", dsl::Value(run.value)},
        {"stopped", dsl::Value(stopped && *stopped)},
        {"problem", stopped ? dsl::Value() : dsl::Value(stopped.error().message)}});
  }
  if (arguments.json) {
    console.out(dsl::to_json(dsl::Value(dsl::Value::Record{{"runs", dsl::Value(records)}})) + "\n");
  }
  return worst;
}

}  // namespace

Command stop_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "stop";
  command.summary = "stop a run; `pipe resume` goes on with it";
  command.description =
      "Asks the process that drives a run to stop, and waits for its end: tasks are ended\n"
      "(TERM, and KILL after the grace time), their state is kept. Without RUN the one run\n"
      "of this project that is going on.";
  command.positionals = {{"RUN", "the runs", false, Completes::Run, {}, &arguments->runs}};
  command.options = {
      {"-a,--all", "", "every run that is going on, of all projects", {}, &arguments->all},
      {"--now", "", "kill the tasks at once", {}, &arguments->now},
      {"--json", "", "print as JSON", {}, &arguments->json},
  };
  command.examples = {"pipe stop calm-otter", "pipe stop --all"};
  command.action = [arguments, &console] { return stop(*arguments, console); };
  return command;
}

}  // namespace runner::cli
