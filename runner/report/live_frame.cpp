#include "runner/report/live_frame.h"

#include <algorithm>

#include <fmt/format.h>

#include "runner/report/columns.h"
#include "runner/report/escape.h"
#include "runner/report/estimate.h"
#include "runner/report/node_text.h"

namespace runner::report {
namespace {

struct Count {
  std::size_t all = 0;
  std::size_t settled = 0;
  std::size_t failed = 0;
};

Count count_of(const RunState& state) {
  Count count;
  for (std::size_t i = 0; i < state.nodes().size(); ++i) {
    const auto& outcome = state.nodes()[i].outcome;
    const bool counted = is_counted(state, i);
    count.all += counted ? 1U : 0U;
    count.settled += counted && outcome ? 1U : 0U;
    const bool wrong = outcome == Outcome::Failed || outcome == Outcome::Errored;
    count.failed += wrong && is_shown(state, i) ? 1U : 0U;
  }
  return count;
}

std::string bar(const Count& count, std::size_t width) {
  const std::size_t inner = width - 2;
  const std::size_t done = count.all == 0 ? 0 : inner * count.settled / count.all;
  std::string text(done, '=');
  if (done < inner) {
    text += '>';
  }
  return "[" + padded(text, inner) + "]";
}

std::string bar_line(const RunState& state, const LiveView& view) {
  const Count count = count_of(state);
  std::string figures = fmt::format("{}/{}", count.settled, count.all);
  if (count.failed > 0) {
    figures += "  " + painted(fmt::format("{} failed", count.failed), Meaning::Bad, view.colour);
  }
  figures += "  " + took_text(state.took_ms(view.now_ms));
  const auto left = view.stopping ? std::nullopt : time_left(state, view.jobs, view.now_ms);
  if (view.stopping) {
    figures +=
        "  " + painted(*view.stopping == StopHow::InGrace ? "stopping; Ctrl-C again kills at once"
                                                          : "killing",
                       Meaning::Doubt,
                       view.colour);
  }
  if (left && *left >= 1000) {
    figures += "  about " + took_text(*left / 1000 * 1000) + " left";
  }
  const std::string name = painted(one_line(state.run().value), Meaning::Strong, view.colour);
  const std::size_t taken = columns(name) + 2 + columns(figures) + 2;
  const std::size_t room = view.width > taken ? view.width - taken : 0;
  if (room < 8) {
    return cut(name + "  " + figures, view.width);
  }
  return name + "  " +
         painted(bar(count, std::min<std::size_t>(room, 32)), Meaning::Active, view.colour) + "  " +
         figures;
}

/// Which criterion is being looked at.
std::string checking_text(const RunState& state, std::size_t node) {
  const NodeState& n = state.nodes()[node];
  if (n.stage == Stage::Verifying) {
    for (const FanInCriterion& one : state.fan_ins()[*n.fan_in].criteria) {
      if (!one.trials.empty() && one.trials.back().running) {
        return one_line(state.nodes()[one.task].id.value + ", " +
                        state.plan_node(one.task).criteria[one.criterion].text);
      }
    }
  }
  for (std::size_t k = 0; k < n.criteria.size(); ++k) {
    if (n.criteria[k].running || n.criteria[k].red_running) {
      return one_line(state.plan_node(node).criteria[k].text);
    }
  }
  return {};
}

bool is_under_way(const RunState& state, std::size_t node) {
  const NodeState& n = state.nodes()[node];
  switch (n.stage) {
    case Stage::Running:
    case Stage::Backoff:
    case Stage::Parked:
    case Stage::Asking:
    case Stage::Verifying:
      return true;
    case Stage::Prepared:
    case Stage::Checking:
      return is_shown(state, node) &&
             (state.plan_node(node).kind == dsl::NodeKind::Task || !n.criteria.empty());
    case Stage::Waiting:
    case Stage::Open:
    case Stage::Merging:
    case Stage::Expanded:
    case Stage::Settled:
      return false;
  }
  return false;
}

/// What stands behind title and time: the last line of a running job, or why nothing runs.
std::string detail(const RunState& state, std::size_t node, const LiveView& view) {
  const NodeState& n = state.nodes()[node];
  if (n.stage == Stage::Backoff) {
    const std::int64_t wait = std::max<std::int64_t>(n.not_before_ms - view.now_ms, 0);
    return painted("tries again in " + took_text(wait), Meaning::Doubt, view.colour) + "  " +
           one_line(n.last_failure);
  }
  if (n.stage == Stage::Parked) {
    const std::int64_t wait = std::max<std::int64_t>(n.not_before_ms - view.now_ms, 0);
    return painted("parked, goes on in " + took_text(wait), Meaning::Doubt, view.colour) + "  " +
           one_line(n.last->problem);
  }
  if (n.stage == Stage::Checking || n.stage == Stage::Prepared || n.stage == Stage::Verifying) {
    const std::string text = checking_text(state, node);
    const std::string word = stage_text(state, node);
    return painted(text.empty() ? word : word + ": ", Meaning::Active, view.colour) + text;
  }
  if (n.stage == Stage::Asking) {
    return painted("waits for a person: ", Meaning::Doubt, view.colour) +
           one_line(state.plan_node(node).approval);
  }
  std::string text;
  if (view.last_lines != nullptr) {
    const auto found = view.last_lines->find(n.id.value);
    if (found != view.last_lines->end()) {
      text = one_line(found->second);
    }
  }
  const std::string again = n.attempt > 1 ? fmt::format("attempt {}  ", n.attempt) : "";
  return painted(again, Meaning::Doubt, view.colour) + painted(text, Meaning::Quiet, view.colour);
}

}  // namespace

std::vector<std::string> live_frame(const RunState& state, const LiveView& view) {
  std::vector<std::size_t> busy;
  for (const RunState::Rank& rank : state.active()) {
    if (is_under_way(state, rank.node)) {
      busy.push_back(rank.node);
    }
  }
  std::stable_sort(busy.begin(), busy.end(), [&](std::size_t a, std::size_t b) {
    return state.nodes()[a].started_ms < state.nodes()[b].started_ms;
  });
  const std::size_t room = std::clamp<std::size_t>(view.height > 3 ? view.height - 3 : 0, 1, 20);
  const std::size_t shown = busy.size() <= room ? busy.size() : room - 1;

  std::size_t title_width = 0;
  for (std::size_t k = 0; k < shown; ++k) {
    title_width = std::max(title_width, columns(node_title(state, busy[k])));
  }
  title_width = std::min(title_width, std::max<std::size_t>(view.width / 3, 12));

  std::vector<std::string> frame;
  for (std::size_t k = 0; k < shown; ++k) {
    const NodeState& n = state.nodes()[busy[k]];
    const std::string title =
        padded(cut_middle(node_title(state, busy[k]), title_width), title_width);
    const std::int64_t took = n.stage == Stage::Running && n.attempt_started_ms != 0
                                  ? view.now_ms - n.attempt_started_ms
                                  : state.took_ms(busy[k], view.now_ms);
    frame.push_back(
        cut(fmt::format("  {}  {:>6}  {}", title, took_text(took), detail(state, busy[k], view)),
            view.width));
  }
  if (shown < busy.size()) {
    frame.push_back(cut(fmt::format("  and {} more", busy.size() - shown), view.width));
  }
  frame.push_back(bar_line(state, view));
  return frame;
}

}  // namespace runner::report
