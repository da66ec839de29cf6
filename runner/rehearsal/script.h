#pragma once

// What the models of a rehearsal say, by task, attempt and turn. A turn is the answer to one
// request. Read from YAML with places and remedies for every mistake. Any thread; plain data.
//
//   version: 1
//   tasks:
//     refresh:
//       attempts:
//         - turns:
//             - {text: I begin., tools: [{name: Bash, input: {command: make}}], usage: {output:
//             80}}
//             - error: {status: 529}
//             - text: Done.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dsl/diagnostic.h"
#include "dsl/plan.h"
#include "dsl/source.h"
#include "dsl/units.h"
#include "dsl/value.h"

namespace runner {

/// What a provider counts and charges for. A figure holds the tokens of no other.
struct ScriptUsage {
  std::int64_t input = 1'000;
  std::int64_t output = 100;
  std::int64_t thinking = 0;
  std::int64_t cache_read = 0;
  std::int64_t cache_write = 0;
  bool operator==(const ScriptUsage&) const = default;
};

struct ScriptTool {
  std::string name;  // as the agent's own program calls it
  dsl::Value input;  // a record, or the text of a tool that takes plain text
  bool operator==(const ScriptTool&) const = default;
};

struct ScriptError {
  std::int64_t status = 500;                  // HTTP, 400 to 599
  std::string message;                        // "": the status's own words
  std::optional<dsl::Duration> retry_after;   // told to the client
  std::optional<dsl::Duration> resets_after;  // when a limit of the account is over
  bool operator==(const ScriptError&) const = default;
};

/// Where a connection is cut.
enum class ScriptCut {
  Unanswered,  // nothing was sent
  Begun,       // the answer had begun, nothing was said in it
  Unfinished,  // everything was said, but not that it is all
};

struct ScriptTurn {
  std::string thinking;
  std::string text;
  std::vector<ScriptTool> tools;
  ScriptUsage usage;
  std::optional<ScriptError> error;  // instead of all the above
  std::optional<ScriptCut> cut;
  dsl::Duration delay{0};  // before the first byte
  std::int64_t times = 1;  // so many requests are answered so
  std::string expects;     // a request without this text in it is refused; "" takes any
  std::string place;       // "file:line:column"
};

struct ScriptTask {
  std::string name;  // of a task: all its instances; or the id of one, "test[os=linux]"
  std::vector<std::vector<ScriptTurn>> attempts;
  std::string place;
};

/// Bytes of a script.
inline constexpr std::int64_t kMostScript = 64LL << 20;

struct Script {
  std::vector<ScriptTask> tasks;

  /// The entry of a node: its own, or that of the task that it is an instance of. Null: none.
  [[nodiscard]] const ScriptTask* find(const dsl::NodeId& node) const;
};

struct ReadScript {
  dsl::Sources sources;
  std::vector<dsl::Diagnostic> diagnostics;  // errors and warnings, in order of position
  std::optional<Script> script;              // present exactly when no diagnostic is an error
};

/// `plan`, where there is one, says which tasks there are, and which are an agent's: each of these
/// must have an entry.
ReadScript read_script(const std::string& name, std::string text, const dsl::Plan* plan);

/// The keys of each kind of map, for the test of the JSON Schema.
std::vector<std::pair<std::string_view, std::vector<std::string_view>>> script_keys();

}  // namespace runner
