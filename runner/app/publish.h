#pragma once

// A result leaves this machine: its branch is pushed with the user's own git, a pull request opened
// with the user's own gh, in the user's own repository and with the user's configuration, hooks and
// credentials. Nothing that a task wrote is run or read as configuration: what is pushed are
// objects. Blocks the loop's thread.

#include <functional>
#include <string>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/run/event.h"
#include "runner/store/project.h"
#include "runner/sys/event_loop.h"

namespace runner {

/// Writes a fact to the run's journal; success when it is committed.
using RecordFact = std::function<dsl::Status(decltype(Event::what) what)>;

/// Before a run: whether there is anything to push from, where to, and gh where it is needed.
dsl::Status check_can_publish(const Project& project, const dsl::Git& git);

// Both tell what they do before and after. Doing it again is harmless, also after a crash in the
// middle: a branch that the remote has already and a pull request that is open are found.

struct Remote {
  std::string name;
  std::string
      address;  // as sealed (remote_address.h): where it leads elsewhere, nothing is pushed;
                // "" wherever it leads
};

/// The commit (in hex), whatever the branch has become here meanwhile, and nothing beside it. Never
/// by force.
dsl::Status push_branch(EventLoop& loop,
                        const std::string& folder,
                        const Remote& remote,
                        const std::string& branch,
                        const std::string& commit,
                        const RecordFact& record);

/// `request` is what pull_request_of made.
dsl::Status open_pull_request(EventLoop& loop,
                              const std::string& folder,
                              const std::string& branch,
                              const dsl::PullRequest& request,
                              const RecordFact& record);

}  // namespace runner
