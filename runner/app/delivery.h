#pragma once

// What passed gets to where the plan wants it, one step after the other: into the project, to the
// remote, into a pull request. A step is done until the journal says so, also by another runner
// after a crash. Blocks the loop's thread.

#include <functional>
#include <string>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/app/publish.h"
#include "runner/run/run_state.h"
#include "runner/store/project.h"
#include "runner/store/tree_store.h"
#include "runner/sys/event_loop.h"

namespace runner {

/// Whether the result will be able to become the branch: its name is free to be used, and no
/// pattern of `git: {protected: …}` matches it. `run` may be any name where none is known yet.
dsl::Status check_branch(const Project& project, const dsl::Plan& plan, const dsl::RunId& run);

struct Delivery {
  EventLoop& loop;
  TreeStore& trees;
  const Project& project;
  const RunState& state;      // follows what `record` writes
  bool rehearsal = false;     // files of a folder stay as they were
  std::string sealed_remote;  // the address to which it may be pushed alone; "" any
  RecordFact record;
  std::function<bool()> stopped;  // a person wants it to end: nothing more leaves this machine
};

/// An Error says what has not been done; everything before it is. Nothing happens for a run that
/// has not passed.
dsl::Status deliver_result(const Delivery& delivery);

}  // namespace runner
