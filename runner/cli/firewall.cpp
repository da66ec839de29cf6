// pipe firewall check FILE HOST:PORT [--task TASK]: which rule decides.

#include <algorithm>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "dsl/egress.h"
#include "dsl/value.h"
#include "runner/cli/commands.h"
#include "runner/cli/plan_file.h"
#include "runner/report/columns.h"
#include "runner/report/escape.h"

namespace runner::cli {
namespace {

using dsl::Error;
using dsl::Result;
using dsl::Value;

struct Arguments {
  PlanSource source;
  std::string action;
  std::string place;
  std::string task;
  bool json = false;
};

struct Place {
  std::string host;
  std::optional<dsl::IpAddress> address;  // that is meant itself; then `host` is its text
  std::uint16_t port = 0;
  dsl::Carried carried = dsl::Carried::Tcp;
};

Result<Place> parse_place(const std::string& text) {
  const auto rule = dsl::parse_egress_rule(text);
  if (!rule) {
    return rule.error();
  }
  Place place;
  const bool is_address = rule->kind == dsl::EgressRule::Kind::Range &&
                          rule->range == dsl::IpRange::parse(rule->range.base.text());
  if ((rule->kind != dsl::EgressRule::Kind::Name && !is_address) || rule->ports.size() > 1) {
    return Error{fmt::format("'{}' is not one host and port", report::one_line(text)),
                 "write 'api.example.org:443'"};
  }
  if (is_address) {
    place.address = rule->range.base;
  }
  place.host = is_address ? rule->range.base.text() : rule->host;
  place.port = rule->ports.empty() ? dsl::kHttpsPort : rule->ports.front();
  place.carried = rule->udp ? dsl::Carried::Udp : dsl::Carried::Tcp;
  return place;
}

/// What the firewall of one task says.
struct Answer {
  std::string task;
  std::string rule;    // "" refused
  std::string reason;  // of a refusal
  bool may_be_private = false;
};

Answer ask(const dsl::PlanNode& node, const dsl::EgressPolicy& policy, const Place& place) {
  Answer answer;
  answer.task = node.id.value;
  const dsl::EgressRule* const rule = place.address
                                          ? policy.find(*place.address, place.port, place.carried)
                                          : policy.find(place.host, place.port, place.carried);
  if (rule != nullptr) {
    answer.rule = to_text(*rule);
    answer.may_be_private = place.address ? policy.names_address(*place.address, place.port)
                                          : policy.may_be_private(place.host, place.port);
    return answer;
  }
  const bool is_known = place.address ? policy.knows(*place.address) : policy.knows(place.host);
  const char* const what = place.address ? "address" : "host";
  answer.reason = node.firewall.allow.empty() ? "it has no firewall rules, and loopback only"
                  : is_known ? fmt::format("no rule allows this port of the {}", what)
                             : fmt::format("no rule allows this {}", what);
  return answer;
}

std::string shown(const std::vector<Answer>& answers) {
  std::size_t width = 0;
  for (const Answer& answer : answers) {
    width = std::max(width, report::columns(report::one_line(answer.task)));
  }
  std::string text;
  for (const Answer& answer : answers) {
    const std::string said =
        answer.rule.empty()
            ? "refused: " + answer.reason
            : fmt::format("allowed by '{}'{}",
                          answer.rule,
                          answer.may_be_private ? ", at private addresses too" : "");
    text += report::padded(report::one_line(answer.task), width) + "  " + said + "\n";
  }
  return text;
}

std::string as_json(const Place& place, const std::vector<Answer>& answers) {
  Value::List tasks;
  for (const Answer& answer : answers) {
    tasks.emplace_back(Value::Record{{"task", Value(answer.task)},
                                     {"allowed", Value(!answer.rule.empty())},
                                     {"rule", Value(answer.rule)},
                                     {"reason", Value(answer.reason)},
                                     {"may_be_private", Value(answer.may_be_private)}});
  }
  return dsl::to_json(Value(Value::Record{{"host", Value(place.host)},
                                          {"port", Value(static_cast<double>(place.port))},
                                          {"udp", Value(place.carried == dsl::Carried::Udp)},
                                          {"tasks", Value(std::move(tasks))}})) +
         "\n";
}

ExitCode check(const Arguments& arguments, Console& console) {
  const auto place = parse_place(arguments.place);
  if (!place) {
    return console.fail(ExitCode::Invalid, place.error());
  }
  const auto plan = plan_of(arguments.source, console);
  if (!plan) {
    return ExitCode::Invalid;
  }
  std::vector<Answer> answers;
  bool all = true;
  for (const dsl::PlanNode& node : plan->plan.nodes) {
    if (node.kind != dsl::NodeKind::Task ||
        (!arguments.task.empty() && node.task != arguments.task &&
         node.id.value != arguments.task)) {
      continue;
    }
    const auto policy = dsl::EgressPolicy::make(node.firewall);
    if (!policy) {
      return console.fail(ExitCode::Invalid, policy.error());
    }
    answers.push_back(ask(node, *policy, *place));
    all = all && !answers.back().rule.empty();
  }
  if (answers.empty()) {
    return console.fail(
        ExitCode::Invalid,
        Error{fmt::format("there is no task '{}'", report::one_line(arguments.task)),
              "`pipe plan " + arguments.source.file + "` lists them"});
  }
  console.out(arguments.json ? as_json(*place, answers) : shown(answers));
  return all ? ExitCode::Passed : ExitCode::Failed;
}

}  // namespace

Command firewall_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "firewall";
  command.summary = "tell which firewall rule decides about a host";
  command.description =
      "Says for each task of a pipeline whether it may reach a host, and by which rule.\n"
      "Presets are expanded; nothing is resolved or contacted. Exit code 1 when a task may\n"
      "not. Without a port it is 443.";
  command.positionals = {
      {"check", "the word itself", true, Completes::Nothing, {"check"}, &arguments->action},
      {"FILE", "the pipeline", true, Completes::File, {}, &arguments->source.file},
      {"HOST",
       "what would be reached, host:port",
       true,
       Completes::Nothing,
       {},
       &arguments->place}};
  command.options.push_back({"--task", "TASK", "only this task", {}, &arguments->task});
  add_plan_options(command.options, arguments->source);
  command.options.push_back({"--json", "", "print the answer as JSON", {}, &arguments->json});
  command.examples = {"pipe firewall check pipeline.yaml api.github.com:443",
                      "pipe firewall check pipeline.yaml 10.1.2.3:53/udp --task migrate"};
  command.action = [arguments, &console] { return check(*arguments, console); };
  return command;
}

}  // namespace runner::cli
