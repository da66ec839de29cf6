#include "dsl/meetings.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <unordered_set>
#include <utility>

namespace dsl {
namespace {

constexpr std::size_t kWidth = 64;

/// A set of nodes as bits, from the word with the first on.
class Nodes {
 public:
  [[nodiscard]] bool contains(NodeIndex node) const {
    const std::size_t word = node / kWidth;
    return word >= first_ && word < end() &&
           (words_[word - first_] >> (node % kWidth) & std::uint64_t{1}) != 0;
  }
  void add(NodeIndex node) {
    cover(node / kWidth, node / kWidth + 1);
    words_[node / kWidth - first_] |= std::uint64_t{1} << (node % kWidth);
  }
  void add(const Nodes& other) {
    cover(other.first_, other.end());
    for (std::size_t word = other.first_; word < other.end(); ++word) {
      words_[word - first_] |= other.words_[word - other.first_];
    }
  }
  void keep_common(const Nodes& other) {
    const std::size_t first = std::max(first_, other.first_);
    const std::size_t last = std::max(std::min(end(), other.end()), first);
    std::vector<std::uint64_t> common;
    common.reserve(last - first);
    for (std::size_t word = first; word < last; ++word) {
      common.push_back(words_[word - first_] & other.words_[word - other.first_]);
    }
    first_ = first;
    words_ = std::move(common);
  }
  /// In order, those that `other` does not have.
  template <class See>
  void each_without(const Nodes& other, See see) const {
    for (std::size_t word = first_; word < end(); ++word) {
      const bool has = word >= other.first_ && word < other.end();
      for (std::uint64_t rest =
               words_[word - first_] & ~(has ? other.words_[word - other.first_] : 0);
           rest != 0;
           rest &= rest - 1) {
        see(word * kWidth + static_cast<std::size_t>(std::countr_zero(rest)));
      }
    }
  }
  void clear() { *this = {}; }

 private:
  [[nodiscard]] std::size_t end() const { return first_ + words_.size(); }
  void cover(std::size_t first, std::size_t last) {
    if (words_.empty()) {
      first_ = first;
    } else if (first < first_) {
      words_.insert(words_.begin(), first_ - first, 0);
      first_ = first;
    }
    words_.resize(std::max(words_.size(), last - first_), 0);
  }

  std::size_t first_ = 0;
  std::vector<std::uint64_t> words_;
};

class Meetings {
 public:
  Meetings(const Plan& plan, const std::function<void(const Meeting&)>& see)
      : plan_(plan), see_(see), pasts_(plan.nodes.size()), waiting_(plan.nodes.size(), 0) {
    needs_.reserve(plan.nodes.size());
    shares_.reserve(plan.nodes.size());
    for (const PlanNode& node : plan.nodes) {
      needs_.push_back(node.needs);
      shares_.push_back(share_of(node));
    }
  }

  void tell() {
    for (const PlanPhase& phase : plan_.phases) {
      keep_ends(needs_[phase.gate]);
    }
    for (const std::vector<NodeIndex>& needs : needs_) {
      for (const NodeIndex need : needs) {
        ++waiting_[need];
      }
    }
    std::vector<NodeIndex> ends;
    for (NodeIndex i = 0; i < plan_.nodes.size(); ++i) {
      meet(i, needs_[i]);
      for (const NodeIndex need : needs_[i]) {
        pasts_[i].add(pasts_[need]);
        if (--waiting_[need] == 0) {
          pasts_[need].clear();  // of a large plan the pasts of all nodes are more than the plan
        }
      }
      pasts_[i].add(i);
      if (waiting_[i] == 0) {
        ends.push_back(i);
      }
    }
    meet(std::nullopt, ends);
  }

 private:
  /// A gate needs every task of its phase: those that another of them needs need not be kept for
  /// it.
  void keep_ends(std::vector<NodeIndex>& needs) {
    Nodes before;
    for (const NodeIndex need : needs) {
      for (const NodeIndex earlier : plan_.nodes[need].needs) {
        before.add(earlier);
      }
    }
    needs.erase(
        std::remove_if(
            needs.begin(), needs.end(), [&](NodeIndex need) { return before.contains(need); }),
        needs.end());
  }

  /// The branches whose trees are merged: needs that are in no other's past.
  std::vector<NodeIndex> tips_of(const std::vector<NodeIndex>& needs) const {
    std::vector<NodeIndex> last_first = needs;
    std::sort(last_first.begin(), last_first.end(), std::greater<>());
    Nodes covered;  // a node's past stands before it
    std::vector<NodeIndex> tips;
    for (const NodeIndex need : last_first) {
      if (!covered.contains(need)) {
        tips.push_back(need);
        if (need != last_first.back()) {
          covered.add(pasts_[need]);
        }
      }
    }
    std::reverse(tips.begin(), tips.end());
    return tips;
  }

  void meet(std::optional<NodeIndex> node, const std::vector<NodeIndex>& needs) {
    if (needs.size() < 2) {
      return;
    }
    const std::vector<NodeIndex> tips = tips_of(needs);
    if (tips.size() < 2) {
      return;
    }
    Nodes common = pasts_[tips.front()];
    for (const NodeIndex tip : tips) {
      common.keep_common(pasts_[tip]);
    }
    Nodes parted;
    std::vector<std::size_t> own(tips.size(), 0);  // by branch: of its nodes, how many do something
    std::size_t at_work = 0;
    for (std::size_t branch = 0; branch < tips.size(); ++branch) {
      const Nodes& past = pasts_[tips[branch]];
      past.each_without(common, [&](NodeIndex i) {
        NodeShare& share = shares_[i];
        own[branch] += share.works;
        if (share.branches++ == 0) {
          share.first_branch = branch;
          at_work += share.works;
        }
      });
      parted.add(past);
    }
    Meeting meeting{node, {}, 0, {}};
    parted.each_without(common, [&](NodeIndex i) {
      NodeShare& share = shares_[i];
      // Who may be to blame for what this branch proved.
      add(i, share, tips[share.first_branch], at_work - own[share.first_branch], meeting);
      share.branches = 0;
    });
    if (!meeting.tasks.empty() && is_new(meeting.tasks)) {
      see_(meeting);
    }
  }

  /// The same merge is verified once for all that start from it.
  bool is_new(const std::vector<NodeIndex>& tasks) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const NodeIndex task : tasks) {
      hash = (hash ^ task) * 0x100000001b3;
    }
    return known_.insert(hash).second;
  }

  /// What a meeting asks of a node, side by side: plans are large, and their nodes far apart.
  struct NodeShare {
    std::size_t criteria = 0;      // that are of a tree
    std::int64_t worst_ms = 0;     // of all of them, looked at once
    std::size_t works = 0;         // 1 where it does something; a gate does nothing by itself
    std::size_t branches = 0;      // of the meeting's, how many have it
    std::size_t first_branch = 0;  // the first of them
  };

  static NodeShare share_of(const PlanNode& node) {
    NodeShare share;
    for (const Criterion& criterion : node.criteria) {
      if (is_of_a_tree(criterion)) {
        ++share.criteria;
        share.worst_ms += criterion.timeout.ms;
      }
    }
    share.works = node.command.argv.empty() ? 0 : 1;
    return share;
  }

  static void add(
      NodeIndex task, const NodeShare& share, NodeIndex tip, std::size_t beside, Meeting& meeting) {
    if (share.criteria == 0) {
      return;
    }
    // On the whole; at the end of each branch, where it may have been put aside; and with each of
    // those who may be to blame, where there are several.
    const std::size_t looks =
        1 + share.branches - (tip == task ? 1U : 0U) + (beside > 1 ? beside : 0);
    meeting.worst.ms += static_cast<std::int64_t>(looks) * share.worst_ms;
    meeting.criteria += share.criteria;
    meeting.tasks.push_back(task);
  }

  const Plan& plan_;
  const std::function<void(const Meeting&)>& see_;
  std::vector<std::vector<NodeIndex>> needs_;  // by node; of a gate, its phase's last ones
  std::vector<Nodes> pasts_;          // by node, itself included; empty where nobody waits for it
  std::vector<std::size_t> waiting_;  // by node: nodes that need it and are yet to come
  std::vector<NodeShare> shares_;     // by node
  std::unordered_set<std::uint64_t> known_;  // meetings, by their tasks
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

void for_each_meeting(const Plan& plan, const std::function<void(const Meeting&)>& see) {
  const bool any = std::any_of(plan.nodes.begin(), plan.nodes.end(), [](const PlanNode& node) {
    return std::any_of(node.criteria.begin(), node.criteria.end(), is_of_a_tree);
  });
  if (any) {
    Meetings(plan, see).tell();
  }
}

}  // namespace dsl
