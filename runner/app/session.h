#pragma once

// A run from beginning to end, with the real rooms wired together: the store is opened, the project
// taken, engines probed, the plan checked against them, the run loop driven, the result delivered.
// This is what `pipe run` and `pipe resume` call. Blocks the calling thread (which becomes the loop
// thread) until the run ended.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "dsl/sealed_plan.h"
#include "runner/app/rehearsal.h"
#include "runner/app/sealing.h"
#include "runner/app/settings.h"
#include "runner/run/clock.h"
#include "runner/run/observer.h"
#include "runner/run/run_state.h"

namespace runner {

enum class ExitCode {
  Passed = 0,
  Failed = 1,
  Invalid = 2,
  Environment = 3,
  WaitingForApproval = 4,
  BudgetExhausted = 5,
  Bug = 70,
  Interrupted = 130,
  Terminated = 143,
};

/// "file:line:column" of what a plan says, for what is refused before the run.
struct PlacesInFile {
  std::function<std::string(std::size_t node)> node;  // may be empty
  std::string workspace_source;                       // "": nowhere
  std::string require_approval;
};

struct RunRequest {
  dsl::Plan plan;
  PlacesInFile places;
  std::string file;   // the pipeline file as the user named it; workspace.source is relative to it
  std::string name;   // "" : one is made
  int jobs = 0;       // 0: as many as processors
  bool reuse = true;  // false: --no-cache, nothing is taken from earlier runs
  std::vector<std::string> env_files;     // --env-file: where secrets are looked for first
  bool include_dirty = false;             // uncommitted changes of a repository are taken too
  bool learn_firewall = false;            // what tasks try to reach is heard of, and refused
  std::string branch;                     // of a repository, in place of HEAD; "" HEAD
  std::string commit;                     // the same, as git knows it: --commit; "" HEAD
  bool push = true;                       // false: --no-push, whatever the plan says
  bool pull_request = true;               // false: --no-pr
  PlanSources sources;                    // as the plan was compiled; needed for what is sealed
  std::optional<dsl::SealedPlan> sealed;  // nothing else may be run than this
  std::string sealed_file;  // where it is, or is to be: never part of the input; "" nowhere
  std::optional<RehearsalScript> rehearsal;          // its models answer from this
  std::string record;                                // file for what its models say; "" none
  std::function<void(const std::string& note)> say;  // before the run has a name; may be empty
};

/// What observers are made from: called once, when the run has a name and before its first event.
struct SessionStart {
  dsl::RunId run;
  std::string run_folder;  // absolute
  const dsl::Plan& plan;
  bool resumed = false;
  std::vector<dsl::Error> warnings;  // of what the run begins with
  Clock* clock = nullptr;            // the loop's, for observers that redraw; outlives them
};
using MakeObservers =
    std::function<std::vector<std::unique_ptr<Observer>>(const SessionStart& start)>;

struct SessionEnd {
  ExitCode code = ExitCode::Passed;
  dsl::RunId run;
  std::vector<dsl::Error> problems;  // everything that stood in the way
  std::vector<dsl::Error> warnings;  // what went wrong beside it and changes nothing of the outcome
  std::shared_ptr<const RunState> state;  // how far the run came; null: it did not start
  std::string run_folder;                 // absolute, where it did
  std::optional<RehearsalSum> rehearsed;  // where it was a rehearsal
};

SessionEnd run_session(const Settings& settings,
                       RunRequest request,
                       const MakeObservers& make_observers);

/// What `run_session` would run, resolved and not run: images are made present, credentials are not
/// asked for. `sealed` is absent where something stands in the way.
struct SealEnd {
  ExitCode code = ExitCode::Passed;
  std::vector<dsl::Error> problems;
  std::optional<dsl::SealedPlan> sealed;
};
SealEnd seal_session(const Settings& settings, RunRequest request);

/// Goes on with a run that was interrupted, died or waits for a person. A finished run is an Error
/// in `problems` with ExitCode::Invalid; one that another runner holds too.
SessionEnd resume_session(const Settings& settings,
                          const dsl::RunId& run,
                          int jobs,
                          const std::vector<std::string>& env_files,
                          const MakeObservers& make_observers);

}  // namespace runner
