#include "runner/cli/parse.h"

#include <algorithm>
#include <string_view>

#include <CLI/CLI.hpp>

#include "dsl/render.h"
#include "dsl/suggest.h"

namespace runner::cli {
namespace {

const Command* find(const std::vector<Command>& commands, const std::string& name) {
  const auto found = std::find_if(
      commands.begin(), commands.end(), [&](const Command& c) { return c.name == name; });
  return found == commands.end() ? nullptr : &*found;
}

UsageError unknown_command(const std::string& name, const std::vector<Command>& commands) {
  std::vector<std::string_view> names;
  for (const Command& command : commands) {
    names.emplace_back(command.name);
  }
  const std::string meant = dsl::did_you_mean(name, names);
  return {"unknown command " + dsl::quoted(name),
          meant.empty() ? "`pipe --help` lists the commands" : meant};
}

UsageError unknown_option(const std::string& given, const Command& command) {
  const std::string name = given.substr(0, given.find('='));
  std::vector<std::string> names;
  for (const Option& option : command.options) {
    names.push_back(Command::long_name(option));
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string meant = dsl::did_you_mean(name, views);
  const std::string see = "`pipe " + command.name + " --help` lists the options";
  return {"unknown option " + dsl::quoted(name) + " of 'pipe " + command.name + "'",
          meant.empty() ? see : meant};
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text;
}

UsageError wrong_choice(const std::string& what,
                        const std::string& given,
                        const std::vector<std::string>& choices) {
  const std::vector<std::string_view> views(choices.begin(), choices.end());
  const std::string meant = dsl::did_you_mean(given, views);
  return {what + " is one of " + joined(choices) + ", not " + dsl::quoted(given), meant};
}

void declare(CLI::App& app, const Positional& positional) {
  std::visit([&](auto* target) { app.add_option(positional.name, *target, positional.help); },
             positional.target);
}

struct DeclareOption {
  CLI::App& app;
  const Option& option;

  void operator()(bool* target) const { app.add_flag(option.names, *target, option.help); }
  void operator()(std::string* target) const {
    app.add_option(option.names, *target, option.help)->take_last();
  }
  void operator()(std::optional<int>* target) const {
    app.add_option_function<int>(
           option.names, [target](const int& number) { *target = number; }, option.help)
        ->take_last();
  }
  void operator()(std::vector<std::string>* target) const {
    // One value for each time the option is given, so that it never swallows a positional.
    app.add_option(option.names, *target, option.help)->allow_extra_args(false);
  }
};

/// The first value of the target that is none of the choices.
template <class Target>
const std::string* wrong_value(const Target& target, const std::vector<std::string>& choices) {
  const auto is_wrong = [&](const std::string& value) {
    return std::find(choices.begin(), choices.end(), value) == choices.end();
  };
  if constexpr (std::is_same_v<Target, std::string>) {
    return !target.empty() && is_wrong(target) ? &target : nullptr;
  } else if constexpr (std::is_same_v<Target, std::vector<std::string>>) {
    const auto found = std::find_if(target.begin(), target.end(), is_wrong);
    return found == target.end() ? nullptr : &*found;
  } else {
    return nullptr;
  }
}

/// A shell variable that is not set: without it the command would mean something else.
std::optional<UsageError> check_not_empty(const Command& command,
                                          const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    const bool empty_value =
        argument.starts_with("--") && argument.find('=') + 1 == argument.size();
    if (argument.empty() || empty_value) {
      return UsageError{"'pipe " + command.name + "' is given an empty argument" +
                            (argument.empty() ? "" : ": " + dsl::quoted(argument)),
                        "leave it out; is a shell variable not set?"};
    }
  }
  return std::nullopt;
}

std::optional<UsageError> check_number(const Option& option) {
  const auto* number = std::get_if<std::optional<int>*>(&option.target);
  if (number == nullptr || !**number || ***number >= option.least) {
    return std::nullopt;
  }
  return UsageError{"'" + Command::long_name(option) + "' is at least " +
                        std::to_string(option.least) + ", not " + std::to_string(***number),
                    ""};
}

/// What CLI11 does not look at: choices (with our texts), least numbers, and positionals that are
/// missing.
std::optional<UsageError> check_values(const Command& command) {
  for (const Option& option : command.options) {
    if (auto too_small = check_number(option)) {
      return too_small;
    }
    if (option.choices.empty()) {
      continue;
    }
    const std::string* wrong = std::visit(
        [&](const auto* target) { return wrong_value(*target, option.choices); }, option.target);
    if (wrong != nullptr) {
      return wrong_choice("'" + Command::long_name(option) + "'", *wrong, option.choices);
    }
  }
  for (const Positional& positional : command.positionals) {
    const bool given =
        std::visit([](const auto* target) { return !target->empty(); }, positional.target);
    if (positional.required && !given) {
      return UsageError{
          "'pipe " + command.name + "' needs " + positional.name,
          command.examples.empty() ? "" : "for example `" + command.examples.front() + "`"};
    }
    const std::string* wrong =
        positional.choices.empty()
            ? nullptr
            : std::visit(
                  [&](const auto* target) { return wrong_value(*target, positional.choices); },
                  positional.target);
    if (wrong != nullptr) {
      return wrong_choice(positional.name, *wrong, positional.choices);
    }
  }
  return std::nullopt;
}

/// What CLI11 found: a number that is none, or an option at the end that wants a value. Its texts
/// begin with, or hold, the option's name.
UsageError in_our_words(const CLI::ParseError& error, const Command& command) {
  const std::string text = error.what();
  for (const Option& option : command.options) {
    const std::string name = Command::long_name(option);
    if (option.value.empty() || text.find(name) == std::string::npos) {
      continue;
    }
    const std::string example = std::holds_alternative<std::optional<int>*>(option.target)
                                    ? "for example `" + name + " 4`"
                                    : "for example `" + name + " " + option.value + "`";
    const std::size_t equals = text.rfind(" = ");
    if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr &&
        equals != std::string::npos) {
      const std::string given = text.substr(equals + 3);
      const bool number = given.find_first_not_of("0123456789") == std::string::npos;
      return {"'" + name + (number ? "' is too large: " : "' is a whole number, not ") +
                  dsl::quoted(given),
              example};
    }
    return {"'" + name + "' needs " + option.value,
            option.choices.empty() ? example : "one of " + joined(option.choices)};
  }
  return {text, "`pipe " + command.name + " --help` shows how it is used"};
}

Parsed parse_command(const Command& command, std::vector<std::string> arguments) {
  if (auto empty = check_not_empty(command, arguments)) {
    return *std::move(empty);
  }
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  bool help = false;
  app.add_flag("-h,--help", help);
  for (const Positional& positional : command.positionals) {
    declare(app, positional);
  }
  for (const Option& option : command.options) {
    std::visit(DeclareOption{app, option}, option.target);
  }
  try {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return in_our_words(error, command);
  }
  if (help) {
    return HelpAsked{&command};
  }
  std::vector<std::string> extras = app.remaining();
  extras.erase(std::remove(extras.begin(), extras.end(), "--"), extras.end());
  for (const std::string& extra : extras) {
    if (extra.size() > 1 && extra.front() == '-') {
      return unknown_option(extra, command);
    }
  }
  if (!extras.empty()) {
    return UsageError{
        "'pipe " + command.name + "' takes no further argument " + dsl::quoted(extras.front()),
        "`pipe " + command.name + " --help` shows how it is used"};
  }
  if (auto wrong = check_values(command)) {
    return *wrong;
  }
  return Chosen{&command};
}

bool is_help(const std::string& argument) {
  return argument == "-h" || argument == "--help";
}

}  // namespace

std::string Command::long_name(const Option& option) {
  const std::size_t comma = option.names.rfind(',');
  return comma == std::string::npos ? option.names : option.names.substr(comma + 1);
}

Parsed parse(const std::vector<std::string>& arguments, const std::vector<Command>& commands) {
  if (arguments.empty() || is_help(arguments.front())) {
    return HelpAsked{};
  }
  std::string name = arguments.front();
  if (name == "--version" || name == "-V") {
    return VersionAsked{};
  }
  if (name.front() == '-') {
    return UsageError{"unknown option " + dsl::quoted(name),
                      "options stand behind the command; `pipe --help` lists the commands"};
  }
  if (name == "help") {
    if (arguments.size() == 1) {
      return HelpAsked{};
    }
    const Command* command = find(commands, arguments[1]);
    return command == nullptr ? Parsed(unknown_command(arguments[1], commands))
                              : HelpAsked{command};
  }
  const Command* command = find(commands, name);
  if (command == nullptr) {
    return unknown_command(name, commands);
  }
  return parse_command(*command, {arguments.begin() + 1, arguments.end()});
}

}  // namespace runner::cli
