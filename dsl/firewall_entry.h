#pragma once

// What an author may write in a firewall's lists. Internal to the compiler; pure, any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/findings.h"
#include "dsl/parse_parts.h"
#include "dsl/plan.h"
#include "dsl/result.h"
#include "dsl/yaml.h"

namespace dsl {

/// An entry of `allow` names a list of rules: `github`, `./hosts.yaml`. A host has a dot or a port.
bool is_preset(std::string_view entry);
/// The preset is a file of the project.
bool is_preset_file(std::string_view entry);

/// What is wrong with an entry of `allow` (a rule, or the name of a preset), or nothing.
std::optional<Error> allow_entry_problem(std::string_view entry, Firewall::Mode mode);

/// What is wrong with an entry of `allow_private`, or nothing.
std::optional<Error> private_entry_problem(std::string_view entry);

/// The rule as a Plan has it: canonical, with its ports. REQUIRES: no problem with it.
std::string planned_rule(std::string_view entry);

/// The rules of a preset's file, as a Plan has them; what is wrong with it is reported.
std::vector<std::string> read_preset(YamlValue root, Findings& findings);

void append_preset_keys(KnownKeys& known);

}  // namespace dsl
