#include "dsl/lower_task.h"

#include <algorithm>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/firewall_entry.h"
#include "dsl/render.h"
#include "dsl/shell.h"

namespace dsl {
namespace {

bool has_hole(std::string_view text) {
  return text.find("${{") != std::string_view::npos;
}

std::vector<Template> templates(std::initializer_list<std::string_view> words) {
  std::vector<Template> list;
  list.reserve(words.size() + 1);
  for (const std::string_view word : words) {
    list.emplace_back(std::string(word));
  }
  return list;
}

/// Shells whose language is sh's: expressions can become variables there.
bool is_posix_shell(const std::vector<Template>& shell) {
  if (shell.empty() || shell[0].pieces.size() != 1) {
    return false;
  }
  std::string_view program = shell[0].pieces[0].text;
  program.remove_prefix(std::min(program.rfind('/') + 1, program.size()));
  for (const std::string_view known : {"sh", "bash", "dash", "ash", "ksh", "zsh"}) {
    if (program == known) {
      return true;
    }
  }
  return false;
}

bool is_container_engine(EngineName engine) {
  return engine == EngineName::Docker || engine == EngineName::Podman;
}

std::string_view engine_word(EngineName engine) {
  switch (engine) {
    case EngineName::Auto:
      return "auto";
    case EngineName::Sandbox:
      return "sandbox";
    case EngineName::Docker:
      return "docker";
    case EngineName::Podman:
      return "podman";
    case EngineName::Host:
      return "host";
  }
  return "";
}

}  // namespace

TaskLowering::TaskLowering(Program& program,
                           const PlanDefaults& defaults,
                           Graph::Node unit,
                           const std::vector<Layer>& layers,
                           const Value::Record& matrix,
                           const std::vector<std::string>& axes)
    : program_(program),
      defaults_(defaults),
      unit_(program.units[unit]),
      layers_(layers),
      names_(program, unit, layers, matrix, axes) {
  node_.matrix = matrix;
}

PlanNode TaskLowering::lower() {
  if (layers_.size() > 1 && layers_[1].step != nullptr) {
    (void)names(0);  // checks `with:` even where the step mentions no input
  }
  lower_env();
  lower_place();
  lower_work();
  lower_rules();
  lower_limits();
  lower_results();
  lower_services();
  lower_criteria();
  return std::move(node_);
}

// ---- texts -----------------------------------------------------------------------------------

Template TaskLowering::text(const Text& text, std::size_t layer) {
  if (!has_hole(text.value)) {
    return Template(std::string(text.value));
  }
  CheckedText checked = check_text(text.value, program_.origin(text), names(layer));
  program_.findings.add(std::move(checked.diagnostics));
  return std::move(checked.text);
}

std::string TaskLowering::known(const Text& text, std::size_t layer, std::string_view what) {
  if (!has_hole(text.value)) {
    return std::string(text.value);
  }
  CheckedText checked = check_text(text.value, program_.origin(text), names(layer));
  if (!checked.diagnostics.empty()) {
    program_.findings.add(std::move(checked.diagnostics));
    return "";
  }
  if (!checked.value) {
    program_.findings.error(kNoExpression,
                            text.span,
                            fmt::format("{} must be known before anything runs", what),
                            "use inputs, matrix values and literals only");
    return "";
  }
  return to_text(*checked.value);
}

std::vector<std::string> TaskLowering::known(const std::vector<Text>& texts,
                                             std::size_t layer,
                                             std::string_view what) {
  std::vector<std::string> list;
  list.reserve(texts.size());
  for (const Text& each : texts) {
    list.push_back(known(each, layer, what));
  }
  return list;
}

// ---- environment and command -----------------------------------------------------------------

void TaskLowering::lower_env() {
  // Outermost first: a later one wins, and may mention those before it.
  for (std::size_t layer = layers_.size(); layer-- > 0;) {
    for (const NamedText& variable : layers_[layer].body->env) {
      Template value = text(variable.value, layer);
      const auto is_same = [&](const EnvVar& known) { return known.name == variable.name.value; };
      if (std::erase_if(node_.env, is_same) != 0) {
        names_.forget_env();
      }
      node_.env.push_back({std::string(variable.name.value), std::move(value)});
    }
  }
}

std::vector<EnvVar> TaskLowering::lower_variables(const std::vector<NamedText>& env,
                                                  std::size_t layer) {
  std::vector<EnvVar> variables;
  for (const NamedText& variable : env) {
    variables.push_back({std::string(variable.name.value), text(variable.value, layer)});
  }
  return variables;
}

/// The shell that is stated nearest to the command. A step was written for its own: what holds for
/// the pipeline's scripts does not reach into it.
std::vector<Template> TaskLowering::shell_for(const Layer& command) {
  const std::size_t first = number_of(command);
  const std::size_t last = command.step != nullptr ? first + 1 : layers_.size();
  for (std::size_t layer = first; layer < last; ++layer) {
    const TaskSpec& body = *layers_[layer].body;
    if (body.shell_argv) {
      std::vector<Template> shell;
      for (const Text& word : body.shell_argv.items) {
        shell.emplace_back(known(word, layer, "'shell'"));
      }
      return shell;
    }
    if (body.shell) {
      return body.shell.value == "bash" ? templates({"bash", "-eo", "pipefail", "-c"})
                                        : templates({"/bin/sh", "-e", "-c"});
    }
  }
  return templates({"/bin/sh", "-e", "-c"});
}

Command TaskLowering::lower_command(const CommandSpec& command,
                                    const std::vector<Template>& shell,
                                    std::size_t layer,
                                    std::vector<EnvVar>& env) {
  Command lowered;
  if (command.argv) {
    for (const Text& word : command.argv.items) {
      lowered.argv.push_back(text(word, layer));
    }
    return lowered;
  }
  lowered.argv = shell;
  const Text& script = command.script;
  if (!has_hole(script.value)) {
    lowered.argv.emplace_back(std::string(script.value));
    return lowered;
  }
  if (!is_posix_shell(shell)) {
    const std::string program =
        shell.empty() || shell[0].pieces.empty() ? "" : shell[0].pieces[0].text;
    program_.findings.add(refuse_expressions(script.value, program_.origin(script), program));
    return lowered;
  }
  BoundScript bound = bind_script(script.value, program_.origin(script), names(layer));
  program_.findings.add(std::move(bound.diagnostics));
  lowered.argv.emplace_back(std::move(bound.script));
  for (EnvVar& variable : bound.env) {
    env.push_back(std::move(variable));
  }
  return lowered;
}

void TaskLowering::lower_work() {
  if (unit_.task == nullptr) {
    node_.kind = NodeKind::PhaseGate;
    return;
  }
  const TaskSpec& task = *unit_.task;
  node_.description = known(task.description, 0, "'description'");
  if (task.condition) {
    CheckedCondition checked =
        check_condition(task.condition.value, program_.origin(task.condition), names(0));
    program_.findings.add(std::move(checked.diagnostics));
    node_.condition = std::move(checked.condition);
  }
  if (task.for_each) {
    CheckedExpression checked =
        check_expression(task.for_each.value, program_.origin(task.for_each), names(0));
    const bool is_list = checked.value ? std::holds_alternative<Value::List>(checked.value->held)
                                       : checked.type == ExpressionType::Json;
    if (checked.diagnostics.empty() && !is_list) {
      program_.findings.error(
          kForEachType,
          task.for_each.span,
          fmt::format("'for_each' needs a list, this is a {}", to_text(checked.type)),
          "give the output the type json, and write a JSON list into it");
    }
    program_.findings.add(std::move(checked.diagnostics));
    node_.for_each = std::move(checked.text);
  }
  if (task.approval) {
    node_.kind = NodeKind::Approval;
    node_.approval = known(task.approval, 0, "the question");
    return;
  }
  if (const Layer* layer = stating(&TaskSpec::run)) {
    const std::size_t number = number_of(*layer);
    node_.command = lower_command(layer->body->run, shell_for(*layer), number, node_.env);
  }
}

// ---- where it runs ---------------------------------------------------------------------------

Image TaskLowering::lower_image(const ImageSpec& image, std::size_t layer) {
  Image lowered{image.kind, "", ""};
  if (image.kind != Image::Kind::Host) {
    lowered.reference = known(image.reference, layer, "'image'");
    lowered.context = known(image.context, layer, "'context'");
  }
  if (lowered.kind == Image::Kind::Reference && lowered.reference == "host") {
    return {Image::Kind::Host, "", ""};  // an input said so
  }
  if (lowered.kind == Image::Kind::Build && lowered.context.empty()) {
    lowered.context = ".";
  }
  return lowered;
}

void TaskLowering::lower_place() {
  const Layer* engine = stating(&TaskSpec::engine);
  const Layer* image = stating(&TaskSpec::image);
  node_.engine = program_.request.engine ? *program_.request.engine
                 : engine != nullptr     ? engine->body->engine.value
                                         : defaults_.engine;
  if (image != nullptr) {
    node_.image = lower_image(*image->body->image, number_of(*image));
  }
  if (const Layer* layer = stating(&TaskSpec::working_directory)) {
    node_.working_directory =
        known(layer->body->working_directory, number_of(*layer), "'working_directory'");
  }
  if (const Layer* layer = stating(&TaskSpec::user)) {
    node_.user = known(layer->body->user, number_of(*layer), "'user'");
  }
  if (const Layer* layer = stating(&TaskSpec::runtime)) {
    node_.runtime = known(layer->body->runtime, number_of(*layer), "'runtime'");
  }
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    if (const auto& resources = layer->body->resources) {  // key by key, the nearest wins
      const auto take = [](auto& into, const auto& from) {
        if (from) {
          into = from.value;
        }
      };
      take(node_.resources.cpus, resources->cpus);
      take(node_.resources.memory, resources->memory);
      take(node_.resources.pids, resources->pids);
      take(node_.resources.disk, resources->disk);
    }
    if (const auto& workspace = layer->body->workspace) {
      if (workspace->mode) {
        node_.workspace.mode = workspace->mode.value;
      }
      for (std::string& path :
           known(workspace->protect.items, number_of(*(layer.base() - 1)), "a protected path")) {
        node_.workspace.protect.push_back(std::move(path));
      }
    }
  }
  if (const auto& workspace = program_.pipeline.common.workspace) {
    if (workspace->source) {
      node_.workspace.source = std::string(workspace->source.value);
    }
  }
  if (!defaults_.pipeline_file.empty()) {
    node_.workspace.protect.push_back(defaults_.pipeline_file);
  }
  const bool runs_something = unit_.task != nullptr
                                  ? !unit_.task->approval
                                  : !program_.pipeline.phases[unit_.phase].criteria.items.empty();
  if (runs_something) {
    check_engine(engine, image);
  }
}

/// What no machine can make true is told here; what depends on the machine, at preflight.
void TaskLowering::check_engine(const Layer* engine, const Layer* image) {
  const bool is_forced = program_.request.engine.has_value();
  const Image::Kind kind = node_.image.kind;
  const std::string_view word = engine_word(node_.engine);
  std::string problem;
  std::string remedy;
  if (node_.engine == EngineName::Host && kind != Image::Kind::Host) {
    problem = "the engine 'host' runs on this machine as it is, it has no image";
    remedy = "write 'image: host', or another engine";
  } else if (is_container_engine(node_.engine) && kind == Image::Kind::Host) {
    problem = fmt::format("the engine '{}' needs an image", word);
    remedy = "write 'image:' with a reference like 'debian:bookworm-slim', or 'engine: sandbox'";
  } else if (node_.engine == EngineName::Sandbox &&
             (kind == Image::Kind::Reference || kind == Image::Kind::Build ||
              kind == Image::Kind::Devcontainer)) {
    problem =
        "the engine 'sandbox' cannot get this image, it takes 'host', {rootfs: …} or {archive: …}";
    remedy = "write 'image: host', or 'engine: docker'";
  } else if (!node_.runtime.empty() &&
             (node_.engine == EngineName::Sandbox || node_.engine == EngineName::Host)) {
    problem = fmt::format("the engine '{}' has no OCI runtimes", word);
    remedy = "remove 'runtime', or write 'engine: docker'";
  }
  if (problem.empty()) {
    return;
  }
  Span place = unit_.task != nullptr ? unit_.task->name.span
                                     : program_.pipeline.phases[unit_.phase].name.span;
  std::vector<Diagnostic::Note> notes;
  if (const Layer* runtime = stating(&TaskSpec::runtime);
      runtime != nullptr && problem.find("runtime") != std::string::npos) {
    place = runtime->body->runtime.span;
  } else if (image != nullptr) {
    place = image->body->image->span;
  } else if (engine != nullptr && !is_forced) {
    place = engine->body->engine.span;
  }
  if (is_forced) {
    problem += fmt::format(" (--engine {})", word);
  } else if (engine != nullptr && engine->body->engine.span != place) {
    notes.push_back({engine->body->engine.span, "the engine is named here"});
  }
  program_.findings.error(
      kEngineCannot, place, std::move(problem), std::move(remedy), std::move(notes));
}

// ---- rules and limits ------------------------------------------------------------------------

void TaskLowering::lower_rules() {
  if (const Layer* layer = stating(&TaskSpec::timeout)) {
    node_.timeout = layer->body->timeout.value;
  }
  if (const Layer* layer = stating(&TaskSpec::retry)) {
    const RetrySpec& retry = *layer->body->retry;
    node_.retry = {retry.attempts ? static_cast<int>(retry.attempts.value) : 1,
                   retry.backoff.value,
                   retry.max_backoff.value,
                   retry.feedback.value};
  }
  if (const Layer* layer = stating(&TaskSpec::allow_failure)) {
    node_.allow_failure = layer->body->allow_failure.value;
  }
  if (const Layer* layer = stating(&TaskSpec::expect)) {
    node_.expect = layer->body->expect.value;
  }
  if (const Layer* layer = stating(&TaskSpec::reuse)) {
    node_.reuse = layer->body->reuse.value;
  }
  if (const Layer* layer = stating(&TaskSpec::docker)) {
    node_.docker = layer->body->docker.value;
  }
  if (unit_.task != nullptr) {  // a gate waits for no pool: nothing may hold it up
    if (const Layer* layer = stating(&TaskSpec::pool)) {
      node_.pool = std::string(layer->body->pool.value);
    }
  }
}

void TaskLowering::lower_limits() {
  if (const Layer* layer = stating(&TaskSpec::budget)) {
    const BudgetSpec& budget = *layer->body->budget;
    const auto take = [](auto& into, const auto& from) {
      if (from) {
        into = from.value;
      }
    };
    take(node_.budget.cost, budget.cost);
    take(node_.budget.time, budget.time);
    take(node_.budget.turns, budget.turns);
    take(node_.budget.tokens, budget.tokens);  // per_day is the pipeline's own, see Plan::budget
  }
  if (const Layer* layer = stating(&TaskSpec::firewall)) {
    const FirewallSpec& firewall = *layer->body->firewall;
    const std::size_t number = number_of(*layer);
    node_.firewall.mode = firewall.mode.value;
    node_.firewall.allow = known(firewall.allow.items, number, "a firewall entry");
    node_.firewall.allow_private = known(firewall.allow_private.items, number, "a firewall entry");
    for (std::size_t i = 0; i < firewall.allow.items.size(); ++i) {
      const Text& entry = firewall.allow.items[i];
      const auto problem = has_hole(entry.value) && !node_.firewall.allow[i].empty()
                               ? firewall_entry_problem(node_.firewall.allow[i])
                               : std::nullopt;
      if (problem) {
        program_.findings.error(kBadFirewallEntry, entry.span, problem->message, problem->remedy);
      }
    }
  }
  if (const Layer* layer = stating(&TaskSpec::secrets)) {
    const std::size_t number = number_of(*layer);
    for (const SecretSpec& secret : layer->body->secrets->items) {
      node_.secrets.push_back({std::string(secret.name.value),
                               known(secret.command.items, number, "a secret's command"),
                               known(secret.file, number, "a secret's file"),
                               secret.expose.value});
    }
  }
  if (const Layer* layer = stating(&TaskSpec::permissions)) {
    const PermissionsSpec& permissions = *layer->body->permissions;
    const std::size_t number = number_of(*layer);
    node_.permissions = {known(permissions.allow.items, number, "a permission"),
                         known(permissions.deny.items, number, "a permission"),
                         known(permissions.message, number, "'message'")};
  }
}

// ---- what it leaves --------------------------------------------------------------------------

void TaskLowering::lower_results() {
  node_.outputs = declared_outputs(layers_);
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    for (const ArtifactSpec& artifact : layers_[layer].body->artifacts) {
      node_.artifacts.push_back({artifact.name ? std::string(artifact.name.value) : "files",
                                 known(artifact.paths, layer, "an artifact's path")});
    }
  }
  if (const Layer* layer = stating(&TaskSpec::caches)) {
    const std::size_t number = number_of(*layer);
    for (const CacheSpec& cache : layer->body->caches.items) {
      node_.caches.push_back(
          {text(cache.key, number), known(cache.paths, number, "a cache's path")});
    }
  }
}

}  // namespace dsl
