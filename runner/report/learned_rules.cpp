#include "runner/report/learned_rules.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "runner/report/egress_text.h"
#include "runner/report/escape.h"

namespace runner::report {
namespace {

using Reason = EgressDenied::Reason;

/// What is known of a host that was refused.
struct Tried {
  std::set<std::uint16_t> ports;
  std::set<std::string> tasks;
};

/// A host, by TCP or by UDP.
using Way = std::pair<std::string, bool>;

std::string rule_of(const Way& way, const std::set<std::uint16_t>& ports) {
  const auto& [host, udp] = way;
  if (ports.empty()) {
    return host;
  }
  return (ports.size() == 1 ? fmt::format("{}:{}", host, *ports.begin())
                            : fmt::format("{}:[{}]", host, fmt::join(ports, ", "))) +
         (udp ? "/udp" : "");
}

}  // namespace

std::string learned_rules(const RunState& state) {
  std::map<Way, Tried> ways;
  bool is_routed = false;
  std::set<std::string> others;
  for (const NodeState& node : state.nodes()) {
    for (const EgressDenied& denied : node.denied) {
      if (denied.reason != Reason::Name && denied.reason != Reason::Port) {
        others.insert(one_line(node.id.value + ": " + egress_text(denied)));
        continue;
      }
      is_routed = is_routed || is_for_routed(denied);
      Tried& tried = ways[{one_line(denied.name), denied.udp}];
      tried.tasks.insert(one_line(node.id.value));
      if (denied.port != 0) {
        tried.ports.insert(denied.port);
      }
    }
  }
  if (ways.empty()) {
    return "# nothing was refused that a rule could allow\n";
  }
  std::string text = fmt::format(
      "# What tasks of {} tried and no rule allows. Nothing was let through: keep what\n"
      "# is meant, and add it to the rules of the pipeline, or of the tasks named.\n"
      "firewall:\n{}  allow:\n",
      one_line(state.run().value),
      is_routed ? "  mode: routed\n" : "");
  for (const auto& [way, tried] : ways) {
    text += fmt::format(
        "    - \"{}\"  # {}{}\n",
        rule_of(way, tried.ports),
        fmt::join(tried.tasks, ", "),
        tried.ports.empty() ? "; looked up only: 443 and 80, unless you add `:PORT`" : "");
  }
  for (const std::string& other : others) {
    text += "# " + other + "\n";
  }
  return text;
}

}  // namespace runner::report
