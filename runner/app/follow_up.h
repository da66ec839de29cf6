#pragma once

// `pipe run --continue` and `pipe rehearse --continue`: what is to be run to go on from a run that
// passed. Reads the store; any thread.

#include <string>

#include "dsl/ids.h"
#include "dsl/result.h"
#include "runner/app/session.h"
#include "runner/app/settings.h"

namespace runner {

struct FollowUpRequest {
  dsl::RunId run;
  std::string task;  // the agent that is asked; "" the only one
  std::string prompt;
  bool rehearses = false;  // the run that goes on does
};

/// For `run_session`: the run's plan as `continued_plan` makes it, from the tip of its branch, or
/// from the folder as it is now. `note` says what the agent will know of the run before. Errors:
/// the run has not passed, was undone, has no such agent; what was only rehearsed is no result to
/// go on from but in a rehearsal, which finds it in a branch. It can be sealed: `request.sources`
/// says how the plan was made.
struct FollowUpRun {
  RunRequest request;
  std::string note;
};
dsl::Result<FollowUpRun> follow_up_run(const Settings& settings, const FollowUpRequest& request);

}  // namespace runner
