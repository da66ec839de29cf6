#include "dsl/plan_widening.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "dsl/permission_rule.h"
#include "dsl/value.h"

namespace dsl {

namespace {

using Path = std::vector<std::string>;

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool begins_with_one_of(std::string_view word, std::initializer_list<std::string_view> begins) {
  return std::any_of(begins.begin(), begins.end(), [word](std::string_view begin) {
    return word.starts_with(begin);
  });
}

std::string text_at(const Value* value) {
  return value == nullptr ? "" : to_text(*value);
}

/// A limit that is higher, or gone; null is none, and so is 0 where `zero_is_none`.
bool is_raised(const Value* before, const Value* after, bool zero_is_none) {
  const auto limit_of = [&](const Value* value) -> std::optional<double> {
    const auto* number = value == nullptr ? nullptr : std::get_if<double>(&value->held);
    const bool none = number == nullptr || (zero_is_none && *number == 0);
    return none ? std::nullopt : std::optional(*number);
  };
  const auto old_limit = limit_of(before);
  const auto new_limit = limit_of(after);
  return old_limit && (!new_limit || *new_limit > *old_limit);
}

/// The place of a word in an order in which each lets more than the one before; else 0.
std::size_t rank_of(const Value* value, std::initializer_list<std::string_view> order) {
  const std::string word = text_at(value);
  const auto* const found = std::find(order.begin(), order.end(), word);
  return found == order.end() ? 0 : static_cast<std::size_t>(found - order.begin());
}

bool is_higher(const ValueChange& change, std::initializer_list<std::string_view> order) {
  return rank_of(change.after, order) > rank_of(change.before, order);
}

/// A variable by which another program is run than the one that is named, or other code in it: a
/// check's command runs with its task's variables.
bool chooses_code(std::string_view variable) {
  return is_one_of(variable,
                   {"PATH",
                    "HOME",
                    "SHELL",
                    "ENV",
                    "IFS",
                    "PS4",
                    "BASH_ENV",
                    "BASHOPTS",
                    "SHELLOPTS",
                    "PROMPT_COMMAND",
                    "ZDOTDIR",
                    "EDITOR",
                    "VISUAL",
                    "PAGER",
                    "GCONV_PATH",
                    "GLIBC_TUNABLES",
                    "PYTHONPATH",
                    "PYTHONHOME",
                    "PYTHONSTARTUP",
                    "PYTHONINSPECT",
                    "PERL5LIB",
                    "PERL5OPT",
                    "PERL5DB",
                    "RUBYLIB",
                    "RUBYOPT",
                    "NODE_OPTIONS",
                    "NODE_PATH",
                    "CLASSPATH",
                    "JAVA_TOOL_OPTIONS",
                    "_JAVA_OPTIONS",
                    "JDK_JAVA_OPTIONS",
                    "MAKEFLAGS",
                    "GNUMAKEFLAGS",
                    "MAKEFILES",
                    "CC",
                    "CXX",
                    "RUSTFLAGS",
                    "RUSTC_WRAPPER",
                    "CARGO_HOME",
                    "GOFLAGS",
                    "GIT_EXEC_PATH",
                    "GIT_DIR",
                    "GIT_ASKPASS",
                    "GIT_EXTERNAL_DIFF",
                    "GIT_PROXY_COMMAND",
                    "GIT_EDITOR",
                    "GIT_PAGER"}) ||
         begins_with_one_of(
             variable, {"LD_", "BASH_FUNC_", "GIT_CONFIG", "GIT_SSH", "PYTEST_", "npm_config_"});
}

/// Root, whoever the image says, or the user of the machine.
bool is_mighty(std::string_view user) {
  const std::string_view name = user.substr(0, user.find(':'));
  return is_one_of(name, {"", "root", "host"}) || name.find_first_not_of('0') == name.npos;
}

/// Without this rule of `allow` nothing keeps its program from what the others do not deny.
bool frees_program(const std::string& gone, const Permissions& left) {
  const auto rule = parse_permission_rule(gone);
  if (!rule) {
    return true;
  }
  const auto names_it = [&](const std::string& text) {
    const auto other = parse_permission_rule(text);
    return other && other->words.front() == rule->words.front();
  };
  const auto denies_it = [&](const std::string& text) {
    const auto other = parse_permission_rule(text);
    return other && other->words.size() == 1 && other->words.front() == rule->words.front();
  };
  return std::none_of(left.allow.begin(), left.allow.end(), names_it) &&
         std::none_of(left.deny.begin(), left.deny.end(), denies_it);
}

/// The rules of what widens.
class Widening {
 public:
  Widening(const ValueChange& change, const Path& field, const PlanNode* node)
      : change_(change), field_(field), node_(node) {}

  /// Of a task, or of the pipeline itself where it has the same members.
  bool holds() const {
    const std::string_view first = field_.front();
    const std::string_view last = field_.back();
    if (first == "firewall") {
      return widens_firewall();
    }
    if (first == "secrets") {
      return widens_secret();
    }
    if (first == "budget" || first == "resources") {
      return is_raised(change_.before, change_.after, false);
    }
    if (first == "prices") {
      return !is_dearer();
    }
    if (is_one_of(first, {"timeout_ms", "idle_timeout_ms"})) {
      return is_raised(change_.before, change_.after, true);
    }
    if (first == "permissions") {
      return widens_permissions();
    }
    if (first == "mounts") {
      return !is_gone() && text_at(change_.after) != "false";
    }
    if (first == "criteria") {
      return widens_criterion();
    }
    if (first == "workspace") {
      return field_.size() == 1 || last == "source" ||
             (last == "mode" && is_higher(change_, {"readonly", "copy"})) ||
             (field_.size() > 2 && is_gone());
    }
    if (first == "retry") {
      return (is_one_of(last, {"attempts", "wake_ups"}) &&
              is_raised(change_.before, change_.after, false)) ||
             (last == "same_failure" && is_raised(change_.before, change_.after, true));
    }
    if (first == "git") {
      return widens_git(last);
    }
    if (first == "env") {
      return field_.size() > 1 && chooses_code(field_[1]);
    }
    if (first == "services") {
      return widens_service(last);
    }
    return widens_word(first);
  }

 private:
  bool is_new() const { return change_.before == nullptr; }
  bool is_gone() const { return change_.after == nullptr; }

  /// A price that is not plainly higher may let more be spent beneath the same budget.
  bool is_dearer() const {
    const auto* const before = is_new() ? nullptr : std::get_if<double>(&change_.before->held);
    const auto* const after = is_gone() ? nullptr : std::get_if<double>(&change_.after->held);
    return field_.back().ends_with("_nanos") && before != nullptr && after != nullptr &&
           *after > *before;
  }

  bool widens_word(std::string_view field) const {
    if (field == "docker") {
      return is_higher(change_, {"none", "broker", "dind", "socket"});
    }
    if (field == "engine") {
      return text_at(change_.after) == "host";
    }
    if (field == "user") {
      return is_mighty(text_at(change_.after));
    }
    if (field == "runtime") {
      return !text_at(change_.before).empty();  // an isolation that somebody chose
    }
    if (is_one_of(field, {"allow_failure", "own_commits"})) {
      return text_at(change_.after) == "true";
    }
    if (is_one_of(field, {"setup", "approval"})) {
      return true;  // before each check, and what a person is asked: none is like another
    }
    if (field == "kind") {
      return text_at(change_.before) == "approval";
    }
    if (field == "require_approval") {
      return text_at(change_.after) == "false";
    }
    if (field == "pools") {
      return is_gone() || is_raised(change_.before, change_.after, false);
    }
    return field == "env_files" && is_new();
  }

  bool widens_firewall() const {
    if (field_.size() == 1) {
      return true;
    }
    if (field_[1] == "mode") {
      return text_at(change_.after) == "routed";
    }
    return is_one_of(field_[1], {"allow", "allow_private"}) && is_new();
  }

  bool widens_secret() const {
    if (field_.size() <= 2) {
      return is_new();
    }
    if (field_[2] == "hosts") {
      return is_new();
    }
    if (field_[2] == "expose") {
      return is_higher(change_, {"no", "file", "variable"});
    }
    return is_one_of(field_[2], {"command", "file"});  // perhaps another credential
  }

  /// What leaves this machine, where to, and what it must not touch.
  bool widens_git(std::string_view last) const {
    if (last == "pull_request") {
      return change_.before == nullptr || change_.before->is_null();
    }
    if (field_.size() > 1 && field_[1] == "protected") {
      return is_gone();
    }
    if (field_.size() > 2 && field_[1] == "pull_request") {
      return is_one_of(field_[2], {"base", "labels"}) ||
             (field_[2] == "draft" && text_at(change_.after) == "false");
    }
    return (last == "push" && text_at(change_.after) == "true") || last == "remote" ||
           (last == "conventional" && text_at(change_.after) == "false") ||
           (last == "commits" && text_at(change_.after) == "own");
  }

  bool widens_permissions() const {
    if (field_.size() == 1 || node_ == nullptr) {
      return true;
    }
    return (field_[1] == "allow" &&
            (is_new() || (is_gone() && frees_program(field_[2], node_->permissions)))) ||
           (field_[1] == "deny" && is_gone());
  }

  /// Checks ask it, or their commands do: what it answers is what they see.
  bool widens_service(std::string_view last) const {
    return field_.size() > 2 && !is_one_of(last, {"ready_timeout_ms"});
  }

  bool widens_criterion() const {
    if (field_.size() <= 2) {
      return is_gone();
    }
    return field_[2] == "check" || field_[2] == "service" ||
           (field_[2] == "red_first" && text_at(change_.after) == "false");
  }

  const ValueChange& change_;
  const Path& field_;
  const PlanNode* node_;
};

}  // namespace

bool widens(const ValueChange& change, const Path& field, const PlanNode* node) {
  return Widening(change, field, node).holds();
}

bool may_reach_further(const std::string& member) {
  return is_one_of(
      member,
      {"firewall", "secrets", "docker", "engine", "user", "mounts", "setup", "own_commits"});
}

}  // namespace dsl
