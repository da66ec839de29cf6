// The plan: every unit in order, a matrix as its instances.

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "dsl/budgets.h"
#include "dsl/codes.h"
#include "dsl/commit_message.h"
#include "dsl/conventional_commit.h"
#include "dsl/digest.h"
#include "dsl/fields.h"
#include "dsl/glob.h"
#include "dsl/lower_task.h"
#include "dsl/matrix.h"
#include "dsl/program.h"
#include "dsl/render.h"

namespace dsl {
namespace {

/// "a/b/../c" is "a/c"; leading ".." stay.
std::string normalised(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t slash = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, slash - begin);
    begin = slash + 1;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  return fmt::format("{}{}", path.substr(0, 1) == "/" ? "/" : "", fmt::join(parts, "/"));
}

class Lowering {
 public:
  explicit Lowering(Program& program)
      : program_(program), pipeline_(program.pipeline), ranges_(program.units.size()) {}

  Plan lower() {
    lower_header();
    plan_.nodes.reserve(program_.units.size());
    plan_.phases.resize(pipeline_.phases.size());
    if (program_.order.size() == program_.units.size()) {
      for (const Graph::Node unit : program_.order) {
        lower_unit(unit);
      }
    } else {  // there are circles: no plan will come of it, the expressions are checked all the
              // same
      for (Graph::Node unit = 0; unit < program_.units.size(); ++unit) {
        lower_unit(unit);
      }
    }
    report_secrets_out_of_reach();
    check_commit_messages();
    return std::move(plan_);
  }

 private:
  struct Range {
    NodeIndex first = 0;
    NodeIndex count = 0;
  };

  void lower_header() {
    plan_.name = std::string(pipeline_.name.value);
    plan_.description = std::string(pipeline_.description.value);
    plan_.source_digest = sha256_hex(program_.digest_text);
    plan_.inputs = program_.input_values;
    plan_.engine = program_.request.engine   ? *program_.request.engine
                   : pipeline_.common.engine ? pipeline_.common.engine.value
                                             : EngineName::Auto;
    defaults_.engine = plan_.engine;
    defaults_.protect = always_protected();
    if (const auto& workspace = pipeline_.common.workspace) {
      if (workspace->source) {
        plan_.workspace.source = std::string(workspace->source.value);
        program_.places.workspace_source = workspace->source.span;
      }
      plan_.workspace.mode = workspace->mode.value;
      for (const Text& path : workspace->protect.items) {
        plan_.workspace.protect.emplace_back(path.value);
      }
    }
    plan_.workspace.protect.insert(
        plan_.workspace.protect.end(), defaults_.protect.begin(), defaults_.protect.end());
    if (const auto& budget = pipeline_.common.budget) {
      plan_.budget = to_budget(*budget);
    }
    if (const auto& asked = pipeline_.require_approval) {
      plan_.require_approval = asked.value;
      program_.places.require_approval = asked.span;
    }
    plan_.learnings = std::string(pipeline_.learnings.value);
    plan_.prices = pipeline_.prices;
    for (const Text& file : pipeline_.env_files.items) {
      if (!refuse_expression(file, "'env_file'", program_.findings)) {
        plan_.env_files.emplace_back(file.value);
      }
    }
    if (pipeline_.git != nullptr) {
      lower_git(*pipeline_.git);
    }
    for (const auto& [name, size] : pipeline_.pools) {
      plan_.pools.emplace(std::string(name.value), size.value);
    }
  }

  void lower_git(const GitSpec& git) {
    plan_.git.conventional = git.conventional.value;
    plan_.git.commits = git.commits.value;
    if (git.message) {
      plan_.git.message = std::string(git.message.value);
    } else if (plan_.git.conventional) {
      plan_.git.message = "chore(${task}): ${description}";
    }
    if (git.protected_branches) {
      plan_.git.protected_branches = texts(git.protected_branches);
      report_own_branches_protected(git.protected_branches);
    }
    plan_.git.push = git.push.value;
    if (git.remote) {
      plan_.git.remote = std::string(git.remote.value);
    }
    if (const auto& wanted = git.pull_request) {
      plan_.git.pull_request = PullRequest{std::string(wanted->title.value),
                                           std::string(wanted->body.value),
                                           std::string(wanted->base.value),
                                           wanted->draft.value,
                                           texts(wanted->labels)};
    }
  }

  /// Patterns that leave no run of this pipeline a branch.
  void report_own_branches_protected(const StatedList<Text>& patterns) {
    const std::string own = branch_of(plan_.name, RunId("RUN"));
    for (const Text& pattern : patterns.items) {
      if (Glob(pattern.value).matches(own)) {
        program_.findings.error(kBadPattern,
                                pattern.span,
                                fmt::format("{} protects the branches of this pipeline's runs, {}",
                                            quoted(pattern.value),
                                            quoted(own)),
                                "narrow the pattern: a result always is a branch of its own");
      }
    }
  }

  static std::vector<std::string> texts(const StatedList<Text>& list) {
    std::vector<std::string> all;
    for (const Text& text : list.items) {
      all.emplace_back(text.value);
    }
    return all;
  }

  /// A message that no task of the plan can use is found now, not when a run has passed.
  void check_commit_messages() {
    if (!plan_.git.conventional) {
      return;
    }
    for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
      const PlanNode& node = plan_.nodes[i];
      if (node.kind != NodeKind::Task) {
        continue;
      }
      const auto problem = conventional_problem(commit_subject(plan_, node, node.id, RunId("run")));
      if (problem) {
        const Text& message = pipeline_.git->message;
        program_.findings.error(
            kBadCommitMessage,
            message ? message.span : program_.places.nodes[i],
            fmt::format("the commit of {}: {}", quoted(node.id.value), problem->message),
            problem->remedy);
        return;
      }
    }
  }

  /// An agent or a firewall with a mistake in it is none: what is reached is not known then.
  void report_secrets_out_of_reach() {
    if (program_.findings.has_errors()) {
      return;
    }
    for (const auto& [place, secret] : program_.secret_reach) {
      if (!secret.reached) {
        program_.findings.warning(
            kSecretOutOfReach,
            secret.name.span,
            fmt::format(
                "no task with the secret {} reaches {}", quoted(secret.name.value), secret.host),
            fmt::format("add it to their firewall: {{allow: [\"{}\"]}}",
                        secret.host.substr(secret.host.find("//") == std::string::npos ? 0 : 7)));
      }
    }
  }

  /// What says how the next run goes: the pipeline file and the settings, which are looked for
  /// beside it and where commands are given.
  [[nodiscard]] std::vector<std::string> always_protected() const {
    std::vector<std::string> paths;
    const std::string file = pipeline_file();
    if (const std::size_t slash = file.rfind('/'); slash != std::string::npos) {
      paths.push_back(file.substr(0, slash) + "/.pipe/");
    }
    paths.emplace_back(".pipe/");
    for (const std::string& own : {file, beneath_workspace(program_.request.link_target)}) {
      if (!own.empty()) {
        paths.push_back(own);
      }
    }
    return paths;
  }

  [[nodiscard]] std::string pipeline_file() const {
    const std::string& path = program_.request.path;
    return beneath_workspace(path.substr(path.rfind('/') + 1));
  }

  /// A path as seen from the pipeline file's folder, as one beneath the workspace; "" where it is
  /// outside of it, or empty.
  [[nodiscard]] std::string beneath_workspace(const std::string& from_folder) const {
    const std::string& path = program_.request.path;
    const std::string& directory = program_.request.directory;
    const bool is_absolute = path.substr(0, 1) == "/" || directory.empty();
    const std::string pipeline = normalised(is_absolute ? path : directory + "/" + path);
    const std::size_t slash = pipeline.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : pipeline.substr(0, slash + 1);
    const std::string file = from_folder.empty() ? "" : normalised(folder + from_folder);
    const auto& workspace = pipeline_.common.workspace;
    const std::string_view source =
        workspace != nullptr && workspace->source ? workspace->source.value : ".";
    std::string root =
        normalised(source.substr(0, 1) == "/" ? std::string(source) : folder + std::string(source));
    root += root.empty() || root == "/" ? "" : "/";
    return file.substr(0, root.size()) == root ? file.substr(root.size()) : "";
  }

  void lower_unit(Graph::Node number) {
    const Unit& unit = program_.units[number];
    const std::vector<Layer> layers = layers_of(program_, unit);
    ranges_[number].first = plan_.nodes.size();
    if (unit.task == nullptr || unit.task->matrix == nullptr) {
      static const Value::Record kNoMatrix;
      static const std::vector<std::string> kNoAxes;
      add_node(number, layers, kNoMatrix, kNoAxes);
    } else {
      lower_matrix(number, layers);
    }
    ranges_[number].count = plan_.nodes.size() - ranges_[number].first;
    if (unit.task != nullptr) {
      unit.task->criteria.items = {};  // nobody asks again; a hundred thousand tasks feel it
    }
  }

  void lower_matrix(Graph::Node number, const std::vector<Layer>& layers) {
    const TaskSpec& task = *program_.units[number].task;
    const auto list_of = [&](const Text& text) { return list_from(text); };
    const auto instances = expand_matrix(*task.matrix, list_of, program_.findings);
    std::vector<std::string> axes;
    for (const Value::Record& instance : instances) {
      for (const auto& entry : instance) {
        if (std::find(axes.begin(), axes.end(), entry.first) == axes.end()) {
          axes.push_back(entry.first);
        }
      }
    }
    std::set<std::string> names;
    for (const Value::Record& instance : instances) {
      add_node(number, layers, instance, axes);
      std::string name = instance_name(instance);
      for (std::size_t again = 2; !names.insert(name).second; ++again) {
        name = fmt::format("{}#{}", instance_name(instance), again);
      }
      plan_.nodes.back().id = NodeId(fmt::format("{}[{}]", task.name.value, name));
    }
    if (instances.empty()) {  // reported; its texts are checked all the same
      static const Value::Record kNoMatrix;
      for (const MatrixAxis& axis : task.matrix->axes) {
        axes.emplace_back(axis.name.value);
      }
      add_node(number, layers, kNoMatrix, axes);
    }
  }

  /// The list that an axis written as an expression gives.
  std::optional<Value::List> list_from(const Text& text) {
    VisibleNames names;
    names.inputs = &program_.inputs;
    names.pipeline_name = std::string(pipeline_.name.value);
    names.run = false;
    names.hash_files = false;
    CheckedExpression checked = check_expression(text.value, program_.origin(text), names);
    if (!checked.diagnostics.empty()) {
      program_.findings.add(std::move(checked.diagnostics));
      return std::nullopt;
    }
    const auto* list = checked.value ? std::get_if<Value::List>(&checked.value->held) : nullptr;
    if (list == nullptr) {
      program_.findings.error(
          kMatrixValue,
          text.span,
          fmt::format("an axis needs a list, this is a {}", to_text(checked.type)),
          "give the input the type json and a list");
      return std::nullopt;
    }
    return *list;
  }

  void add_node(Graph::Node number,
                const std::vector<Layer>& layers,
                const Value::Record& matrix,
                const std::vector<std::string>& axes) {
    const Unit& unit = program_.units[number];
    const PhaseSpec& phase = pipeline_.phases[unit.phase];
    PlanNode& node = plan_.nodes.emplace_back();
    TaskLowering(program_, defaults_, number, layers, matrix, axes, node).lower();
    node.phase = std::string(phase.name.value);
    if (unit.task != nullptr) {
      node.task = std::string(unit.task->name.value);
      node.id = NodeId(node.task);
      program_.places.nodes.push_back(unit.task->name.span);
    } else {
      program_.places.nodes.push_back(phase.name.span);
      node.id = NodeId(node.phase);
      PlanPhase& planned = plan_.phases[unit.phase];
      planned.name = node.phase;
      planned.description = std::string(phase.description.value);
      planned.gate = plan_.nodes.size() - 1;
      if (phase.common.budget != nullptr) {
        planned.budget = to_budget(*phase.common.budget);
      }
    }
    std::size_t count = 0;
    for (const Graph::Node need : unit.needs) {
      count += ranges_[need].count;
    }
    node.needs.reserve(count);
    for (const Graph::Node need : unit.needs) {
      for (NodeIndex i = 0; i < ranges_[need].count; ++i) {
        node.needs.push_back(ranges_[need].first + i);
      }
    }
  }

  Program& program_;
  PipelineSpec& pipeline_;
  PlanDefaults defaults_;
  Plan plan_;
  std::vector<Range> ranges_;  // by unit
};

}  // namespace

Plan lower_program(Program& program) {
  return Lowering(program).lower();
}

}  // namespace dsl
