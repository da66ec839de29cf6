#include "runner/run/work.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "dsl/expression.h"
#include "runner/run/scope.h"
#include "runner/run/templates.h"

namespace runner {

using dsl::Error;
using dsl::PlanNode;
using dsl::Result;
using dsl::Template;

namespace {

using Env = std::vector<std::pair<std::string, std::string>>;

bool all_literal(const PlanNode& plan) {
  bool literal = true;
  for_each_template(plan, [&literal](const Template& text) {
    for (const Template::Piece& piece : text.pieces) {
      literal = literal && piece.kind == Template::Piece::Kind::Literal;
    }
  });
  return literal;
}

/// What one word of a command, or one variable with its name and '=', may have: the kernel's
/// MAX_ARG_STRLEN without the NUL at its end.
constexpr std::size_t kLongestWord = std::size_t{128} * 1024 - 1;

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
      if (text->size() > kLongestWord) {
        return too_long(word, text->size()).within("the command");
      }
      if (has_nul(*text)) {
        return ends_early().within("the command");
      }
      argv.push_back(*std::move(text));
    }
    return argv;
  }

  Result<std::string> fill(const dsl::EnvVar& variable) const {
    Result<std::string> value = fill(variable.value);
    if (!value) {
      return value.error().within("env " + variable.name);
    }
    if (variable.name.size() + 1 + value->size() > kLongestWord) {
      return too_long(variable.value, value->size()).within("env " + variable.name);
    }
    if (has_nul(*value)) {
      return ends_early().within("env " + variable.name);
    }
    return value;
  }

  dsl::Status add(Env& env, const std::vector<dsl::EnvVar>& variables) {
    for (const dsl::EnvVar& variable : variables) {
      Result<std::string> value = fill(variable);
      if (!value) {
        return value.error();
      }
      see(variable.name, *value);
      env.emplace_back(variable.name, *std::move(value));
    }
    return dsl::Ok{};
  }

 private:
  static bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }
  static dsl::Error ends_early() {
    return {"its text holds a NUL character: a program would be given what stands before it only",
            "write outputs as text"};
  }

  /// Names what made a text so long: no program could be started with it.
  dsl::Error too_long(const Template& text, std::size_t size) const {
    std::string longest;
    std::size_t of_longest = 0;
    for (const Template::Piece& piece : text.pieces) {
      if (piece.kind == Template::Piece::Kind::Expression) {
        const Result<dsl::Value> value = dsl::evaluate(piece.text, scope_);
        const std::size_t length = value ? dsl::to_text(*value).size() : 0;
        if (length > of_longest) {
          of_longest = length;
          longest = piece.text;
        }
      }
    }
    const std::vector<std::string> tasks = dsl::tasks_read(longest);
    const std::string what = longest.empty()
                                 ? fmt::format("{} bytes", size)
                                 : fmt::format("'${{{{ {} }}}}' has {} bytes", longest, of_longest);
    const std::string who =
        tasks.empty() ? "put it into" : fmt::format("let '{}' write it to", tasks.front());
    return {fmt::format("{}, and Linux takes {} with the name of a variable; {} a file of the "
                        "workspace, and read that file here",
                        what,
                        kLongestWord,
                        who),
            ""};
  }

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

Env own_variables(const OrderContext& context, std::size_t node, std::int64_t attempt) {
  const NodeState& me = context.state.nodes()[node];
  const PlanNode& plan = context.state.plan_node(node);
  return {{kRunVariable, context.state.run().value},
          {"PIPE_PIPELINE", context.state.plan().name},
          {"PIPE_PHASE", plan.phase},
          {"PIPE_TASK", plan.task},
          {"PIPE_NODE", me.id.value},
          {kAttemptVariable, std::to_string(attempt)}};
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
  auto protect = context.trees.behind_links(work.run_input, plan.workspace.protect);
  if (!protect) {
    return protect.error();
  }
  work.protect = *std::move(protect);
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
    Result<std::string> value = filler.fill(variable);
    if (!value) {
      return value.error().within("service '" + service.name + "'");
    }
    one.env.emplace_back(variable.name, *std::move(value));
  }
  work.services.push_back(std::move(one));
  return dsl::Ok{};
}

/// What the author wants done first, in the container and the shell of the command.
void set_up(const PlanNode& plan, std::vector<std::string>& argv) {
  if (plan.setup.empty() || argv.empty()) {
    return;
  }
  std::vector<std::string> whole = {"/bin/sh", "-e", "-c", plan.setup + "\nexec \"$@\"", "setup"};
  whole.insert(whole.end(), argv.begin(), argv.end());
  argv = std::move(whole);
}

}  // namespace

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
  set_up(plan, work->argv);
  work->writes_mounts = true;
  work->own_commits = plan.own_commits;
  if (plan.own_commits) {
    // The workspace may belong to another user than the task is.
    work->env.insert(work->env.begin(),
                     {{"GIT_CONFIG_COUNT", "1"},
                      {"GIT_CONFIG_KEY_0", "safe.directory"},
                      {"GIT_CONFIG_VALUE_0", "*"}});
  }
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
    set_up(plan, check.work.argv);
  } else if (const auto* http = std::get_if<dsl::HttpCheck>(&criterion.check)) {
    Result<std::string> url = filler.fill(http->url);
    if (!url) {
      return url.error().within("url");
    }
    check.url = *std::move(url);
  }
  // What a check runs may use Docker as its task does: it has a daemon of its own.
  const bool needs_daemon = plan.docker == dsl::DockerAccess::Dind && !check.work.argv.empty();
  for (const dsl::Service& service : plan.services) {
    const bool wanted = criterion.service == service.name ||
                        (service.beside_node && !criterion.service.empty()) ||
                        (needs_daemon && service.name == dsl::kDockerDaemon);
    if (!wanted) {
      continue;
    }
    if (const dsl::Status added = add_service(service, filler, check.work); !added) {
      return added.error();
    }
  }
  return check;
}

Result<std::string> filled(const OrderContext& context, std::size_t node, const Template& text) {
  return Filler(context, node).fill(text);
}

}  // namespace runner
