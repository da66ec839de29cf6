// pipe undo RUN: takes what a run brought out of the project again.

#include <memory>

#include <fmt/format.h>

#include "dsl/commit_message.h"
#include "dsl/value.h"
#include "runner/app/commit_messages.h"
#include "runner/app/rehearsal.h"
#include "runner/cli/commands.h"
#include "runner/cli/run_actions.h"
#include "runner/cli/run_argument.h"
#include "runner/cli/run_status.h"
#include "runner/report/escape.h"

namespace runner::cli {
namespace {

/// Why there is nothing to undo.
std::optional<dsl::Error> problem_of(const RunView& view, const Project& project) {
  const RunState& state = view.state();
  const std::string name = report::one_line(view.run().value);
  if (view.runner()) {
    return dsl::Error{"'" + name + "' is going on", "`pipe stop " + name + "` ends it"};
  }
  if (!state.undone().empty()) {
    return dsl::Error{"'" + name + "' was undone already: " + report::one_line(state.undone()), ""};
  }
  const bool brought = !state.delivered().empty() && state.result() != state.input() &&
                       !(is_rehearsal(view.folder()) && project.kind == Project::Kind::Folder);
  if (!brought) {
    return dsl::Error{"'" + name + "' has brought nothing into the project",
                      "there is nothing to undo"};
  }
  return std::nullopt;
}

/// Runs that began from this commit of the branch and are not undone.
struct Successors {
  std::vector<std::string> not_over;  // could not go on without it
  std::vector<std::string> over;
};
dsl::Result<Successors> successors_of(const Runs& runs,
                                      const dsl::RunId& run,
                                      const std::string& commit) {
  Successors found;
  for (const dsl::RunId& other : runs.names()) {
    const auto project = runs.project_of(other);
    if (other == run || !project || project->head != commit) {
      continue;
    }
    const auto overview = look_over(runs, other);
    if (!overview) {
      return overview.error();
    }
    if (!is_finished(overview->status)) {
      found.not_over.push_back(report::one_line(other.value));
    } else if (!overview->summary.delivered.empty()) {
      found.over.push_back(report::one_line(other.value));
    }
  }
  return found;
}

}  // namespace

ExitCode undo_run(const UndoArguments& arguments, Console& console) {
  RunLookup lookup = look_up_run(arguments.run, Purpose::Act, console);
  if (!lookup.found) {
    return lookup.code;
  }
  auto& [runs, run] = *lookup.found;
  const auto view = runs.view(run);
  if (!view) {
    return console.fail(ExitCode::Environment, view.error());
  }
  const RunState& state = view->state();
  const auto trees = runs.trees(run);
  if (!trees) {
    return console.fail(ExitCode::Environment, trees.error());
  }
  if (const auto problem = problem_of(*view, trees->project)) {
    return console.fail(ExitCode::Invalid, *problem);
  }
  const std::string branch = branch_of(state.plan().name, run);
  const auto result = result_for_people(*trees->store, trees->project, state);
  if (!result) {
    return console.fail(ExitCode::Environment, result.error());
  }
  Successors successors;
  if (const auto commit = commit_of_branch(*trees->store, trees->project, branch, *result);
      commit) {
    auto found = successors_of(runs, run, *commit);
    if (!found) {
      return console.fail(ExitCode::Environment, found.error());
    }
    successors = *std::move(found);
  }
  if (!successors.not_over.empty()) {
    const std::string& other = successors.not_over.front();
    return console.fail(
        ExitCode::Invalid,
        {fmt::format("'{}' goes on from it and is not over", other),
         fmt::format("let it end, or `pipe clean {}` first; nothing was undone", other)});
  }
  const dsl::Status taken = take_back(*trees->store, trees->project, branch, *result);
  if (!taken) {
    return console.fail(ExitCode::Environment,
                        taken.error().then("run `pipe undo " + run.value + "` again"));
  }
  const std::string what = state.delivered();
  if (const dsl::Status told = runs.record(run, ResultUndone{what, arguments.because}); !told) {
    return console.fail(ExitCode::Environment, told.error());
  }
  if (arguments.json) {
    console.out(dsl::to_json(dsl::Value(dsl::Value::Record{{"run", dsl::Value(run.value)},
                                                           {"undone", dsl::Value(what)}})) +
                "\n");
  } else {
    console.out("undone: " + report::one_line(what) + "\n");
  }
  for (const std::string& other : successors.over) {
    console.note(fmt::format(
        "'{0}' went on from it, and its branch has these commits too; `pipe undo {0}` removes that",
        other));
  }
  if (!state.pushed().empty()) {
    const std::string remote = report::one_line(state.pushed());
    console.note(fmt::format(
        "{0} still has the branch; `git push {0} --delete {1}` removes it", remote, branch));
  }
  return ExitCode::Passed;
}

Command undo_command(Console& console) {
  auto arguments = std::make_shared<UndoArguments>();
  Command command;
  command.name = "undo";
  command.summary = "take what a run brought out of the project";
  command.description =
      "Removes the branch of a run, or puts back the files that it changed in a folder that is\n"
      "no repository. Where something of it was changed since, nothing happens, and it says\n"
      "what. The run itself stays: `pipe diff` still shows it.";
  command.positionals = {{"RUN", "the run", true, Completes::Run, {}, &arguments->run}};
  command.options = {
      {"-b,--because", "TEXT", "why; kept in the journal of the run", {}, &arguments->because},
      {"--json", "", "print as JSON", {}, &arguments->json}};
  command.examples = {"pipe undo calm-otter", "pipe undo latest --json"};
  command.action = [arguments, &console] { return undo_run(*arguments, console); };
  return command;
}

}  // namespace runner::cli
