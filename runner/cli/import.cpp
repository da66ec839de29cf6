// pipe import PLAN.md: a plan that people wrote in Markdown, as a pipeline file.

#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "dsl/markdown_plan.h"
#include "dsl/stdlib.h"
#include "runner/cli/commands.h"
#include "runner/cli/plan_file.h"
#include "runner/report/escape.h"
#include "runner/report/node_text.h"
#include "runner/sys/files.h"

namespace runner::cli {
namespace {

constexpr std::int64_t kLargest = 4LL << 20;

struct Arguments {
  std::string file;
  std::string output;
  bool force = false;
  bool json = false;
  dsl::MarkdownOptions options;
};

struct Counts {
  std::size_t run = 0;
  std::size_t http = 0;
  std::size_t file = 0;
  std::size_t manual = 0;
  [[nodiscard]] std::size_t all() const { return run + http + file + manual; }
};

void count(const std::vector<dsl::MarkdownCriterion>& criteria, Counts& counts) {
  using Kind = dsl::MarkdownCriterion::Kind;
  for (const dsl::MarkdownCriterion& one : criteria) {
    counts.run += one.kind == Kind::Run ? 1U : 0U;
    counts.http += one.kind == Kind::Http ? 1U : 0U;
    counts.file += one.kind == Kind::File ? 1U : 0U;
    counts.manual += one.kind == Kind::Manual ? 1U : 0U;
  }
}

Counts counts_of(const dsl::MarkdownPlan& plan) {
  Counts counts;
  count(plan.criteria, counts);
  for (const dsl::MarkdownPhase& phase : plan.phases) {
    count(phase.criteria, counts);
  }
  return counts;
}

/// What was understood, and what a person has to look at.
void tell(const dsl::MarkdownPlan& plan, const Arguments& arguments, Console& console) {
  const Counts counts = counts_of(plan);
  const std::string file = report::one_line(arguments.file);
  if (arguments.json) {
    dsl::Value::List notes;
    for (const dsl::MarkdownNote& note : plan.notes) {
      notes.emplace_back(dsl::Value::Record{{"line", dsl::Value(static_cast<double>(note.line))},
                                            {"text", dsl::Value(note.text)}});
    }
    const auto number = [](std::size_t value) { return dsl::Value(static_cast<double>(value)); };
    console.out(
        dsl::to_json(dsl::Value(dsl::Value::Record{{"file", dsl::Value(arguments.output)},
                                                   {"phases", number(plan.phases.size())},
                                                   {"run", number(counts.run)},
                                                   {"http", number(counts.http)},
                                                   {"exists", number(counts.file)},
                                                   {"manual", number(counts.manual)},
                                                   {"notes", dsl::Value(std::move(notes))}})) +
        "\n");
    return;
  }
  console.err(
      fmt::format("{}: {}, {}: {} run a command, {} make a request, {} look for a file, "
                  "{} ask a person\n",
                  file,
                  report::counted(plan.phases.size(), "phase"),
                  report::counted(counts.all(), "criterion"),
                  counts.run,
                  counts.http,
                  counts.file,
                  counts.manual));
  if (!plan.notes.empty()) {
    console.err("needs a person's word:\n");
  }
  for (const dsl::MarkdownNote& note : plan.notes) {
    console.err(fmt::format("  {}:{}: {}\n", file, note.line, report::one_line(note.text)));
  }
}

dsl::Status check_options(const Arguments& arguments) {
  const auto& options = arguments.options;
  if (!options.agent_command.empty() || dsl::stdlib_step("std/agent/" + options.agent)) {
    return dsl::Ok{};
  }
  return dsl::Error{
      "there is no agent '" + report::one_line(options.agent) + "'",
      "claude-code, codex and gemini are there; --agent-command LINE names any other"};
}

/// What is written compiles: a plan that does not is our own mistake.
bool compiles(const std::string& text, const std::string& path, Console& console) {
  dsl::CompileRequest request;
  request.path = path;
  request.read_file = [&](const std::string&) { return dsl::Result<std::string>(text); };
  const dsl::Compilation compilation = dsl::compile(request);
  for (const dsl::Diagnostic& diagnostic : compilation.diagnostics) {
    if (diagnostic.severity == dsl::Diagnostic::Severity::Error) {
      console.error({"BUG: the pipeline of this plan is not valid: " + diagnostic.message,
                     "please report it with the plan"});
    }
  }
  return compilation.plan.has_value();
}

ExitCode import(const Arguments& arguments, Console& console) {
  if (const dsl::Status fits = check_options(arguments); !fits) {
    return console.fail(ExitCode::Invalid, fits.error());
  }
  const auto text = files::read_file(arguments.file, kLargest);
  if (!text) {
    return console.fail(ExitCode::Invalid, text.error());
  }
  const dsl::MarkdownPlan plan = dsl::read_markdown_plan(*text, arguments.options);
  if (plan.phases.empty()) {
    return console.fail(
        ExitCode::Invalid,
        {"'" + report::one_line(arguments.file) + "' has no phases",
         "a phase is a heading such as `## Phase 1: Schema`, or one with boxes (`- [ ] …`) below"});
  }
  const std::string pipeline = dsl::pipeline_of(plan, arguments.options);
  const std::string path = arguments.output.empty() ? "pipeline.yaml" : arguments.output;
  if (!compiles(pipeline, path, console)) {
    return ExitCode::Bug;
  }
  if (arguments.output.empty()) {
    console.out(pipeline);
  } else {
    std::error_code failed;
    if (!arguments.force && std::filesystem::exists(arguments.output, failed)) {
      return console.fail(ExitCode::Invalid,
                          {"'" + report::one_line(arguments.output) + "' is there already",
                           "name another file, or add --force"});
    }
    const dsl::Status written =
        files::write_atomically(arguments.output, pipeline, files::Durable::No);
    if (!written) {
      return console.fail(ExitCode::Environment, written.error());
    }
  }
  tell(plan, arguments, console);
  if (!arguments.output.empty()) {
    console.note("`pipe validate " + report::one_line(arguments.output) +
                 "`, then `pipe run`; afterwards `pipe report --markdown " +
                 report::one_line(arguments.file) + "` ticks the boxes");
  }
  return ExitCode::Passed;
}

}  // namespace

Command import_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "import";
  command.summary = "make a pipeline of a plan in Markdown";
  command.description =
      "Phases come from headings, their order from prerequisites, success criteria from boxes:\n"
      "a command in backticks is run, an address with a status is requested, `a/path` that exists\n"
      "is looked for, and a person answers the rest. An agent does the work of each phase, with\n"
      "its text as the prompt. What needs a person's word is told on STDERR.";
  command.positionals = {{"FILE", "the plan", true, Completes::File, {}, &arguments->file}};
  command.options = {
      {"-o,--output", "FILE", "write the pipeline to this file", {}, &arguments->output},
      {"--force", "", "over a file that is there", {}, &arguments->force},
      {"--agent", "AGENT", "who works (claude-code)", {}, &arguments->options.agent},
      {"--agent-command", "LINE", "another agent's command", {}, &arguments->options.agent_command},
      {"--run-code", "", "run a phase's shell code instead", {}, &arguments->options.run_code},
      {"--serve", "LINE", "what answers at local addresses", {}, &arguments->options.serve},
      {"--base-url", "URL", "the host of paths like /api/x", {}, &arguments->options.base_url},
      {"--json", "", "print what was found as JSON", {}, &arguments->json}};
  command.examples = {"pipe import plan.md -o pipeline.yaml",
                      "pipe import plan.md --agent codex --base-url http://localhost:8080"};
  command.action = [arguments, &console] { return import(*arguments, console); };
  return command;
}

}  // namespace runner::cli
