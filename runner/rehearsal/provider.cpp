#include "runner/rehearsal/provider.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "dsl/render.h"
#include "runner/rehearsal/answer.h"

namespace runner {
namespace {

constexpr std::string_view kTlsHandshake = "\x16\x03";
constexpr std::int64_t kBytesOfAToken = 4;  // of what no turn bills more for

/// A JSON document has the text in one of its own. `body` is JSON: there it is escaped.
bool has_text(std::string_view body, const std::string& text) {
  const std::string escaped = dsl::to_json(dsl::Value(text));
  return body.find(std::string_view(escaped).substr(1, escaped.size() - 2)) !=
         std::string_view::npos;
}

/// Sends what the turn has of the answer.
void send(const Answer& answer, const std::optional<ScriptCut>& cut, HttpExchange& exchange) {
  if (cut == ScriptCut::Unanswered) {
    exchange.cut();
    return;
  }
  std::string body;
  const std::size_t parts = cut == ScriptCut::Begun        ? answer.opening
                            : cut == ScriptCut::Unfinished ? answer.parts.size() - answer.closing
                                                           : answer.parts.size();
  for (std::size_t i = 0; i < parts; ++i) {
    body += answer.parts[i];
  }
  if (!cut && answer.parts.size() == 1) {
    exchange.respond(answer.status, answer.fields, body);
    return;
  }
  exchange.begin(answer.status, answer.fields);
  exchange.write(body);
  if (cut) {
    exchange.cut();
  } else {
    exchange.finish();
  }
}

}  // namespace

ScriptedProvider::ScriptedProvider(EventLoop& loop, Script script)
    : loop_(loop),
      script_(std::move(script)),
      server_(loop),
      alive_(std::make_shared<bool>(true)) {}

ScriptedProvider::~ScriptedProvider() {
  *alive_ = false;
}

void ScriptedProvider::on_events(const RunState&, const std::vector<Event>& events) {
  for (const Event& event : events) {
    if (const auto* const started = std::get_if<AttemptStarted>(&event.what)) {
      begin(*started);
    }
  }
}

void ScriptedProvider::begin(const AttemptStarted& started) {
  Attempt attempt;
  attempt.node = started.node;
  attempt.number = started.attempt;
  const ScriptTask* const task = script_.find(started.node);
  if (task == nullptr) {
    attempt.missing = fmt::format("the script has no task {}", dsl::quoted(started.node.value));
  } else if (started.attempt > static_cast<std::int64_t>(task->attempts.size())) {
    attempt.missing = fmt::format("{}: the script has {} attempt{} of {}, and this is number {}",
                                  task->place,
                                  task->attempts.size(),
                                  task->attempts.size() == 1 ? "" : "s",
                                  dsl::quoted(task->name),
                                  started.attempt);
  } else {
    attempt.turns = &task->attempts[static_cast<std::size_t>(started.attempt - 1)];
  }
  attempts_[started.job.value] = std::move(attempt);
}

void ScriptedProvider::serve(const std::string& job, Fd client) {
  server_.serve(
      std::move(client),
      [this, job](const HttpRequest& request, std::shared_ptr<HttpExchange> exchange) {
        answer(job, request, exchange);
      },
      [this, job](std::string_view begin) {
        if (begin.starts_with(kTlsHandshake)) {
          spoke_tls_.insert(job);
        }
      });
}

void ScriptedProvider::note(const std::string& difference) {
  if (std::find(refusals_.begin(), refusals_.end(), difference) == refusals_.end()) {
    refusals_.push_back(difference);
  }
}

void ScriptedProvider::refuse(const ProviderRequest& request,
                              const std::string& why,
                              HttpExchange& exchange) {
  note(why);
  // The one status that no client tries again.
  send(refusal(request, 400, "rehearsal: " + why), std::nullopt, exchange);
}

/// As many as the next turn bills, so that a count is never less than the bill that follows.
std::int64_t ScriptedProvider::tokens_of(const std::string& job, std::string_view body) const {
  std::int64_t tokens = static_cast<std::int64_t>(body.size()) / kBytesOfAToken;
  const auto found = attempts_.find(job);
  if (found != attempts_.end() && found->second.turns != nullptr &&
      found->second.turn < found->second.turns->size()) {
    const ScriptUsage& next = (*found->second.turns)[found->second.turn].usage;
    tokens = std::max(tokens, next.input + next.cache_read + next.cache_write);
  }
  return tokens;
}

void ScriptedProvider::answer(const std::string& job,
                              const HttpRequest& http,
                              const std::shared_ptr<HttpExchange>& exchange) {
  const ProviderRequest request = read_provider_request(http);
  switch (request.kind) {
    case ProviderRequest::Kind::Probe:
      exchange->respond(200, {}, "");
      return;
    case ProviderRequest::Kind::Socket:
      exchange->respond(426, {{"Upgrade", "HTTP/1.1"}}, "");
      return;
    case ProviderRequest::Kind::CountTokens:
      send(token_count(request, tokens_of(job, http.body)), std::nullopt, *exchange);
      return;
    case ProviderRequest::Kind::Unknown:
      send(refusal(request, 404, "rehearsal: no answer to " + http.method + " " + http.target),
           std::nullopt,
           *exchange);
      return;
    case ProviderRequest::Kind::Generate:
      break;
  }
  const auto found = attempts_.find(job);
  if (found == attempts_.end()) {
    refuse(request,
           "only an attempt of a task has models, criteria and services have none",
           *exchange);
    return;
  }
  Attempt& attempt = found->second;
  if (!request.trouble.empty()) {
    refuse(request, request.trouble, *exchange);
    return;
  }
  if (attempt.turns == nullptr) {
    refuse(request, attempt.missing, *exchange);
    return;
  }
  if (attempt.turn == attempt.turns->size()) {
    refuse(request,
           fmt::format("{}: this is the last turn of attempt {} of {}, and the agent asks for more",
                       attempt.turns->back().place,
                       attempt.number,
                       dsl::quoted(attempt.node.value)),
           *exchange);
    return;
  }
  const ScriptTurn& turn = (*attempt.turns)[attempt.turn];
  if (!has_text(http.body, turn.expects)) {
    refuse(request,
           fmt::format(
               "{}: the request does not have {} in it", turn.place, dsl::quoted(turn.expects)),
           *exchange);
    return;
  }
  if (++attempt.times == turn.times) {
    attempt.times = 0;
    ++attempt.turn;
  }
  if (!turn.error && turn.cut != ScriptCut::Unanswered) {
    bills_.push_back({attempt.node, attempt.number, request.model, turn.usage});
    if (turn.cut == ScriptCut::Begun) {
      bills_.back().usage.output = 0;
      bills_.back().usage.thinking = 0;
    }
  }
  say(turn, request, exchange);
}

void ScriptedProvider::say(const ScriptTurn& turn,
                           const ProviderRequest& request,
                           const std::shared_ptr<HttpExchange>& exchange) {
  // Turns live as long as the script, which lives as long as this.
  const auto now = [this, &turn, request, exchange, number = ++answers_] {
    send(answer_of(turn, request, number, loop_.wall_ms() / 1000), turn.cut, *exchange);
  };
  if (turn.delay.ms == 0) {
    now();
    return;
  }
  loop_.start_timer(turn.delay, [now, alive = alive_] {
    if (*alive) {
      now();
    }
  });
}

std::vector<std::string> ScriptedProvider::differences() const {
  std::vector<std::string> all = refusals_;
  for (const std::string& job : spoke_tls_) {
    const auto attempt = attempts_.find(job);
    // One that asks by HTTP as well only reports home.
    if (attempt != attempts_.end() && attempt->second.turn == 0 && attempt->second.times == 0) {
      all.push_back(fmt::format(
          "{} speaks TLS with its model, which nobody can play; give it a base URL with "
          "'http://', such as ANTHROPIC_BASE_URL: http://api.anthropic.com",
          dsl::quoted(attempt->second.node.value)));
    }
  }
  for (const auto& [_, attempt] : attempts_) {
    if (attempt.turns != nullptr && attempt.turn < attempt.turns->size()) {
      const std::size_t left = attempt.turns->size() - attempt.turn;
      all.push_back(
          fmt::format("{}: {} of attempt {} of {} was not asked for",
                      (*attempt.turns)[attempt.turn].place,
                      left == 1 ? "the last turn" : fmt::format("the last {} turns", left),
                      attempt.number,
                      dsl::quoted(attempt.node.value)));
    }
  }
  return all;
}

}  // namespace runner
