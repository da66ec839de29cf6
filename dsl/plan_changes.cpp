#include "dsl/plan_changes.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "dsl/export_words.h"
#include "dsl/plan_json.h"
#include "dsl/render.h"
#include "dsl/units.h"
#include "dsl/value_changes.h"

namespace dsl {

namespace {

using As = HowCompared::As;
using Path = std::vector<std::string>;

const std::vector<HowCompared> kHow = {
    {"nodes", As::Named, "id"},
    {"phases", As::Named, "name"},
    {"pools", As::Named, "name"},
    {"criteria", As::Named, "text"},
    {"secrets", As::Named, "name"},
    {"mounts", As::Named, "target"},
    {"prices", As::Named, "model"},
    {"files", As::Named, "key"},
    {"places", As::Named, "node"},
    {"env", As::Named, "name"},
    {"inputs", As::Named, "name"},
    {"outputs", As::Named, "name"},
    {"artifacts", As::Named, "name"},
    {"allow", As::Set},
    {"allow_private", As::Set},
    {"presets", As::Set},
    {"deny", As::Set},
    {"hosts", As::Set},
    {"protect", As::Set},
    {"protected", As::Set},
    {"labels", As::Set},
    {"env_files", As::Set},
    {"needs", As::Set},
    {"command", As::Whole},
    {"check", As::Whole},
    {"image", As::Whole},
    {"agent", As::Whole},
    {"matrix", As::Whole},
    {"value", As::Whole},
};

// ---- what is compared --------------------------------------------------------------------------

Value* member_of(Value& record, std::string_view name) {
  for (auto& [key, value] : std::get<Value::Record>(record.held)) {
    if (key == name) {
      return &value;
    }
  }
  return nullptr;
}

void erase_member(Value& record, std::string_view name) {
  std::erase_if(std::get<Value::Record>(record.held),
                [name](const auto& member) { return member.first == name; });
}

/// The index itself where it leads nowhere.
Value id_at(const Plan& plan, const Value& index) {
  const auto place = static_cast<std::size_t>(std::get<double>(index.held));
  return place < plan.nodes.size() ? Value(plan.nodes[place].id.value) : index;
}

/// The sealed parts with names where the plan has numbers, and nothing told twice.
Value comparable(const SealedPlan& sealed) {
  Value parts = sealed_parts(sealed);
  for (Value& file : std::get<Value::List>(member_of(parts, "files")->held)) {
    const Value key(to_text(*member_of(file, "role")) + ":" + to_text(*member_of(file, "path")));
    std::get<Value::Record>(file.held).emplace_back("key", key);
  }
  Value& plan = *member_of(parts, "plan");
  erase_member(plan, "source_digest");  // of `files`
  const Value workspace = *member_of(plan, "workspace");
  for (Value& phase : std::get<Value::List>(member_of(plan, "phases")->held)) {
    Value& gate = *member_of(phase, "gate");
    gate = id_at(sealed.plan, gate);
  }
  for (Value& node : std::get<Value::List>(member_of(plan, "nodes")->held)) {
    for (Value& need : std::get<Value::List>(member_of(node, "needs")->held)) {
      need = id_at(sealed.plan, need);
    }
    if (*member_of(node, "workspace") == workspace) {
      erase_member(node, "workspace");
    }
  }
  return parts;
}

/// For each node the approvals without which it does not start.
std::map<std::string, std::set<std::string>> approvals_above(const Plan& plan) {
  std::vector<std::set<std::string>> above(plan.nodes.size());
  std::map<std::string, std::set<std::string>> by_id;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    for (const NodeIndex need : plan.nodes[i].needs) {
      above[i].insert(above[need].begin(), above[need].end());
      if (plan.nodes[need].kind == NodeKind::Approval) {
        above[i].insert(plan.nodes[need].id.value);
      }
    }
    by_id[plan.nodes[i].id.value] = above[i];
  }
  return by_id;
}

// ---- what it means -----------------------------------------------------------------------------

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
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

/// `field`: the path within the task, pipeline or phase. The rules of what widens.
class Widening {
 public:
  Widening(const ValueChange& change, const Path& field) : change_(change), field_(field) {}

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
      return is_one_of(text_at(change_.after), {"root", "0", ""});
    }
    if (field == "runtime") {
      return !text_at(change_.before).empty();  // an isolation that somebody chose
    }
    if (field == "allow_failure") {
      return text_at(change_.after) == "true";
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
    return (last == "push" && text_at(change_.after) == "true") || last == "remote" ||
           (last == "conventional" && text_at(change_.after) == "false");
  }

  bool widens_permissions() const {
    return (field_[1] == "allow" && is_new()) || (field_[1] == "deny" && is_gone()) ||
           field_.size() == 1;
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
};

// ---- words -------------------------------------------------------------------------------------

std::string quantity(const std::string& field, const Value& value) {
  const auto* number = std::get_if<double>(&value.held);
  if (number == nullptr) {
    return value.is_null() ? "none" : to_json(value);
  }
  const auto whole = static_cast<std::int64_t>(*number);
  if (field.ends_with("_ms")) {
    return whole == 0 ? "none" : to_text(Duration{whole});
  }
  if (field.ends_with("_micros")) {
    return to_text(Money{whole});
  }
  if (field.ends_with("_bytes")) {
    return to_text(Bytes{whole});
  }
  return to_json(value);
}

std::string name_of_field(std::string field) {
  for (const std::string_view unit : {"_ms", "_micros", "_bytes", "_millis"}) {
    if (field.ends_with(unit)) {
      field.resize(field.size() - unit.size());
    }
  }
  std::replace(field.begin(), field.end(), '_', ' ');
  return field;
}

/// Names that people gave stand as they gave them.
std::string joined(const Path& path) {
  std::string text;
  bool is_given = false;
  for (const std::string& name : path) {
    text += (text.empty() ? "" : " ") + (is_given ? name : name_of_field(name));
    is_given = is_one_of(name, {"env", "inputs", "outputs", "secrets", "services"});
  }
  return text;
}

std::string shown(const std::string& field, const Value& value) {
  constexpr std::size_t kLongest = 100;
  return export_words::shortened(visible(quantity(field, value)), kLongest);
}

std::string describe(const ValueChange& change, const Path& field) {
  const std::string what = visible(joined(field));
  if (change.before == nullptr) {
    return what + " is new";
  }
  if (change.after == nullptr) {
    return what + " is gone";
  }
  const std::string old_text = shown(field.back(), *change.before);
  const std::string new_text = shown(field.back(), *change.after);
  return old_text == new_text ? what + " is different"
                              : fmt::format("{}: {} -> {}", what, old_text, new_text);
}

/// What a node does, for one that is new, gone or does something else.
std::string action_of(const PlanNode& node) {
  return node.kind == NodeKind::Approval
             ? "asks a person: " + node.approval
             : "runs " +
                   export_words::shortened(export_words::command_line(node.command, node.env), 100);
}

class Words {
 public:
  Words(const SealedPlan& before, const SealedPlan& after)
      : before_(before),
        after_(after),
        old_value_(comparable(before)),
        new_value_(comparable(after)) {}

  std::vector<PlanChange> all() {
    for (const ValueChange& change : value_changes(old_value_, new_value_, kHow)) {
      tell(change);
    }
    if (changes_.empty() && differ_otherwise()) {
      add("the pipeline", "a number beyond 2^53 is another", true);
    }
    tell_approvals();
    return std::move(changes_);
  }

 private:
  /// In what a double does not hold.
  bool differ_otherwise() const {
    Plan before = before_.plan;
    before.source_digest = after_.plan.source_digest;
    return before != after_.plan;
  }

  void add(std::string part, std::string text, bool widens) {
    changes_.push_back({std::move(part), std::move(text), widens});
  }

  void tell(const ValueChange& change) {
    const Path& path = change.path;
    if (path[0] == "plan" && path.size() >= 2) {
      tell_plan(change);
    } else if (path[0] == "files" && path.size() >= 2) {
      tell_file(change);
    } else if (path[0] == "places" && path.size() >= 2) {
      const Path field(path.begin() + 2, path.end());
      const std::string text = field.empty() ? "where it runs" : joined(field);
      const bool to_host =
          !field.empty() && field[0] == "engine" && text_at(change.after) == "host";
      add("task '" + path[1] + "'",
          field.empty() ? text + " is different" : describe(change, field),
          to_host);
    } else if (path[0] == "input_tree") {
      add("the input", "other files: " + before_.taken + " -> " + after_.taken, false);
    } else {
      const Path field(path.begin() + 1, path.end());
      const bool more = !field.empty() && field[0] == "env_files" && change.before == nullptr;
      add("how it was asked for", describe(change, field.empty() ? path : field), more);
    }
  }

  void tell_file(const ValueChange& change) {
    const std::string& key = change.path[1];
    const std::string_view role = std::string_view(key).substr(0, key.find(':'));
    const std::string path = key.substr(std::min(key.find(':') + 1, key.size()));
    const char* what = role == "source"  ? "file"
                       : role == "check" ? "check script"
                                         : "protected file";
    const bool is_whole = change.path.size() == 2;
    const char* became = is_whole && change.before == nullptr  ? "is new"
                         : is_whole && change.after == nullptr ? "is gone"
                                                               : "has another content";
    add(fmt::format("{} '{}'", what, path), became, role != "source" && change.before != nullptr);
  }

  void tell_plan(const ValueChange& change) {
    const Path& path = change.path;
    if (path[1] == "nodes" && path.size() >= 3) {
      tell_node(change);
      return;
    }
    const bool of_phase = path[1] == "phases" && path.size() >= 3;
    const Path field(path.begin() + (of_phase ? 3 : 1), path.end());
    const std::string part = of_phase ? "phase '" + path[2] + "'" : "the pipeline";
    if (field.empty()) {
      add(part, change.before == nullptr ? "is new" : "is gone", false);
      return;
    }
    add(part, describe(change, field), Widening(change, field).holds());
  }

  static const PlanNode* find_node(const Plan& plan, const std::string& id) {
    for (const PlanNode& node : plan.nodes) {
      if (node.id.value == id) {
        return &node;
      }
    }
    return nullptr;
  }

  static std::string part_of(const PlanNode& node) {
    switch (node.kind) {
      case NodeKind::Task:
        return "task '" + node.id.value + "'";
      case NodeKind::PhaseGate:
        return "end of phase '" + node.id.value + "'";
      case NodeKind::Approval:
        return "approval '" + node.id.value + "'";
    }
    return "";
  }

  void tell_node(const ValueChange& change) {
    const std::string& id = change.path[2];
    const PlanNode* old_node = find_node(before_.plan, id);
    const PlanNode* new_node = find_node(after_.plan, id);
    if (new_node == nullptr || old_node == nullptr) {
      tell_whole_node(old_node, new_node);
      return;
    }
    const std::string part = part_of(*new_node);
    const Path field(change.path.begin() + 3, change.path.end());
    if (field.empty()) {
      add(part, "is different", false);
      return;
    }
    const bool asks_or_judges = old_node->kind == NodeKind::Approval || !old_node->criteria.empty();
    const bool may_be_left_out = field[0] == "condition" && asks_or_judges;
    const std::string text = field[0] == "command"
                                 ? action_of(*old_node) + " -> " + action_of(*new_node)
                                 : describe(change, field);
    add(part, text, may_be_left_out || Widening(change, field).holds());
  }

  void tell_whole_node(const PlanNode* old_node, const PlanNode* new_node) {
    if (new_node == nullptr) {
      const bool judged = old_node->kind == NodeKind::Approval || !old_node->criteria.empty();
      add(part_of(*old_node), judged ? "is gone, with what it checks" : "is gone", judged);
      return;
    }
    const std::string part = part_of(*new_node);
    add(part,
        new_node->command.argv.empty() && new_node->approval.empty()
            ? "is new"
            : "is new: " + action_of(*new_node),
        false);
    const Value nothing = *value_from_json(node_to_json(PlanNode{}));
    const Value whole = *value_from_json(node_to_json(*new_node));
    for (const ValueChange& inside : value_changes(nothing, whole, kHow)) {
      if (is_one_of(inside.path[0], {"firewall", "secrets", "docker", "engine", "user"}) &&
          Widening(inside, inside.path).holds()) {
        add(part, describe(inside, inside.path), true);
      }
    }
  }

  /// Whatever the edges: what needed a person's word before still does.
  void tell_approvals() {
    const auto old_above = approvals_above(before_.plan);
    const auto new_above = approvals_above(after_.plan);
    for (const auto& [node, approvals] : new_above) {
      const auto found = old_above.find(node);
      if (found == old_above.end()) {
        continue;
      }
      for (const std::string& approval : found->second) {
        if (approvals.count(approval) == 0) {
          add("task '" + node + "'", "does not wait for '" + approval + "' any more", true);
        }
      }
    }
  }

  const SealedPlan& before_;
  const SealedPlan& after_;
  const Value old_value_;
  const Value new_value_;
  std::vector<PlanChange> changes_;
};

}  // namespace

std::vector<PlanChange> plan_changes(const SealedPlan& before, const SealedPlan& after) {
  return Words(before, after).all();
}

}  // namespace dsl
