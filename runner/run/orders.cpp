#include "runner/run/orders.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "runner/run/feedback.h"
#include "runner/run/meter.h"
#include "runner/run/prompt.h"
#include "runner/run/review.h"

namespace runner {

using dsl::PlanNode;
using dsl::Result;

namespace {

JobName job_name(const OrderContext& context,
                 std::size_t node,
                 std::int64_t attempt,
                 const std::string& part) {
  const std::string digest = dsl::sha256_hex(context.state.nodes()[node].id.value).substr(0, 12);
  return JobName(fmt::format(
      "{}-{}-{}-{}{}", context.job_prefix, context.state.run().value, digest, attempt, part));
}

/// "refresh: implement" and the trailers by which a commit is traced back to its run.
std::string commit_message(const OrderContext& context, std::size_t node, std::int64_t attempt) {
  const NodeState& me = context.state.nodes()[node];
  const PlanNode& plan = context.state.plan_node(node);
  std::string message =
      me.id.value + ": " +
      (plan.description.empty() ? "work of phase " + plan.phase
                                : plan.description.substr(0, plan.description.find('\n'))) +
      "\n\n";
  message += "Pipe-Run: " + context.state.run().value + "\n";
  message += "Pipe-Task: " + me.id.value + "\n";
  message += fmt::format("Pipe-Attempt: {}\n", attempt);
  message += "Pipe-Plan: " + context.state.digest_for_people() + "\n";
  return message;
}

/// In whose name the agent's requests count.
Spender spender_of(const OrderContext& context, std::size_t node) {
  const dsl::Plan& plan = context.state.plan();
  const PlanNode& own = context.state.plan_node(node);
  Spender who;
  who.run = context.state.run();
  who.pipeline = plan.name;
  who.phase = own.phase;
  who.task = own.id;
  who.agent = own.agent->name;
  who.task_budget = own.budget;
  for (const dsl::PlanPhase& phase : plan.phases) {
    if (phase.name == own.phase) {
      who.phase_budget = phase.budget;
    }
  }
  who.run_budget = plan.budget;
  return who;
}

/// What the agent is asked, and with which session it could go on.
dsl::Status add_agent(const OrderContext& context, std::size_t node, AttemptOrder& order) {
  const NodeState& me = context.state.nodes()[node];
  const PlanNode& plan = context.state.plan_node(node);
  Result<std::string> prompt = first_prompt(context, node, me.input);
  if (!prompt) {
    return prompt.error();
  }
  order.prompt = *std::move(prompt);
  const std::optional<dsl::FollowUp>& follow_up = plan.agent->follow_up;
  if (follow_up) {
    order.prompt += "\n" + follow_up->prompt + "\n";
  }
  order.spender = spender_of(context, node);
  if (plan.agent->state.empty()) {
    return dsl::Ok{};
  }
  CachePath session{session_key(context.state.run(), me.id), plan.agent->state, "", true};
  // A session in which no model has said anything is not to be relied on: Gemini CLI saves none.
  const bool was_answered = me.spent.turns > 0 || !is_metered(plan);
  if (!order.feedback.empty() && me.last && me.last->agent) {
    order.session = was_answered ? me.last->agent->session : "";
  } else if (follow_up && order.feedback.empty()) {
    order.session = follow_up->session;
    order.follow_up = follow_up->prompt + "\n";
  }
  if (follow_up) {
    session.else_key = session_key(dsl::RunId(follow_up->run), me.id);
  }
  order.work.caches.push_back(std::move(session));
  return dsl::Ok{};
}

}  // namespace

std::string session_key(const dsl::RunId& run, const dsl::NodeId& node) {
  return fmt::format("session {} {}", run.value, node.value);
}

Result<AttemptOrder> attempt_order(const OrderContext& context,
                                   std::size_t node,
                                   std::int64_t now_ms,
                                   std::int64_t since_ms) {
  const NodeState& me = context.state.nodes()[node];
  const PlanNode& plan = context.state.plan_node(node);
  AttemptOrder order;
  order.attempt = me.attempt + 1;
  Result<WorkOrder> work = attempt_work(context, node, order.attempt);
  if (!work) {
    return work.error();
  }
  order.work = *std::move(work);
  order.work.job = attempt_job(context, node, order.attempt);
  order.work.log_part = std::to_string(order.attempt);
  order.work.timeout = plan.timeout;
  if (me.parked && plan.timeout.ms > 0) {
    order.work.timeout.ms = std::max<std::int64_t>(plan.timeout.ms - me.worked_ms, 1'000);
  }
  if (const auto left = context.state.time_left(node, since_ms)) {
    const std::int64_t most = std::max<std::int64_t>(left->ms, 1);
    order.work.timeout.ms =
        order.work.timeout.ms > 0 ? std::min(order.work.timeout.ms, most) : most;
  }
  // A command that knows nothing of an attempt before it would do the same work twice.
  const bool goes_on = me.last && (me.parked || (plan.retry.feedback && me.failures > 0) ||
                                   (me.sent_back && can_be_told(plan)));
  order.work.tree = goes_on ? me.last->produced : me.input;
  order.feedback = feedback_text(context.state, node);
  order.work.idle_timeout = plan.idle_timeout;
  if (plan.agent) {
    if (const dsl::Status added = add_agent(context, node, order); !added) {
      return added.error();
    }
  }
  order.commit_message = commit_message(context, node, order.attempt);
  order.commit_time_s = now_ms / 1000;
  order.conventional = context.state.plan().git.conventional;
  return order;
}

Result<CheckOrder> check_order(const OrderContext& context,
                               std::size_t node,
                               std::size_t criterion_index,
                               Subject subject) {
  const NodeState& me = context.state.nodes()[node];
  const dsl::Criterion& criterion = context.state.plan_node(node).criteria[criterion_index];
  CheckOrder order;
  order.attempt = subject == Subject::Input ? 0 : me.attempt;
  order.criterion = criterion_index;
  order.subject = subject;
  Result<CheckWork> check = check_work(context, node, criterion, order.attempt);
  if (!check) {
    return check.error();
  }
  order.work = std::move(check->work);
  order.url = std::move(check->url);
  const std::string where = subject == Subject::Input ? "-r" : "-c";
  order.work.job = job_name(context, node, order.attempt, where + std::to_string(criterion_index));
  order.work.log_part = fmt::format("{}.{}-{}",
                                    order.attempt,
                                    subject == Subject::Input ? "red" : "criterion",
                                    criterion_index + 1);
  order.work.tree = subject == Subject::Input ? context.state.before(node) : me.last->produced;
  order.work.restore_protected = true;
  order.work.timeout = criterion.timeout;
  return order;
}

Result<CheckOrder> fan_in_order(const OrderContext& context,
                                std::size_t fan_in,
                                std::size_t criterion,
                                std::size_t trial,
                                const TreeRef& tree) {
  const FanInCriterion& one = context.state.fan_ins()[fan_in].criteria[criterion];
  const NodeState& task = context.state.nodes()[one.task];
  const dsl::Criterion& what = context.state.plan_node(one.task).criteria[one.criterion];
  CheckOrder order;
  order.attempt = task.attempt;
  order.criterion = one.criterion;
  Result<CheckWork> check = check_work(context, one.task, what, task.attempt);
  if (!check) {
    return check.error();
  }
  order.work = std::move(check->work);
  order.url = std::move(check->url);
  order.work.job = fan_in_job(context, fan_in, criterion, trial);
  order.work.log_part =
      fmt::format("{}.merge-{}.criterion-{}", task.attempt, fan_in + 1, one.criterion + 1);
  if (trial > 0) {
    order.work.log_part += fmt::format(".look-{}", trial + 1);
  }
  order.work.tree = tree;
  order.work.input = tree;  // all that is in it was verified, by whom it is
  order.work.restore_protected = true;
  order.work.timeout = what.timeout;
  return order;
}

JobName fan_in_job(const OrderContext& context,
                   std::size_t fan_in,
                   std::size_t criterion,
                   std::size_t trial) {
  const FanInCriterion& one = context.state.fan_ins()[fan_in].criteria[criterion];
  return job_name(context,
                  one.task,
                  context.state.nodes()[one.task].attempt,
                  fmt::format("-m{}-{}-{}", fan_in + 1, one.criterion, trial));
}

JobName attempt_job(const OrderContext& context, std::size_t node, std::int64_t attempt) {
  return job_name(context, node, attempt, "");
}

}  // namespace runner
