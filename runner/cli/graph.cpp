// pipe graph FILE: the tasks as a picture.

#include <cstdlib>
#include <memory>

#include "dsl/export_dot.h"
#include "dsl/export_mermaid.h"
#include "dsl/render.h"
#include "runner/cli/commands.h"
#include "runner/cli/plan_file.h"
#include "runner/report/escape.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/files.h"
#include "runner/sys/process.h"

namespace runner::cli {
namespace {

struct Arguments {
  PlanSource source;
  std::string format = "dot";
};

constexpr dsl::Duration kDrawingTime{120'000};
constexpr std::size_t kMostBytes = 256U << 20U;

/// Runs Graphviz's `dot` on a file.
dsl::Result<Finished> run_dot(const std::string& file) {
  EventLoop loop;
  dsl::Result<Finished> ended = dsl::Error{"it did not end", ""};
  SpawnRequest request;
  request.argv = {"dot", "-Tsvg", file};
  if (const char* path = std::getenv("PATH")) {
    request.env.emplace_back("PATH", path);
  }
  run_to_end(loop, request, kDrawingTime, kMostBytes, [&](dsl::Result<Finished> result) {
    ended = std::move(result);
    loop.stop();
  });
  loop.run();
  return ended;
}

dsl::Result<std::string> svg(const std::string& dot) {
  const char* temporary = std::getenv("TMPDIR");
  auto folder =
      files::make_temporary_folder(temporary == nullptr ? "/tmp" : temporary, "pipe-graph-");
  if (!folder) {
    return folder.error();
  }
  const std::string file = *folder + "/graph.dot";
  const dsl::Status written = files::write_atomically(file, dot, files::Durable::No);
  dsl::Result<Finished> ended = written ? run_dot(file) : dsl::Result<Finished>(written.error());
  static_cast<void>(files::remove_tree(*folder));  // a left-over in /tmp is no reason to fail
  if (!ended) {
    return dsl::Error{"cannot run Graphviz: " + ended.error().message,
                      "install it (`apt-get install graphviz`), or use `--format mermaid`"};
  }
  if (!ended->ok()) {
    return dsl::Error{ended->timed_out ? "Graphviz took more than two minutes"
                                       : "Graphviz failed: " + report::one_line(ended->err),
                      "use `--format dot` or `--format mermaid`"};
  }
  return std::move(ended->out);
}

ExitCode graph(Arguments& arguments, Console& console) {
  arguments.source.may_be_stdin = true;
  const auto compiled = plan_of(arguments.source, console);
  if (!compiled) {
    return ExitCode::Invalid;
  }
  if (arguments.format == "mermaid") {
    console.out(dsl::export_mermaid(compiled->plan));
    return ExitCode::Passed;
  }
  const std::string dot = dsl::export_dot(compiled->plan);
  if (arguments.format == "dot") {
    console.out(dot);
    return ExitCode::Passed;
  }
  const auto drawn = svg(dot);
  if (!drawn) {
    return console.fail(ExitCode::Environment, drawn.error());
  }
  console.out(*drawn);
  return ExitCode::Passed;
}

}  // namespace

Command graph_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "graph";
  command.summary = "draw the tasks and their order (dot, mermaid, svg)";
  command.description =
      "Prints the tasks of a pipeline and what they wait for as a picture. SVG is drawn by\n"
      "Graphviz, which has to be installed for it.";
  command.positionals = {
      {"FILE", "the pipeline; - is STDIN", true, Completes::File, {}, &arguments->source.file}};
  command.options.push_back(
      {"-f,--format", "FORMAT", "as", {"dot", "mermaid", "svg"}, &arguments->format});
  add_plan_options(command.options, arguments->source);
  command.examples = {"pipe graph pipeline.yaml --format svg > pipeline.svg",
                      "pipe graph pipeline.yaml --format mermaid"};
  command.action = [arguments, &console] { return graph(*arguments, console); };
  return command;
}

}  // namespace runner::cli
