#pragma once

// What the models of a run say, in a file that `pipe rehearse` answers from (`pipe run --record`).
// What was heard is kept in the run's folder too, line by line, so that a runner that resumes the
// run knows what an earlier one heard, and goes on. Values of secrets are masked in both. Loop
// thread.

#include <memory>
#include <string>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/model/model_listener.h"
#include "runner/rehearsal/recorder.h"
#include "runner/run/masking.h"
#include "runner/run/observer.h"
#include "runner/sys/fd.h"

namespace runner {

class Recording {
 public:
  explicit Recording(std::string file);
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  /// As the recording of a run begins in its folder, in the file kRecordedFile.
  [[nodiscard]] std::string begin() const;
  /// What is in that folder is known from now on, and what is heard is added there. `masking`
  /// outlives this. An Error, told again by `write`, leaves the run as it is.
  void keep_in(const std::string& folder, const Masking& masking);

  /// Must be told the run's events, before the gateway's requests.
  [[nodiscard]] Observer& observer() { return recorder_; }
  /// For the gateway, which this outlives.
  [[nodiscard]] ModelListener listener();

  /// Writes the file, whatever became of the run. An Error leaves what was there.
  [[nodiscard]] dsl::Status write(const dsl::RunId& run,
                                  const dsl::Plan& plan,
                                  const Masking& masking) const;

 private:
  void keep(const std::string& line);

  const std::string file_;
  ModelRecorder recorder_;
  const Masking* masking_ = nullptr;
  Fd log_;
  std::string trouble_;  // with the log, "" none
};

inline constexpr const char* kRecordedFile = "recorded.jsonl";

/// The recording that a run in this folder has; nothing: it has none.
dsl::Result<std::unique_ptr<Recording>> recording_of_run(const std::string& folder);

/// What stands in the way of recording a run of this plan to this file, before it starts.
dsl::Status may_record(const std::string& file, const dsl::Plan& plan);

}  // namespace runner
