// pipe rehearse FILE: the pipeline with its real agents, whose models answer from a script.

#include <algorithm>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "dsl/render.h"
#include "runner/app/follow_up.h"
#include "runner/app/session.h"
#include "runner/cli/commands.h"
#include "runner/cli/drive.h"
#include "runner/cli/plan_file.h"
#include "runner/cli/run_argument.h"
#include "runner/sys/files.h"

namespace runner::cli {
namespace {

namespace fs = std::filesystem;

struct RehearseArguments {
  PlanSource source;
  ProgressOptions progress;
  std::string script;
  std::string name;
  ContinueSource goes_on;
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

ExitCode drive_rehearsal(const RehearseArguments& arguments,
                         const Settings& settings,
                         RunRequest request,
                         Console& console) {
  auto script = script_of(arguments, request.plan, console);
  if (!script) {
    return ExitCode::Invalid;
  }
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

/// An Error where --continue does not go together with the rest, or with the script.
dsl::Status check_arguments(const RehearseArguments& arguments) {
  if (const dsl::Status fits = check_goes_on(arguments.goes_on, arguments.source); !fits) {
    return fits;
  }
  if (arguments.goes_on.run.empty() && arguments.source.file.empty()) {
    return dsl::Error{"FILE is required", "name a pipeline"};
  }
  if (!arguments.goes_on.run.empty() && arguments.script.empty()) {
    return dsl::Error{"--continue needs what the models answer now", "name a script with --script"};
  }
  return dsl::Ok{};
}

ExitCode go_on(const RehearseArguments& arguments, Console& console) {
  const RunLookup lookup = look_up_run(arguments.goes_on.run, Purpose::Act, console);
  if (!lookup.found) {
    return lookup.code;
  }
  const Settings& settings = lookup.found->runs.settings();
  auto next = follow_up_run(
      settings, {lookup.found->run, arguments.goes_on.task, arguments.goes_on.prompt, true});
  if (!next) {
    return console.fail(ExitCode::Invalid, next.error());
  }
  console.note(next->note);
  next->request.env_files = arguments.source.env_files;
  return drive_rehearsal(arguments, settings, std::move(next->request), console);
}

ExitCode rehearse(RehearseArguments& arguments, Console& console) {
  if (const dsl::Status fits = check_arguments(arguments); !fits) {
    return console.fail(ExitCode::Invalid, fits.error());
  }
  if (!arguments.goes_on.run.empty()) {
    return go_on(arguments, console);
  }
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
  const Settings settings = compiled->settings;
  return drive_rehearsal(
      arguments, settings, request_of(*std::move(compiled), arguments.source), console);
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
      {"FILE", "the pipeline", false, Completes::File, {}, &arguments->source.file}};
  command.options.push_back(
      {"-s,--script", "FILE", "what the models answer", {}, &arguments->script});
  add_plan_options(command.options, arguments->source);
  command.options.push_back({"-n,--name", "NAME", "call the run so", {}, &arguments->name});
  add_input_options(command.options, arguments->source);
  add_continue_options(command.options, arguments->goes_on);
  add_progress_options(command.options, arguments->progress);
  command.examples = {"pipe rehearse pipeline.yaml --script refusals.yaml --engine docker",
                      "pipe rehearse --continue calm-otter --prompt 'Name the limit' -s more.yaml"};
  command.action = [arguments, &console] { return rehearse(*arguments, console); };
  return command;
}

}  // namespace runner::cli
