#pragma once

// What a step file says of an agent (`agent:`): what it is asked, which of its lines mean what, and
// what its exit status says. With it an agent is data: another one is another step file. Any
// thread; plain data.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dsl/model_dialect.h"
#include "dsl/template.h"
#include "dsl/value.h"

namespace dsl {

/// Why an agent stopped. Only Done lets its work go to the criteria.
enum class AgentReason {
  Done,        // it says that it is through
  Budget,      // money or tokens are used up
  Unpriced,    // nobody knows what its requests cost, so no budget could hold them
  Turns,       // the limit of turns
  Time,        // the task's time
  Idle,        // it said nothing for too long
  RateWindow,  // the provider takes nothing more before a certain time
  Denied,      // a tool that it wanted was refused to it
  Auth,        // no credential, or one that the provider does not take
  Provider,    // any other error of the provider
  Crash,       // it ended without a word, or was killed
};

/// What can be read from an agent's output. Of several values a text and a number keep the last,
/// lists keep each once.
enum class AgentField {
  Session,       // text: by which it can go on later
  Model,         // text
  Turns,         // number
  Cost,          // number: US dollars, the agent's own figure
  InputTokens,   // number
  OutputTokens,  // number
  CachedTokens,  // number
  Claim,         // text: what it says that it did
  Errors,        // list of texts
  Denials,       // list of texts: the tools
  ResetsAt,      // number: seconds since the epoch
};

/// One value of a line (a JSON document). `pointer` is RFC 6901, and a part `*` stands for every
/// member: the condition holds if it does for one of them.
struct AgentCondition {
  enum class Comparison { OneOf, Contains, AtLeast, Exists };
  std::string pointer;
  Comparison comparison = Comparison::OneOf;
  Value expected;  // OneOf: a list; Contains: a text; AtLeast: a number; Exists: true or false
  bool operator==(const AgentCondition&) const = default;
};

/// Where a field stands in a line. Numbers that a `*` finds are added up.
struct AgentTake {
  AgentField field = AgentField::Claim;
  std::string pointer;
  bool adds = false;  // to what earlier lines had: numbers are added up, texts are joined
  bool operator==(const AgentTake&) const = default;
};

/// What a line means for which all of `when` holds. A later rule, and a later line, wins.
struct AgentRule {
  std::vector<AgentCondition> when;
  std::vector<AgentTake> takes;
  std::optional<AgentReason> reason;
  bool ends = false;  // the agent's last word: what comes later is not waited for
  bool operator==(const AgentRule&) const = default;
};

struct AgentExit {
  std::int64_t code = 0;
  AgentReason reason = AgentReason::Crash;
  bool operator==(const AgentExit&) const = default;
};

/// Where an agent's model is. The gateway stands in its place there: it counts what passes, keeps
/// the budgets and adds the real key.
struct AgentProvider {
  ModelDialect dialect = ModelDialect::Anthropic;
  std::string host;      // canonical: "api.anthropic.com"; reached by TLS, port 443
  std::string base_url;  // the variable by which the agent is told where to find it
  std::string path;      // at the end of that URL: "/v1"; "" none
  bool operator==(const AgentProvider&) const = default;
};

/// What a person asks of an agent after a run of its, from where that left off.
struct FollowUp {
  std::string prompt;
  std::string run;      // whose session it is
  std::string session;  // "": none is left; the agent is asked all anew, and then this
  bool operator==(const FollowUp&) const = default;
};

/// What an agent is told of the work before its own, behind its prompt.
struct AgentContext {
  bool outputs = false;  // of the tasks that it needs, and of those that they need
  bool diff = false;     // what they changed
  bool operator==(const AgentContext&) const = default;
};

struct Agent {
  std::string name;  // of its step; "" where the task itself is the agent
  Template prompt;
  std::string prompt_file;  // beneath the node's input; its text follows `prompt`
  AgentContext context = {};
  std::vector<std::string> state;  // beneath "~/": kept from attempt to attempt, with the session
  std::vector<AgentRule> stream;   // empty: only the exit status counts
  std::vector<AgentExit> exit;     // where the stream did not say
  std::optional<AgentProvider> provider;
  std::optional<FollowUp> follow_up = {};  // of `pipe run --continue`; no pipeline says it
  bool operator==(const Agent&) const = default;
};

}  // namespace dsl
