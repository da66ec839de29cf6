// pipe config: the settings, and where each comes from.

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "dsl/value.h"
#include "runner/app/settings.h"
#include "runner/cli/commands.h"
#include "runner/report/columns.h"
#include "runner/report/escape.h"

namespace runner::cli {
namespace {

std::string as_text(const Settings& settings) {
  const auto shown = [](const Settings::Line& line) {
    return line.value.empty() ? "-" : report::one_line(line.value);
  };
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  for (const Settings::Line& line : settings.lines) {
    key_width = std::max(key_width, report::columns(line.key));
    value_width = std::max(value_width, std::min<std::size_t>(report::columns(shown(line)), 48));
  }
  std::string text;
  for (const Settings::Line& line : settings.lines) {
    text += fmt::format("{}  {}  {}\n",
                        report::padded(line.key, key_width),
                        report::padded(shown(line), value_width),
                        report::one_line(line.origin));
  }
  return text;
}

std::string as_json(const Settings& settings) {
  dsl::Value::Record record;
  for (const Settings::Line& line : settings.lines) {
    record.emplace_back(line.key,
                        dsl::Value(dsl::Value::Record{{"value", dsl::Value(line.value)},
                                                      {"origin", dsl::Value(line.origin)}}));
  }
  return dsl::to_json(dsl::Value(dsl::Value::Record{{"settings", dsl::Value(record)}})) + "\n";
}

}  // namespace

Command config_command(Console& console) {
  auto json = std::make_shared<bool>(false);
  Command command;
  command.name = "config";
  command.summary = "show the settings and where they come from";
  command.description =
      "Settings are read from ~/.config/pipe/config.yaml, then .pipe/config.yaml of this\n"
      "folder, then PIPE_STATE, PIPE_ENGINE and PIPE_JOBS; a later one wins, and options of\n"
      "a command win over all. Keys: engine, jobs, grace, env_file; in the user's own file\n"
      "also state_dir, docker_socket, container_prefix.";
  command.options = {{"--json", "", "print as JSON", {}, json.get()}};
  command.examples = {"pipe config", "PIPE_STATE=/srv/pipe pipe config --json"};
  command.action = [json, &console] {
    const auto settings = load_settings(".");
    if (!settings) {
      return console.fail(ExitCode::Invalid, settings.error());
    }
    console.out(*json ? as_json(*settings) : as_text(*settings));
    return ExitCode::Passed;
  };
  return command;
}

}  // namespace runner::cli
