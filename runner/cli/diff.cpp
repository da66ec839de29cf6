// pipe diff RUN [TASK]: what a run brought, commit by commit.

#include <memory>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "dsl/suggest.h"
#include "dsl/value.h"
#include "runner/app/commit_messages.h"
#include "runner/cli/commands.h"
#include "runner/cli/run_actions.h"
#include "runner/cli/run_argument.h"
#include "runner/report/diff_text.h"
#include "runner/report/escape.h"
#include "runner/report/paint.h"
#include "runner/store/history.h"
#include "runner/store/tree_reading.h"
#include "runner/store/verified_history.h"

namespace runner::cli {
namespace {

using report::FileSize;

/// A commit, or all that a task did: what is shown under one heading.
struct Piece {
  std::string commit;
  std::string task;     // "": of none alone
  std::string subject;  // the commit's
  std::string remark;   // "": it was verified
  git::Oid before;
  git::Oid after;
};

std::string subject_of(const git::Commit& commit) {
  return commit.message.substr(0, commit.message.find('\n'));
}

/// The tree that the commit changed; its own where it is a merge: both sides are told by theirs.
dsl::Result<git::Oid> tree_before(git::Objects& objects, const git::Commit& commit) {
  if (commit.parents.empty()) {
    return git::empty_tree();
  }
  if (commit.parents.size() > 1) {
    return commit.tree;
  }
  auto parent = objects.read_commit(commit.parents.front());
  return parent ? dsl::Result<git::Oid>(parent->tree) : parent.error();
}

/// The commits as the project's branch has them, or would have them.
class Branch {
 public:
  static dsl::Result<Branch> make(git::Objects& objects,
                                  const Project& project,
                                  const std::vector<VerifiedCommit>& verified) {
    Branch branch;
    if (project.kind == Project::Kind::Repository) {
      auto history = VerifiedHistory::make(objects, project.input.commit, verified);
      if (!history) {
        return history.error();
      }
      branch.history_.emplace(*std::move(history));
    }
    return branch;
  }

  /// Of what the run has made (hex, "" is nothing).
  dsl::Result<std::string> commit(const std::string& made) {
    return made.empty() || !history_ ? made : history_->commit(made);
  }

 private:
  std::optional<VerifiedHistory> history_;  // of a repository
};

/// The commits of the result; of a run that has none, those of the tasks that passed.
dsl::Result<std::vector<Piece>> pieces_of_run(git::Objects& objects,
                                              Branch& branch,
                                              const RunState& state) {
  std::vector<std::string> tips;
  std::unordered_map<std::string, std::string> tasks;
  auto input = branch.commit(state.input().commit);
  auto result = branch.commit(state.result().commit);
  if (!input || !result) {
    return input ? result.error() : input.error();
  }
  for (const NodeState& node : state.nodes()) {
    if (node.outcome != Outcome::Passed || node.tree.commit.empty()) {
      continue;
    }
    auto commit = branch.commit(node.tree.commit);
    if (!commit) {
      return commit.error();
    }
    if (node.tree.commit != node.input.commit) {
      tasks.emplace(*commit, node.id.value);
    }
    tips.push_back(*std::move(commit));
  }
  if (!result->empty()) {
    tips = {*result};
  }
  auto commits = commits_since(objects, *input, tips);
  if (!commits) {
    return commits.error();
  }
  std::vector<Piece> pieces;
  for (const RunCommit& made : *commits) {
    auto before = tree_before(objects, made.commit);
    if (!before) {
      return before.error();
    }
    const std::string id = git::to_hex(made.id);
    const auto task = tasks.find(id);
    pieces.push_back({id,
                      task == tasks.end() ? "" : task->second,
                      subject_of(made.commit),
                      "",
                      *before,
                      made.commit.tree});
  }
  return pieces;
}

/// What the task did in all, from its input to what it left. Nothing where that is the same.
dsl::Result<std::vector<Piece>> pieces_of_task(git::Objects& objects,
                                               Branch& branch,
                                               const RunState& state,
                                               const NodeState& node) {
  const bool passed = node.outcome == Outcome::Passed;
  const TreeRef left = passed ? node.tree : node.last ? node.last->produced : TreeRef();
  const std::string& input = !node.input.commit.empty() || node.instances.empty()
                                 ? node.input.commit
                                 : state.nodes()[node.instances.front()].input.commit;
  if (left.commit.empty() || left.commit == input) {
    return std::vector<Piece>();
  }
  auto from = branch.commit(input);
  auto to = branch.commit(left.commit);
  if (!from || !to) {
    return from ? to.error() : from.error();
  }
  auto id = git::parse_oid(*to);
  auto commit = id ? objects.read_commit(*id) : id.error();
  auto before = tree_of(objects, *from);
  if (!commit || !before) {
    return commit ? before.error() : commit.error();
  }
  const std::string remark =
      passed ? "" : fmt::format("not verified: what attempt {} left", node.last->attempt);
  return std::vector<Piece>{
      {*to, node.id.value, subject_of(*commit), remark, *before, commit->tree}};
}

dsl::Result<std::vector<Piece>> pieces_of(git::Objects& objects,
                                          Branch& branch,
                                          const RunState& state,
                                          const std::string& task) {
  if (task.empty()) {
    return pieces_of_run(objects, branch, state);
  }
  if (const auto found = state.find(dsl::NodeId(task))) {
    return pieces_of_task(objects, branch, state, state.nodes()[*found]);
  }
  std::vector<std::string_view> names;
  for (const NodeState& node : state.nodes()) {
    names.emplace_back(node.id.value);
  }
  const std::string run = report::one_line(state.run().value);
  const std::string meant = dsl::did_you_mean(task, names);
  return dsl::Error{"'" + run + "' has no task '" + report::one_line(task) + "'",
                    meant.empty() ? "`pipe show " + run + "` lists its tasks" : meant};
}

void print_heading(const Piece& piece, Console& console) {
  const dsl::Colour colour = console.out_colour();
  std::string text = report::painted("commit " + piece.commit, report::Meaning::Doubt, colour);
  text += piece.task.empty() ? "" : "  (" + report::one_line(piece.task) + ")";
  text += "\n    " + report::one_line(piece.subject) + "\n";
  if (!piece.remark.empty()) {
    text += "    " + report::painted(piece.remark, report::Meaning::Doubt, colour) + "\n";
  }
  console.out(text + "\n");
}

dsl::Status print_piece(git::Objects& objects,
                        const Piece& piece,
                        const DiffArguments& arguments,
                        Console& console) {
  print_heading(piece, console);
  std::vector<FileSize> sizes;
  const auto told =
      for_each_change(objects,
                      piece.before,
                      piece.after,
                      kCompareAll,
                      [&](const git::FileChange& change) -> dsl::Status {
                        if (arguments.stat) {
                          sizes.push_back(report::size_of(change));
                        } else if (!console.out_is_closed()) {
                          console.out(report::diff_text(change, console.out_colour()));
                        }
                        return dsl::Ok{};
                      });
  if (told) {
    console.out(report::stat_text(sizes, console.width(), console.out_colour()));
  }
  return told;
}

std::string_view word_of(FileSize::Change change) {
  switch (change) {
    case FileSize::Change::Added:
      return "added";
    case FileSize::Change::Modified:
      return "modified";
    case FileSize::Change::Deleted:
      return "deleted";
  }
  return "";
}

dsl::Result<dsl::Value> record_of(git::Objects& objects, const Piece& piece) {
  dsl::Value::List paths;
  const auto told = for_each_change(objects,
                                    piece.before,
                                    piece.after,
                                    kCompareAll,
                                    [&](const git::FileChange& change) -> dsl::Status {
                                      const FileSize size = report::size_of(change);
                                      const auto lines = [&](std::int64_t count) {
                                        return size.binary ? dsl::Value()
                                                           : dsl::Value(static_cast<double>(count));
                                      };
                                      paths.emplace_back(dsl::Value::Record{
                                          {"path", dsl::Value(report::json_path(size.path))},
                                          {"change", dsl::Value(std::string(word_of(size.change)))},
                                          {"added", lines(size.added)},
                                          {"removed", lines(size.removed)}});
                                      return dsl::Ok{};
                                    });
  if (!told) {
    return told.error();
  }
  return dsl::Value(
      dsl::Value::Record{{"commit", dsl::Value(piece.commit)},
                         {"task", piece.task.empty() ? dsl::Value() : dsl::Value(piece.task)},
                         {"subject", dsl::Value(report::one_line(piece.subject))},
                         {"verified", dsl::Value(piece.remark.empty())},
                         {"paths", dsl::Value(std::move(paths))}});
}

dsl::Status print_json(git::Objects& objects,
                       const std::vector<Piece>& pieces,
                       const DiffArguments& arguments,
                       const dsl::RunId& run,
                       Console& console) {
  dsl::Value::List commits;
  for (const Piece& piece : pieces) {
    auto record = record_of(objects, piece);
    if (!record) {
      return record.error();
    }
    commits.push_back(*std::move(record));
  }
  const dsl::Value document(dsl::Value::Record{
      {"run", dsl::Value(run.value)},
      {"task", arguments.task.empty() ? dsl::Value() : dsl::Value(arguments.task)},
      {"commits", dsl::Value(std::move(commits))}});
  console.out(dsl::to_json(document) + "\n");
  return dsl::Ok{};
}

dsl::Status print_pieces(git::Objects& objects,
                         const std::vector<Piece>& pieces,
                         const DiffArguments& arguments,
                         Console& console) {
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    console.out(i == 0 ? "" : "\n");
    if (auto printed = print_piece(objects, pieces[i], arguments, console); !printed) {
      return printed;
    }
  }
  return dsl::Ok{};
}

}  // namespace

ExitCode diff_run(const DiffArguments& arguments, Console& console) {
  const RunLookup lookup = look_up_run(arguments.run, Purpose::Look, console);
  if (!lookup.found) {
    return lookup.code;
  }
  const auto& [runs, run] = *lookup.found;
  const auto view = runs.view(run);
  if (!view) {
    return console.fail(ExitCode::Environment, view.error());
  }
  const RunState& state = view->state();
  if (!state.started()) {
    return console.fail(ExitCode::Invalid,
                        {"'" + report::one_line(run.value) + "' has not begun yet", ""});
  }
  const auto trees = runs.trees(run);
  if (!trees) {
    return console.fail(ExitCode::Environment, trees.error());
  }
  const auto objects = trees->store->borrow();
  if (!objects) {
    return console.fail(ExitCode::Environment, objects.error());
  }
  auto branch = Branch::make(**objects, trees->project, verified_commits(state));
  if (!branch) {
    return console.fail(ExitCode::Environment, branch.error());
  }
  const auto pieces = pieces_of(**objects, *branch, state, arguments.task);
  if (!pieces) {
    return console.fail(ExitCode::Invalid, pieces.error());
  }
  const dsl::Status printed = arguments.json
                                  ? print_json(**objects, *pieces, arguments, run, console)
                                  : print_pieces(**objects, *pieces, arguments, console);
  if (!printed) {
    return console.fail(ExitCode::Environment, printed.error());
  }
  if (pieces->empty() && !arguments.json) {
    console.note(arguments.task.empty()
                     ? "nothing has changed"
                     : "'" + report::one_line(arguments.task) + "' has changed nothing");
  }
  return ExitCode::Passed;
}

Command diff_command(Console& console) {
  auto arguments = std::make_shared<DiffArguments>();
  Command command;
  command.name = "diff";
  command.summary = "show what a run changed, commit by commit";
  command.description =
      "Prints the commits of a run, the oldest first, with what each changed; while the run\n"
      "is not over, those of the tasks that passed. Of a TASK all that it changed, verified\n"
      "or not. Made for reading: control characters are shown as ^X, and no configuration,\n"
      "attribute or hook of the project counts.";
  command.positionals = {
      run_argument(arguments->run),
      {"TASK", "what this task changed", false, Completes::Task, {}, &arguments->task}};
  command.options = {
      {"--stat", "", "only the files, and how many lines of each", {}, &arguments->stat},
      {"--json", "", "print commits and paths as JSON", {}, &arguments->json},
  };
  command.examples = {"pipe diff", "pipe diff calm-otter build --stat"};
  command.action = [arguments, &console] { return diff_run(*arguments, console); };
  return command;
}

}  // namespace runner::cli
