// pipe attach [RUN]: the progress of a run in another process.

#include <csignal>
#include <memory>
#include <unordered_map>

#include "runner/cli/commands.h"
#include "runner/cli/final_words.h"
#include "runner/cli/progress.h"
#include "runner/cli/run_argument.h"
#include "runner/cli/run_logs.h"
#include "runner/cli/run_status.h"
#include "runner/report/escape.h"
#include "runner/report/jsonl.h"
#include "runner/sys/event_loop.h"

namespace runner::cli {
namespace {

struct Arguments {
  std::string run;
  ProgressOptions progress;
};

constexpr dsl::Duration kPoll{100};
constexpr std::size_t kMostTasks = 32;  // whose last lines are looked for

/// Follows the journal of a run and tells its observers, as its own runner would.
class Follower {
 public:
  Follower(RunView& view, EventLoop& loop, std::vector<std::unique_ptr<Observer>> observers)
      : view_(view), loop_(loop), observers_(std::move(observers)) {}

  void tell(const std::vector<Event>& events) {
    for (const auto& observer : observers_) {
      observer->on_events(view_.state(), events);
    }
  }

  void poll() {
    const bool goes_on = view_.runner().has_value();
    auto events = view_.more();
    if (!events) {
      failure_ = events.error();
      loop_.stop();
      return;
    }
    if (!events->empty()) {
      tell(*events);
    }
    tell_last_lines();
    if (!goes_on) {
      loop_.stop();
      return;
    }
    loop_.after(kPoll, [this] { poll(); });
  }

  /// Removes what the observers have drawn.
  void end() { observers_.clear(); }

  [[nodiscard]] const std::optional<dsl::Error>& failure() const { return failure_; }

 private:
  void tell_last_lines() {
    std::size_t asked = 0;
    for (const RunState::Rank& rank : view_.state().active()) {
      const NodeState& node = view_.state().nodes()[rank.node];
      if (node.stage != Stage::Running || ++asked > kMostTasks) {
        continue;
      }
      std::string line = last_log_line(view_.folder(), node.id, node.attempt);
      std::string& known = last_lines_[node.id.value];
      if (!line.empty() && line != known) {
        for (const auto& observer : observers_) {
          observer->on_line(node.id, line);
        }
        known = std::move(line);
      }
    }
  }

  RunView& view_;
  EventLoop& loop_;
  std::vector<std::unique_ptr<Observer>> observers_;
  std::unordered_map<std::string, std::string> last_lines_;
  std::optional<dsl::Error> failure_;
};

ExitCode attach(const Arguments& arguments, Console& console) {
  auto [view, failed] = look_up_view(arguments.run, Purpose::Look, console);
  if (!view) {
    return failed;
  }
  const std::string name = report::one_line(view->run().value);
  if (!view->runner()) {
    console.note("'" + name + "' is not running");
    if (arguments.progress.json) {
      report::JsonLines(console.out_sink()).on_events(view->state(), view->events_so_far());
    }
    return final_words(*view, arguments.progress.json, console);
  }
  EventLoop loop;
  Follower follower(*view, loop, make_progress(arguments.progress, console, loop));
  bool detached = false;
  const auto detach = [&](int) {
    detached = true;
    loop.stop();
  };
  loop.on_signal(SIGINT, detach);
  loop.on_signal(SIGTERM, detach);
  loop.on_signal(SIGHUP, detach);
  follower.tell(view->events_so_far());
  follower.poll();
  loop.run();
  follower.end();
  if (follower.failure()) {
    return console.fail(ExitCode::Environment, *follower.failure());
  }
  if (detached) {
    console.note("detached; '" + name + "' goes on (`pipe stop " + name + "` stops it)");
    return ExitCode::Passed;
  }
  return final_words(*view, arguments.progress.json, console);
}

}  // namespace

Command attach_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "attach";
  command.summary = "watch a run that another terminal started";
  command.description =
      "Shows the progress of a run that another process drives, until it ends; the exit\n"
      "code is then the run's. Ctrl-C stops watching, not the run.";
  command.positionals = {run_argument(arguments->run)};
  add_progress_options(command.options, arguments->progress);
  command.examples = {"pipe attach", "pipe attach calm-otter --json"};
  command.action = [arguments, &console] { return attach(*arguments, console); };
  return command;
}

}  // namespace runner::cli
