// pipe approve RUN TASK, pipe reject RUN TASK: a person's word for a run that waits for it.

#include <cstdlib>
#include <memory>
#include <pwd.h>
#include <unistd.h>

#include <fmt/format.h>

#include "dsl/suggest.h"
#include "dsl/value.h"
#include "runner/cli/commands.h"
#include "runner/cli/run_argument.h"
#include "runner/report/escape.h"

namespace runner::cli {
namespace {

enum class Answer { Yes, No };

struct Arguments {
  std::string run;
  std::string task;
  std::string because;
  std::optional<int> criterion;  // 1-based, as the checklist counts
  bool json = false;
};

std::string who() {
  std::string buffer(4096, '\0');
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr) {
    return entry.pw_name;
  }
  return fmt::format("user {}", geteuid());
}

struct Question {
  std::size_t node = 0;
  std::int64_t criterion = -1;  // as in PersonAsked
};

/// Everything that waits for a person now.
std::vector<Question> questions(const RunState& state) {
  std::vector<Question> open;
  for (std::size_t i = 0; i < state.nodes().size(); ++i) {
    const NodeState& node = state.nodes()[i];
    if (node.stage == Stage::Asking && !node.approved) {
      open.push_back({i, -1});
    }
    for (std::size_t k = 0; k < node.criteria.size() && node.stage == Stage::Checking; ++k) {
      if (node.criteria[k].asked && !node.criteria[k].verdict) {
        open.push_back({i, static_cast<std::int64_t>(k)});
      }
    }
  }
  return open;
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
  std::string list;
  for (const Question& question : open) {
    names.emplace_back(state.nodes()[question.node].id.value);
    list += (list.empty() ? "'" : ", '") + report::one_line(names.back()) + "'";
  }
  for (const std::string_view name : names) {
    if (name == task) {
      return {fmt::format("criterion {} of '{}' asks nothing", *criterion, report::one_line(task)),
              "leave --criterion out, and all that it asks is answered"};
    }
  }
  const std::string meant = dsl::did_you_mean(task, names);
  return {"'" + report::one_line(task) + "' of '" + run + "' asks nothing",
          meant.empty() ? "these do: " + list : meant};
}

ExitCode answer(const Arguments& arguments, Answer answer, Console& console) {
  RunLookup lookup = look_up_run(arguments.run, console);
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
  const std::vector<Question> open = questions(state);
  std::vector<Question> meant;
  for (const Question& question : open) {
    const bool same_task = state.nodes()[question.node].id.value == arguments.task;
    const bool same_box = !arguments.criterion || question.criterion + 1 == *arguments.criterion;
    if (same_task && same_box) {
      meant.push_back(question);
    }
  }
  if (meant.empty()) {
    return console.fail(ExitCode::Invalid,
                        asks_nothing(state, open, arguments.task, arguments.criterion));
  }
  if (view->runner()) {
    return console.fail(
        ExitCode::Invalid,
        {"'" + name + "' still has other tasks under way",
         "it ends by itself when only answers are missing; or `pipe stop " + name + "` first"});
  }
  for (const Question& question : meant) {
    PersonAnswered fact;
    fact.node = state.nodes()[question.node].id;
    fact.criterion = question.criterion;
    fact.yes = answer == Answer::Yes;
    fact.by = who();
    fact.because = arguments.because;
    if (const dsl::Status recorded = runs.record(run, fact); !recorded) {
      return console.fail(ExitCode::Environment, recorded.error());
    }
  }
  const std::string word = answer == Answer::Yes ? "approved" : "rejected";
  const std::size_t left = open.size() - meant.size();
  if (arguments.json) {
    const dsl::Value record(
        dsl::Value::Record{{"run", dsl::Value(run.value)},
                           {"task", dsl::Value(arguments.task)},
                           {"answer", dsl::Value(word)},
                           {"answered", dsl::Value(static_cast<double>(meant.size()))},
                           {"left", dsl::Value(static_cast<double>(left))}});
    console.out(dsl::to_json(record) + "\n");
  } else {
    console.out(fmt::format("{} '{}' of {}\n", word, report::one_line(arguments.task), name));
  }
  if (left == 0) {
    console.note("`pipe resume " + name + "` goes on");
  } else {
    console.note(fmt::format("{} more to answer; then `pipe resume {}`", left, name));
  }
  return ExitCode::Passed;
}

Command command_of(Answer kind, Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.positionals = {
      {"RUN", "the run", true, Completes::Run, {}, &arguments->run},
      {"TASK", "the task that asks", true, Completes::Task, {}, &arguments->task}};
  command.options = {
      {"-b,--because", "TEXT", "why; kept in the journal of the run", {}, &arguments->because},
      {"--criterion", "N", "only its criterion number N", {}, &arguments->criterion},
      {"--json", "", "print as JSON", {}, &arguments->json},
  };
  command.action = [arguments, kind, &console] { return answer(*arguments, kind, console); };
  return command;
}

}  // namespace

Command approve_command(Console& console) {
  Command command = command_of(Answer::Yes, console);
  command.name = "approve";
  command.summary = "answer a task that waits for a person with yes";
  command.description =
      "Answers an approval, or the `manual` criteria of a task, with yes. The run goes on\n"
      "with `pipe resume`.";
  command.examples = {"pipe approve latest review",
                      "pipe approve calm-otter review --because 'reads well'"};
  return command;
}

Command reject_command(Console& console) {
  Command command = command_of(Answer::No, console);
  command.name = "reject";
  command.summary = "answer it with no";
  command.description =
      "Answers an approval, or the `manual` criteria of a task, with no: the task has\n"
      "failed then. The run goes on with `pipe resume`.";
  command.examples = {"pipe reject latest review",
                      "pipe reject calm-otter review --because 'no tests'"};
  return command;
}

}  // namespace runner::cli
