#include "dsl/export_mermaid.h"

#include <string_view>

#include <fmt/format.h>

#include "dsl/export_words.h"
#include "dsl/render.h"

namespace dsl {
namespace {

namespace words = export_words;

/// For inside "…": all that Mermaid or the HTML it makes could read as something else becomes an
/// entity of Mermaid's own, "#35;".
std::string escaped(std::string_view text) {
  constexpr std::string_view kSpecial = "\"#&;<>`{}[]()|\\%";
  std::string result;
  for (const char c : visible(text)) {
    if (kSpecial.find(c) == std::string_view::npos) {
      result += c;
    } else {
      result += fmt::format("#{};", static_cast<int>(c));
    }
  }
  return result;
}

std::string label_of(const PlanNode& node) {
  std::string label = escaped(words::shortened(node.id.value, 60));
  if (!node.criteria.empty()) {
    label += fmt::format("<br/>#91; #93; x {}", node.criteria.size());
  }
  return label;
}

/// The node with the brackets that give it its shape.
std::string shaped(const PlanNode& node, NodeIndex index) {
  const std::string label = label_of(node);
  switch (node.kind) {
    case NodeKind::Task:
      return node.for_each ? fmt::format("n{}[[\"{}\"]]", index, label)
                           : fmt::format("n{}[\"{}\"]", index, label);
    case NodeKind::PhaseGate:
      return fmt::format("n{}{{\"{}\"}}", index, label);
    case NodeKind::Approval:
      return fmt::format("n{}([\"{}\"])", index, label);
  }
  return "";
}

}  // namespace

std::string export_mermaid(const Plan& plan) {
  std::string out = "flowchart LR\n";
  const std::vector<std::vector<NodeIndex>> nodes = words::nodes_by_phase(plan);
  for (std::size_t phase = 0; phase < plan.phases.size(); ++phase) {
    out += fmt::format("  subgraph p{}[\"{}\"]\n", phase, escaped(plan.phases[phase].name));
    for (const NodeIndex k : nodes[phase]) {
      out += "    " + shaped(plan.nodes[k], k) + "\n";
    }
    out += "  end\n";
  }
  for (NodeIndex k = 0; k < plan.nodes.size(); ++k) {
    for (const NodeIndex need : plan.nodes[k].needs) {
      out += fmt::format("  n{} --> n{}\n", need, k);
    }
  }
  std::string dangerous;
  for (NodeIndex k = 0; k < plan.nodes.size(); ++k) {
    if (!words::dangers(plan.nodes[k]).empty()) {
      dangerous += fmt::format("{}n{}", dangerous.empty() ? "" : ",", k);
    }
  }
  if (!dangerous.empty()) {
    out += "  classDef danger stroke:#b00020,stroke-width:2px\n";
    out += "  class " + dangerous + " danger\n";
  }
  return out;
}

}  // namespace dsl
