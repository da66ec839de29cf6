// pipe push RUN: the branch of a run that passed goes to a remote, a pull request is opened.

#include <memory>

#include <fmt/format.h>

#include "dsl/commit_message.h"
#include "dsl/value.h"
#include "runner/app/commit_messages.h"
#include "runner/app/publish.h"
#include "runner/app/rehearsal.h"
#include "runner/app/sealing.h"
#include "runner/cli/commands.h"
#include "runner/cli/run_actions.h"
#include "runner/cli/run_argument.h"
#include "runner/report/escape.h"
#include "runner/run/owed.h"

namespace runner::cli {
namespace {

/// Why there is nothing to push.
std::optional<dsl::Error> problem_of(const RunView& view) {
  const RunState& state = view.state();
  const std::string name = report::one_line(view.run().value);
  if (view.runner()) {
    return dsl::Error{"'" + name + "' is going on", "push it when it has passed"};
  }
  if (state.outcome() != Outcome::Passed) {
    return dsl::Error{"'" + name + "' has not passed: only a verified result is pushed",
                      "`pipe show " + name + "` says where it stands"};
  }
  if (!state.undone().empty()) {
    return dsl::Error{"the result of '" + name + "' was undone", "start a new run"};
  }
  if (owed(state) == Owed::Delivery) {
    return dsl::Error{"the result of '" + name + "' is no branch yet",
                      "`pipe resume " + name + "` makes it"};
  }
  if (is_rehearsal(view.folder())) {
    return dsl::Error{"'" + name + "' was a rehearsal: no model wrote its result",
                      "`pipe run` makes a real one"};
  }
  if (state.result().commit == state.input().commit) {
    return dsl::Error{"'" + name + "' changed nothing", "there is nothing to push"};
  }
  return std::nullopt;
}

}  // namespace

ExitCode push_run(const PushArguments& arguments, Console& console) {
  RunLookup lookup = look_up_run(arguments.run, Purpose::Act, console);
  if (!lookup.found) {
    return lookup.code;
  }
  auto& [runs, run] = *lookup.found;
  auto view = runs.view(run);
  if (!view) {
    return console.fail(ExitCode::Environment, view.error());
  }
  if (const auto problem = problem_of(*view)) {
    return console.fail(ExitCode::Invalid, *problem);
  }
  const RunState& state = view->state();
  const auto trees = runs.trees(run);
  if (!trees) {
    return console.fail(ExitCode::Environment, trees.error());
  }
  dsl::Git git = state.plan().git;
  git.push = true;
  git.remote = arguments.remote.empty() ? git.remote : arguments.remote;
  if (arguments.pull_request && !git.pull_request) {
    git.pull_request.emplace();
  }
  const std::string& folder = trees->project.folder;
  const std::string branch = branch_of(state.plan().name, run);
  const RecordFact record = [&runs = runs, &run = run, &view](decltype(Event::what) what) {
    dsl::Status recorded = runs.record(run, std::move(what));
    if (recorded) {
      const auto told = view->more();
      return told ? recorded : dsl::Status(told.error());
    }
    return recorded;
  };
  const auto sealed = sealed_of_run(view->folder());
  if (!sealed) {
    return console.fail(ExitCode::Environment, sealed.error());
  }
  // A remote that is named here is the user's own word.
  const Remote to = {git.remote, *sealed && arguments.remote.empty() ? (*sealed)->remote : ""};
  EventLoop loop;
  dsl::Status done = check_can_publish(trees->project, git);
  const auto result = result_for_people(*trees->store, trees->project, state);
  const auto commit = result ? commit_of_branch(*trees->store, trees->project, branch, *result)
                             : dsl::Result<std::string>(result.error());
  if (done) {
    done = commit ? push_branch(loop, folder, to, branch, *commit, record)
                  : dsl::Status(commit.error());
  }
  if (done && git.pull_request) {
    done =
        open_pull_request(loop, folder, branch, pull_request_of(state, *git.pull_request), record);
  }
  if (!done) {
    return console.fail(ExitCode::Environment, done.error());
  }
  const std::string url = git.pull_request ? report::one_line(state.pull_request()) : "";
  if (arguments.json) {
    console.out(dsl::to_json(dsl::Value(dsl::Value::Record{
                    {"run", dsl::Value(run.value)},
                    {"branch", dsl::Value(branch)},
                    {"remote", dsl::Value(git.remote)},
                    {"pull_request", url.empty() ? dsl::Value() : dsl::Value(url)}})) +
                "\n");
    return ExitCode::Passed;
  }
  console.out(fmt::format("pushed '{}' to {}\n", branch, report::one_line(git.remote)));
  console.out(url.empty() ? "" : "pull request: " + url + "\n");
  return ExitCode::Passed;
}

Command push_command(Console& console) {
  auto arguments = std::make_shared<PushArguments>();
  Command command;
  command.name = "push";
  command.summary = "push the branch of a run that passed";
  command.description =
      "Pushes the branch of a run that passed, with the git of this machine and the\n"
      "repository's own hooks, never by force; with --pull-request (or where the pipeline\n"
      "has one) a pull request is opened with gh. Doing it again is harmless.";
  command.positionals = {run_argument(arguments->run)};
  command.options = {
      {"--pull-request", "", "open a pull request too", {}, &arguments->pull_request},
      {"--remote", "NAME", "where to; what the pipeline says, else origin", {}, &arguments->remote},
      {"--json", "", "print as JSON", {}, &arguments->json},
  };
  command.examples = {"pipe push calm-otter", "pipe push calm-otter --pull-request"};
  command.action = [arguments, &console] { return push_run(*arguments, console); };
  return command;
}

}  // namespace runner::cli
