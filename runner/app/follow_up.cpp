#include "runner/app/follow_up.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dsl/commit_message.h"
#include "dsl/plan_json.h"
#include "runner/app/paths.h"
#include "runner/app/rehearsal.h"
#include "runner/report/escape.h"
#include "runner/run/continuation.h"
#include "runner/run/orders.h"
#include "runner/run/owed.h"
#include "runner/store/caches.h"
#include "runner/store/journal.h"
#include "runner/store/project.h"
#include "runner/store/run_store.h"
#include "runner/store/tree_store.h"

namespace runner {
namespace {

using dsl::Error;
using dsl::Plan;
using dsl::Result;
using dsl::RunId;
using dsl::Status;

/// A run as its journal tells it.
struct Earlier {
  explicit Earlier(Plan plan_in) : plan(std::move(plan_in)), state(plan) {}
  const Plan plan;
  RunState state;
};

Result<std::unique_ptr<Earlier>> read_run(const RunStore& store, const RunId& run) {
  const Result<std::string> json = store.plan_json(run);
  Result<Plan> plan = json ? dsl::plan_from_json(*json) : json.error();
  if (!plan) {
    return plan.error().within("run '" + run.value + "'");
  }
  auto earlier = std::make_unique<Earlier>(*std::move(plan));
  if (const Status replayed = replay(store.run_folder(run), earlier->state); !replayed) {
    return replayed.error().within("run '" + run.value + "'");
  }
  return earlier;
}

Status check_is_a_result(const std::string& run, bool was_rehearsed, bool rehearses) {
  if (was_rehearsed && !rehearses) {
    return Error{"'" + run + "' was a rehearsal, which leaves no result to go on from",
                 "`pipe rehearse --continue " + run + "` rehearses how it goes on"};
  }
  return dsl::Ok{};
}

Status check_can_go_on(const RunState& state) {
  const std::string run = report::one_line(state.run().value);
  if (!state.started() || state.outcome() != Outcome::Passed) {
    return Error{"'" + run + "' has not passed: only from a verified result a run goes on",
                 state.outcome() ? "start a new run: what was verified comes from the cache"
                                 : "`pipe show " + run + "` says where it stands, `pipe resume " +
                                       run + "` goes on with the run itself"};
  }
  if (!state.undone().empty()) {
    return Error{"the result of '" + run + "' was undone", "start a new run"};
  }
  if (owed(state) == Owed::Delivery) {
    return Error{"the result of '" + run + "' has not reached the project",
                 "`pipe resume " + run + "` brings it"};
  }
  return dsl::Ok{};
}

/// The agent's session: its own, or that of the run whose result was taken over. Empty where none
/// is left.
struct LastSession {
  std::string run;
  std::string session;
};
LastSession last_session(const RunStore& store,
                         const Caches& caches,
                         const RunState& state,
                         const dsl::NodeId& id) {
  constexpr int kMostTakenOver = 100;
  std::unique_ptr<Earlier> held;
  const RunState* at = &state;
  for (int i = 0; i < kMostTakenOver; ++i) {
    const auto found = at->find(id);
    const NodeState* const node = found ? &at->nodes()[*found] : nullptr;
    if (node != nullptr && node->reused) {
      Result<std::unique_ptr<Earlier>> from = read_run(store, node->reused_from);
      if (!from) {
        return {};  // removed since
      }
      held = *std::move(from);
      at = &held->state;
      continue;
    }
    const bool has = node != nullptr && node->last && node->last->agent &&
                     caches.has(session_key(at->run(), id));
    return has ? LastSession{at->run().value, node->last->agent->session} : LastSession{};
  }
  return {};
}

}  // namespace

Result<FollowUpRun> follow_up_run(const Settings& settings, const FollowUpRequest& request) {
  const Result<RunStore> store = RunStore::open(settings.state_dir, RunStore::Access::Create);
  if (!store) {
    return store.error();
  }
  const Result<std::unique_ptr<Earlier>> earlier = read_run(*store, request.run);
  if (!earlier) {
    return earlier.error();
  }
  const RunState& state = (*earlier)->state;
  if (const Status able = check_can_go_on(state); !able) {
    return able.error();
  }
  const bool was_rehearsed = is_rehearsal(store->run_folder(request.run));
  if (const Status is_one =
          check_is_a_result(report::one_line(request.run.value), was_rehearsed, request.rehearses);
      !is_one) {
    return is_one.error();
  }
  const Result<std::unique_ptr<TreeStore>> trees = TreeStore::open(store->trees_folder(), {});
  const Result<Project> project =
      trees ? project_of_run(**trees, store->run_folder(request.run)) : trees.error();
  Result<ContinuedPlan> next = continued_plan((*earlier)->plan, request.task, request.prompt);
  if (!project || !next) {
    return project ? next.error() : project.error();
  }
  if (was_rehearsed && project->kind == Project::Kind::Folder) {
    return Error{
        "a rehearsal leaves a plain folder as it is, so that nothing is there to go on from",
        "make the project a git repository (`git init`), and rehearse it again"};
  }
  dsl::PlanNode& asked = next->plan.nodes[next->asked];
  const Caches caches(store->folder() + "/caches",
                      cache_owner((*earlier)->plan, request.rehearses));
  const LastSession last = last_session(*store, caches, state, asked.id);
  asked.agent->follow_up->run = last.run;
  asked.agent->follow_up->session = last.session;

  FollowUpRun run;
  run.note =
      "'" + report::one_line(asked.id.value) + "' " +
      (last.session.empty() ? "is asked all anew: no session of it is left"
                            : "goes on with its session of '" + report::one_line(last.run) + "'");
  if (project->kind == Project::Kind::Repository && state.result().commit != state.input().commit) {
    run.request.branch = branch_of(next->plan.name, request.run);
  }
  run.request.plan = std::move(next->plan);
  dsl::PlanOrigin& origin = run.request.sources.origin;
  origin.continues = request.run.value;
  origin.task = request.task;
  origin.prompt = request.prompt;
  return run;
}

}  // namespace runner
