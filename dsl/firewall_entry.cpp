#include "dsl/firewall_entry.h"

#include <algorithm>

#include <fmt/format.h>

#include "dsl/egress.h"
#include "dsl/fields.h"
#include "dsl/render.h"
#include "dsl/stdlib.h"
#include "dsl/suggest.h"

namespace dsl {
namespace {

/// What the file of a preset says.
struct PresetSpec {
  Text name;
  Text description;
  Text source;  // where the list comes from, for its readers
  StatedList<Text> allow;
};

constexpr Field<PresetSpec> kPresetFields[] = {
    {"name", into<&PresetSpec::name, read_plain_word>},
    {"description", into<&PresetSpec::description, read_word>},
    {"source", into<&PresetSpec::source, read_word>},
    {"allow", into<&PresetSpec::allow, read_texts>, Need::Required},
};
constexpr Record<PresetSpec> kPreset{"a firewall preset", kPresetFields};

std::optional<Error> unknown_preset(std::string_view name) {
  if (stdlib_preset(name)) {
    return std::nullopt;
  }
  std::string remedy = did_you_mean(name, stdlib_presets());
  if (remedy.empty()) {
    remedy = fmt::format("'pipe' knows {}; a host of one label needs its port, as in '{}:443'",
                         fmt::join(stdlib_presets(), ", "),
                         visible(name));
  }
  return Error{fmt::format("there is no firewall preset {}", quoted(name)), std::move(remedy)};
}

/// What a gateway, which carries TCP and decides by name, cannot do.
std::optional<Error> beyond_gateway(std::string_view entry, const EgressRule& rule) {
  if (rule.kind == EgressRule::Kind::Range) {
    return Error{fmt::format("the gateway decides by name, it cannot allow the {} {}",
                             entry.find('/') == std::string_view::npos ? "address" : "range",
                             quoted(entry)),
                 "name hosts, or write 'mode: routed'"};
  }
  if (rule.udp) {
    return Error{fmt::format("the gateway carries TCP only, not {}", quoted(entry)),
                 "write 'mode: routed'"};
  }
  return std::nullopt;
}

}  // namespace

bool is_preset_file(std::string_view entry) {
  return entry.substr(0, 2) == "./" || entry.substr(0, 3) == "../";
}

bool is_preset(std::string_view entry) {
  return is_preset_file(entry) ||
         (!entry.empty() && entry.find_first_of(".:*/[ ") == std::string_view::npos);
}

std::optional<Error> allow_entry_problem(std::string_view entry, Firewall::Mode mode) {
  if (is_preset_file(entry)) {
    return std::nullopt;  // looked at where it is read
  }
  if (is_preset(entry)) {
    return unknown_preset(entry);
  }
  const auto rule = parse_egress_rule(entry);
  if (!rule) {
    return rule.error();
  }
  if (rule->kind == EgressRule::Kind::Any) {
    return Error{fmt::format("{} would allow every host", quoted(entry)),
                 "name the hosts, as in '*.example.org:443', or the preset 'web'"};
  }
  if (mode == Firewall::Mode::Gateway) {
    return beyond_gateway(entry, *rule);
  }
  if (rule->kind == EgressRule::Kind::Range && !rule->range.base.v4) {
    return Error{
        fmt::format("a task has no IPv6 of its own, by which it could reach {}", quoted(entry)),
        "name the host; the gateway reaches it by IPv6 too"};
  }
  return std::nullopt;
}

std::optional<Error> private_entry_problem(std::string_view entry) {
  const auto rule = parse_egress_rule(entry);
  if (!rule) {
    return rule.error();
  }
  if (rule->kind == EgressRule::Kind::Any) {
    return Error{fmt::format("{} would allow every private address", quoted(entry)),
                 "name the hosts, or the range, as in '10.0.0.0/8'"};
  }
  return std::nullopt;
}

std::string planned_rule(std::string_view entry) {
  EgressRule rule = *parse_egress_rule(entry);
  if (rule.ports.empty()) {
    rule.ports = {kHttpPort, kHttpsPort};
  }
  return to_text(rule);
}

std::vector<std::string> read_preset(YamlValue root, Findings& findings) {
  std::vector<std::string> rules;
  PresetSpec preset;
  if (!read_record(root, root.span(), kPreset, preset, findings)) {
    return rules;
  }
  for (const Text& entry : preset.allow.items) {
    const auto rule = parse_egress_rule(entry.value);
    const auto problem = is_preset(entry.value)
                             ? Error{fmt::format("{} is no host and port", quoted(entry.value)),
                                     "a preset holds rules, such as 'api.example.org:443'"}
                         : !rule ? std::optional<Error>(rule.error())
                                 : beyond_gateway(entry.value, *rule);
    if (problem) {
      findings.error(kBadFirewallEntry, entry.span, problem->message, problem->remedy);
    } else {
      rules.push_back(planned_rule(entry.value));
    }
  }
  return rules;
}

void append_preset_keys(KnownKeys& known) {
  append_keys(kPreset, "preset", known);
}

}  // namespace dsl
