// pipe approve RUN TASK, pipe reject RUN TASK: a person's word for a run that waits for it.

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "dsl/suggest.h"
#include "dsl/value.h"
#include "runner/cli/account.h"
#include "runner/cli/approve_plan.h"
#include "runner/cli/commands.h"
#include "runner/cli/resume.h"
#include "runner/cli/run_argument.h"
#include "runner/cli/sealed_file.h"
#include "runner/report/escape.h"
#include "runner/run/review.h"

namespace runner::cli {
namespace {

enum class Answer { Yes, No };

struct Arguments {
  std::string run;
  std::string task;
  std::string by;
  std::string because;
  std::optional<int> criterion;  // 1-based, as the checklist counts
  std::vector<std::string> redo;
  std::string key;
  bool no_key = false;
  bool final = false;
  bool resume = false;
  bool json = false;
};

std::string id_of(const RunState& state, std::size_t node) {
  return report::one_line(state.nodes()[node].id.value);
}

std::string quoted_list(const std::vector<std::string>& names) {
  return "'" + fmt::format("{}", fmt::join(names, "', '")) + "'";
}

/// REQUIRES: a criterion was named where the task asks for something.
dsl::Error asks_nothing(const RunState& state,
                        const std::vector<Question>& open,
                        const std::string& task,
                        std::optional<int> criterion) {
  const std::string run = report::one_line(state.run().value);
  if (open.empty()) {
    return {"'" + run + "' waits for nobody", "`pipe show " + run + "` says where it stands"};
  }
  std::vector<std::string_view> names;
  std::vector<std::string> list;
  for (const Question& question : open) {
    names.emplace_back(state.nodes()[question.node].id.value);
    list.push_back(id_of(state, question.node));
  }
  if (task.empty()) {
    return {"more than one task of '" + run + "' asks", "name one of " + quoted_list(list)};
  }
  for (const std::string_view name : names) {
    if (name == task) {
      return {fmt::format("criterion {} of '{}' asks nothing", *criterion, report::one_line(task)),
              "leave --criterion out, and all that it asks is answered"};
    }
  }
  const std::string meant = dsl::did_you_mean(task, names);
  return {"'" + report::one_line(task) + "' of '" + run + "' asks nothing",
          meant.empty() ? "these do: " + quoted_list(list) : meant};
}

/// Those of one task that the arguments mean; without a TASK the only one that asks.
std::vector<Question> meant_of(const RunState& state,
                               const std::vector<Question>& open,
                               const Arguments& arguments) {
  const bool is_only = std::all_of(open.begin(), open.end(), [&](const Question& question) {
    return question.node == open.front().node;
  });
  std::vector<Question> meant;
  for (const Question& question : open) {
    const bool same_task =
        arguments.task.empty() ? is_only : state.nodes()[question.node].id.value == arguments.task;
    const bool same_box = !arguments.criterion || question.criterion + 1 == *arguments.criterion;
    if (same_task && same_box) {
      meant.push_back(question);
    }
  }
  return meant;
}

/// Who is to do the work again: those that --redo names, else those whose work was reviewed. Empty:
/// the answer is final.
dsl::Result<std::vector<std::size_t>> sent_back_to(const RunState& state,
                                                   std::size_t node,
                                                   const Arguments& arguments) {
  if (arguments.final || arguments.because.empty()) {
    return std::vector<std::size_t>{};
  }
  if (arguments.redo.empty()) {
    return reviewed_by(state, node);
  }
  std::vector<std::size_t> nodes;
  for (const std::string& name : arguments.redo) {
    const auto found = state.find(dsl::NodeId(name));
    if (!found || !is_work_above(state, *found, node)) {
      std::vector<std::string_view> names;
      for (std::size_t i = 0; i < state.nodes().size(); ++i) {
        if (is_work_above(state, i, node)) {
          names.emplace_back(state.nodes()[i].id.value);
        }
      }
      const std::string meant = dsl::did_you_mean(name, names);
      return dsl::Error{fmt::format("'{}' is no task whose work '{}' looks at",
                                    report::one_line(name),
                                    id_of(state, node)),
                        !meant.empty() ? meant
                        : names.empty()
                            ? "nothing ran before it; leave --redo out"
                            : "these are: " + quoted_list({names.begin(), names.end()})};
    }
    nodes.push_back(*found);
  }
  return nodes;
}

dsl::Status check_fits(const Arguments& arguments, Answer answer) {
  if (answer == Answer::No && !arguments.redo.empty() && arguments.final) {
    return dsl::Error{"--redo and --final contradict each other", "leave one of them out"};
  }
  if (answer == Answer::No && !arguments.redo.empty() && arguments.because.empty()) {
    return dsl::Error{"--redo needs a reason, which is all that the task is told",
                      "add --because 'what is to be different'"};
  }
  return dsl::Ok{};
}

struct Given {
  std::string word;
  std::size_t answered = 0;
  std::size_t left = 0;
  std::vector<std::string> again;
  std::string final;  // why nothing is done again: the task has failed; "" it is not
};

/// Of a no that sends nothing back.
std::string why_final(const Arguments& arguments) {
  if (arguments.final) {
    return "as --final says";
  }
  return arguments.because.empty()
             ? "for no reason was given (--because), with which the work could be done again"
             : "for nothing ran before it that could be done again";
}

void tell(const Given& given, const RunState& state, const Arguments& arguments, Console& console) {
  const std::string run = report::one_line(state.run().value);
  const std::string task = report::one_line(arguments.task);
  if (arguments.json) {
    dsl::Value::List again;
    for (const std::string& id : given.again) {
      again.emplace_back(id);
    }
    const dsl::Value record(
        dsl::Value::Record{{"run", dsl::Value(state.run().value)},
                           {"task", dsl::Value(arguments.task)},
                           {"answer", dsl::Value(given.word)},
                           {"answered", dsl::Value(static_cast<double>(given.answered))},
                           {"left", dsl::Value(static_cast<double>(given.left))},
                           {"again", dsl::Value(std::move(again))},
                           {"failed", dsl::Value(!given.final.empty())}});
    console.out(dsl::to_json(record) + "\n");
  } else if (!given.again.empty()) {
    console.out(fmt::format("{} '{}' of {}; {} will be done again, with your reason\n",
                            given.word,
                            task,
                            run,
                            quoted_list(given.again)));
  } else {
    console.out(fmt::format("{} '{}' of {}{}\n",
                            given.word,
                            task,
                            run,
                            given.final.empty() ? "" : "; it has failed, " + given.final));
  }
  if (arguments.resume) {
    return;
  }
  if (given.left == 0 && !given.final.empty()) {
    console.note("`pipe resume " + run + "` does what does not need it, and ends the run");
  } else if (given.left == 0) {
    console.note("`pipe resume " + run + "` goes on");
  } else {
    console.note(fmt::format(
        "{} more to answer; `pipe resume {}` goes on with what can be done", given.left, run));
  }
}

ExitCode answer(Arguments& arguments, Answer answer, Console& console) {
  if (looks_like_plan_file(arguments.run)) {
    if (answer == Answer::Yes && arguments.task.empty()) {
      return approve_plan(
          {arguments.run, arguments.by, arguments.key, arguments.no_key, arguments.json}, console);
    }
    return console.fail(ExitCode::Invalid,
                        {"'" + report::one_line(arguments.run) + "' is a file, not a run",
                         answer == Answer::Yes ? "a plan is approved as a whole: leave TASK out"
                                               : "a plan that nobody approves is not run"});
  }
  if (const dsl::Status fits = check_fits(arguments, answer); !fits) {
    return console.fail(ExitCode::Invalid, fits.error());
  }
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
  const std::string name = report::one_line(run.value);
  const std::vector<Question> open = open_questions(state);
  const std::vector<Question> meant = meant_of(state, open, arguments);
  if (meant.empty()) {
    return console.fail(ExitCode::Invalid,
                        asks_nothing(state, open, arguments.task, arguments.criterion));
  }
  arguments.task = state.nodes()[meant.front().node].id.value;
  if (view->runner()) {
    return console.fail(
        ExitCode::Invalid,
        {"'" + name + "' still has other tasks under way",
         "it ends by itself when only answers are missing; or `pipe stop " + name + "` first"});
  }
  const auto again = answer == Answer::Yes ? std::vector<std::size_t>{}
                                           : sent_back_to(state, meant.front().node, arguments);
  if (!again) {
    return console.fail(ExitCode::Invalid, again.error());
  }
  Given given;
  given.word = answer == Answer::Yes ? "approved" : "rejected";
  given.left = open.size() - meant.size();
  given.final = answer == Answer::No && again->empty() ? why_final(arguments) : "";
  PersonAnswered fact;
  fact.node = state.nodes()[meant.front().node].id;
  fact.yes = answer == Answer::Yes;
  fact.account = account_name();
  fact.by = arguments.by.empty() ? fact.account : arguments.by;
  fact.because = arguments.because;
  for (const std::size_t node : *again) {
    fact.again.push_back(state.nodes()[node].id);
    given.again.push_back(id_of(state, node));
  }
  for (const Question& question : meant) {
    fact.criterion = question.criterion;
    if (const dsl::Status recorded = runs.record(run, fact); !recorded) {
      return console.fail(ExitCode::Environment, recorded.error());
    }
    ++given.answered;
    if (!fact.again.empty()) {
      break;  // the other questions are about work that is done again
    }
  }
  tell(given, state, arguments, console);
  if (arguments.resume) {
    ResumeArguments go_on;
    go_on.run = run.value;
    go_on.progress.json = arguments.json;
    return resume_run(go_on, console);
  }
  return ExitCode::Passed;
}

Command command_of(Answer kind, Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.positionals = {{"RUN",
                          kind == Answer::Yes ? "the run, or a sealed plan" : "the run",
                          true,
                          Completes::Run,
                          {},
                          &arguments->run},
                         {"TASK",
                          "the task that asks; not needed where only one does",
                          false,
                          Completes::Task,
                          {},
                          &arguments->task}};
  command.options = {
      {"-b,--because", "TEXT", "why; kept in the journal of the run", {}, &arguments->because},
      {"--by", "NAME", "who says so (your account's name)", {}, &arguments->by},
      {"--criterion", "N", "only its criterion number N", {}, &arguments->criterion},
      {"-r,--resume", "", "go on with the run at once", {}, &arguments->resume},
      {"--json", "", "print as JSON", {}, &arguments->json},
  };
  if (kind == Answer::Yes) {
    command.options.push_back(
        {"--key", "FILE", "sign a plan with this SSH key", {}, &arguments->key});
    command.options.push_back(
        {"--unsigned", "", "a plain record, though there is a key", {}, &arguments->no_key});
  }
  if (kind == Answer::No) {
    command.options.push_back(
        {"--redo", "TASK", "send it back to this task instead", {}, &arguments->redo});
    command.options.push_back(
        {"--final", "", "the task has failed, whatever the reason", {}, &arguments->final});
  }
  command.action = [arguments, kind, &console] { return answer(*arguments, kind, console); };
  return command;
}

}  // namespace

Command approve_command(Console& console) {
  Command command = command_of(Answer::Yes, console);
  command.name = "approve";
  command.summary = "say yes to a task that waits, or to a sealed plan";
  command.description =
      "Answers an approval, or the `manual` criteria of a task, with yes. The run goes on\n"
      "with `pipe resume`, or at once with --resume. With a sealed plan in place of RUN: adds\n"
      "your word for it to the file, signed with your SSH key where you have one.";
  command.examples = {"pipe approve calm-otter review --because 'reads well' --resume",
                      "pipe approve plan.json --by ann@example.org"};
  return command;
}

Command reject_command(Console& console) {
  Command command = command_of(Answer::No, console);
  command.name = "reject";
  command.summary = "say no: the work is done again, or has failed";
  command.description =
      "Answers an approval, or the `manual` criteria of a task, with no. With a reason the\n"
      "work is sent back: the task (of an approval: the tasks whose work it looks at) tries\n"
      "again and is told why, and the question is asked again. Without a reason, or with\n"
      "--final, the task has failed.";
  command.examples = {"pipe reject latest review --because 'name the error codes' --resume",
                      "pipe reject calm-otter review --because 'not wanted' --final"};
  return command;
}

}  // namespace runner::cli
