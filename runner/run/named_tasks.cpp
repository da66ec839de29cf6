#include "runner/run/named_tasks.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "dsl/expression.h"
#include "runner/run/templates.h"

namespace runner {
namespace {

using dsl::NodeIndex;
using dsl::PlanNode;

template <class See>
void for_each_expression(const PlanNode& node, See see) {
  for_each_template(node, [&see](const dsl::Template& text) {
    for (const dsl::Template::Piece& piece : text.pieces) {
      if (piece.kind == dsl::Template::Piece::Kind::Expression) {
        see(piece.text);
      }
    }
  });
  if (node.for_each) {
    see(*node.for_each);
  }
}

using ByName = std::unordered_map<std::string, NamedTasks::Task>;

/// Tasks and phases share one space of names.
ByName nodes_by_name(const dsl::Plan& plan) {
  ByName by_name;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    const PlanNode& node = plan.nodes[i];
    by_name[node.task.empty() ? node.phase : node.task].push_back(i);
  }
  return by_name;
}

}  // namespace

NamedTasks::NamedTasks(const dsl::Plan& plan) {
  const ByName by_name = nodes_by_name(plan);
  std::unordered_map<std::string, std::size_t> places;  // of those in tasks_
  const auto place_of = [&](const std::string& name, const Task& task) {
    const auto [found, fresh] = places.emplace(name, tasks_.size());
    if (fresh) {
      tasks_.push_back(task);
    }
    return found->second;
  };
  const auto add = [&](const std::vector<std::string>& names, std::vector<std::size_t>& to) {
    for (const std::string& name : names) {
      const auto found = by_name.find(name);
      if (found == by_name.end()) {
        continue;
      }
      const std::size_t place = place_of(name, found->second);
      if (std::find(to.begin(), to.end(), place) == to.end()) {
        to.push_back(place);
      }
    }
  };
  read_.resize(plan.nodes.size());
  named_.resize(plan.nodes.size());
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    bool all = false;
    const auto note_names = [&](const std::string& expression) {
      const auto names = dsl::tasks_named(expression);
      all = all || !names;
      add(names.value_or(std::vector<std::string>()), named_[i]);
    };
    for_each_expression(plan.nodes[i], [&](const std::string& expression) {
      note_names(expression);
      add(dsl::tasks_read(expression), read_[i]);
    });
    if (plan.nodes[i].condition) {
      note_names(*plan.nodes[i].condition);
    }
    if (all) {
      named_[i].clear();
      for (const auto& [name, task] : by_name) {
        named_[i].push_back(place_of(name, task));
      }
      std::sort(named_[i].begin(), named_[i].end(), [&](std::size_t a, std::size_t b) {
        return tasks_[a].front() < tasks_[b].front();
      });
    }
  }
}

}  // namespace runner
