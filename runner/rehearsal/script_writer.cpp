#include "runner/rehearsal/script_writer.h"

#include <sstream>

#include <fmt/format.h>

#include "dsl/value.h"

namespace runner {
namespace {

/// In double quotes, as JSON has it, which YAML reads alike.
std::string quoted_text(const std::string& text) {
  return dsl::to_json(dsl::Value(text));
}

/// Members of one turn, each on a line of its own; the first begins the list's item.
class TurnWriter {
 public:
  explicit TurnWriter(std::string& out) : out_(out) {}

  void member(const std::string& name, const std::string& value) {
    out_ += (first_ ? "          - " : "            ") + name + (value.empty() ? ":" : ": ") +
            value + "\n";
    first_ = false;
  }
  void line(const std::string& text) { out_ += "              " + text + "\n"; }

 private:
  std::string& out_;
  bool first_ = true;
};

const char* word_of(ScriptCut cut) {
  switch (cut) {
    case ScriptCut::Unanswered:
      return "unanswered";
    case ScriptCut::Begun:
      return "begun";
    case ScriptCut::Unfinished:
      return "unfinished";
  }
  return "";
}

std::string error_text(const ScriptError& error) {
  std::string text = fmt::format("{{status: {}", error.status);
  if (!error.message.empty()) {
    text += ", message: " + quoted_text(error.message);
  }
  if (error.retry_after) {
    text += ", retry_after: " + dsl::to_text(*error.retry_after);
  }
  if (error.resets_after) {
    text += ", resets_after: " + dsl::to_text(*error.resets_after);
  }
  return text + "}";
}

std::string usage_text(const ScriptUsage& usage) {
  std::string text = fmt::format("{{input: {}, output: {}", usage.input, usage.output);
  for (const auto& [name, count] : {std::pair("thinking", usage.thinking),
                                    std::pair("cache_read", usage.cache_read),
                                    std::pair("cache_write", usage.cache_write)}) {
    if (count > 0) {
      text += fmt::format(", {}: {}", name, count);
    }
  }
  return text + "}";
}

void write_turn(const ScriptTurn& turn, std::string& out) {
  TurnWriter writer(out);
  if (!turn.expects.empty()) {
    writer.member("expects", quoted_text(turn.expects));
  }
  if (turn.error) {
    writer.member("error", error_text(*turn.error));
  }
  if (!turn.thinking.empty()) {
    writer.member("thinking", quoted_text(turn.thinking));
  }
  const bool says_nothing = turn.thinking.empty() && turn.tools.empty() && !turn.error && !turn.cut;
  if (!turn.text.empty() || says_nothing) {
    writer.member("text", quoted_text(turn.text));
  }
  if (!turn.tools.empty()) {
    writer.member("tools", "");
    for (const ScriptTool& tool : turn.tools) {
      writer.line(fmt::format(
          "- {{name: {}, input: {}}}", quoted_text(tool.name), dsl::to_json(tool.input)));
    }
  }
  if (turn.cut) {
    writer.member("cut", word_of(*turn.cut));
  }
  if (!turn.error && turn.cut != ScriptCut::Unanswered) {
    writer.member("usage", usage_text(turn.usage));
  }
  if (turn.delay.ms > 0) {
    writer.member("delay", dsl::to_text(turn.delay));
  }
  if (turn.times > 1) {
    writer.member("times", std::to_string(turn.times));
  }
}

}  // namespace

std::string script_to_yaml(const Script& script, const std::string& about) {
  std::string out;
  std::istringstream lines(about);
  for (std::string line; std::getline(lines, line);) {
    out += "# " + line + "\n";
  }
  out += "version: 1\ntasks:";
  out += script.tasks.empty() ? " {}\n" : "\n";
  for (const ScriptTask& task : script.tasks) {
    out += "  " + quoted_text(task.name) + ":\n    attempts:\n";
    for (const auto& turns : task.attempts) {
      out += "      - turns:\n";
      for (const ScriptTurn& turn : turns) {
        write_turn(turn, out);
      }
    }
  }
  return out;
}

}  // namespace runner
