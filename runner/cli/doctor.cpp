// pipe doctor: what this machine can run, and what to do about the rest.

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "dsl/value.h"
#include "runner/cli/commands.h"
#include "runner/cli/engine_shelf.h"
#include "runner/cli/machine.h"
#include "runner/report/columns.h"
#include "runner/report/escape.h"
#include "runner/report/paint.h"

namespace runner::cli {
namespace {

using report::Meaning;

std::vector<Check> check_engines(const EngineShelf& shelf) {
  std::vector<Check> checks;
  for (const EngineFinding& finding : shelf.findings()) {
    Check check{"engines",
                std::string(engine_word(finding.name)),
                Check::Result::Good,
                finding.version,
                ""};
    if (finding.name == dsl::EngineName::Host) {
      check.detail = "no isolation; only where a file or option names it";
    }
    if (finding.trouble) {
      check.result = Check::Result::Lacking;
      check.detail = finding.trouble->message;
      check.remedy = finding.trouble->remedy;
    }
    checks.push_back(check);
  }
  const auto automatic = shelf.automatic();
  checks.push_back(automatic ? Check{"engines",
                                     "auto",
                                     Check::Result::Good,
                                     "takes " + std::string(engine_word(*automatic)),
                                     ""}
                             : Check{"engines",
                                     "auto",
                                     Check::Result::Broken,
                                     automatic.error().message,
                                     automatic.error().remedy});
  return checks;
}

std::string box(Check::Result result, dsl::Colour colour) {
  switch (result) {
    case Check::Result::Good:
      return report::painted("[x]", Meaning::Good, colour);
    case Check::Result::Lacking:
      return report::painted("[-]", Meaning::Doubt, colour);
    case Check::Result::Broken:
      return report::painted("[ ]", Meaning::Bad, colour);
  }
  return "";
}

std::string as_text(const std::vector<Check>& checks, dsl::Colour colour) {
  std::size_t width = 0;
  for (const Check& check : checks) {
    width = std::max(width, check.group == "store" ? 0 : report::columns(check.name));
  }
  std::string text;
  std::string group;
  for (const Check& check : checks) {
    if (check.group != group) {
      text += (group.empty() ? "" : "\n") + report::painted(check.group, Meaning::Strong, colour) +
              "\n";
      group = check.group;
    }
    text += fmt::format("  {} {}  {}\n",
                        box(check.result, colour),
                        report::padded(report::one_line(check.name), width),
                        report::one_line(check.detail));
    if (!check.remedy.empty()) {
      text += "        " + report::painted("help", Meaning::Active, colour) + ": " +
              report::one_line(check.remedy) + "\n";
    }
  }
  return text;
}

std::string_view word(Check::Result result) {
  switch (result) {
    case Check::Result::Good:
      return "good";
    case Check::Result::Lacking:
      return "lacking";
    case Check::Result::Broken:
      return "broken";
  }
  return "";
}

std::string as_json(const std::vector<Check>& checks, bool usable) {
  dsl::Value::List list;
  for (const Check& check : checks) {
    list.emplace_back(dsl::Value::Record{
        {"group", dsl::Value(check.group)},
        {"name", dsl::Value(check.name)},
        {"result", dsl::Value(std::string(word(check.result)))},
        {"detail", dsl::Value(check.detail)},
        {"remedy", check.remedy.empty() ? dsl::Value() : dsl::Value(check.remedy)},
    });
  }
  const dsl::Value document(
      dsl::Value::Record{{"usable", dsl::Value(usable)}, {"checks", dsl::Value(list)}});
  return dsl::to_json(document) + "\n";
}

ExitCode doctor(bool json, Console& console) {
  const auto settings = load_settings(".");
  if (!settings) {
    return console.fail(ExitCode::Invalid, settings.error());
  }
  const EngineShelf shelf(*settings);
  std::vector<Check> checks = check_engines(shelf);
  for (const auto& more :
       {check_limits(*settings), check_store(*settings), check_kernel(), check_programs()}) {
    checks.insert(checks.end(), more.begin(), more.end());
  }
  const auto stands_in_the_way = [](const Check& check) {
    return check.result == Check::Result::Broken && check.group != "kernel";
  };
  const bool usable = std::none_of(checks.begin(), checks.end(), stands_in_the_way);
  console.out(json ? as_json(checks, usable) : as_text(checks, console.out_colour()));
  return usable ? ExitCode::Passed : ExitCode::Environment;
}

}  // namespace

Command doctor_command(Console& console) {
  auto json = std::make_shared<bool>(false);
  Command command;
  command.name = "doctor";
  command.summary = "tell what this machine can run, and what it lacks";
  command.description =
      "Looks for engines, the store, features of the kernel and programs, and says what to\n"
      "do about those that are missing. Exit code 3 when nothing can run here.";
  command.options = {{"--json", "", "print as JSON", {}, json.get()}};
  command.examples = {"pipe doctor",
                      "pipe doctor --json | jq -r '.checks[] | select(.result!=\"good\").name'"};
  command.action = [json, &console] { return doctor(*json, console); };
  return command;
}

}  // namespace runner::cli
