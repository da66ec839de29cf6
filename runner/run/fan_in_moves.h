#pragma once

// How the merges of a RunState come and go. Used by the fold (run_state.cpp) only.

#include <cstddef>
#include <vector>

#include "dsl/result.h"
#include "runner/run/run_state.h"

namespace runner {

class FanInMoves {
 public:
  explicit FanInMoves(RunState& state) : s_(state) {}

  // An Error for an event that does not fit; the state is then unchanged.

  /// Returns its place.
  dsl::Result<std::size_t> open(const FanInOpened& e);
  dsl::Status begin(const FanInCheckStarted& e);
  dsl::Status end(const FanInCheckEnded& e);

  /// Of a runner that is gone; and what the world kept from being verified.
  void forget_what_was_under_way();
  /// Merges of work that is done again, and those that nobody waits for any more.
  void drop_unwanted();

 private:
  dsl::Result<std::vector<std::size_t>> places(const std::vector<dsl::NodeId>& ids) const;
  /// The trial that the event is about, or where it is to be added.
  template <class E>
  dsl::Result<FanInCriterion*> criterion_of(const E& e);
  void open_if_unsettled(std::size_t place);

  RunState& s_;
};

}  // namespace runner
