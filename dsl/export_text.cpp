#include "dsl/export_text.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "dsl/export_words.h"
#include "dsl/meetings.h"
#include "dsl/plan_words.h"
#include "dsl/render.h"

namespace dsl {
namespace {

namespace words = export_words;

enum class Style { Plain, Bold, Dim, Warning };

std::string_view escape_of(Style style) {
  switch (style) {
    case Style::Plain:
      return "";
    case Style::Bold:
      return "\x1b[1m";
    case Style::Dim:
      return "\x1b[2m";
    case Style::Warning:
      return "\x1b[33m";
  }
  return "";
}

class TextExport {
 public:
  TextExport(const Plan& plan, const TextOptions& options) : plan_(plan), options_(options) {}

  std::string write() {
    header();
    const std::vector<std::vector<NodeIndex>> nodes = words::nodes_by_phase(plan_);
    for (std::size_t k = 0; k < plan_.phases.size(); ++k) {
      write_phase(plan_.phases[k], nodes[k]);
    }
    if (const std::string& last = merges_.back(); !last.empty()) {
      out_ += '\n';
      line(0, Style::Dim, "the result: " + last);
    }
    totals();
    warnings();
    return std::move(out_);
  }

 private:
  void header() {
    line(0, Style::Bold, plan_.name);
    if (!plan_.description.empty()) {
      line(2, Style::Plain, plan_.description);
    }
    std::vector<std::string> facts = {fmt::format("engine {}", word_of(plan_.engine)),
                                      "workspace " + plan_.workspace.source};
    if (!plan_.workspace.protect.empty()) {
      facts.push_back("protects " + words::join(plan_.workspace.protect, ", "));
    }
    if (!plan_.env_files.empty()) {
      facts.push_back("looks for secrets in " + words::join(plan_.env_files, ", "));
    }
    if (!plan_.budget.empty()) {
      facts.push_back("budget " + words::join(words::budget(plan_.budget), ", "));
    }
    if (plan_.git.push) {
      facts.push_back(fmt::format("pushes its branch to {}{}",
                                  plan_.git.remote,
                                  plan_.git.pull_request ? ", opens a pull request" : ""));
    }
    if (plan_.require_approval) {
      facts.emplace_back("a person must approve this plan");
    }
    line(2, Style::Dim, words::join(facts, " · "));
    for (const auto& [name, value] : plan_.inputs) {
      short_line(2, Style::Plain, fmt::format("input {} = {}", name, to_json(value)));
    }
    for (const auto& [name, limit] : plan_.pools) {
      line(2, Style::Plain, fmt::format("pool {}: {} at once", name, limit));
    }
  }

  // ---- phases and nodes ----------------------------------------------------------------------

  void write_phase(const PlanPhase& phase, const std::vector<NodeIndex>& nodes) {
    out_ += '\n';
    line(0, Style::Bold, "phase " + phase.name);
    if (!phase.description.empty()) {
      line(2, Style::Plain, phase.description);
    }
    if (!phase.budget.empty()) {
      line(2, Style::Dim, "budget " + words::join(words::budget(phase.budget), ", "));
    }
    for (const NodeIndex node : nodes) {
      if (plan_.nodes[node].kind != NodeKind::PhaseGate) {
        write_node(plan_.nodes[node]);
      }
    }
    const PlanNode& gate = plan_.nodes[phase.gate];
    const std::string& merge = merges_[phase.gate];
    if (!merge.empty() || !gate.criteria.empty()) {
      line(2, Style::Plain, "at the end of the phase");
    }
    if (!merge.empty()) {
      line(6, Style::Dim, "first: " + merge);
    }
    criteria(gate);
  }

  /// What is verified again before each node, or at the end the result, goes on from a merge.
  static std::vector<std::string> merges_of(const Plan& plan) {
    constexpr std::size_t kShown = 6;
    std::vector<std::string> merges(plan.nodes.size() + 1);
    for_each_meeting(plan, [&](const Meeting& met) {
      std::vector<std::string> tasks;
      for (std::size_t k = 0; k < met.tasks.size() && k < kShown; ++k) {
        tasks.push_back(plan.nodes[met.tasks[k]].id.value);
      }
      const std::size_t more = met.tasks.size() - tasks.size();
      merges[met.node.value_or(plan.nodes.size())] =
          fmt::format("{} of {}{} verified again on the merge",
                      met.criteria == 1 ? "1 criterion" : fmt::format("{} criteria", met.criteria),
                      words::join(tasks, ", "),
                      more == 0 ? "" : fmt::format(" and {} more", more));
    });
    return merges;
  }

  void write_node(const PlanNode& node) {
    std::string title = node.id.value;
    const std::vector<std::string> needs = needs_of(node);
    if (!needs.empty()) {
      title += (node.merges ? "  merges " : "  needs ") + words::join(needs, ", ");
    }
    line(2, Style::Bold, title);
    if (!node.description.empty()) {
      line(6, Style::Plain, node.description);
    }
    if (node.kind != NodeKind::Approval) {  // runs nothing
      for (const std::string& danger : words::dangers(node)) {
        line(6, Style::Warning, "! " + danger);
      }
    }
    if (node.kind == NodeKind::Approval) {
      line(6, Style::Plain, "waits for a person: " + node.approval);
    } else {
      line(6, Style::Dim, words::join(where(node), " · "));
      conditions(node);
      if (const std::string& merge = merges_[index_of(node)]; !merge.empty()) {
        line(6, Style::Dim, "first: " + merge);
      }
      if (node.merges) {
        line(6, Style::Plain, "only where their work does not go together:");
      }
      if (!node.command.argv.empty()) {
        short_line(6, Style::Plain, "$ " + words::command_line(node.command, node.env));
      }
    }
    services(node);
    limits(node);
    products(node);
    criteria(node);
  }

  NodeIndex index_of(const PlanNode& node) const {
    return static_cast<NodeIndex>(&node - plan_.nodes.data());
  }

  /// By name; the gate of an earlier phase is named after the phase.
  std::vector<std::string> needs_of(const PlanNode& node) {
    std::vector<std::string> names;
    for (const NodeIndex need : node.needs) {
      const PlanNode& other = plan_.nodes[need];
      names.push_back(other.kind == NodeKind::PhaseGate ? "phase " + other.id.value
                                                        : other.id.value);
    }
    return names;
  }

  static std::vector<std::string> where(const PlanNode& node) {
    std::vector<std::string> facts = {
        fmt::format("{} on {}", word_of(node.engine), words::image(node.image))};
    for (std::string& part : words::resources(node.resources)) {
      facts.push_back(std::move(part));
    }
    const auto add = [&](std::string_view name, const std::string& value) {
      if (!value.empty()) {
        facts.push_back(fmt::format("{} {}", name, value));
      }
    };
    add("user", node.user);
    add("runtime", node.runtime);
    add("folder", node.working_directory);
    add("pool", node.pool);
    add("timeout", node.timeout == Duration{} ? "" : to_text(node.timeout));
    add("expected", node.expect == Duration{} ? "" : to_text(node.expect));
    if (node.retry.attempts > 1) {
      facts.push_back(fmt::format(
          "{} attempts{}", node.retry.attempts, node.retry.feedback ? " with feedback" : ""));
    }
    if (node.workspace.mode == Workspace::Mode::ReadOnly) {
      facts.emplace_back("reads only");
    }
    if (node.allow_failure) {
      facts.emplace_back("may fail");
    }
    if (!node.reuse) {
      facts.emplace_back("always runs");
    }
    return facts;
  }

  void conditions(const PlanNode& node) {
    if (node.condition) {
      line(6, Style::Plain, "if " + *node.condition);
    }
    if (node.for_each) {
      line(6, Style::Plain, "for each of " + *node.for_each);
    }
  }

  void services(const PlanNode& node) {
    for (const Service& service : node.services) {
      std::vector<std::string> facts = {"service " + service.name, words::image(service.image)};
      if (service.port) {
        facts.push_back(fmt::format("port {}", *service.port));
      }
      if (!service.command.argv.empty()) {
        facts.push_back("$ " + words::command_line(service.command, service.env));
      }
      line(6, Style::Plain, words::join(facts, " · "));
    }
  }

  void limits(const PlanNode& node) {
    for (const HostMount& mount : node.mounts) {
      line(6,
           Style::Plain,
           fmt::format(
               "sees {} at {}{}", mount.source, mount.target, mount.writable ? ", writable" : ""));
    }
    if (!node.setup.empty()) {
      short_line(6, Style::Plain, "setup $ " + node.setup);
    }
    if (!node.budget.empty()) {
      line(6, Style::Plain, "budget " + words::join(words::budget(node.budget), ", "));
    }
    if (!node.firewall.allow.empty()) {
      line(6, Style::Plain, "network " + words::join(node.firewall.allow, ", "));
    }
    for (const Secret& secret : node.secrets) {
      line(6, Style::Plain, "secret " + words::secret(secret));
    }
    if (!node.permissions.allow.empty()) {
      line(6, Style::Plain, "permits " + words::join(node.permissions.allow, ", "));
    }
    if (!node.permissions.deny.empty()) {
      line(6, Style::Plain, "forbids " + words::join(node.permissions.deny, ", "));
    }
    if (!node.permissions.empty()) {
      line(14,
           Style::Dim,
           "stands before programs of these names: stops no copy, no library that does the same");
    }
  }

  void products(const PlanNode& node) {
    std::vector<std::string> outputs;
    for (const OutputDecl& output : node.outputs) {
      outputs.push_back(output.name);
    }
    if (!outputs.empty()) {
      line(6, Style::Plain, "outputs " + words::join(outputs, ", "));
    }
    for (const ArtifactDecl& artifact : node.artifacts) {
      line(6,
           Style::Plain,
           fmt::format("artifact {}: {}", artifact.name, words::join(artifact.paths, ", ")));
    }
    for (const CacheDecl& cache : node.caches) {
      line(6,
           Style::Plain,
           fmt::format("cache {}: {}", words::text_of(cache.key), words::join(cache.paths, ", ")));
    }
  }

  void criteria(const PlanNode& node) {
    for (const Criterion& criterion : node.criteria) {
      line(6, Style::Plain, "[ ] " + criterion.text);
      short_line(10, Style::Dim, words::check(criterion));
    }
  }

  // ---- the end -------------------------------------------------------------------------------

  static std::string counted(std::size_t count, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
  }

  void totals() {
    std::size_t tasks = 0;
    std::size_t approvals = 0;
    std::size_t criteria = 0;
    for (const PlanNode& node : plan_.nodes) {
      tasks += node.kind == NodeKind::Task ? 1 : 0;
      approvals += node.kind == NodeKind::Approval ? 1 : 0;
      criteria += node.criteria.size();
    }
    std::vector<std::string> parts = {counted(plan_.phases.size(), "phase", "phases"),
                                      counted(tasks, "task", "tasks")};
    if (approvals > 0) {
      parts.push_back(counted(approvals, "approval", "approvals"));
    }
    parts.push_back(counted(criteria, "criterion", "criteria"));
    out_ += '\n';
    line(0, Style::Bold, words::join(parts, ", "));

    const words::CriticalPath path = words::critical_path(plan_);
    std::vector<std::string> names;
    for (const NodeIndex node : path.nodes) {
      if (plan_.nodes[node].kind != NodeKind::PhaseGate) {
        names.push_back(plan_.nodes[node].id.value);
      }
    }
    const std::string length = path.expect == Duration{} ? counted(names.size(), "node", "nodes")
                                                         : to_rounded_text(path.expect);
    line(2, Style::Plain, fmt::format("longest path: {}: {}", length, words::join(names, " > ")));
  }

  void warnings() {
    if (options_.warnings.empty()) {
      return;
    }
    out_ += '\n';
    line(0, Style::Bold, "not enforced");
    for (const std::string& warning : options_.warnings) {
      line(2, Style::Warning, "! " + warning);
    }
  }

  /// A text of which the beginning is enough: one line of at most options_.width columns.
  void short_line(std::size_t indent, Style style, std::string_view text) {
    emit(indent, style, words::shortened(visible(text), room_for(indent)));
  }

  /// As many lines as the text needs, broken between words.
  void line(std::size_t indent, Style style, std::string_view text) {
    std::string rest = visible(text);
    while (!rest.empty()) {
      const std::size_t cut = words::line_end(rest, room_for(indent));
      emit(indent, style, std::string_view(rest).substr(0, cut));
      rest.erase(0, std::min(rest.find_first_not_of(' ', cut), rest.size()));
    }
  }

  [[nodiscard]] std::size_t room_for(std::size_t indent) const {
    return std::max<std::size_t>(options_.width, indent + 20) - indent;
  }

  void emit(std::size_t indent, Style style, std::string_view text) {
    const bool painted = options_.colour == Colour::Always && style != Style::Plain;
    out_.append(indent, ' ');
    out_ += painted ? escape_of(style) : "";
    out_ += text;
    out_ += painted ? "\x1b[0m\n" : "\n";
  }

  const Plan& plan_;
  const std::vector<std::string> merges_ = merges_of(plan_);  // by node; of the result behind them
  const TextOptions& options_;
  std::string out_;
};

}  // namespace

std::string export_text(const Plan& plan, const TextOptions& options) {
  return TextExport(plan, options).write();
}

}  // namespace dsl
