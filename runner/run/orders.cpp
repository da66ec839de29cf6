#include "runner/run/orders.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "dsl/expression.h"
#include "dsl/plan_json.h"
#include "runner/run/scope.h"
#include "runner/run/templates.h"
#include "runner/run/verifier.h"

namespace runner {

using dsl::Error;
using dsl::PlanNode;
using dsl::Result;
using dsl::Template;

namespace {

using Env = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kRun = "PIPE_RUN";
constexpr const char* kAttempt = "PIPE_ATTEMPT";

bool all_literal(const PlanNode& plan) {
  bool literal = true;
  for_each_template(plan, [&literal](const Template& text) {
    for (const Template::Piece& piece : text.pieces) {
      literal = literal && piece.kind == Template::Piece::Kind::Literal;
    }
  });
  return literal;
}

/// Fills templates in; the scope is made only when a hole needs it.
class Filler {
 public:
  Filler(const OrderContext& context, std::size_t node) {
    if (!all_literal(context.state.plan_node(node))) {
      const TreeRef& input = context.state.nodes()[node].input;
      scope_ = scope_of(context.state,
                        node,
                        [&trees = context.trees, input](const std::vector<std::string>& globs) {
                          return trees.hash_files(input, globs);
                        });
    }
  }

  Result<std::string> fill(const Template& text) const { return dsl::render(text, scope_); }

  Result<std::vector<std::string>> fill(const dsl::Command& command) const {
    std::vector<std::string> argv;
    for (const Template& word : command.argv) {
      Result<std::string> text = fill(word);
      if (!text) {
        return text.error();
      }
      argv.push_back(*std::move(text));
    }
    return argv;
  }

  dsl::Status add(Env& env, const std::vector<dsl::EnvVar>& variables) {
    for (const dsl::EnvVar& variable : variables) {
      Result<std::string> value = fill(variable.value);
      if (!value) {
        return value.error().within("env " + variable.name);
      }
      see(variable.name, *value);
      env.emplace_back(variable.name, *std::move(value));
    }
    return dsl::Ok{};
  }

 private:
  /// Later values may mention earlier ones as env.NAME.
  void see(const std::string& name, const std::string& value) {
    for (auto& [context, members] : scope_.contexts) {
      if (context == "env") {
        std::get<dsl::Value::Record>(members.held).emplace_back(name, dsl::Value(value));
        return;
      }
    }
    dsl::Value::Record record;
    record.emplace_back(name, dsl::Value(value));
    scope_.contexts.emplace_back("env", dsl::Value(std::move(record)));
  }

  dsl::Scope scope_;
};

JobName job_name(const OrderContext& context,
                 std::size_t node,
                 std::int64_t attempt,
                 const std::string& part) {
  const std::string digest = dsl::sha256_hex(context.state.nodes()[node].id.value).substr(0, 12);
  return JobName(fmt::format(
      "{}-{}-{}-{}{}", context.job_prefix, context.state.run().value, digest, attempt, part));
}

Env own_variables(const OrderContext& context, std::size_t node, std::int64_t attempt) {
  const NodeState& me = context.state.nodes()[node];
  const PlanNode& plan = context.state.plan_node(node);
  return {{kRun, context.state.run().value},
          {"PIPE_PIPELINE", context.state.plan().name},
          {"PIPE_PHASE", plan.phase},
          {"PIPE_TASK", plan.task},
          {"PIPE_NODE", me.id.value},
          {kAttempt, std::to_string(attempt)}};
}

/// What attempts and checks of a node share. `tree` and the command are left to the caller.
Result<WorkOrder> common(const OrderContext& context,
                         std::size_t node,
                         std::int64_t attempt,
                         Filler& filler) {
  const PlanNode& plan = context.state.plan_node(node);
  WorkOrder work;
  work.plan = &plan;
  work.run = context.state.run();
  work.node = context.state.nodes()[node].id;
  work.run_input = context.state.input();
  work.input = context.state.nodes()[node].input;
  work.env = own_variables(context, node, attempt);
  if (const dsl::Status added = filler.add(work.env, plan.env); !added) {
    return added.error();
  }
  return work;
}

dsl::Status add_service(const dsl::Service& service, const Filler& filler, WorkOrder& work) {
  WorkOrder::ServiceEnv one;
  one.service = &service;
  Result<std::vector<std::string>> argv = filler.fill(service.command);
  if (!argv) {
    return argv.error().within("service '" + service.name + "'");
  }
  one.argv = *std::move(argv);
  for (const dsl::EnvVar& variable : service.env) {
    Result<std::string> value = filler.fill(variable.value);
    if (!value) {
      return value.error().within("service '" + service.name + "': env " + variable.name);
    }
    one.env.emplace_back(variable.name, *std::move(value));
  }
  work.services.push_back(std::move(one));
  return dsl::Ok{};
}

/// What an attempt of the node is run with; the tree and the names are left to the caller.
Result<WorkOrder> attempt_work(const OrderContext& context,
                               std::size_t node,
                               std::int64_t attempt) {
  const PlanNode& plan = context.state.plan_node(node);
  Filler filler(context, node);
  Result<WorkOrder> work = common(context, node, attempt, filler);
  if (!work) {
    return work;
  }
  Result<std::vector<std::string>> argv = filler.fill(plan.command);
  if (!argv) {
    return argv.error();
  }
  work->argv = *std::move(argv);
  for (const dsl::CacheDecl& cache : plan.caches) {
    Result<std::string> key = filler.fill(cache.key);
    if (!key) {
      return key.error().within("cache key");
    }
    work->caches.push_back({*std::move(key), cache.paths});
  }
  for (const dsl::Service& service : plan.services) {
    if (!service.beside_node) {
      continue;
    }
    if (const dsl::Status added = add_service(service, filler, *work); !added) {
      return added.error();
    }
  }
  return work;
}

/// What a check in a container is run with.
struct CheckWork {
  WorkOrder work;
  std::string url;  // of an http check
};

Result<CheckWork> check_work(const OrderContext& context,
                             std::size_t node,
                             const dsl::Criterion& criterion,
                             std::int64_t attempt) {
  const PlanNode& plan = context.state.plan_node(node);
  Filler filler(context, node);
  Result<WorkOrder> shared = common(context, node, attempt, filler);
  if (!shared) {
    return shared.error();
  }
  CheckWork check{*std::move(shared), ""};
  if (const auto* run = std::get_if<dsl::RunCheck>(&criterion.check)) {
    if (const dsl::Status added = filler.add(check.work.env, run->env); !added) {
      return added.error();
    }
    Result<std::vector<std::string>> argv = filler.fill(run->command);
    if (!argv) {
      return argv.error();
    }
    check.work.argv = *std::move(argv);
  } else if (const auto* http = std::get_if<dsl::HttpCheck>(&criterion.check)) {
    Result<std::string> url = filler.fill(http->url);
    if (!url) {
      return url.error().within("url");
    }
    check.url = *std::move(url);
  }
  for (const dsl::Service& service : plan.services) {
    const bool wanted =
        criterion.service == service.name || (service.beside_node && !criterion.service.empty());
    if (!wanted) {
      continue;
    }
    if (const dsl::Status added = add_service(service, filler, check.work); !added) {
      return added.error();
    }
  }
  return check;
}

/// Words of any bytes, so that no two lists of them are the same text.
void add_word(std::string& text, const std::string& word) {
  text += fmt::format("{}:", word.size());
  text += word;
}

/// What comes of a job that does not look at which run and attempt it is part of.
void add_work(std::string& text, const WorkOrder& work) {
  const auto add_command = [&text](const std::vector<std::string>& argv, const Env& env) {
    for (const std::string& word : argv) {
      add_word(text, word);
    }
    text += "\nenv ";
    for (const auto& [name, value] : env) {
      if (name != kRun && name != kAttempt) {
        add_word(text, name);
        add_word(text, value);
      }
    }
  };
  text += "\nrun ";
  add_command(work.argv, work.env);
  for (const CachePath& cache : work.caches) {
    text += "\ncache ";
    add_word(text, cache.key);
  }
  for (const WorkOrder::ServiceEnv& service : work.services) {
    text += "\nservice ";
    add_word(text, service.service->name);
    add_command(service.argv, service.env);
  }
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
  message += "Pipe-Plan: " + context.state.plan_digest() + "\n";
  return message;
}

/// What the agent is asked at first: its prompt, and what the file of its input says.
Result<std::string> first_prompt(const OrderContext& context,
                                 std::size_t node,
                                 const TreeRef& input) {
  constexpr std::int64_t kLongest = 1 << 20;
  const dsl::Agent& agent = *context.state.plan_node(node).agent;
  Result<std::string> prompt = Filler(context, node).fill(agent.prompt);
  if (!prompt) {
    return prompt.error().within("prompt");
  }
  if (!agent.prompt_file.empty()) {
    const auto file = context.trees.read_file(input, agent.prompt_file, kLongest);
    if (!file) {
      return file.error().within("prompt_file");
    }
    if (!*file || (*file)->symlink || (*file)->truncated) {
      return Error{fmt::format("prompt_file '{}' {}",
                               agent.prompt_file,
                               !*file               ? "is not in the task's input"
                               : (*file)->truncated ? "is larger than 1 MiB"
                                                    : "is a link"),
                   ""};
    }
    *prompt += "\n\n" + (*file)->bytes;
  }
  const std::size_t begin = std::min(prompt->find_first_not_of(" \t\r\n"), prompt->size());
  prompt->erase(0, begin);
  prompt->erase(prompt->find_last_not_of(" \t\r\n") + 1);
  if (prompt->empty()) {
    return Error{"the agent's prompt is empty", ""};
  }
  return *prompt + "\n";
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
  if (!plan.retry.feedback || plan.retry.attempts < 2 || plan.agent->state.empty()) {
    return dsl::Ok{};
  }
  if (!order.feedback.empty() && me.last && me.last->agent) {
    order.session = me.last->agent->session;
  }
  order.work.caches.push_back({fmt::format("session {} {}", context.state.run().value, me.id.value),
                               plan.agent->state,
                               true});
  return dsl::Ok{};
}

}  // namespace

Result<AttemptOrder> attempt_order(const OrderContext& context,
                                   std::size_t node,
                                   std::int64_t now_ms) {
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
  order.work.tree =
      plan.retry.feedback && me.failures > 0 && me.last ? me.last->produced : me.input;
  order.feedback = feedback_text(context.state, node);
  order.work.idle_timeout = plan.idle_timeout;
  if (plan.agent) {
    if (const dsl::Status added = add_agent(context, node, order); !added) {
      return added.error();
    }
  }
  order.commit_message = commit_message(context, node, order.attempt);
  order.commit_time_s = now_ms / 1000;
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

JobName attempt_job(const OrderContext& context, std::size_t node, std::int64_t attempt) {
  return job_name(context, node, attempt, "");
}

Result<std::string> result_key(const OrderContext& context,
                               std::size_t node,
                               const TreeRef& input,
                               const std::string& image_digest) {
  const PlanNode& plan = context.state.plan_node(node);
  // A person's word is for the run that asked for it.
  const bool asks = std::any_of(plan.criteria.begin(), plan.criteria.end(), [](const auto& one) {
    return std::holds_alternative<dsl::ManualCheck>(one.check);
  });
  if (!plan.reuse || plan.command.argv.empty() || asks) {
    return std::string();
  }
  PlanNode what = plan;  // without what the result does not depend on
  what.id = {};
  what.phase.clear();
  what.task.clear();
  what.description.clear();
  what.needs.clear();
  what.condition.reset();
  what.for_each.reset();
  what.matrix.clear();
  what.pool.clear();
  what.expect = {};
  what.retry = {};
  Result<std::string> content = context.trees.content_of(input);
  if (!content) {
    return content.error();
  }
  std::string text = "3\n" + dsl::node_to_json(what) + "\n" + image_digest + "\n" + *content +
                     "\n" + input.artifacts + "\n";
  std::vector<std::string> trusted = plan.workspace.protect;
  for (const dsl::Criterion& criterion : plan.criteria) {
    const auto* json = std::get_if<dsl::JsonCheck>(&criterion.check);
    if (json != nullptr && json->schema) {
      trusted.push_back(*json->schema);
    }
  }
  if (!trusted.empty()) {
    Result<std::string> digest = context.trees.hash_files(context.state.input(), trusted);
    if (!digest) {
      return digest.error();
    }
    text += *digest + "\n";
  }
  // What is really run, not what a template of it looks like: two runs, or two items of a for_each,
  // may differ in nothing but a value.
  const Result<WorkOrder> attempt = attempt_work(context, node, 0);
  if (!attempt) {
    return attempt.error();
  }
  add_work(text, *attempt);
  if (plan.agent) {
    const Result<std::string> prompt = first_prompt(context, node, input);
    if (!prompt) {
      return prompt.error();
    }
    add_word(text, *prompt);
  }
  for (const dsl::Criterion& criterion : plan.criteria) {
    if (!needs_container(criterion)) {
      continue;
    }
    const Result<CheckWork> check = check_work(context, node, criterion, 0);
    if (!check) {
      return check.error();
    }
    add_work(text, check->work);
    add_word(text, check->url);
  }
  return dsl::sha256_hex(text);
}

std::string feedback_text(const RunState& state, std::size_t node) {
  const NodeState& me = state.nodes()[node];
  const PlanNode& plan = state.plan_node(node);
  if (!plan.retry.feedback || me.failures == 0 || !me.last) {
    return "";
  }
  std::string text = fmt::format("# Attempt {} of '{}' was not accepted\n\n{}\n",
                                 me.last->attempt,
                                 me.id.value,
                                 me.last_failure);
  const auto quote = [&text](const std::string& excerpt) {
    if (!excerpt.empty()) {
      text += "\nThe end of its output:\n\n";
      text += "    ";
      for (const char byte : excerpt) {
        text += byte;
        if (byte == '\n') {
          text += "    ";
        }
      }
      text += "\n";
    }
  };
  for (const std::string& note : me.last->notes) {
    text += "\n- note: " + note;
  }
  text += me.last->notes.empty() ? "" : "\n";
  if (!me.last->is_through() && (me.last->agent || !me.last->end.succeeded())) {
    quote(me.last->excerpt);
    return text;
  }
  text += "\n## Criteria\n";
  for (std::size_t i = 0; i < plan.criteria.size(); ++i) {
    const CriterionState& criterion = me.criteria[i];
    const bool met = criterion.verdict == Verdict::Met;
    text += fmt::format("\n- [{}] {}\n", met ? "x" : " ", plan.criteria[i].text);
    if (!met && criterion.verdict) {
      text += fmt::format(
          "  checked by: {}\n  result: {}\n", criterion.evidence.what, criterion.evidence.result);
      quote(criterion.evidence.excerpt);
    }
  }
  return text;
}

}  // namespace runner
