// Names become numbers: units, who waits for whom, circles, order.

#include <algorithm>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/program.h"
#include "dsl/render.h"
#include "dsl/suggest.h"

namespace dsl {
namespace {

class Linker {
 public:
  explicit Linker(Program& program)
      : program_(program), pipeline_(program.pipeline), findings_(program.findings) {}

  void link() {
    name_units();
    needed_by_.assign(program_.units.size(), 0);
    for (std::uint32_t phase = 0; phase < pipeline_.phases.size(); ++phase) {
      link_phase(phase);
    }
    std::vector<std::vector<Graph::Node>> needs;
    needs.reserve(program_.units.size());
    for (const Unit& unit : program_.units) {
      needs.push_back(unit.needs);
    }
    program_.graph.emplace(needs);
    const auto cycles = program_.graph->cycles();
    for (const auto& cycle : cycles) {
      report_cycle(cycle);
    }
    if (cycles.empty()) {
      program_.order = program_.graph->order();
    }
  }

 private:
  [[nodiscard]] Graph::Node gate(std::uint32_t phase) const { return gates_[phase]; }

  void name_units() {
    std::size_t count = pipeline_.phases.size();
    for (const PhaseSpec& phase : pipeline_.phases) {
      count += phase.tasks.size();
    }
    program_.units.reserve(count);
    program_.unit_of.reserve(count);
    for (std::uint32_t phase = 0; phase < pipeline_.phases.size(); ++phase) {
      for (TaskSpec& task : pipeline_.phases[phase].tasks) {
        name_unit(task.name, {phase, &task, {}});
      }
      gates_.push_back(static_cast<Graph::Node>(program_.units.size()));
      name_unit(pipeline_.phases[phase].name, {phase, nullptr, {}});
    }
  }

  void name_unit(const Text& name, Unit unit) {
    const auto node = static_cast<Graph::Node>(program_.units.size());
    program_.units.push_back(std::move(unit));
    const auto [known, is_new] = program_.unit_of.emplace(name.value, node);
    if (is_new) {
      return;
    }
    // The word that stands second in the file is the one that is wrong.
    const Span first = span_of(known->second);
    const bool in_order = first.begin < name.span.begin;
    const bool is_main = name.value == "main" && program_.units[node].task == nullptr;
    findings_.error(kNameTaken,
                    in_order && !is_main ? name.span : first,
                    fmt::format("the name {} is taken; tasks and phases share one name space",
                                quoted(name.value)),
                    is_main
                        ? "tasks at the top belong to the phase 'main'; give the task another name"
                        : "give one of the two another name",
                    {{in_order && !is_main ? first : name.span, "the other stands here"}});
  }

  [[nodiscard]] Span span_of(Graph::Node node) const {
    const Unit& unit = program_.units[node];
    return unit.task != nullptr ? unit.task->name.span : pipeline_.phases[unit.phase].name.span;
  }

  [[nodiscard]] std::string_view name_of(Graph::Node node) const {
    const Unit& unit = program_.units[node];
    return unit.task != nullptr ? unit.task->name.value : pipeline_.phases[unit.phase].name.value;
  }

  void link_phase(std::uint32_t phase) {
    const std::vector<Graph::Node> entry = entry_gates(phase);
    const Graph::Node end = gate(phase);
    const Graph::Node begin = phase == 0 ? 0 : gate(phase - 1) + 1;
    for (Graph::Node node = begin; node < end; ++node) {
      link_task(node, phase, entry);
      program_.units[end].needs.push_back(node);
    }
    if (begin == end) {
      program_.units[end].needs = entry;
    }
  }

  /// The gates that the tasks of a phase wait for.
  std::vector<Graph::Node> entry_gates(std::uint32_t phase) {
    const PhaseSpec& spec = pipeline_.phases[phase];
    std::vector<Graph::Node> gates;
    if (!spec.needs) {
      if (phase > 0) {
        gates.push_back(gate(phase - 1));
      }
      return gates;
    }
    for (const Text& need : spec.needs.items) {
      const auto found = program_.unit_of.find(need.value);
      if (found == program_.unit_of.end() || program_.units[found->second].task != nullptr) {
        report_unknown_phase(need, found != program_.unit_of.end());
      } else if (std::find(gates.begin(), gates.end(), found->second) != gates.end()) {
        report_repeated(need);
      } else {
        gates.push_back(found->second);
      }
    }
    return gates;
  }

  void report_unknown_phase(const Text& need, bool is_task) {
    std::vector<std::string_view> names;
    for (const PhaseSpec& phase : pipeline_.phases) {
      names.push_back(phase.name.value);
    }
    std::string remedy = did_you_mean(need.value, names);
    if (remedy.empty()) {
      remedy = fmt::format("the phases are {}", fmt::join(names, ", "));
    }
    findings_.error(kUnknownPhase,
                    need.span,
                    is_task
                        ? fmt::format("a phase waits for phases, {} is a task", quoted(need.value))
                        : fmt::format("there is no phase {}", quoted(need.value)),
                    std::move(remedy));
  }

  void report_repeated(const Text& need) {
    findings_.error(kRepeatedItem,
                    need.span,
                    fmt::format("{} is listed twice", quoted(need.value)),
                    "remove one of the two");
  }

  void link_task(Graph::Node node, std::uint32_t phase, const std::vector<Graph::Node>& entry) {
    Unit& unit = program_.units[node];
    bool waits_inside = false;  // for a task of its own phase, which has waited for the gates
    for (const Text& need : unit.task->needs.items) {
      const auto found = program_.unit_of.find(need.value);
      if (found == program_.unit_of.end()) {
        report_unknown_task(need);
        continue;
      }
      const Unit& target = program_.units[found->second];
      if (target.task == nullptr) {
        findings_.error(
            kUnknownTask,
            need.span,
            fmt::format("a task waits for tasks, {} is a phase", quoted(need.value)),
            target.phase < phase
                ? "remove it, a phase waits for the one above it"
                : "name the tasks of that phase, or order the phases with their 'needs'");
        continue;
      }
      if (target.phase > phase) {
        const Text& later = pipeline_.phases[target.phase].name;
        findings_.error(
            kLaterPhase,
            need.span,
            fmt::format("{} is in the later phase {}", quoted(need.value), quoted(later.value)),
            "move one of the two tasks",
            {{target.task->name.span, "the task stands here"}});
        continue;
      }
      if (needed_by_[found->second] == node + 1) {
        report_repeated(need);
        continue;
      }
      needed_by_[found->second] = node + 1;
      waits_inside = waits_inside || target.phase == phase;
      unit.needs.push_back(found->second);
    }
    if (!waits_inside) {
      unit.needs.insert(unit.needs.end(), entry.begin(), entry.end());
    }
  }

  void report_unknown_task(const Text& need) {
    std::vector<std::string_view> names;
    for (const Unit& unit : program_.units) {
      if (unit.task != nullptr) {
        names.push_back(unit.task->name.value);
      }
    }
    std::string remedy = did_you_mean(need.value, names);
    if (remedy.empty() && names.size() <= 12) {
      remedy = fmt::format("the tasks are {}", fmt::join(names, ", "));
    }
    findings_.error(kUnknownTask,
                    need.span,
                    fmt::format("there is no task {}", quoted(need.value)),
                    std::move(remedy));
  }

  /// Where `from` says that it waits for `to`: its `needs` item, else its name.
  [[nodiscard]] Span place_of_need(Graph::Node from, Graph::Node to) const {
    const Unit& unit = program_.units[from];
    const StatedList<Text>& own =
        unit.task != nullptr ? unit.task->needs : pipeline_.phases[unit.phase].needs;
    const StatedList<Text>& phase = pipeline_.phases[unit.phase].needs;
    for (const StatedList<Text>* needs : {&own, &phase}) {
      for (const Text& need : needs->items) {
        if (need.value == name_of(to)) {
          return need.span;
        }
      }
    }
    return span_of(from);
  }

  [[nodiscard]] std::string described_need(Graph::Node from, Graph::Node to) const {
    if (program_.units[from].task == nullptr) {
      return fmt::format("the phase '{}' ends with '{}'", name_of(from), name_of(to));
    }
    return fmt::format("'{}' waits for {}'{}'",
                       name_of(from),
                       program_.units[to].task == nullptr ? "the phase " : "",
                       name_of(to));
  }

  void report_cycle(const std::vector<Graph::Node>& cycle) {
    std::string path;
    std::vector<Diagnostic::Note> notes;
    for (std::size_t i = 0; i < cycle.size(); ++i) {
      const Graph::Node next = cycle[(i + 1) % cycle.size()];
      if (cycle.size() <= 12 || i < 10) {
        path += fmt::format("{} -> ", name_of(cycle[i]));
      } else if (i == 10) {
        path += "… -> ";
      }
      if (i > 0 && notes.size() < 4) {
        notes.push_back({place_of_need(cycle[i], next), described_need(cycle[i], next)});
      }
    }
    const Graph::Node second = cycle[1 % cycle.size()];
    const bool is_selfish = cycle.size() == 1;
    findings_.error(kCycle,
                    place_of_need(cycle[0], second),
                    is_selfish
                        ? fmt::format("'{}' waits for itself", name_of(cycle[0]))
                        : fmt::format("these wait for each other: {}{}", path, name_of(cycle[0])),
                    is_selfish ? "remove it from its own 'needs'" : "remove one of these 'needs'",
                    std::move(notes));
  }

  Program& program_;
  PipelineSpec& pipeline_;
  Findings& findings_;
  std::vector<Graph::Node> gates_;
  std::vector<Graph::Node> needed_by_;  // 1 + the last unit that named this one in its needs
};

}  // namespace

void link_units(Program& program) {
  Linker(program).link();
}

}  // namespace dsl
