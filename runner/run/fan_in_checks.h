#pragma once

// Carries out what fan_in.h wants looked at: makes the tree, takes the evidence of an earlier look
// at the same where there is one, and has the criterion judged as that of a task is, by a fresh
// container or by the tree itself. Loop thread.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runner/run/clock.h"
#include "runner/run/engine.h"
#include "runner/run/event.h"
#include "runner/run/executor.h"
#include "runner/run/node_results.h"
#include "runner/run/orders.h"
#include "runner/run/result_cache.h"
#include "runner/run/scheduler.h"

namespace runner {

class FanInChecks {
 public:
  /// All outlive this, and the work that it has under way.
  struct Parts {
    const OrderContext& context;
    Executor& executor;
    NodeResults& results;
    Clock& clock;
    const std::vector<Engine*>& engines;  // by plan node
  };

  explicit FanInChecks(Parts parts) : parts_(parts) {}

  /// What is to be recorded before a node, or with "" the run's result, goes on from a merge of
  /// `sides` to `tree`, but for its number; no value: nothing has to be verified on it.
  std::optional<FanInOpened> opening(const dsl::NodeId& node,
                                     const std::vector<std::size_t>& sides,
                                     const TreeRef& tree) const;

  /// Gives it the number of the same merge, where one is known, else the next. To be called when it
  /// is recorded.
  void number(FanInOpened& opened) const;

  /// What is to be recorded before `start`.
  [[nodiscard]] FanInCheckStarted announce(const StartFanInCheck& what) const;

  /// `done` comes once; without a value where the executor was stopped before it was through.
  void start(const StartFanInCheck& what, std::function<void(std::optional<FanInCheckEnded>)> done);

 private:
  using Done = std::function<void(std::optional<FanInCheckEnded>)>;
  void look(const StartFanInCheck& what, FanInCheckEnded end, const TreeRef& tree, Done done);
  void judge_here(const StartFanInCheck& what, FanInCheckEnded& end, const TreeRef& tree) const;
  [[nodiscard]] const FanInCriterion& criterion_of(const StartFanInCheck& what) const {
    return parts_.context.state.fan_ins()[what.fan_in].criteria[what.criterion];
  }
  [[nodiscard]] std::vector<dsl::NodeId> ids(const std::vector<std::size_t>& places) const;
  /// Which look at the criterion this is.
  [[nodiscard]] std::size_t trial_of(const StartFanInCheck& what) const;

  const Parts parts_;
};

}  // namespace runner
