// pipe rehearse FILE: the pipeline with its real agents, whose models answer from a script.

#include <algorithm>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "dsl/render.h"
#include "runner/app/session.h"
#include "runner/cli/commands.h"
#include "runner/cli/drive.h"
#include "runner/cli/plan_file.h"
#include "runner/sys/files.h"

namespace runner::cli {
namespace {

namespace fs = std::filesystem;

struct RehearseArguments {
  PlanSource source;
  ProgressOptions progress;
  std::string script;
  std::string name;
};

/// "auth.rehearsal.yaml" of "auth.yaml".
std::string usual_script(const std::string& pipeline) {
  fs::path path(pipeline);
  return path.replace_extension(".rehearsal.yaml").string();
}

dsl::Error no_script(const RehearseArguments& arguments, const dsl::Plan& plan) {
  const std::string usual = usual_script(arguments.source.file);
  if (!arguments.script.empty()) {
    return {"no such file: " + dsl::quoted(arguments.script), "give the path of a script"};
  }
  const auto agent = std::find_if(plan.nodes.begin(), plan.nodes.end(), [](const auto& node) {
    return node.agent.has_value();
  });
  return {fmt::format("no script says what the models of this rehearsal answer; looked for {}",
                      dsl::quoted(usual)),
          fmt::format("write it: `version: 1` and `tasks: {{{}: {{attempts: [{{turns: [{{text: "
                      "Done.}}]}}]}}}}`, or name another file with --script",
                      agent->id.value.substr(0, agent->id.value.find('[')))};
}

/// The script, and everything that is wrong with it shown. No value: exit with ExitCode::Invalid.
std::optional<RehearsalScript> script_of(const RehearseArguments& arguments,
                                         const dsl::Plan& plan,
                                         Console& console) {
  RehearsalScript script;
  script.file = arguments.script.empty() ? usual_script(arguments.source.file) : arguments.script;
  std::error_code failed;
  if (fs::status(script.file, failed).type() == fs::file_type::not_found) {
    console.error(no_script(arguments, plan));
    return std::nullopt;
  }
  dsl::Result<std::string> text = files::read_file(script.file, kMostScript);
  if (!text) {
    console.error(text.error());
    return std::nullopt;
  }
  script.text = *text;
  ReadScript read = read_script(script.file, *std::move(text), &plan);
  console.err(dsl::render_text(read.diagnostics, read.sources, console.err_colour()));
  if (!read.script) {
    return std::nullopt;
  }
  script.script = *std::move(read.script);
  return script;
}

ExitCode rehearse(RehearseArguments& arguments, Console& console) {
  auto compiled = plan_of(arguments.source, console);
  if (!compiled) {
    return ExitCode::Invalid;
  }
  const auto& nodes = compiled->plan.nodes;
  if (std::none_of(nodes.begin(), nodes.end(), [](const dsl::PlanNode& node) {
        return node.agent.has_value();
      })) {
    return console.fail(ExitCode::Invalid,
                        {"no task of this pipeline has an agent, so there is nothing to rehearse",
                         fmt::format("run it: `pipe run {}`", arguments.source.file)});
  }
  auto script = script_of(arguments, compiled->plan, console);
  if (!script) {
    return ExitCode::Invalid;
  }
  const Settings settings = compiled->settings;
  RunRequest request = request_of(*std::move(compiled), arguments.source);
  request.name = arguments.name;
  request.jobs = settings.jobs;
  request.rehearsal = std::move(script);
  request.say = [&console](const std::string& note) { console.note(note); };
  return drive(
      [&](const MakeObservers& make) { return run_session(settings, std::move(request), make); },
      arguments.progress,
      Where::Foreground,
      console);
}

}  // namespace

Command rehearse_command(Console& console) {
  auto arguments = std::make_shared<RehearseArguments>();
  Command command;
  command.name = "rehearse";
  command.summary = "run it with real agents and models that are played";
  command.description =
      "Runs the pipeline as `pipe run` does, with the real programs of its agents in real\n"
      "containers; only the models are played, by a script. No key is needed and nothing is\n"
      "paid. The script is FILE's name with '.rehearsal.yaml' at its end. A repository gets a\n"
      "branch, a plain folder stays as it is, and no later run reuses what came of it.";
  command.positionals = {
      {"FILE", "the pipeline", true, Completes::File, {}, &arguments->source.file}};
  command.options.push_back(
      {"-s,--script", "FILE", "what the models answer", {}, &arguments->script});
  add_plan_options(command.options, arguments->source);
  command.options.push_back({"-n,--name", "NAME", "call the run so", {}, &arguments->name});
  add_input_options(command.options, arguments->source);
  add_progress_options(command.options, arguments->progress);
  command.examples = {"pipe rehearse pipeline.yaml",
                      "pipe rehearse pipeline.yaml --script refusals.yaml --engine docker"};
  command.action = [arguments, &console] { return rehearse(*arguments, console); };
  return command;
}

}  // namespace runner::cli
