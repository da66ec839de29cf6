// What a run may spend, reach, know and do: budget, firewall, secrets, permissions.

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "dsl/firewall_entry.h"
#include "dsl/parse_parts.h"

namespace dsl {
namespace {

// ---- budget ----------------------------------------------------------------------------------

Stated<std::int64_t> read_turns(YamlValue key, YamlValue value, Findings& findings) {
  return read_integer(key, value, 1, 1'000'000'000, findings);
}

constexpr Field<BudgetSpec> kPerDayFields[] = {
    {"cost", into<&BudgetSpec::cost_per_day, read_money>, Need::Required},
};
constexpr Record<BudgetSpec> kPerDay{"a budget per day", kPerDayFields};

constexpr Field<BudgetSpec> kBudgetFields[] = {
    {"cost", into<&BudgetSpec::cost, read_money>},
    {"time", into<&BudgetSpec::time, read_duration>},
    {"turns", into<&BudgetSpec::turns, read_turns>},
    {"tokens", into<&BudgetSpec::tokens, read_tokens>},
};
constexpr Record<BudgetSpec> kBudget{"a budget", kBudgetFields};

constexpr Field<BudgetSpec> kPipelineBudgetFields[] = {
    {"cost", into<&BudgetSpec::cost, read_money>},
    {"time", into<&BudgetSpec::time, read_duration>},
    {"turns", into<&BudgetSpec::turns, read_turns>},
    {"tokens", into<&BudgetSpec::tokens, read_tokens>},
    {"per_day",
     [](YamlValue key, YamlValue value, BudgetSpec& budget, Findings& findings) {
       read_record(value, key.span(), kPerDay, budget, findings);
     }},
};
constexpr Record<BudgetSpec> kPipelineBudget{"the budget", kPipelineBudgetFields};

// ---- firewall --------------------------------------------------------------------------------

constexpr Field<FirewallSpec> kFirewallFields[] = {
    {"mode", into<&FirewallSpec::mode, read_enum<Firewall::Mode>>},
    {"allow", into<&FirewallSpec::allow, read_texts>},
    {"allow_private", into<&FirewallSpec::allow_private, read_texts>},
};
constexpr Record<FirewallSpec> kFirewall{"a firewall", kFirewallFields};

// ---- secrets, permissions --------------------------------------------------------------------

constexpr Field<SecretSpec> kSecretFields[] = {
    {"name", into<&SecretSpec::name, read_word>, Need::Required},
    {"command", into<&SecretSpec::command, read_texts>},
    {"file", into<&SecretSpec::file, read_word>},
    {"expose", into<&SecretSpec::expose, read_flag>},
};
constexpr Record<SecretSpec> kSecret{"a secret", kSecretFields};

constexpr Field<PermissionsSpec> kPermissionsFields[] = {
    {"allow", into<&PermissionsSpec::allow, read_texts>},
    {"deny", into<&PermissionsSpec::deny, read_texts>},
    {"message", into<&PermissionsSpec::message, read_word>},
};
constexpr Record<PermissionsSpec> kPermissions{"permissions", kPermissionsFields};

/// Secrets are named, never written: a value in the file would be in every copy of it.
bool check_secret(const SecretSpec& secret, Findings& findings) {
  if (!secret.name) {
    return false;  // reported as missing
  }
  if (secret.name.value.find('=') != std::string_view::npos) {
    findings.error(kBadVariable,
                   secret.name.span,
                   "a secret is named here, its value must not stand in the file",
                   fmt::format("write {} and set the variable where 'pipe' runs",
                               secret.name.value.substr(0, secret.name.value.find('='))));
    return false;
  }
  if (!check_variable_name(secret.name, findings)) {
    return false;
  }
  if (secret.command && secret.file) {
    findings.error(kExclusiveKeys,
                   secret.file.span,
                   fmt::format("the secret {} comes from a command and from a file",
                               quoted(secret.name.value)),
                   "keep one of the two");
  }
  return true;
}

template <class Part>
Section<Part> read_section(YamlValue key,
                           YamlValue value,
                           const Record<Part>& record,
                           Findings& findings) {
  auto part = std::make_unique<Part>();
  return read_record(value, key.span(), record, *part, findings) ? std::move(part) : nullptr;
}

}  // namespace

Section<BudgetSpec> parse_budget(YamlValue key, YamlValue value, Findings& findings) {
  return read_section(key, value, kBudget, findings);
}

Section<BudgetSpec> parse_pipeline_budget(YamlValue key, YamlValue value, Findings& findings) {
  return read_section(key, value, kPipelineBudget, findings);
}

Section<FirewallSpec> parse_firewall(YamlValue key, YamlValue value, Findings& findings) {
  auto firewall = read_section(key, value, kFirewall, findings);
  if (firewall == nullptr) {
    return firewall;
  }
  const auto report = [&](const Text& entry, const std::optional<Error>& problem) {
    if (problem) {
      findings.error(kBadFirewallEntry, entry.span, problem->message, problem->remedy);
    }
  };
  const auto is_open = [](const Text& entry) {  // looked at once the expression is known
    return has_hole(entry.value);
  };
  for (const Text& entry : firewall->allow.items) {
    report(entry,
           is_open(entry) ? std::nullopt : allow_entry_problem(entry.value, firewall->mode.value));
  }
  for (const Text& entry : firewall->allow_private.items) {
    report(entry, is_open(entry) ? std::nullopt : private_entry_problem(entry.value));
  }
  return firewall;
}

Section<StatedList<SecretSpec>> parse_secrets(YamlValue key, YamlValue value, Findings& findings) {
  auto secrets = std::make_unique<StatedList<SecretSpec>>();
  secrets->span = key.span();
  if (value.kind() != YamlValue::Kind::List) {
    report_wrong_kind(value,
                      "'secrets'",
                      "a list of names",
                      "write secrets: [NAME, {name: OTHER, command: [gh, auth, token]}]",
                      findings);
    return nullptr;
  }
  value.each_item([&](YamlValue item) {
    SecretSpec secret;
    if (item.kind() == YamlValue::Kind::Map) {
      read_record(item, item.span(), kSecret, secret, findings);
    } else {
      secret.name = read_word(key, item, findings);
    }
    if (!check_secret(secret, findings)) {
      return;
    }
    for (const SecretSpec& other : secrets->items) {
      if (other.name.value == secret.name.value) {
        findings.error(kRepeatedItem,
                       secret.name.span,
                       fmt::format("the secret {} is listed twice", quoted(secret.name.value)),
                       "remove one of the two",
                       {{other.name.span, "first listed here"}});
        return;
      }
    }
    secrets->items.push_back(std::move(secret));
  });
  return secrets;
}

Section<PermissionsSpec> parse_permissions(YamlValue key, YamlValue value, Findings& findings) {
  return read_section(key, value, kPermissions, findings);
}

void append_limits_keys(KnownKeys& known) {
  append_keys(kPipelineBudget, "pipeline_budget", known);
  append_keys(kBudget, "budget", known);
  append_keys(kPerDay, "per_day", known);
  append_keys(kFirewall, "firewall", known);
  append_preset_keys(known);
  append_keys(kSecret, "secret", known);
  append_keys(kPermissions, "permissions", known);
}

}  // namespace dsl
