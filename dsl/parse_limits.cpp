// What a run may spend, reach, know and do: budget, firewall, secrets, permissions.

#include <algorithm>
#include <charconv>
#include <span>

#include <fmt/format.h>

#include "dsl/firewall_entry.h"
#include "dsl/parse_parts.h"
#include "dsl/secret_host.h"

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

Stated<Secret::Expose> read_expose(YamlValue key, YamlValue value, Findings& findings) {
  static constexpr std::array kChoices = {
      Word<Secret::Expose>{Secret::Expose::Variable, "true"},
      Word<Secret::Expose>{Secret::Expose::No, "false"},
      Word<Secret::Expose>{Secret::Expose::File, "file"},
  };
  return read_choice(key, value, kChoices, findings);
}

constexpr Field<SecretSpec> kSecretFields[] = {
    {"name", into<&SecretSpec::name, read_word>, Need::Required},
    {"command", into<&SecretSpec::command, read_texts>},
    {"file", into<&SecretSpec::file, read_word>},
    {"expires", into<&SecretSpec::expires, read_duration>},
    {"expose", into<&SecretSpec::expose, read_expose>},
    {"hosts", into<&SecretSpec::hosts, read_texts>},
    {"header", into<&SecretSpec::header, read_plain_word>},
};
constexpr Record<SecretSpec> kSecret{"a secret", kSecretFields};
/// In a map, whose keys are the names.
constexpr Record<SecretSpec> kNamedSecret{"a secret", std::span(kSecretFields).subspan(1)};

constexpr Field<PermissionsSpec> kPermissionsFields[] = {
    {"allow", into<&PermissionsSpec::allow, read_texts>},
    {"deny", into<&PermissionsSpec::deny, read_texts>},
    {"message", into<&PermissionsSpec::message, read_word>},
};
constexpr Record<PermissionsSpec> kPermissions{"permissions", kPermissionsFields};

/// Who gets it: hosts, by way of the gateway, or the task itself.
void check_secret_use(const SecretSpec& secret, Findings& findings) {
  const bool exposed = secret.expose.value != Secret::Expose::No;
  if (exposed && (secret.hosts || secret.header)) {
    findings.error(kExclusiveKeys,
                   secret.expose.span,
                   fmt::format("the secret {} is exposed, and the gateway shall send it",
                               quoted(secret.name.value)),
                   "remove 'expose': then the task holds a token, and only the hosts get the "
                   "value",
                   {{secret.hosts ? secret.hosts.span : secret.header.span, "to these hosts"}});
  }
  if (secret.hosts && secret.hosts.items.empty()) {
    findings.error(kEmptyValue,
                   secret.hosts.span,
                   "'hosts' is empty",
                   "name the hosts that the secret is for, or remove 'hosts'");
  }
  if (!exposed && !secret.hosts && known_secret_hosts(secret.name.value).empty()) {
    findings.error(kUselessSecret,
                   secret.name.span,
                   fmt::format("nobody gets the secret {}", quoted(secret.name.value)),
                   fmt::format("name the hosts it is for, secrets: {{{0}: {{hosts: "
                               "[api.example.org]}}}}, or let the task see it, {{{0}: {{expose: "
                               "true}}}}",
                               secret.name.value));
  }
  if (secret.header) {
    if (const auto header = parse_secret_header(secret.header.value); !header) {
      findings.error(kBadHeader, secret.header.span, header.error().message, header.error().remedy);
    }
  }
}

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
  if (secret.expires && !secret.command) {
    findings.error(kUselessKey,
                   secret.expires.span,
                   "only the value of a command is made again when it expires",
                   "remove 'expires', or name the command that prints the value");
  }
  check_secret_use(secret, findings);
  return true;
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
  const auto add = [&](SecretSpec secret) {
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
  };
  if (value.kind() == YamlValue::Kind::Map) {
    value.each_entry([&](YamlValue name, YamlValue how) {
      SecretSpec secret;
      secret.name = Text{name.text(), name.span()};
      if (how.kind() == YamlValue::Kind::Null ||
          read_record(how, name.span(), kNamedSecret, secret, findings)) {
        add(std::move(secret));
      }
    });
    return secrets;
  }
  if (value.kind() != YamlValue::Kind::List) {
    report_wrong_kind(value,
                      "'secrets'",
                      "a list of names, or a map from names to what is done with them",
                      "write secrets: [NAME], or secrets: {NAME: {hosts: [api.example.org]}}",
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
    add(std::move(secret));
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
  append_keys(kNamedSecret, "named_secret", known);
  append_keys(kPermissions, "permissions", known);
}

}  // namespace dsl
