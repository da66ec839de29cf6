#include "runner/run/event_json.h"

#include <exception>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "dsl/plan_words.h"

namespace runner {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

// Each struct lists its members once; Writer and Reader go over the same list.

template <class V>
void members(V& v, TreeRef& x) {
  v("commit", x.commit);
  v("artifacts", x.artifacts);
}
template <class V>
void members(V& v, FlaggedPath& x) {
  v("path", x.path);
  v("why", x.why);
}
template <class V>
void members(V& v, Evidence& x) {
  v("what", x.what);
  v("result", x.result);
  v("excerpt", x.excerpt);
  v("digest", x.digest);
  v("log", x.log);
  v("was_red", x.was_red);
  v("lost", x.lost);
  v("took_ms", x.took.ms);
}
template <class V>
void members(V& v, JobEnd& x) {
  v("how", x.how);
  v("code", x.code);
  v("detail", x.detail);
  v("took_ms", x.took.ms);
  v("peak_memory", x.peak_memory);
  v("log_truncated", x.log_truncated);
}
template <class V>
void members(V& v, AgentOutcome& x) {
  v("reason", x.reason);
  v("session", x.session);
  v("model", x.model);
  v("turns", x.turns);
  v("cost_micros", x.cost);
  v("input_tokens", x.input_tokens);
  v("output_tokens", x.output_tokens);
  v("cached_tokens", x.cached_tokens);
  v("claim", x.claim);
  v("errors", x.errors);
  v("denials", x.denials);
  v("resets_at_s", x.resets_at_s);
  v("unread_lines", x.unread_lines);
}
template <class V>
void members(V& v, RunStarted& x) {
  v("run", x.run);
  v("pipeline", x.pipeline);
  v("plan_digest", x.plan_digest);
  v("input", x.input);
  v("taken", x.taken);
  v("jobs", x.jobs);
  v("sealed", x.sealed);
  v("approved_by", x.approved_by);
}
template <class V>
void members(V&, RunResumed&) {}
template <class V>
void members(V& v, NodeExpanded& x) {
  v("node", x.node);
  v("items", x.items);
}
template <class V>
void members(V& v, ConditionHeld& x) {
  v("node", x.node);
}
template <class V>
void members(V& v, NodeSkipped& x) {
  v("node", x.node);
  v("reason", x.reason);
}
template <class V>
void members(V& v, InputRequested& x) {
  v("node", x.node);
}
template <class V>
void members(V& v, FanInOpened& x) {
  v("fan_in", x.fan_in);
  v("node", x.node);
  v("tree", x.tree);
  v("sides", x.sides);
  v("tasks", x.tasks);
  v("resolved", x.resolved);
}
template <class V>
void members(V& v, MergeUnresolved& x) {
  v("node", x.node);
  v("problem", x.problem);
  v("marked", x.marked);
}
template <class V>
void members(V& v, FanInCheckStarted& x) {
  v("fan_in", x.fan_in);
  v("node", x.node);
  v("criterion", x.criterion);
  v("on", x.on);
  v("job", x.job);
}
template <class V>
void members(V& v, FanInCheckEnded& x) {
  v("fan_in", x.fan_in);
  v("node", x.node);
  v("criterion", x.criterion);
  v("on", x.on);
  v("verdict", x.verdict);
  v("evidence", x.evidence);
  v("from_run", x.from_run);
}
template <class V>
void members(V& v, InputReady& x) {
  v("node", x.node);
  v("input", x.input);
  v("key", x.key);
  v("reuse", x.reuse);
}
template <class V>
void members(V& v, NodeReused& x) {
  v("node", x.node);
  v("from_run", x.from_run);
  v("tree", x.tree);
  v("outputs", x.outputs);
  v("evidence", x.evidence);
  v("flagged", x.flagged);
}
template <class V>
void members(V& v, AttemptStarted& x) {
  v("node", x.node);
  v("attempt", x.attempt);
  v("job", x.job);
  v("input", x.input);
}
template <class V>
void members(V& v, AttemptEnded& x) {
  v("node", x.node);
  v("attempt", x.attempt);
  v("end", x.end);
  v("produced", x.produced);
  v("changed_paths", x.changed_paths);
  v("outputs", x.outputs);
  v("notes", x.notes);
  v("problem", x.problem);
  v("excerpt", x.excerpt);
  v("log", x.log);
  v("agent", x.agent);
  v("flagged", x.flagged);
}
template <class V>
void members(V& v, CheckStarted& x) {
  v("node", x.node);
  v("attempt", x.attempt);
  v("criterion", x.criterion);
  v("subject", x.subject);
  v("job", x.job);
}
template <class V>
void members(V& v, CheckEnded& x) {
  v("node", x.node);
  v("attempt", x.attempt);
  v("criterion", x.criterion);
  v("subject", x.subject);
  v("verdict", x.verdict);
  v("evidence", x.evidence);
}
template <class V>
void members(V& v, RetryScheduled& x) {
  v("node", x.node);
  v("after_attempt", x.after_attempt);
  v("not_before_ms", x.not_before_ms);
  v("reason", x.reason);
}
template <class V>
void members(V& v, NodeParked& x) {
  v("node", x.node);
  v("after_attempt", x.after_attempt);
  v("until_ms", x.until_ms);
  v("reason", x.reason);
}
template <class V>
void members(V& v, PersonAsked& x) {
  v("node", x.node);
  v("criterion", x.criterion);
  v("question", x.question);
}
template <class V>
void members(V& v, PersonAnswered& x) {
  v("node", x.node);
  v("criterion", x.criterion);
  v("yes", x.yes);
  v("by", x.by);
  v("because", x.because);
  v("account", x.account);
  v("again", x.again);
}
template <class V>
void members(V& v, EgressDenied& x) {
  v("node", x.node);
  v("name", x.name);
  v("port", x.port);
  v("reason", x.reason);
  v("rule", x.rule);
  v("seen", x.seen);
  v("udp", x.udp);
}
template <class V>
void members(V& v, PermissionDenied& x) {
  v("node", x.node);
  v("operation", x.operation);
  v("rule", x.rule);
}
template <class V>
void members(V& v, Spend& x) {
  v("cost_micros", x.cost.micros);
  v("tokens", x.tokens);
  v("turns", x.turns);
}
template <class V>
void members(V& v, Usage& x) {
  v("input_tokens", x.input_tokens);
  v("cache_read_tokens", x.cache_read_tokens);
  v("cache_write_tokens", x.cache_write_tokens);
  v("cache_write_1h_tokens", x.cache_write_long_tokens);
  v("output_tokens", x.output_tokens);
}
template <class V>
void members(V& v, ModelAnswered& x) {
  v("node", x.node);
  v("request", x.request);
  v("model", x.model);
  v("how", x.how);
  v("spent", x.spent);
  v("usage", x.usage);
}
template <class V>
void members(V& v, BudgetReached& x) {
  v("node", x.node);
  v("mark", x.mark);
  v("text", x.text);
}
template <class V>
void members(V& v, NodeFinished& x) {
  v("node", x.node);
  v("outcome", x.outcome);
  v("reason", x.reason);
  v("tree", x.tree);
  v("out_of_time", x.out_of_time);
}
template <class V>
void members(V& v, RunInterrupted& x) {
  v("by", x.by);
}
template <class V>
void members(V& v, RunFinished& x) {
  v("outcome", x.outcome);
  v("result", x.result);
  v("reason", x.reason);
}
template <class V>
void members(V& v, ResultDelivered& x) {
  v("where", x.where);
}

template <class V>
void members(V& v, PushStarted& x) {
  v("remote", x.remote);
  v("branch", x.branch);
  v("hook", x.hook);
}
template <class V>
void members(V& v, PushEnded& x) {
  v("remote", x.remote);
  v("problem", x.problem);
}
template <class V>
void members(V& v, PullRequestStarted& x) {
  v("branch", x.branch);
}
template <class V>
void members(V& v, ResultUndone& x) {
  v("what", x.what);
  v("because", x.because);
}
template <class V>
void members(V& v, PullRequestEnded& x) {
  v("url", x.url);
  v("problem", x.problem);
}

// ---- names ------------------------------------------------------------------------------------

template <class E>
struct Names;
template <>
struct Names<Outcome> {
  static constexpr std::pair<Outcome, const char*> list[] = {{Outcome::Passed, "passed"},
                                                             {Outcome::Failed, "failed"},
                                                             {Outcome::Errored, "errored"},
                                                             {Outcome::Skipped, "skipped"}};
};
template <>
struct Names<Verdict> {
  static constexpr std::pair<Verdict, const char*> list[] = {
      {Verdict::Met, "met"}, {Verdict::NotMet, "not_met"}, {Verdict::Unverified, "unverified"}};
};
template <>
struct Names<Subject> {
  static constexpr std::pair<Subject, const char*> list[] = {{Subject::Input, "input"},
                                                             {Subject::Produced, "produced"}};
};
template <>
struct Names<JobEnd::How> {
  using How = JobEnd::How;
  static constexpr std::pair<How, const char*> list[] = {{How::Exited, "exited"},
                                                         {How::Signalled, "signalled"},
                                                         {How::TimedOut, "timed_out"},
                                                         {How::Idle, "idle"},
                                                         {How::Stopped, "stopped"},
                                                         {How::OutOfMemory, "out_of_memory"},
                                                         {How::OutOfDisk, "out_of_disk"},
                                                         {How::NotStarted, "not_started"},
                                                         {How::Lost, "lost"}};
};

template <>
struct Names<EgressDenied::Reason> {
  using Reason = EgressDenied::Reason;
  static constexpr std::pair<Reason, const char*> list[] = {{Reason::Name, "name"},
                                                            {Reason::Port, "port"},
                                                            {Reason::Address, "address"},
                                                            {Reason::NoHello, "no_hello"},
                                                            {Reason::LongHello, "long_hello"},
                                                            {Reason::Protocol, "protocol"},
                                                            {Reason::Tls, "tls"},
                                                            {Reason::Sni, "sni"},
                                                            {Reason::Http, "http"},
                                                            {Reason::Host, "host"},
                                                            {Reason::Busy, "busy"},
                                                            {Reason::Unresolved, "unresolved"},
                                                            {Reason::Unreachable, "unreachable"}};
};
template <>
struct Names<Settlement> {
  static constexpr std::pair<Settlement, const char*> list[] = {{Settlement::Open, "open"},
                                                                {Settlement::Billed, "billed"},
                                                                {Settlement::Cut, "cut"},
                                                                {Settlement::Unknown, "unknown"},
                                                                {Settlement::Free, "free"}};
};
template <>
struct Names<dsl::AgentReason> {
  static constexpr const auto& list = dsl::kAgentReasonWords;
};

/// The kinds in the order of the variant.
constexpr const char* kKinds[] = {
    "run_started",          "run_resumed",          "node_expanded",      "condition_held",
    "node_skipped",         "input_requested",      "input_ready",        "node_reused",
    "attempt_started",      "attempt_ended",        "check_started",      "check_ended",
    "retry_scheduled",      "person_asked",         "person_answered",    "node_finished",
    "run_interrupted",      "run_finished",         "result_delivered",   "egress_denied",
    "permission_denied",    "model_answered",       "budget_reached",     "fan_in_opened",
    "fan_in_check_started", "fan_in_check_ended",   "node_parked",        "push_started",
    "push_ended",           "pull_request_started", "pull_request_ended", "result_undone",
    "merge_unresolved"};
static_assert(std::size(kKinds) == std::variant_size_v<decltype(Event::what)>);

// ---- writing ------------------------------------------------------------------------------------

/// Bytes that are no UTF-8 (a file name, a log line) become U+FFFD when the event is dumped.
class Writer {
 public:
  explicit Writer(Json& out) : out_(out) {}
  template <class T>
  void operator()(const char* name, T& value) {
    out_[name] = json(value);
  }

 private:
  static Json json(std::string& x) { return x; }
  static Json json(bool x) { return x; }
  static Json json(int x) { return x; }
  static Json json(std::int64_t x) { return x; }
  static Json json(std::uint16_t x) { return x; }
  template <class Tag>
  static Json json(dsl::StringId<Tag>& x) {
    return x.value;
  }
  static Json json(dsl::Bytes& x) { return x.count; }
  static Json json(dsl::Money& x) { return x.micros; }
  static Json json(dsl::Tokens& x) { return x.count; }
  template <class T>
  static Json json(std::optional<T>& x) {
    return x ? json(*x) : Json();
  }
  static Json json(dsl::Value::List& x) { return Json::parse(to_json(dsl::Value(x))); }
  static Json json(dsl::Value::Record& x) { return Json::parse(to_json(dsl::Value(x))); }
  template <class T>
  static Json json(std::vector<T>& list) {
    Json all = Json::array();
    for (T& one : list) {
      all.push_back(json(one));
    }
    return all;
  }
  template <class T>
  static Json json(T& x) {
    if constexpr (std::is_enum_v<T>) {
      for (const auto& [value, name] : Names<T>::list) {
        if (value == x) {
          return name;
        }
      }
      return Json();
    } else {
      Json record = Json::object();
      Writer writer(record);
      members(writer, x);
      return record;
    }
  }

  Json& out_;
};

// ---- reading ------------------------------------------------------------------------------------

struct Misfit {
  std::string message;
};

class Reader {
 public:
  explicit Reader(const Json& in) : in_(in) {}
  /// A member that is missing keeps its default: a journal may be older than the member.
  template <class T>
  void operator()(const char* name, T& value) {
    const auto found = in_.find(name);
    if (found == in_.end()) {
      return;
    }
    try {
      read(*found, value);
    } catch (const Json::exception&) {
      throw Misfit{std::string("member '") + name + "' has the wrong type"};
    }
  }

 private:
  static void read(const Json& in, std::string& x) { x = in.get<std::string>(); }
  static void read(const Json& in, bool& x) { x = in.get<bool>(); }
  static void read(const Json& in, int& x) { x = in.get<int>(); }
  static void read(const Json& in, std::int64_t& x) {
    if (!in.is_number_integer()) {
      throw Misfit{"a number is not whole"};
    }
    x = in.get<std::int64_t>();
    if (x < -1) {
      throw Misfit{"a number is negative"};
    }
  }
  static void read(const Json& in, std::uint16_t& x) {
    std::int64_t wide = 0;
    read(in, wide);
    if (wide < 0 || wide > 65'535) {
      throw Misfit{"a number is no port"};
    }
    x = static_cast<std::uint16_t>(wide);
  }
  template <class Tag>
  static void read(const Json& in, dsl::StringId<Tag>& x) {
    x.value = in.get<std::string>();
  }
  static void read(const Json& in, dsl::Bytes& x) { read(in, x.count); }
  static void read(const Json& in, dsl::Money& x) { read(in, x.micros); }
  static void read(const Json& in, dsl::Tokens& x) { read(in, x.count); }
  template <class T>
  static void read(const Json& in, std::optional<T>& x) {
    if (!in.is_null()) {
      read(in, x.emplace());
    }
  }
  static dsl::Value value(const Json& in) {
    dsl::Result<dsl::Value> parsed = dsl::value_from_json(in.dump());
    if (!parsed) {
      throw Misfit{parsed.error().message};
    }
    return *std::move(parsed);
  }
  static void read(const Json& in, dsl::Value::List& x) {
    dsl::Value parsed = value(in);
    if (auto* list = std::get_if<dsl::Value::List>(&parsed.held)) {
      x = std::move(*list);
    } else {
      throw Misfit{"a list is missing"};
    }
  }
  static void read(const Json& in, dsl::Value::Record& x) {
    dsl::Value parsed = value(in);
    if (auto* record = std::get_if<dsl::Value::Record>(&parsed.held)) {
      x = std::move(*record);
    } else {
      throw Misfit{"a record is missing"};
    }
  }
  template <class T>
  static void read(const Json& in, std::vector<T>& list) {
    if (!in.is_array()) {
      throw Misfit{"a list is missing"};
    }
    for (const Json& one : in) {
      read(one, list.emplace_back());
    }
  }
  template <class T>
  static void read(const Json& in, T& x) {
    if constexpr (std::is_enum_v<T>) {
      const auto word = in.get<std::string>();
      for (const auto& [value, name] : Names<T>::list) {
        if (word == name) {
          x = value;
          return;
        }
      }
      throw Misfit{"unknown word '" + word + "'"};
    } else {
      if (!in.is_object()) {
        throw Misfit{"a record is missing"};
      }
      Reader reader(in);
      members(reader, x);
    }
  }

  const Json& in_;
};

template <std::size_t I = 0>
bool read_kind(const std::string& kind, const Json& in, Event& event) {
  if constexpr (I < std::variant_size_v<decltype(Event::what)>) {
    if (kind != kKinds[I]) {
      return read_kind<I + 1>(kind, in, event);
    }
    Reader reader(in);
    members(reader, event.what.emplace<I>());
    return true;
  } else {
    return false;
  }
}

dsl::Error bad(const std::string& what) {
  return {"event: " + what, ""};
}

}  // namespace

std::string event_to_json(const Event& event) {
  Json out = Json::object();
  out["version"] = kVersion;
  out["sequence"] = event.sequence;
  out["at_ms"] = event.at_ms;
  out["after_ms"] = event.after_ms;
  out["kind"] = kKinds[event.what.index()];
  auto what = event.what;
  std::visit(
      [&out](auto& one) {
        Writer writer(out);
        members(writer, one);
      },
      what);
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

dsl::Result<Event> event_from_json(std::string_view text) {
  const Json in = Json::parse(text, nullptr, false);
  if (!in.is_object()) {
    return bad("no JSON object");
  }
  Event event;
  try {
    std::int64_t version = 0;
    std::string kind;
    Reader reader(in);
    reader("version", version);
    reader("kind", kind);
    if (version > kVersion) {
      return dsl::Error{"event: version " + std::to_string(version) + " is newer than this pipe",
                        "use the pipe that made the run, or a newer one"};
    }
    reader("sequence", event.sequence);
    reader("at_ms", event.at_ms);
    reader("after_ms", event.after_ms);
    if (version != kVersion || !read_kind(kind, in, event)) {
      return bad("unknown kind '" + kind + "'");
    }
  } catch (const Misfit& misfit) {
    return bad(misfit.message);
  }
  return event;
}

}  // namespace runner
