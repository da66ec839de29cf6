#include "runner/cli/drive.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "dsl/units.h"
#include "dsl/value.h"
#include "runner/cli/final_words.h"
#include "runner/report/escape.h"
#include "runner/report/learned_rules.h"
#include "runner/sys/fd.h"
#include "runner/sys/files.h"

namespace runner::cli {
namespace {

/// What the run came to. The session's own code counts: it knows of signals.
void say_how_it_ended(const SessionEnd& end, const ProgressOptions& progress, Console& console) {
  for (const dsl::Error& warning : end.warnings) {
    console.warning(warning.message);
  }
  // What kept a finished run's result from the project is told beneath what the run came to.
  const bool has_come_to_something =
      end.state != nullptr && (end.problems.empty() || end.state->outcome());
  if (has_come_to_something && !progress.json) {
    print_checklist(*end.state, end.run_folder, report::Runner::Gone, console);
  }
  for (const dsl::Error& problem : end.problems) {
    console.error(problem);
  }
  if (end.state != nullptr && progress.learn_firewall) {
    const std::string rules = report::learned_rules(*end.state);
    progress.json ? console.err(rules) : console.out("\n" + rules);
  }
  if (end.rehearsed) {
    console.note(fmt::format(
        "a rehearsal: the script answered {} request{} of {} tokens{}; nothing was paid",
        end.rehearsed->requests,
        end.rehearsed->requests == 1 ? "" : "s",
        dsl::to_text(dsl::Tokens{end.rehearsed->tokens}),
        end.rehearsed->failed == 0
            ? ""
            : fmt::format(", {} with an error or a cut", end.rehearsed->failed)));
  }
}

ExitCode drive_here(const std::function<SessionEnd(const MakeObservers&)>& session,
                    const ProgressOptions& progress,
                    const std::function<void(const SessionStart&)>& started,
                    Console& console) {
  // A reader of our streams that goes away is no reason to end a run.
  std::signal(SIGPIPE, SIG_IGN);
  const SessionEnd end = session([&](const SessionStart& start) {
    for (const dsl::Error& warning : start.warnings) {
      console.warning(warning.message + "; " + warning.remedy);
    }
    started(start);
    return make_progress(progress, console, *start.clock);
  });
  say_how_it_ended(end, progress, console);
  return end.code;
}

/// In the child: from now on STDOUT and STDERR are a file of the run; the parent is told its
/// name.
void leave_terminal(const SessionStart& start, Fd& parent) {
  const std::string log = start.run_folder + "/console.log";
  const Fd file(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (file) {
    ::dup2(file.get(), STDOUT_FILENO);
    ::dup2(file.get(), STDERR_FILENO);
  }
  static_cast<void>(files::write_all(parent.get(), start.run.value));
  parent.reset();
}

std::string read_all(const Fd& from) {
  std::string text;
  std::array<char, 256> buffer{};
  while (true) {
    const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return text;
    }
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

/// In the parent: the child's name for the run, or its exit code where it did not come so far.
ExitCode wait_for_start(pid_t child, const Fd& from, bool json, Console& console) {
  const std::string run = report::one_line(read_all(from));
  if (!run.empty()) {
    console.out(
        (json ? dsl::to_json(dsl::Value(dsl::Value::Record{{"run", dsl::Value(run)}})) : run) +
        "\n");
    console.note("`pipe attach " + run + "` watches it, `pipe stop " + run + "` stops it");
    return ExitCode::Passed;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? static_cast<ExitCode>(WEXITSTATUS(status)) : ExitCode::Environment;
}

}  // namespace

ExitCode drive(const std::function<SessionEnd(const MakeObservers&)>& session,
               const ProgressOptions& progress,
               Where where,
               Console& console) {
  if (where == Where::Foreground) {
    return drive_here(
        session, progress, [](const SessionStart&) {}, console);
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return console.fail(ExitCode::Environment,
                        {std::string("cannot make a pipe: ") + std::strerror(errno), ""});
  }
  Fd reading(ends[0]);
  Fd writing(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) {
    return console.fail(ExitCode::Environment,
                        {std::string("cannot start a process: ") + std::strerror(errno), ""});
  }
  if (child > 0) {
    writing.reset();
    return wait_for_start(child, reading, progress.json, console);
  }
  reading.reset();
  ::setsid();
  const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ::dup2(nothing.get(), STDIN_FILENO);
  ProgressOptions plain = progress;
  plain.progress = progress.progress == "none" ? "none" : "plain";
  return drive_here(
      session, plain, [&](const SessionStart& start) { leave_terminal(start, writing); }, console);
}

}  // namespace runner::cli
