// pipe review RUN: what it changed, and what is to become of it.

#include <array>
#include <iostream>
#include <memory>
#include <optional>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "runner/cli/commands.h"
#include "runner/cli/run_actions.h"
#include "runner/cli/run_argument.h"
#include "runner/report/escape.h"
#include "runner/run/owed.h"

namespace runner::cli {
namespace {

enum class Choice { Continue, Push, PullRequest, Reject, Exit };

struct Offer {
  Choice choice;
  std::string_view letter;
  std::string_view word;
  std::string_view what;
};

constexpr std::array kOffers = {
    Offer{Choice::Continue, "c", "continue", "ask its agent for more, on top of this"},
    Offer{Choice::Push, "p", "push", "push its branch"},
    Offer{Choice::PullRequest, "o", "open", "push its branch and open a pull request"},
    Offer{Choice::Reject, "r", "reject", "take it out of the project again"},
    Offer{Choice::Exit, "e", "exit", "leave it as it is"},
};

/// No value: the input is at its end.
std::optional<std::string> ask(const std::string& question, Console& console) {
  console.err(question);
  std::string line;
  if (!std::getline(std::cin, line)) {
    console.err("\n");
    return std::nullopt;
  }
  const std::size_t begin = line.find_first_not_of(" \t\r");
  return begin == std::string::npos
             ? ""
             : line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
}

/// Until an offer is taken; at the end of the input, none.
Choice ask_for_choice(Console& console) {
  std::string menu = "\n";
  for (const Offer& offer : kOffers) {
    menu += fmt::format("  {}  {:<8}  {}\n", offer.letter, offer.word, offer.what);
  }
  console.err(menu);
  while (true) {
    const auto said = ask("what now? ", console);
    if (!said) {
      return Choice::Exit;
    }
    for (const Offer& offer : kOffers) {
      if (*said == offer.letter || *said == offer.word) {
        return offer.choice;
      }
    }
  }
}

std::vector<std::string> agents_of(const dsl::Plan& plan) {
  std::vector<std::string> names;
  for (const dsl::PlanNode& node : plan.nodes) {
    if (node.agent) {
      names.push_back(report::one_line(node.id.value));
    }
  }
  return names;
}

ExitCode go_on(const RunView& view, Console& console) {
  ContinueArguments next{view.run().value, "", ""};
  const std::vector<std::string> agents = agents_of(view.state().plan());
  if (agents.size() > 1) {
    next.task =
        ask(fmt::format("which agent ({})? ", fmt::join(agents, ", ")), console).value_or("");
  }
  // One that has none to ask is told so before the question.
  next.prompt = agents.empty() ? "more" : ask("what is it to do now? ", console).value_or("");
  if (next.prompt.empty()) {
    console.note("nothing was asked; nothing has changed");
    return ExitCode::Passed;
  }
  return continue_run(next, console);
}

/// Whoever looks at the run later wants to know why.
ExitCode take_out(const std::string& run, Console& console) {
  const auto because = ask("why is it taken out? ", console);
  if (!because || because->empty()) {
    console.note("no reason was given; nothing has changed");
    return ExitCode::Passed;
  }
  return undo_run({run, *because, false}, console);
}

ExitCode review(const std::string& named, Console& console) {
  if (::isatty(STDIN_FILENO) != 1 || !console.err_is_terminal()) {
    const std::string run = named.empty() ? "RUN" : report::one_line(named);
    return console.fail(
        ExitCode::Invalid,
        {"a review asks a person, and there is no terminal",
         fmt::format("`pipe diff {0}` shows the changes; `pipe run --continue {0} --prompt …`, "
                     "`pipe push {0} [--pull-request]` and `pipe undo {0}` do what it offers",
                     run)});
  }
  const auto [view, failed] = look_up_view(named, Purpose::Act, console);
  if (!view) {
    return failed;
  }
  const std::string run = view->run().value;
  if (const ExitCode shown = diff_run({run, "", false, false}, console);
      shown != ExitCode::Passed) {
    return shown;
  }
  const RunState& state = view->state();
  if (state.outcome() != Outcome::Passed || !state.undone().empty() ||
      owed(state) == Owed::Delivery) {
    console.note(
        "only a verified result that is in the project can be reviewed further; `pipe show " +
        report::one_line(run) + "` says where this one stands");
    return ExitCode::Passed;
  }
  switch (ask_for_choice(console)) {
    case Choice::Continue:
      return go_on(*view, console);
    case Choice::Push:
      return push_run({run, "", false, false}, console);
    case Choice::PullRequest:
      return push_run({run, "", true, false}, console);
    case Choice::Reject:
      return take_out(run, console);
    case Choice::Exit:
      break;
  }
  return ExitCode::Passed;
}

}  // namespace

Command review_command(Console& console) {
  auto run = std::make_shared<std::string>();
  Command command;
  command.name = "review";
  command.summary = "look at what a run changed, and decide";
  command.description =
      "Shows the changes of a run commit by commit, then asks what is to become of them:\n"
      "its agent is asked for more, the branch is pushed, a pull request opened, or all of it\n"
      "taken out of the project again. Needs a terminal.";
  command.positionals = {run_argument(*run)};
  command.examples = {"pipe review", "pipe review calm-otter"};
  command.action = [run, &console] { return review(*run, console); };
  return command;
}

}  // namespace runner::cli
