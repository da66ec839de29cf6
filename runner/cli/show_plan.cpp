// pipe show-plan PLAN: a sealed plan for a person's eyes.

#include <map>
#include <memory>

#include <fmt/format.h>

#include "dsl/export_text.h"
#include "runner/cli/commands.h"
#include "runner/cli/sealed_file.h"
#include "runner/report/escape.h"
#include "runner/report/node_text.h"

namespace runner::cli {
namespace {

struct Arguments {
  std::string file;
  bool json = false;
};

using report::one_line;

std::string seal_text(const dsl::SealedPlan& plan) {
  std::string text = fmt::format("sealed {}\n", plan.digest);
  text += "  made from: " + one_line(plan.origin.file);
  if (!plan.origin.continues.empty()) {
    text += one_line("--continue " + plan.origin.continues +
                     (plan.origin.task.empty() ? "" : " --task " + plan.origin.task) +
                     " --prompt '" + plan.origin.prompt + "'");
  }
  for (const auto& [name, value] : plan.origin.inputs) {
    text += one_line(" --input " + name + "=" + value);
  }
  text += plan.origin.engine.empty() ? "" : one_line(" --engine " + plan.origin.engine);
  for (const std::string& file : plan.origin.env_files) {
    text += one_line(" --env-file " + file);
  }
  text += plan.origin.dirty ? " --dirty\n" : "\n";
  if (!plan.plan.instructions.empty()) {
    text += "  instructions: " + one_line(plan.plan.instructions) + "\n";
  }
  text +=
      fmt::format("  input: {} (files {})\n", one_line(plan.taken), plan.input_tree.substr(0, 12));
  if (!plan.remote.empty()) {
    text += fmt::format(
        "  pushed to: {} ({})\n", one_line(plan.plan.git.remote), one_line(plan.remote));
  }
  return text + "  takes: " + forecast_text(plan.forecast) + "\n";
}

std::string approvals_text(const dsl::SealedPlan& plan, const CheckedApprovals& checked) {
  std::string text;
  for (const std::string& by : checked.by) {
    text += "  approved by " + one_line(by) + "\n";
  }
  return text.empty() ? std::string("  not approved") +
                            (plan.plan.require_approval ? ", and it has to be\n" : "\n")
                      : text;
}

/// Where things run, together with all that run there.
std::string places_text(const dsl::SealedPlan& plan) {
  std::map<std::string, std::vector<std::string>> nodes;
  for (const dsl::SealedPlace& place : plan.places) {
    nodes[place.engine + " " + place.image].push_back(one_line(place.node));
  }
  std::string text = nodes.empty() ? "" : "\nimages\n";
  for (const auto& [where, all] : nodes) {
    text += fmt::format("  {}: {}{}\n",
                        one_line(where),
                        all.front(),
                        all.size() > 1 ? fmt::format(" and {} more", all.size() - 1) : "");
  }
  return text;
}

const char* role_text(dsl::SealedFile::Role role) {
  switch (role) {
    case dsl::SealedFile::Role::Source:
      return "part of the pipeline";
    case dsl::SealedFile::Role::Check:
      return "checks";
    case dsl::SealedFile::Role::Protected:
      return "protected";
    case dsl::SealedFile::Role::Program:
      return "tells a secret";
  }
  return "";
}

std::string files_text(const dsl::SealedPlan& plan) {
  std::string text = "\nfiles that decide\n";
  for (const dsl::SealedFile& file : plan.files) {
    text += fmt::format(
        "  {} {} ({})\n", file.digest.substr(0, 12), one_line(file.path), role_text(file.role));
  }
  return text;
}

std::string reuse_text(const dsl::SealedPlan& plan) {
  std::string text;
  for (const dsl::Forecast::Node& node : plan.forecast.nodes) {
    if (node.from_cache) {
      text += fmt::format("  {}: {}\n", one_line(node.node), one_line(node.reuse));
    }
  }
  return text.empty() ? "" : "\nnot run again, if it were run now\n" + text;
}

ExitCode show(const Arguments& arguments, Console& console) {
  const auto plan = read_sealed_plan(arguments.file);
  if (!plan) {
    return console.fail(ExitCode::Invalid, plan.error());
  }
  if (arguments.json) {
    console.out(dsl::sealed_plan_to_json(*plan));
    return ExitCode::Passed;
  }
  const auto settings = load_settings(".");
  if (!settings) {
    return console.fail(ExitCode::Invalid, settings.error());
  }
  const CheckedApprovals checked = check_approvals(*plan, settings->allowed_signers);
  for (const dsl::Error& problem : checked.problems) {
    console.warning(problem.message);
  }
  dsl::TextOptions options;
  options.colour = console.out_colour();
  options.width = console.width();
  console.out(seal_text(*plan) + approvals_text(*plan, checked) + "\n" +
              dsl::export_text(plan->plan, options) + places_text(*plan) + files_text(*plan) +
              reuse_text(*plan));
  return ExitCode::Passed;
}

}  // namespace

Command show_plan_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "show-plan";
  command.summary = "show a sealed plan, and who approved it";
  command.description =
      "Prints what a sealed plan lets a run do: the plan, images by digest, the files that\n"
      "decide, what it is going to take, and whose approval of it counts.";
  command.positionals = {{"PLAN", "the sealed plan", true, Completes::File, {}, &arguments->file}};
  command.options = {{"--json", "", "print the document", {}, &arguments->json}};
  command.examples = {"pipe show-plan plan.json", "pipe show-plan plan.json --json | jq .digest"};
  command.action = [arguments, &console] { return show(*arguments, console); };
  return command;
}

}  // namespace runner::cli
