#include "runner/cli/completion.h"

#include <algorithm>

#include <fmt/format.h>

namespace runner::cli {
namespace {

/// "-f,--follow" as {"-f", "--follow"}.
std::vector<std::string> names_of(const Option& option) {
  std::vector<std::string> names;
  std::size_t at = 0;
  while (at <= option.names.size()) {
    const std::size_t end = std::min(option.names.find(',', at), option.names.size());
    names.push_back(option.names.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

/// In single quotes, for every shell here.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string words(const std::vector<std::string>& list) {
  return fmt::format("{}", fmt::join(list, " "));
}

std::string command_names(const std::vector<Command>& commands) {
  std::vector<std::string> names;
  for (const Command& command : commands) {
    names.push_back(command.name);
  }
  return words(names);
}

std::string option_names(const Command& command) {
  std::vector<std::string> names;
  for (const Option& option : command.options) {
    for (const std::string& name : names_of(option)) {
      names.push_back(name);
    }
  }
  names.push_back("--help");
  return words(names);
}

/// What bash is to offer for one positional.
std::string bash_words(const Positional& positional) {
  if (!positional.choices.empty()) {
    return fmt::format("COMPREPLY=($(compgen -W {} -- \"$word\"))",
                       quoted(words(positional.choices)));
  }
  switch (positional.completes) {
    case Completes::File:
      return "COMPREPLY=($(compgen -f -- \"$word\"))";
    case Completes::Run:
      return "COMPREPLY=($(compgen -W \"$(pipe completion runs 2>/dev/null)\" -- \"$word\"))";
    case Completes::Task:
      return "COMPREPLY=($(compgen -W \"$(pipe completion tasks \"${given[0]}\" 2>/dev/null)\" -- "
             "\"$word\"))";
    case Completes::Nothing:
      break;
  }
  return "COMPREPLY=()";
}

bool takes_several(const Positional& positional) {
  return std::holds_alternative<std::vector<std::string>*>(positional.target);
}

std::string bash_command(const Command& command) {
  std::string text =
      fmt::format("    {})\n      options={}\n", command.name, quoted(option_names(command)));
  std::vector<std::string> with_value;
  std::string values;
  for (const Option& option : command.options) {
    if (option.value.empty()) {
      continue;
    }
    const auto names = names_of(option);
    with_value.insert(with_value.end(), names.begin(), names.end());
    if (!option.choices.empty()) {
      values += fmt::format("        {}) COMPREPLY=($(compgen -W {} -- \"$word\")); return ;;\n",
                            fmt::join(names, "|"),
                            quoted(words(option.choices)));
    }
  }
  if (!values.empty()) {
    text += "      case \"$before\" in\n" + values + "      esac\n";
  }
  text += fmt::format("      _pipe_given {}\n", quoted(words(with_value)));
  text += "      case ${#given[@]} in\n";
  for (std::size_t k = 0; k < command.positionals.size(); ++k) {
    const bool last = k + 1 == command.positionals.size() && takes_several(command.positionals[k]);
    text += fmt::format(
        "        {}) {} ;;\n", last ? "*" : std::to_string(k), bash_words(command.positionals[k]));
  }
  return text + "      esac\n      ;;\n";
}

}  // namespace

std::string bash_completion(const std::vector<Command>& commands) {
  std::string text =
      "# bash completion of pipe:  source <(pipe completion bash)\n"
      "# Positionals of this command that stand before the cursor; $1: options that take a value.\n"
      "_pipe_given() {\n"
      "  given=()\n"
      "  local i\n"
      "  for ((i = 2; i < COMP_CWORD; i++)); do\n"
      "    case \"${COMP_WORDS[i]}\" in\n"
      "      -*) [[ \" $1 \" == *\" ${COMP_WORDS[i]} \"* ]] && ((i++)) ;;\n"
      "      *) given+=(\"${COMP_WORDS[i]}\") ;;\n"
      "    esac\n"
      "  done\n"
      "}\n"
      "_pipe() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options= given\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n";
  text += fmt::format("    COMPREPLY=($(compgen -W {} -- \"$word\"))\n    return\n  fi\n",
                      quoted(command_names(commands) + " help --help --version"));
  text += "  case \"${COMP_WORDS[1]}\" in\n";
  for (const Command& command : commands) {
    text += bash_command(command);
  }
  text += fmt::format("    help) COMPREPLY=($(compgen -W {} -- \"$word\")); return ;;\n",
                      quoted(command_names(commands)));
  text +=
      "  esac\n"
      "  if [[ $word == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
      "  fi\n"
      "}\n"
      "complete -o filenames -F _pipe pipe\n";
  return text;
}

namespace {

/// A text inside the brackets of _arguments.
std::string zsh_help(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out;
}

std::string zsh_action(const std::vector<std::string>& choices, Completes completes) {
  if (!choices.empty()) {
    return "(" + words(choices) + ")";
  }
  switch (completes) {
    case Completes::File:
      return "_files";
    case Completes::Run:
      return "_pipe_runs";
    case Completes::Task:
      return "_pipe_tasks";
    case Completes::Nothing:
      break;
  }
  return " ";
}

std::string zsh_option(const Option& option) {
  const auto names = names_of(option);
  const std::string help = "[" + zsh_help(option.help) + "]";
  std::string value;
  if (!option.value.empty()) {
    value = ":" + zsh_help(option.value) + ":" + zsh_action(option.choices, Completes::Nothing);
  }
  const std::string spec = quoted(help + value);
  if (names.size() == 1) {
    return names.front() + spec;
  }
  return fmt::format("'({})'{{{}}}{}", fmt::join(names, " "), fmt::join(names, ","), spec);
}

std::string zsh_command(const Command& command) {
  std::string text = fmt::format("    {}) _arguments -S", command.name);
  for (const Option& option : command.options) {
    text += " \\\n      " + zsh_option(option);
  }
  for (const Positional& positional : command.positionals) {
    const std::string spec = (takes_several(positional) ? "*:"
                              : positional.required     ? ":"
                                                        : "::") +
                             zsh_help(positional.name) + ":" +
                             zsh_action(positional.choices, positional.completes);
    text += " \\\n      " + quoted(spec);
  }
  return text + " \\\n      '--help[show how it is used]' ;;\n";
}

}  // namespace

std::string zsh_completion(const std::vector<Command>& commands) {
  std::string text =
      "#compdef pipe\n"
      "# zsh completion of pipe:  pipe completion zsh > \"${fpath[1]}/_pipe\"\n"
      "_pipe_runs() { local -a names; names=(${(f)\"$(pipe completion runs 2>/dev/null)\"}); "
      "compadd -a names }\n"
      "_pipe_tasks() { local -a names; names=(${(f)\"$(pipe completion tasks ${words[2]} "
      "2>/dev/null)\"}); compadd -a names }\n"
      "_pipe() {\n"
      "  if (( CURRENT == 2 )); then\n"
      "    local -a commands; commands=(\n";
  for (const Command& command : commands) {
    text += "      " + quoted(command.name + ":" + command.summary) + "\n";
  }
  text +=
      "    )\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  local command=$words[2]\n"
      "  shift words; (( CURRENT-- ))\n"
      "  case $command in\n";
  for (const Command& command : commands) {
    text += zsh_command(command);
  }
  text +=
      "  esac\n"
      "}\n"
      "if [ \"$funcstack[1]\" = _pipe ]; then _pipe \"$@\"; else compdef _pipe pipe; fi\n";
  return text;
}

std::string fish_completion(const std::vector<Command>& commands) {
  std::string text =
      "# fish completion of pipe:  pipe completion fish | source\ncomplete -c pipe -f\n";
  for (const Command& command : commands) {
    text += fmt::format("complete -c pipe -n __fish_use_subcommand -a {} -d {}\n",
                        command.name,
                        quoted(command.summary));
  }
  for (const Command& command : commands) {
    const std::string when =
        fmt::format("complete -c pipe -n '__fish_seen_subcommand_from {}'", command.name);
    for (const Option& option : command.options) {
      text += when;
      for (const std::string& name : names_of(option)) {
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      text += option.value.empty() ? "" : " -x";
      text += option.choices.empty() ? "" : " -a " + quoted(words(option.choices));
      text += " -d " + quoted(option.help) + "\n";
    }
    for (const Positional& positional : command.positionals) {
      if (!positional.choices.empty()) {
        text += when + " -a " + quoted(words(positional.choices)) + "\n";
      } else if (positional.completes == Completes::File) {
        text += when + " -F\n";
      } else if (positional.completes == Completes::Run) {
        text += when + " -a '(pipe completion runs 2>/dev/null)'\n";
      }
    }
  }
  return text;
}

}  // namespace runner::cli
