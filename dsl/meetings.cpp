#include "dsl/meetings.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

namespace dsl {
namespace {

/// Which nodes led to each, itself included, as bits.
class Pasts {
 public:
  explicit Pasts(const Plan& plan) : pasts_(plan.nodes.size()) {
    for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
      Bits& past = pasts_[i];
      past.resize(i / kWidth + 1, 0);
      past[i / kWidth] |= std::uint64_t{1} << (i % kWidth);
      for (const NodeIndex need : plan.nodes[i].needs) {
        for (std::size_t word = 0; word < pasts_[need].size(); ++word) {
          past[word] |= pasts_[need][word];
        }
      }
    }
  }

  template <class See>
  void each(NodeIndex node, See see) const {
    const Bits& past = pasts_[node];
    for (std::size_t word = 0; word < past.size(); ++word) {
      for (std::uint64_t rest = past[word]; rest != 0; rest &= rest - 1) {
        see(word * kWidth + static_cast<std::size_t>(std::countr_zero(rest)));
      }
    }
  }

 private:
  using Bits = std::vector<std::uint64_t>;
  static constexpr std::size_t kWidth = 64;
  std::vector<Bits> pasts_;
};

/// The trees that are merged where the work of `needs` meets.
class Merge {
 public:
  Merge(const Plan& plan, const Pasts& pasts, const std::vector<NodeIndex>& needs)
      : plan_(plan), pasts_(pasts), sides_(plan.nodes.size()) {
    for (const NodeIndex need : needs) {
      pasts_.each(need, [&](NodeIndex i) { ++sides_[i]; });
    }
    for (const NodeIndex need : needs) {
      if (sides_[need] == 1) {  // in no other's past
        tips_.push_back(need);
      }
    }
    std::fill(sides_.begin(), sides_.end(), 0);
    for (const NodeIndex tip : tips_) {
      pasts_.each(tip, [&](NodeIndex i) { ++sides_[i]; });
    }
  }

  std::optional<Meeting> meeting(std::optional<NodeIndex> node) const {
    std::size_t all_at_work = 0;
    Meeting meeting{node, {}, 0, {}};
    for (NodeIndex i = 0; i < sides_.size(); ++i) {
      all_at_work += is_parted(i) && works(i) ? 1U : 0U;
    }
    std::vector<bool> seen(sides_.size(), false);
    for (const NodeIndex tip : tips_) {
      std::size_t beside = all_at_work;  // who may be to blame for what this branch proved
      pasts_.each(tip, [&](NodeIndex i) { beside -= is_parted(i) && works(i) ? 1U : 0U; });
      pasts_.each(tip, [&](NodeIndex i) {
        if (is_parted(i) && !seen[i]) {
          seen[i] = true;
          add(i, tip, beside, meeting);
        }
      });
    }
    std::sort(meeting.tasks.begin(), meeting.tasks.end());
    return meeting.tasks.empty() ? std::nullopt : std::optional(std::move(meeting));
  }

 private:
  [[nodiscard]] bool is_parted(NodeIndex i) const {
    return sides_[i] > 0 && sides_[i] < tips_.size();
  }
  /// A gate is where its phase's tasks met; it does nothing by itself.
  [[nodiscard]] bool works(NodeIndex i) const { return !plan_.nodes[i].command.argv.empty(); }

  void add(NodeIndex task, NodeIndex tip, std::size_t beside, Meeting& meeting) const {
    // On the whole; at the end of each branch, where it may have been put aside; and with each of
    // those who may be to blame, where there are several.
    const std::size_t looks =
        1 + sides_[task] - (tip == task ? 1U : 0U) + (beside > 1 ? beside : 0);
    std::size_t count = 0;
    for (const Criterion& criterion : plan_.nodes[task].criteria) {
      if (is_of_a_tree(criterion)) {
        ++count;
        meeting.worst.ms += static_cast<std::int64_t>(looks) * criterion.timeout.ms;
      }
    }
    meeting.criteria += count;
    if (count > 0) {
      meeting.tasks.push_back(task);
    }
  }

  const Plan& plan_;
  const Pasts& pasts_;
  std::vector<std::size_t> sides_;  // by node: of how many tips it is in the past
  std::vector<NodeIndex> tips_;
};

}  // namespace

bool is_of_a_tree(const Criterion& criterion) {
  struct Says {
    bool operator()(const RunCheck&) const { return true; }
    bool operator()(const HttpCheck&) const { return true; }
    bool operator()(const FileCheck&) const { return true; }
    bool operator()(const JsonCheck&) const { return true; }
    bool operator()(const DiffCheck&) const { return false; }
    bool operator()(const ManualCheck&) const { return false; }
    bool operator()(const FlaggedCheck&) const { return false; }
  };
  return std::visit(Says{}, criterion.check);
}

std::vector<Meeting> meetings_of(const Plan& plan) {
  std::vector<Meeting> all;
  const bool none = std::none_of(plan.nodes.begin(), plan.nodes.end(), [](const PlanNode& node) {
    return std::any_of(node.criteria.begin(), node.criteria.end(), is_of_a_tree);
  });
  if (none) {
    return all;
  }
  const Pasts pasts(plan);
  std::vector<bool> needed(plan.nodes.size(), false);
  const auto add = [&](std::optional<NodeIndex> node, const std::vector<NodeIndex>& tips) {
    if (auto meeting = tips.size() < 2 ? std::nullopt : Merge(plan, pasts, tips).meeting(node)) {
      // The same merge is verified once for all that start from it.
      const bool is_new = std::none_of(all.begin(), all.end(), [&](const Meeting& other) {
        return other.tasks == meeting->tasks;
      });
      if (is_new) {
        all.push_back(*std::move(meeting));
      }
    }
  };
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    add(i, plan.nodes[i].needs);
    for (const NodeIndex need : plan.nodes[i].needs) {
      needed[need] = true;
    }
  }
  std::vector<NodeIndex> ends;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    if (!needed[i]) {
      ends.push_back(i);
    }
  }
  add(std::nullopt, ends);
  return all;
}

}  // namespace dsl
