#pragma once

// What the models of a run say, in a file that `pipe rehearse` answers from (`pipe run --record`).
// Values of secrets are masked in it. Loop thread.

#include <string>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/model/heard_answer.h"
#include "runner/rehearsal/recorder.h"
#include "runner/run/masking.h"
#include "runner/run/observer.h"

namespace runner {

class Recording {
 public:
  explicit Recording(std::string file) : file_(std::move(file)) {}
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  /// Must be told the run's events, before the gateway's requests.
  [[nodiscard]] Observer& observer() { return recorder_; }
  /// For the gateway, which this outlives.
  [[nodiscard]] ModelListener listener();

  /// Writes the file, whatever became of the run. An Error leaves what was there.
  [[nodiscard]] dsl::Status write(const dsl::RunId& run,
                                  const dsl::Plan& plan,
                                  const Masking& masking) const;

 private:
  const std::string file_;
  ModelRecorder recorder_;
};

/// What stands in the way of recording a run of this plan to this file, before it starts.
dsl::Status may_record(const std::string& file, const dsl::Plan& plan);

}  // namespace runner
