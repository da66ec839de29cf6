#include "runner/run/result_key.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "dsl/plan_json.h"
#include "runner/run/prompt.h"
#include "runner/run/verifier.h"

namespace runner {

using dsl::PlanNode;
using dsl::Result;

namespace {

using Env = std::vector<std::pair<std::string, std::string>>;

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
      if (name != kRunVariable && name != kAttemptVariable) {
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

/// The values that its jobs see. What a command makes is another one each time, and not looked at.
void add_secrets(std::string& text, const OrderContext& context, const PlanNode& what) {
  for (const dsl::Secret& secret : what.secrets) {
    const bool is_seen = secret.expose != dsl::Secret::Expose::No && secret.command.empty();
    if (!is_seen || context.secrets == nullptr) {
      continue;
    }
    const auto known = std::make_shared<std::string>();  // without a command it is told at once
    context.secrets->value_of(secret, [known](const Result<std::string>& value) {
      *known = value ? *value : std::string();
    });
    text += "\nsecret ";
    add_word(text, secret.name);
    add_word(text, *known);
  }
}

/// The definition of a node without what its result does not depend on, and what it starts from.
Result<std::string> text_of(const OrderContext& context,
                            PlanNode what,
                            const TreeRef& input,
                            const std::string& image_digest) {
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
  Result<std::vector<std::string>> protect =
      context.trees.behind_links(context.state.input(), what.workspace.protect);
  if (!protect) {
    return protect.error();
  }
  std::vector<std::string> trusted = *std::move(protect);
  for (std::size_t i = what.workspace.protect.size(); i < trusted.size(); ++i) {
    add_word(text, trusted[i]);
  }
  for (const dsl::Criterion& criterion : what.criteria) {
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
  add_secrets(text, context, what);
  return text;
}

dsl::Status add_check(std::string& text,
                      const OrderContext& context,
                      std::size_t node,
                      const dsl::Criterion& criterion) {
  if (!needs_container(criterion)) {
    return dsl::Ok{};
  }
  const Result<CheckWork> check = check_work(context, node, criterion, 0);
  if (!check) {
    return check.error();
  }
  add_work(text, check->work);
  add_word(text, check->url);
  return dsl::Ok{};
}

}  // namespace

Result<std::string> check_key(const OrderContext& context,
                              std::size_t node,
                              std::size_t criterion,
                              const TreeRef& tree,
                              const std::string& image_digest) {
  PlanNode what = context.state.plan_node(node);
  if (!what.reuse) {
    return std::string();
  }
  what.criteria = {what.criteria[criterion]};
  const dsl::Criterion& one = context.state.plan_node(node).criteria[criterion];
  Result<std::string> text = text_of(context, std::move(what), tree, image_digest);
  if (!text) {
    return text;
  }
  *text += "on a merge\n";
  const dsl::Status added = add_check(*text, context, node, one);
  return added ? dsl::sha256_hex(*text) : Result<std::string>(added.error());
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
  Result<std::string> definition = text_of(context, plan, input, image_digest);
  if (!definition) {
    return definition;
  }
  std::string& text = *definition;
  // What is really run, not what a template of it looks like: two runs, or two items of a for_each,
  // may differ in nothing but a value.
  const Result<WorkOrder> attempt = attempt_work(context, node, 0);
  if (!attempt) {
    return attempt.error();
  }
  add_work(text, *attempt);
  if (plan.agent) {
    // What files say is of the input, which the key has.
    const Result<std::string> prompt = stated_prompt(context, node, input);
    if (!prompt) {
      return prompt.error();
    }
    add_word(text, *prompt);
  }
  if (plan.merges) {
    // What it resolves has to hold for all that it merges.
    const Branches branches = branches_of(context.state, context.state.sides(node));
    for (const std::size_t task : branches.parted) {
      const NodeState& one = context.state.nodes()[task];
      if (one.key.empty() && !context.state.plan_node(task).criteria.empty()) {
        return std::string();
      }
      add_word(text, one.key);
    }
  }
  for (const dsl::Criterion& criterion : plan.criteria) {
    if (const dsl::Status added = add_check(text, context, node, criterion); !added) {
      return added.error();
    }
  }
  return dsl::sha256_hex(text);
}

}  // namespace runner
