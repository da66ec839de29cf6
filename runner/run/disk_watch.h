#pragma once

// The limit of disk space of one job: what it writes is looked at while it runs, and once more when
// it has ended. Loop thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "dsl/units.h"
#include "runner/run/clock.h"
#include "runner/run/engine.h"
#include "runner/run/job.h"
#include "runner/run/trees.h"

namespace runner {

class DiskWatch {
 public:
  /// No `limit`: nothing is measured, and every `done` is called at once. The others outlive it.
  DiskWatch(std::optional<dsl::Bytes> limit, Engine& engine, Trees& trees, Clock& clock);
  ~DiskWatch();
  DiskWatch(const DiskWatch&) = delete;
  DiskWatch& operator=(const DiskWatch&) = delete;

  /// What lies there before the job (its files, restored caches) is not counted.
  void begin(const PreparedWorkspace& workspace, std::function<void()> done);

  /// From now on the job is stopped, at once, when it has written too much. REQUIRES: it was
  /// started, or is started in this same call of the loop.
  void watch(const PreparedWorkspace& workspace, const JobName& job);

  /// It was stopped for its limit.
  [[nodiscard]] bool is_full() const;

  /// The job has ended: what it wrote at last counts too. `done` is told how the job ended.
  void conclude(const PreparedWorkspace& workspace, JobEnd end, std::function<void(JobEnd)> done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace runner
