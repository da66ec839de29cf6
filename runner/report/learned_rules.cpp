#include "runner/report/learned_rules.h"

#include <cstdint>
#include <map>
#include <set>
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

std::string rule_of(const std::string& host, const std::set<std::uint16_t>& ports) {
  if (ports.empty()) {
    return host;
  }
  return ports.size() == 1 ? fmt::format("{}:{}", host, *ports.begin())
                           : fmt::format("{}:[{}]", host, fmt::join(ports, ", "));
}

}  // namespace

std::string learned_rules(const RunState& state) {
  std::map<std::string, Tried> hosts;
  std::set<std::string> others;
  for (const NodeState& node : state.nodes()) {
    for (const EgressDenied& denied : node.denied) {
      if (denied.reason != Reason::Name && denied.reason != Reason::Port) {
        others.insert(one_line(node.id.value + ": " + egress_text(denied)));
        continue;
      }
      Tried& tried = hosts[one_line(denied.name)];
      tried.tasks.insert(one_line(node.id.value));
      if (denied.port != 0) {
        tried.ports.insert(denied.port);
      }
    }
  }
  if (hosts.empty()) {
    return "# nothing was refused that a rule could allow\n";
  }
  std::string text = fmt::format(
      "# What tasks of {} tried and no rule allows. Nothing was let through: keep what\n"
      "# is meant, and add it to the rules of the pipeline, or of the tasks named.\n"
      "firewall:\n  allow:\n",
      one_line(state.run().value));
  for (const auto& [host, tried] : hosts) {
    text += fmt::format(
        "    - \"{}\"  # {}{}\n",
        rule_of(host, tried.ports),
        fmt::join(tried.tasks, ", "),
        tried.ports.empty() ? "; looked up only: 443 and 80, unless you add `:PORT`" : "");
  }
  for (const std::string& other : others) {
    text += "# " + other + "\n";
  }
  return text;
}

}  // namespace runner::report
