#include "runner/cli/help.h"

#include <algorithm>

#include <fmt/format.h>

namespace runner::cli {
namespace {

std::string positional_text(const Positional& positional) {
  const bool several = std::holds_alternative<std::vector<std::string>*>(positional.target);
  const std::string name = positional.name + (several ? "..." : "");
  return positional.required ? name : "[" + name + "]";
}

std::string option_text(const Option& option) {
  std::string text = option.names;
  const std::size_t comma = text.find(',');
  if (comma != std::string::npos) {
    text.insert(comma + 1, " ");
  } else {
    text.insert(0, "    ");  // below the long names of those that have a short one
  }
  return option.value.empty() ? text : text + " " + option.value;
}

std::string entry(const std::string& left, const std::string& right, std::size_t width) {
  if (left.size() > width) {
    return fmt::format("  {}\n  {:<{}}  {}\n", left, "", width, right);
  }
  return fmt::format("  {:<{}}  {}\n", left, width, right);
}

std::string short_usage(const Command& command) {
  std::string text = command.name;
  for (const Positional& positional : command.positionals) {
    text += " " + positional_text(positional);
  }
  return text;
}

std::string help_of(const Option& option) {
  std::string text = option.help;
  if (!option.choices.empty()) {
    text += text.empty() ? "" : ": ";
    text += fmt::format("{}", fmt::join(option.choices, ", "));
  }
  return text;
}

}  // namespace

std::string usage_line(const Command& command) {
  return "pipe " + short_usage(command) + (command.options.empty() ? "" : " [OPTIONS]");
}

std::string main_help(const std::vector<Command>& commands) {
  std::string text =
      "pipe runs phased plans: every task in a container, every criterion verified.\n\n";
  std::size_t width = 0;
  for (const Command& command : commands) {
    width = std::max(width, short_usage(command).size());
  }
  for (const Command& command : commands) {
    text += entry(short_usage(command), command.summary, width);
  }
  text += "\n`pipe COMMAND --help` says more about a command. Examples:\n";
  text += "  pipe run examples/pipelines/quickstart.yaml\n";
  return text;
}

std::string command_help(const Command& command) {
  std::string text = "Usage: " + usage_line(command) + "\n\n" + command.description + "\n";
  std::size_t width = 0;
  for (const Positional& positional : command.positionals) {
    width = std::max(width, positional.name.size());
  }
  for (const Option& option : command.options) {
    width = std::max(width, option_text(option).size());
  }
  width = std::min<std::size_t>(width, 28);
  text += command.positionals.empty() ? "" : "\n";
  for (const Positional& positional : command.positionals) {
    text += entry(positional.name, positional.help, width);
  }
  text += command.options.empty() ? "" : "\n";
  for (const Option& option : command.options) {
    text += entry(option_text(option), help_of(option), width);
  }
  text += "\nExamples:\n";
  for (const std::string& example : command.examples) {
    text += "  " + example + "\n";
  }
  return text;
}

}  // namespace runner::cli
