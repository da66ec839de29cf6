#pragma once

// Plays the providers of a run's models: answers the requests of each attempt with the turns that
// the script has for it, in the dialect that they come in. It is told by the run's events which job
// is which attempt; nothing of it can be reached but by the connections that it is handed.
// Loop thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/ids.h"
#include "runner/rehearsal/provider_request.h"
#include "runner/rehearsal/script.h"
#include "runner/run/observer.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"
#include "runner/sys/http_server.h"

namespace runner {

/// What one request would have been charged for.
struct ScriptedBill {
  dsl::NodeId node;
  std::int64_t attempt = 1;
  std::string model;
  ScriptUsage usage;
};

class ScriptedProvider final : public Observer {
 public:
  ScriptedProvider(EventLoop& loop, Script script);
  ~ScriptedProvider() override;

  void on_events(const RunState& state, const std::vector<Event>& events) override;

  /// A connection of the job of that name, to any provider: what comes from it is answered. Jobs
  /// that are no attempts have no models.
  void serve(const std::string& job, Fd client);

  /// In the order of the requests. Whatever was cut is billed as far as it came: its input.
  [[nodiscard]] const std::vector<ScriptedBill>& bills() const { return bills_; }
  /// Requests that a turn of the script answered, also those with an error or a cut.
  [[nodiscard]] std::int64_t answers() const { return answers_; }
  /// Nobody asked for what the script does not have.
  [[nodiscard]] bool was_kept() const { return refusals_.empty(); }
  /// Turns of attempts that took place which nobody asked for, and requests for which there was
  /// none; for people, each with its place.
  [[nodiscard]] std::vector<std::string> differences() const;

 private:
  struct Attempt {
    dsl::NodeId node;
    std::int64_t number = 1;
    const std::vector<ScriptTurn>* turns = nullptr;  // null: the script has none for it
    std::string missing;                             // then: why
    std::size_t turn = 0;                            // the next one
    std::int64_t times = 0;                          // that it was said already
  };
  void begin(const AttemptStarted& started);
  void answer(const std::string& job,
              const HttpRequest& http,
              const std::shared_ptr<HttpExchange>& exchange);
  [[nodiscard]] std::int64_t tokens_of(const std::string& job, std::string_view body) const;
  void note(const std::string& difference);
  void refuse(const ProviderRequest& request, const std::string& why, HttpExchange& exchange);
  void say(const ScriptTurn& turn,
           const ProviderRequest& request,
           const std::shared_ptr<HttpExchange>& exchange);

  EventLoop& loop_;
  const Script script_;
  HttpServer server_;
  std::map<std::string, Attempt, std::less<>> attempts_;  // by job
  std::vector<ScriptedBill> bills_;
  std::vector<std::string> refusals_;
  std::set<std::string> spoke_tls_;  // jobs
  std::int64_t answers_ = 0;
  std::shared_ptr<bool> alive_;  // what waits for its time asks this first
};

}  // namespace runner
