#include "dsl/plan_changes.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "dsl/plan_change_words.h"
#include "dsl/plan_json.h"
#include "dsl/plan_widening.h"
#include "dsl/render.h"
#include "dsl/value_changes.h"

namespace dsl {

namespace {

using change_words::action_of;
using change_words::describe;
using change_words::joined;
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
    {"services", As::Named, "name"},
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

void rename_member(Value& record, std::string_view name, std::string_view other) {
  for (auto& [key, value] : std::get<Value::Record>(record.held)) {
    key = key == name ? other : key;
  }
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
  for (Value& place : std::get<Value::List>(member_of(parts, "places")->held)) {
    rename_member(place, "services", "images of services");  // digests, which have no names
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

std::string text_at(const Value* value) {
  return value == nullptr ? "" : to_text(*value);
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
    } else if (path[0] == "remote") {
      const std::string name =
          after_.remote.empty() ? before_.plan.git.remote : after_.plan.git.remote;
      add("the remote '" + visible(name) + "'",
          describe(change, {"address"}),
          !after_.remote.empty());
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
    const char* what = role == "source"    ? "file"
                       : role == "check"   ? "check script"
                       : role == "program" ? "program of a secret"
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
    add(part, describe(change, field), widens(change, field));
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
    add(part, text, may_be_left_out || widens(change, field, new_node));
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
      if (may_reach_further(inside.path[0]) && widens(inside, inside.path, new_node)) {
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
