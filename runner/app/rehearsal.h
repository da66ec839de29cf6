#pragma once

// What is different in a run that is a rehearsal: its models answer from a script, in the place of
// their hosts; the keys for these are made up; its results stay out of the cache. Everything else
// is as in a run. Loop thread.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/net/connection.h"
#include "runner/rehearsal/script.h"
#include "runner/run/observer.h"
#include "runner/run/result_cache.h"
#include "runner/sys/event_loop.h"

namespace runner {

/// A script that was read without a mistake, and the text that it was read from, to be kept with
/// the run.
struct RehearsalScript {
  std::string file;
  std::string text;
  Script script;
};

/// The script, beneath the folder of a run that is a rehearsal.
inline constexpr const char* kRehearsalFile = "rehearsal.yaml";
bool is_rehearsal(const std::string& run_folder);

/// What the models would have billed.
struct RehearsalSum {
  std::int64_t requests = 0;  // that were answered, and billed
  std::int64_t failed = 0;    // that were answered with an error, or cut before that
  std::int64_t tokens = 0;
};

/// A secret that goes to providers of models and nowhere else.
bool is_key_of_models(const dsl::Secret& secret);

class Rehearsal {
 public:
  Rehearsal(EventLoop& loop, Script script, const dsl::Plan& plan);
  ~Rehearsal();
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  /// Must be told the run's events.
  [[nodiscard]] Observer& observer();
  /// For the gateway, which this outlives.
  [[nodiscard]] StandIn stand_in();
  /// Finds nothing and keeps nothing.
  [[nodiscard]] ResultCache& cache();

  [[nodiscard]] RehearsalSum sum() const;
  /// The agents asked for nothing that the script does not have.
  [[nodiscard]] bool was_kept() const;
  /// Where the agents asked for more, or less, than the script has; for people.
  [[nodiscard]] std::vector<dsl::Error> differences() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace runner
