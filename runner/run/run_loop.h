#pragma once

// Drives a run: asks the scheduler what to do, writes the events, carries the actions out, takes in
// what came of them. Each tick commits all its events in one transaction before any of their
// effects starts or shows (law 1). Loop thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runner/run/agent.h"
#include "runner/run/clock.h"
#include "runner/run/egress.h"
#include "runner/run/engine.h"
#include "runner/run/job_files.h"
#include "runner/run/journal.h"
#include "runner/run/observer.h"
#include "runner/run/result_cache.h"
#include "runner/run/run_state.h"
#include "runner/run/secrets.h"
#include "runner/run/trees.h"

namespace runner {

/// Who does the work. All outlive the loop.
struct RunParts {
  Trees& trees;
  Journal& journal;
  Clock& clock;
  JobFiles& files;
  ResultCache* cache = nullptr;     // null: nothing is taken or kept
  std::vector<Engine*> engines;     // by plan node; null for nodes without a command or container
  std::vector<std::string> images;  // by plan node: the digest of its image
  std::vector<Observer*> observers;
  Egress* egress = nullptr;     // null: no node has a firewall
  Secrets* secrets = nullptr;   // null: no node has any
  MakeAgentReader agents = {};  // empty: no node has an agent
};

struct RunLoopOptions {
  std::size_t slots = 1;  // containers and merges at once
  bool reuse = true;      // take earlier results (they are kept in any case)
  dsl::Duration grace =
      kUsualGrace;  // between TERM and KILL: of a timeout, of a run that is stopped
  std::string job_prefix = "pipe";
};

/// Why the loop has ended. Nothing of the run is under way any more.
struct RunEnd {
  enum class How {
    Finished,     // RunState::outcome says how
    Waiting,      // for a person; nothing else is left to do
    Interrupted,  // `stop` was called
    Broken,       // the journal cannot be written (`error`), or a bug
  };
  How how = How::Finished;
  dsl::Error error;
};

class RunLoop {
 public:
  RunLoop(RunState& state,
          RunParts parts,
          RunLoopOptions options,
          std::function<void(RunEnd)> ended);
  ~RunLoop();
  RunLoop(const RunLoop&) = delete;
  RunLoop& operator=(const RunLoop&) = delete;

  /// Begins a new run, or goes on with one whose journal has been replayed into the state.
  void start(RunStarted how);
  void resume();

  /// Ends what is under way and then the loop. A second call kills at once.
  void stop(const std::string& by);

  /// Adds a fact of the outside (ResultDelivered, PersonAnswered) and tells the observers, then
  /// `done`. REQUIRES: the loop has ended.
  void record(decltype(Event::what) what, std::function<void(dsl::Status)> done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace runner
