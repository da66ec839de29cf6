// pipe clean [RUN...]: removes runs and what dead runners left.

#include <memory>

#include <fmt/format.h>

#include "dsl/value.h"
#include "runner/cli/commands.h"
#include "runner/cli/engine_shelf.h"
#include "runner/cli/run_argument.h"
#include "runner/cli/run_status.h"
#include "runner/cli/runs.h"
#include "runner/report/escape.h"
#include "runner/report/node_text.h"

namespace runner::cli {
namespace {

struct Arguments {
  std::vector<std::string> runs;
  bool all = false;
  bool force = false;
  bool json = false;
};

std::string size_text(std::int64_t bytes) {
  const auto amount = static_cast<double>(bytes);
  if (bytes < (1 << 20)) {
    return fmt::format("{:.0f} KiB", amount / 1024);
  }
  if (bytes < (1LL << 30U)) {
    return fmt::format("{:.1f} MiB", amount / (1 << 20));
  }
  return fmt::format("{:.1f} GiB", amount / static_cast<double>(1LL << 30U));
}

class Cleaner {
 public:
  Cleaner(Runs& runs, const Arguments& arguments, Console& console)
      : runs_(runs), arguments_(arguments), console_(console) {}

  ExitCode clean() {
    std::vector<dsl::RunId> chosen;
    for (const std::string& name : arguments_.runs) {
      auto run = find_run(runs_, name, Purpose::Act, console_);
      if (!run) {
        return console_.fail(ExitCode::Invalid, run.error());
      }
      chosen.push_back(*std::move(run));
    }
    const bool named = !chosen.empty();
    for (const dsl::RunId& run : named ? chosen : runs_.names()) {
      consider(run, named);
    }
    if (arguments_.force) {
      remove_all_leftovers();
    }
    tidy();
    say_what_was_done();
    return code_;
  }

 private:
  /// Removes the run, or says why not. Runs nobody named are left in silence unless they could be
  /// removed with --force.
  void consider(const dsl::RunId& run, bool named) {
    const std::string name = report::one_line(run.value);
    if (const auto pid = runs_.runner_of(run)) {
      running_ = true;
      if (named) {
        fail({fmt::format("'{}' is running (process {})", name, *pid),
              "`pipe stop " + name + "` first"},
             ExitCode::Invalid);
      }
      return;
    }
    const auto overview = look_over(runs_, run);
    const bool finished = overview && is_finished(overview->status);
    if (overview && overview->status == RunStatus::Undelivered && !may_give_up(run, named)) {
      return;
    }
    if (!finished && !arguments_.force) {
      ++kept_;
      if (named) {
        fail({"'" + name + "' is not finished; it can go on with `pipe resume " + name + "`",
              "`pipe clean --force " + name + "` removes it all the same"});
      }
      return;
    }
    remove(run, finished);
  }

  /// A result that its project has not, or only a half of, is nowhere else.
  bool may_give_up(const dsl::RunId& run, bool named) {
    const std::string name = report::one_line(run.value);
    const auto trees = runs_.trees(run);
    const std::string half = trees ? half_delivered_in(trees->project) : "";
    if (!half.empty()) {
      ++kept_;
      fail(
          {"the delivery of '" + name +
               "' was cut off: a part of its result may be in the project "
               "already, the rest is in '" +
               half + "'",
           "`pipe resume " + name + "` brings all of it; to give it up, remove that folder first"});
      return false;
    }
    if (!arguments_.force) {
      ++kept_;
      if (named) {
        fail({"'" + name + "' has passed, and its project has not taken the result",
              "`pipe resume " + name + "` delivers it; `pipe clean --force " + name +
                  "` throws it away"});
      }
    }
    return arguments_.force;
  }

  void remove(const dsl::RunId& run, bool finished) {
    const std::string name = report::one_line(run.value);
    if (!finished) {
      for (const dsl::Error& error : engines().remove_leftovers(run)) {
        fail(error.within("leftovers of '" + name + "'"));
      }
    }
    const std::int64_t size = runs_.size_of(run);
    if (const dsl::Status removed = runs_.remove(run); !removed) {
      fail(removed.error());
      return;
    }
    if (!arguments_.json) {
      console_.out(fmt::format("removed {} ({})\n", name, size_text(size)));
    }
    freed_ += size;
    removed_.push_back(run);
  }

  /// What runs left whose folders are gone already.
  void remove_all_leftovers() {
    if (running_ || !arguments_.runs.empty()) {
      return;  // only asked of engines while no runner is alive
    }
    for (const dsl::Error& error : engines().remove_leftovers(dsl::RunId())) {
      fail(error.within("leftovers"));
    }
  }

  /// What is kept for runs to come. With --all --force nothing is.
  void tidy() {
    if (running_ || !arguments_.runs.empty()) {
      return;
    }
    const bool everything = arguments_.all && arguments_.force;
    const auto freed = runs_.tidy(everything         ? Runs::Tidy::Everything
                                  : arguments_.force ? Runs::Tidy::Forsaken
                                                     : Runs::Tidy::Old);
    if (!freed) {
      fail(freed.error());
      return;
    }
    tidied_ = *freed;
    freed_ += *freed;
  }

  void say_what_was_done() {
    if (arguments_.json) {
      console_.out(dsl::to_json(record()) + "\n");
    } else if (!removed_.empty() || tidied_ > 0) {
      console_.out(fmt::format(
          "{}, {} freed\n", report::counted(removed_.size(), "run"), size_text(freed_)));
      if (!(arguments_.all && arguments_.force)) {
        console_.note(
            "kept for runs to come: caches, results and files of the last month; `pipe clean --all "
            "--force` removes them too");
      }
    } else if (code_ == ExitCode::Passed) {
      console_.note("nothing to remove");
    }
    if (kept_ > 0 && arguments_.runs.empty()) {
      console_.note(fmt::format("kept {} that can go on (`pipe ls`); --force removes them too",
                                report::counted(kept_, "run")));
    }
  }

  [[nodiscard]] dsl::Value record() const {
    dsl::Value::List removed;
    for (const dsl::RunId& run : removed_) {
      removed.emplace_back(dsl::Value::Record{{"run", dsl::Value(run.value)}});
    }
    dsl::Value::List problems;
    for (const std::string& problem : problems_) {
      problems.emplace_back(dsl::Value::Record{{"message", dsl::Value(problem)}});
    }
    return dsl::Value(dsl::Value::Record{{"removed", dsl::Value(std::move(removed))},
                                         {"freed_bytes", dsl::Value(static_cast<double>(freed_))},
                                         {"kept", dsl::Value(static_cast<double>(kept_))},
                                         {"problems", dsl::Value(std::move(problems))}});
  }

  void fail(const dsl::Error& error, ExitCode code = ExitCode::Environment) {
    code_ = console_.fail(code, error);
    problems_.push_back(error.message);
  }

  EngineShelf& engines() {
    if (!engines_) {
      engines_ = std::make_unique<EngineShelf>(runs_.settings(), runs_.store_id());
    }
    return *engines_;
  }

  Runs& runs_;
  const Arguments& arguments_;
  Console& console_;
  std::unique_ptr<EngineShelf> engines_;  // looked for when first needed
  bool running_ = false;
  std::size_t kept_ = 0;
  std::vector<dsl::RunId> removed_;
  std::vector<std::string> problems_;
  std::int64_t freed_ = 0;
  std::int64_t tidied_ = 0;
  ExitCode code_ = ExitCode::Passed;
};

ExitCode clean(const Arguments& arguments, Console& console) {
  if (arguments.all && !arguments.runs.empty()) {
    return console.fail(ExitCode::Invalid, {"--all goes with no names", "leave out one of them"});
  }
  auto runs = Runs::open_here();
  if (!runs) {
    return console.fail(ExitCode::Environment, runs.error());
  }
  if (const dsl::Status writable = runs->check_writable(); !writable) {
    return console.fail(ExitCode::Environment, writable.error());
  }
  return Cleaner(*runs, arguments, console).clean();
}

}  // namespace

Command clean_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "clean";
  command.summary = "remove finished runs and free their space";
  command.description =
      "Removes runs with their logs and working folders: those named, or all that are\n"
      "finished. Results that reached the project stay. With --force also runs that could\n"
      "go on (stopped, waiting, kept from running, not delivered), and what killed runners of\n"
      "this store left in any engine; with --all --force nothing is kept for runs to come: no\n"
      "cache, no result, no image that was made for the store. Start no run meanwhile.";
  command.positionals = {{"RUN",
                          "the runs; all finished ones where none is given",
                          false,
                          Completes::Run,
                          {},
                          &arguments->runs}};
  command.options = {{"-a,--all", "", "all finished runs, as without a name", {}, &arguments->all},
                     {"-f,--force", "", "unfinished runs and leftovers too", {}, &arguments->force},
                     {"--json", "", "print as JSON", {}, &arguments->json}};
  command.examples = {"pipe clean", "pipe clean --all --force"};
  command.action = [arguments, &console] { return clean(*arguments, console); };
  return command;
}

}  // namespace runner::cli
