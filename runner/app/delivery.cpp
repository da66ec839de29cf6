#include "runner/app/delivery.h"

#include <optional>
#include <vector>

#include "dsl/commit_message.h"
#include "dsl/glob.h"
#include "runner/app/commit_messages.h"
#include "runner/report/escape.h"
#include "runner/run/owed.h"

namespace runner {
namespace {

using dsl::Error;
using dsl::Result;
using dsl::Status;

Result<std::string> into_project(const Delivery& d, const std::string& branch) {
  if (d.rehearsal && d.project.kind == Project::Kind::Folder) {
    return "a rehearsal; folder '" + d.project.folder + "' is as it was";
  }
  if (const Status allowed = check_branch(d.project, d.state.plan(), d.state.run()); !allowed) {
    return allowed.error();
  }
  const Result<TreeRef> result = result_for_people(d.trees, d.project, d.state);
  return result ? deliver(d.trees, d.project, branch, *result) : result.error();
}

/// Once the remedy has helped, a resumed run goes on with what is owed.
Status or_again(const Delivery& d, const Status& done, const std::string& where_it_is) {
  return done ? done
              : Status(done.error().then("`pipe resume " + report::one_line(d.state.run().value) +
                                         "` tries again and runs nothing twice; the result is " +
                                         where_it_is));
}

Status next_step(const Delivery& d, Owed step) {
  const std::string branch = branch_of(d.state.plan().name, d.state.run());
  const std::string on_branch = "branch '" + report::one_line(branch) + "'";
  const dsl::Git& git = d.state.plan().git;
  switch (step) {
    case Owed::Nothing:
      break;
    case Owed::Delivery: {
      const Result<std::string> where = into_project(d, branch);
      return where ? d.record(ResultDelivered{*where})
                   : or_again(d, where.error(), "kept in the run store");
    }
    case Owed::Push: {
      const Result<TreeRef> result = result_for_people(d.trees, d.project, d.state);
      const Result<std::string> commit =
          result ? commit_of_branch(d.trees, d.project, branch, *result) : result.error();
      return or_again(d,
                      commit ? push_branch(d.loop,
                                           d.project.folder,
                                           {git.remote, d.sealed_remote},
                                           branch,
                                           *commit,
                                           d.record)
                             : Status(commit.error()),
                      on_branch);
    }
    case Owed::PullRequest:
      return or_again(d,
                      open_pull_request(d.loop,
                                        d.project.folder,
                                        branch,
                                        pull_request_of(d.state, *git.pull_request),
                                        d.record),
                      on_branch);
  }
  return dsl::Ok{};
}

}  // namespace

Status check_branch(const Project& project, const dsl::Plan& plan, const dsl::RunId& run) {
  const std::string branch = branch_of(plan.name, run);
  if (project.kind == Project::Kind::Repository) {
    for (const std::string& pattern : plan.git.protected_branches) {
      if (dsl::Glob(pattern).matches(branch)) {
        return Error{"the result would be branch '" + report::one_line(branch) +
                         "', which is protected by '" + report::one_line(pattern) + "'",
                     "narrow the pattern in `git: {protected: …}`, or name the run otherwise"};
      }
    }
  }
  return check_branch_is_free(project, branch);
}

Status deliver_result(const Delivery& delivery) {
  for (Owed next = owed(delivery.state); next != Owed::Nothing; next = owed(delivery.state)) {
    if (next != Owed::Delivery && delivery.stopped()) {
      return Error{next == Owed::Push ? "stopped before the branch was pushed"
                                      : "stopped before a pull request was opened",
                   "`pipe resume " + report::one_line(delivery.state.run().value) +
                       "` goes on with that; nothing is run again"};
    }
    if (const Status done = next_step(delivery, next); !done) {
      return done;
    }
  }
  return dsl::Ok{};
}

}  // namespace runner
