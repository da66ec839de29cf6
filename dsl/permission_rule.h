#pragma once

// A rule of `permissions`: a program by its name and words among its arguments ("openssl genrsa"),
// or a file of the project ("scripts/release.sh"). What rules mean together is decided in the
// container (runner/init/permissions.h). Any thread.

#include <string>
#include <string_view>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"

namespace dsl {

struct PermissionRule {
  std::vector<std::string> words;  // the first is the program, or the file's path; never empty
  /// A file of the project; else a program by its name.
  [[nodiscard]] bool is_file() const { return words.front().find('/') != std::string::npos; }
};

/// What a plan's rule says; "./" before a file is left out.
Result<PermissionRule> parse_permission_rule(std::string_view text);
/// As a plan holds it: words with one blank between them.
std::string to_text(const PermissionRule& rule);

/// The programs that rules name, each once, in order.
std::vector<std::string> named_programs(const Permissions& permissions);
/// Those of them that may not be used at all.
std::vector<std::string> denied_programs(const Permissions& permissions);
/// Rules of `deny` from which no rule of `allow` takes anything: those that a system without
/// exceptions can be given.
std::vector<std::string> rules_without_exception(const Permissions& permissions);
/// The files that are denied.
std::vector<std::string> denied_files(const Permissions& permissions);

}  // namespace dsl
