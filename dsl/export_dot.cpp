#include "dsl/export_dot.h"

#include <string_view>

#include <fmt/format.h>

#include "dsl/export_words.h"
#include "dsl/render.h"

namespace dsl {
namespace {

namespace words = export_words;

/// For inside "…". A backslash is doubled, so that Graphviz's own escapes (\N, \l) mean nothing.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : visible(text)) {
    if (c == '"' || c == '\\') {
      result += '\\';
    }
    result += c;
  }
  return result;
}

std::string_view shape_of(const PlanNode& node) {
  switch (node.kind) {
    case NodeKind::Task:
      return node.for_each ? "box3d" : "box";
    case NodeKind::PhaseGate:
      return "diamond";
    case NodeKind::Approval:
      return "octagon";
  }
  return "box";
}

std::string label_of(const PlanNode& node) {
  std::string label = escaped(words::shortened(node.id.value, 60));
  if (!node.criteria.empty()) {
    label += fmt::format("\\n[ ] x {}", node.criteria.size());
  }
  return label;
}

std::string attributes_of(const PlanNode& node) {
  std::string attributes = fmt::format("label=\"{}\", shape={}", label_of(node), shape_of(node));
  if (!words::dangers(node).empty()) {
    attributes += ", color=\"#b00020\", penwidth=2";
  }
  if (node.condition) {
    attributes += ", style=\"rounded,dashed\"";
  }
  return attributes;
}

}  // namespace

std::string export_dot(const Plan& plan) {
  std::string out = fmt::format(
      "digraph \"{}\" {{\n"
      "  rankdir=LR;\n"
      "  node [fontname=\"Helvetica\", style=rounded];\n"
      "  graph [fontname=\"Helvetica\", style=rounded, color=\"#808080\"];\n",
      escaped(plan.name));
  const std::vector<std::vector<NodeIndex>> nodes = words::nodes_by_phase(plan);
  for (std::size_t phase = 0; phase < plan.phases.size(); ++phase) {
    out += fmt::format(
        "  subgraph cluster_{} {{\n    label=\"{}\";\n", phase, escaped(plan.phases[phase].name));
    for (const NodeIndex k : nodes[phase]) {
      out += fmt::format("    n{} [{}];\n", k, attributes_of(plan.nodes[k]));
    }
    out += "  }\n";
  }
  for (NodeIndex k = 0; k < plan.nodes.size(); ++k) {
    for (const NodeIndex need : plan.nodes[k].needs) {
      out += fmt::format("  n{} -> n{};\n", need, k);
    }
  }
  return out + "}\n";
}

}  // namespace dsl
