// pipe show [RUN]: the checklist of a run, going on or over.

#include <memory>

#include "runner/cli/commands.h"
#include "runner/cli/run_argument.h"
#include "runner/cli/run_status.h"
#include "runner/report/checklist.h"

namespace runner::cli {
namespace {

struct Arguments {
  std::string run;
  bool json = false;
};

ExitCode show(const Arguments& arguments, Console& console) {
  const auto [view, failed] = look_up_view(arguments.run, Purpose::Look, console);
  if (!view) {
    return failed;
  }
  if (arguments.json) {
    console.out(dsl::to_json(dsl::Value(whole_record(*view))) + "\n");
    return ExitCode::Passed;
  }
  report::ChecklistOptions options;
  options.width = console.width();
  options.cut = console.out_is_terminal();
  options.colour = console.out_colour();
  options.runner = view->runner() ? report::Runner::Alive : report::Runner::Gone;
  options.until_ms = view->until_ms();
  options.run = view->run().value;
  options.run_folder = view->folder();
  console.out(report::checklist(view->state(), options));
  return ExitCode::Passed;
}

}  // namespace

Command show_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "show";
  command.summary = "show the checklist of a run";
  command.description =
      "Prints what a run has come to: a line a task, a box a success criterion, with what\n"
      "was checked and what came out of it. RUN is a name, the beginning of one, or `latest`:\n"
      "of the project that you are in.";
  command.positionals = {run_argument(arguments->run)};
  command.options = {{"--json", "", "print everything as JSON", {}, &arguments->json}};
  command.examples = {"pipe show", "pipe show calm-otter --json | jq '.nodes[].criteria'"};
  command.action = [arguments, &console] { return show(*arguments, console); };
  return command;
}

}  // namespace runner::cli
