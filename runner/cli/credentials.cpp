// pipe credentials: which keys and logins this machine has, and how a pipeline names them.

#include "runner/app/credentials.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <unistd.h>

#include <fmt/format.h>

#include "dsl/value.h"
#include "runner/app/settings.h"
#include "runner/cli/commands.h"
#include "runner/report/columns.h"
#include "runner/report/escape.h"
#include "runner/report/paint.h"

namespace runner::cli {
namespace {

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool has_program(const std::string& program) {
  std::istringstream folders(variable("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access((folder + "/" + program).c_str(), X_OK) == 0) {
      return true;
    }
  }
  return false;
}

CredentialPlaces real_places(const Settings& settings) {
  return {variable("HOME"),
          [](const std::string& name) -> std::optional<std::string> {
            const std::string value = variable(name.c_str());
            return value.empty() ? std::nullopt : std::optional(value);
          },
          has_program,
          settings.env_file};
}

std::string as_text(const std::vector<Credential>& all, dsl::Colour colour) {
  std::size_t name_width = 0;
  for (const Credential& one : all) {
    name_width = std::max(name_width, report::columns(one.name));
  }
  std::string text;
  std::string missing;
  for (const std::string& tool : credential_tools()) {
    bool any = false;
    for (const Credential& one : all) {
      if (one.tool != tool) {
        continue;
      }
      text += any ? "" : report::painted(tool, report::Meaning::Strong, colour) + "\n";
      any = true;
      text += fmt::format(
          "  {}  {}\n", report::padded(one.name, name_width), report::one_line(one.place));
      for (const std::string& more : {one.note, one.use}) {
        text += more.empty() ? "" : "      " + report::one_line(more) + "\n";
      }
    }
    if (!any) {
      missing += (missing.empty() ? "" : ", ") + tool;
    }
  }
  return missing.empty() ? text : text + "nothing found for: " + missing + "\n";
}

std::string as_json(const std::vector<Credential>& all) {
  dsl::Value::List list;
  for (const Credential& one : all) {
    list.emplace_back(dsl::Value::Record{{"tool", dsl::Value(one.tool)},
                                         {"kind", dsl::Value(std::string(to_text(one.kind)))},
                                         {"name", dsl::Value(one.name)},
                                         {"place", dsl::Value(one.place)},
                                         {"note", dsl::Value(one.note)},
                                         {"use", dsl::Value(one.use)}});
  }
  return dsl::to_json(dsl::Value(dsl::Value::Record{{"credentials", dsl::Value(list)}})) + "\n";
}

}  // namespace

Command credentials_command(Console& console) {
  auto json = std::make_shared<bool>(false);
  Command command;
  command.name = "credentials";
  command.summary = "show which keys and logins were found, and where";
  command.description =
      "Looks for keys and logins of the agents (claude, codex, gemini), of gh and of git: in\n"
      "the environment, the env file of the settings, and the files of these programs. Shows\n"
      "names and places, never a value, and the line of a pipeline that uses each.";
  command.options = {{"--json", "", "print as JSON", {}, json.get()}};
  command.examples = {"pipe credentials", "pipe credentials --json"};
  command.action = [json, &console] {
    const auto settings = load_settings(".");
    if (!settings) {
      return console.fail(ExitCode::Invalid, settings.error());
    }
    const std::vector<Credential> all = find_credentials(real_places(*settings));
    console.out(*json ? as_json(all) : as_text(all, console.out_colour()));
    return ExitCode::Passed;
  };
  return command;
}

}  // namespace runner::cli
