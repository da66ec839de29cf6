#include "runner/report/checklist.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "dsl/plan_words.h"
#include "runner/report/columns.h"
#include "runner/report/egress_text.h"
#include "runner/report/escape.h"
#include "runner/report/node_text.h"

namespace runner::report {
namespace {

Meaning meaning_of(const RunState& state, std::size_t node) {
  const NodeState& n = state.nodes()[node];
  if (!n.outcome) {
    return n.stage == Stage::Waiting || n.stage == Stage::Open ? Meaning::Quiet : Meaning::Active;
  }
  switch (*n.outcome) {
    case Outcome::Passed:
      return Meaning::Good;
    case Outcome::Failed:
    case Outcome::Errored:
      return state.plan_node(node).allow_failure ? Meaning::Doubt : Meaning::Bad;
    case Outcome::Skipped:
      return Meaning::Quiet;
  }
  return Meaning::Quiet;
}

bool went_wrong(const NodeState& node) {
  return node.outcome == Outcome::Failed || node.outcome == Outcome::Errored;
}

constexpr std::size_t kWhole = std::numeric_limits<std::size_t>::max();

std::string last_lines(std::string_view text, std::size_t count) {
  std::string clean = lines(text);
  while (!clean.empty() && (clean.back() == '\n' || clean.back() == ' ')) {
    clean.pop_back();
  }
  std::size_t at = clean.size();
  for (std::size_t k = 0; k < count && at != std::string::npos && at > 0; ++k) {
    at = clean.rfind('\n', at - 1);
  }
  return at == std::string::npos || at == 0 ? clean : clean.substr(at + 1);
}

class Checklist {
 public:
  Checklist(const RunState& state, const ChecklistOptions& options)
      : state_(state), options_(options), width_(std::max<std::size_t>(options.width, 40)) {}

  std::string text() {
    std::vector<std::size_t> shown;
    for (const std::size_t node : file_order(state_)) {
      if (is_shown(state_, node)) {
        shown.push_back(node);
      }
    }
    measure(shown);
    for (const std::size_t node : shown) {
      add_node(node);
    }
    if (const auto merge = state_.result_fan_in()) {
      add_line("result");
      add_merge(state_.fan_ins()[*merge]);
    }
    return std::move(out_);
  }

 private:
  void measure(const std::vector<std::size_t>& shown) {
    for (const std::size_t node : shown) {
      title_width_ = std::max(title_width_, columns(node_title(state_, node)));
      stage_width_ = std::max(stage_width_, columns(word_of(node)));
      for (const dsl::Criterion& criterion : state_.plan_node(node).criteria) {
        text_width_ = std::max(text_width_, columns(one_line(criterion.text)));
      }
    }
    title_width_ = std::clamp<std::size_t>(title_width_, 12, width_ / 2);
    // Room for the box, the evidence (at least 24 columns) and its duration.
    const std::size_t most = width_ > 64 ? width_ - 40 : 24;
    text_width_ = std::clamp<std::size_t>(text_width_, 20, most);
    measure_evidence(shown);
  }

  /// Behind the longest text: "  [x] ", "  ", and "  12m34s" at the end; no more than is used.
  void measure_evidence(const std::vector<std::size_t>& shown) {
    const std::size_t taken = 6 + text_width_ + 2 + 8;
    const std::size_t room = std::max<std::size_t>(width_ > taken ? width_ - taken : 0, 20);
    for (const std::size_t node : shown) {
      for (const CriterionState& criterion : state_.nodes()[node].criteria) {
        evidence_width_ =
            std::max(evidence_width_, columns(evidence_text(criterion.evidence, room)));
      }
    }
    evidence_width_ = std::min(evidence_width_, room);
  }

  void add_node(std::size_t node) {
    const NodeState& n = state_.nodes()[node];
    const Meaning meaning = meaning_of(state_, node);
    std::string line = padded(node_title(state_, node), title_width_);
    line += "   " + painted(padded(word_of(node), stage_width_), meaning, options_.colour);
    line += figures(node, n);
    add_line(line);
    if (!n.to_resolve.empty()) {
      add_line("  " + painted("resolves", Meaning::Doubt, options_.colour) + ": " +
               one_line(n.to_resolve));
    }
    const auto merge = merge_of(n);
    if (merge && !state_.fan_ins()[*merge].criteria.empty()) {
      add_merge(state_.fan_ins()[*merge]);
    }
    const bool begun = n.stage != Stage::Waiting && n.stage != Stage::Open;
    if (begun && n.outcome != Outcome::Skipped && !has_no_items(node)) {
      for (std::size_t k = 0; k < n.criteria.size(); ++k) {
        add_criterion(node, k);
      }
    }
    add_denials(node, n);
    if (n.sent_back) {
      add_line("  " + painted("sent back", Meaning::Doubt, options_.colour) + " by " +
               one_line(n.sent_back->by) + ": " + one_line(n.sent_back->because));
    }
    add_warnings(n);
    add_flagged(n);
    add_refused(n);
    if (went_wrong(n)) {
      add_failure(node, n);
    }
  }

  /// What the work that met had to prove again; in full only where it did not.
  void add_merge(const FanIn& merge) {
    std::size_t held = 0;
    std::vector<const FanInCriterion*> broken;
    for (const FanInCriterion& one : merge.criteria) {
      const FanInStanding standing = look_at(state_, merge, one).standing;
      held += standing == FanInStanding::Met || standing == FanInStanding::Superseded ? 1U : 0U;
      if (standing == FanInStanding::Broken) {
        broken.push_back(&one);
      }
    }
    const std::size_t all = merge.criteria.size();
    const std::string count = held == all
                                  ? counted(all, "criterion")
                                  : fmt::format("{} of {}", held, counted(all, "criterion"));
    const Meaning meaning = held == all      ? Meaning::Good
                            : broken.empty() ? Meaning::Quiet
                                             : Meaning::Bad;
    const char* box = held == all ? "[x]" : broken.empty() ? "[-]" : "[ ]";
    add_line(fmt::format("  {} merge of {}: {} verified again",
                         painted(box, meaning, options_.colour),
                         one_line(names_of(state_, merge.sides)),
                         count));
    for (const FanInCriterion* one : broken) {
      const FanInTrial& proof = *proof_of(*one);
      const bool unmet = proof.verdict == Verdict::NotMet;
      add_line(fmt::format(
          "  {} {}: {}",
          painted(unmet ? "[ ]" : "[?]", unmet ? Meaning::Bad : Meaning::Doubt, options_.colour),
          one_line(state_.nodes()[one->task].id.value),
          one_line(state_.plan_node(one->task).criteria[one->criterion].text)));
      add_line("      " + evidence_text(proof.evidence, options_.cut ? width_ - 14 : kWhole));
      add_excerpt(proof.evidence.excerpt);
      add_log(proof.evidence.log);
    }
  }

  /// What it was not let do, and what the author has to say of that: somebody else's work, perhaps.
  void add_denials(std::size_t node, const NodeState& n) {
    constexpr std::size_t kMost = 5;
    const std::size_t count = n.not_permitted.size();
    const std::string denied = "  " + painted("denied: ", Meaning::Doubt, options_.colour);
    for (std::size_t k = 0; k < count && k < kMost; ++k) {
      add_line(denied + one_line(n.not_permitted[k].operation));
    }
    if (count > kMost) {
      add_line(denied + fmt::format("{} more, in `pipe show --json`", count - kMost));
    }
    const std::string& message = state_.plan_node(node).permissions.message;
    if (count > 0) {
      for (const std::string& line : split(lines(message))) {
        add_line(painted("      | ", Meaning::Quiet, options_.colour) + line);
      }
    }
  }

  /// What the last attempt left that was not taken.
  void add_warnings(const NodeState& n) {
    constexpr std::size_t kMost = 5;
    const std::size_t count = n.last ? n.last->notes.size() : 0;
    const std::string warning = "  " + painted("warning: ", Meaning::Doubt, options_.colour);
    for (std::size_t k = 0; k < count && k < kMost; ++k) {
      add_line(warning + one_line(n.last->notes[k]));
    }
    if (count > kMost) {
      add_line(warning + fmt::format("{} more, in `pipe show --json`", count - kMost));
    }
  }

  void add_flagged(const NodeState& n) {
    constexpr std::size_t kMost = 10;
    const std::string word = "  " + painted("flagged: ", Meaning::Doubt, options_.colour);
    for (std::size_t k = 0; k < n.flagged.size() && k < kMost; ++k) {
      add_line(word + one_line(n.flagged[k].path) + ": " + one_line(n.flagged[k].why));
    }
    if (n.flagged.size() > kMost) {
      add_line(word + fmt::format("{} more, in `pipe show --json`", n.flagged.size() - kMost));
    }
  }

  /// What its network was refused, with the line that would allow it.
  void add_refused(const NodeState& n) {
    constexpr std::size_t kMost = 5;
    for (std::size_t k = 0; k < n.denied.size() && k < kMost; ++k) {
      const std::string remedy = egress_remedy(n.denied[k]);
      add_line("  " + painted("firewall: ", Meaning::Doubt, options_.colour) +
               one_line(egress_text(n.denied[k])));
      if (!remedy.empty()) {
        add_line("    " + one_line(remedy));
      }
    }
    if (n.denied.size() > kMost) {
      add_line("  " + painted("firewall: ", Meaning::Doubt, options_.colour) +
               fmt::format("{} more, in `pipe show --json`", n.denied.size() - kMost));
    }
  }

  /// The stage; where nobody drives the run any more, what seems to be under way was cut short.
  [[nodiscard]] std::string word_of(std::size_t node) const {
    const Stage stage = state_.nodes()[node].stage;
    const bool cut_short = stage == Stage::Running || stage == Stage::Checking ||
                           stage == Stage::Prepared || stage == Stage::Merging ||
                           stage == Stage::Verifying || stage == Stage::Backoff ||
                           stage == Stage::Parked || stage == Stage::Expanded;
    const bool gone = options_.runner == Runner::Gone && !is_asking(state_, node);
    return gone && cut_short ? "cut short" : stage_text(state_, node);
  }

  /// A for_each over an empty list.
  [[nodiscard]] bool has_no_items(std::size_t node) const {
    const NodeState& n = state_.nodes()[node];
    return n.outcome && state_.plan_node(node).for_each && !n.group;
  }

  /// What stands behind "passed": duration, attempts, where it comes from, or why it was skipped.
  std::string figures(std::size_t node, const NodeState& n) const {
    if (n.outcome == Outcome::Skipped) {
      return n.reason.empty() ? "" : "   " + one_line(n.reason);
    }
    if (n.reused) {
      const std::string run = one_line(n.reused_from.value);
      return "   from cache" + (run.empty() ? "" : " (run " + run + ")");
    }
    if (n.outcome == Outcome::Passed && has_no_items(node)) {
      return "   no items, nothing was run";
    }
    std::string text;
    if (n.started_ms != 0) {
      text += fmt::format("   {:>6}", took_text(state_.took_ms(node, options_.until_ms)));
    }
    if (n.attempt > 1) {
      text += fmt::format("   {} attempts", n.attempt);
    }
    if (n.parkings > 0) {
      text += "   parked " + counted(static_cast<std::size_t>(n.parkings), "time");
    }
    if (n.stage == Stage::Parked) {
      const std::int64_t now = std::max(state_.last_ms(), options_.until_ms);
      text += n.not_before_ms > now ? ", goes on in " + took_text(n.not_before_ms - now)
                                    : ", goes on now";
    }
    if (n.spent.turns > 0) {
      text += "   " + spend_text(n.spent);
      // What is reserved is the most that we know of; a provider may know of more.
      const auto& cap = state_.plan_node(node).budget.cost;
      if (cap && n.spent.cost.micros > cap->micros) {
        text += fmt::format(", above its budget of {}", dsl::to_text(*cap));
      }
    }
    if (n.last && n.last->agent) {
      // What the gateway counted stands for the agent's own figures.
      text += "   " + (n.spent.turns > 0 ? std::string(dsl::word_of(n.last->agent->reason))
                                         : agent_text(*n.last->agent));
    }
    if (!n.answered_by.empty() && !state_.plan_node(node).approval.empty()) {
      text += fmt::format("   {} by {}",
                          n.approved.value_or(false) ? "approved" : "rejected",
                          one_line(n.answered_by));
    }
    return text;
  }

  void add_criterion(std::size_t node, std::size_t k) {
    const CriterionState& c = state_.nodes()[node].criteria[k];
    const dsl::Criterion& criterion = state_.plan_node(node).criteria[k];
    const bool red_failed = !c.verdict && c.red && *c.red != Verdict::NotMet;
    const Evidence& evidence = red_failed ? c.red_evidence : c.evidence;
    const std::string text = one_line(criterion.text);
    std::string result;
    std::string box = "[-]";
    Meaning meaning = Meaning::Quiet;
    if (c.verdict || red_failed) {
      const Verdict verdict = c.verdict.value_or(Verdict::Unverified);
      box = verdict == Verdict::Met ? "[x]" : verdict == Verdict::NotMet ? "[ ]" : "[?]";
      meaning = verdict == Verdict::Met      ? Meaning::Good
                : verdict == Verdict::NotMet ? Meaning::Bad
                                             : Meaning::Doubt;
      const std::size_t room = columns(text) > text_width_ ? width_ - 14 : evidence_width_;
      result = evidence_text(evidence, options_.cut ? room : kWhole);
    } else {
      result = (c.running || c.red_running) && options_.runner == Runner::Alive ? "checking"
               : c.asked ? "waits for a person"
                         : "not checked";
    }
    const std::string took = c.verdict && evidence.took.ms > 0 ? took_text(evidence.took.ms) : "";
    const std::string painted_box = painted(box, meaning, options_.colour);
    if (columns(text) > text_width_) {
      add_line("  " + painted_box + " " + text);
      add_line(with_took(std::string(6, ' ') + result, took));
    } else {
      add_line(
          with_took("  " + painted_box + " " + padded(text, text_width_) + "  " + result, took));
    }
    if (c.verdict && *c.verdict != Verdict::Met) {
      add_excerpt(evidence.excerpt);
      add_log(evidence.log);
    }
  }

  std::string with_took(std::string line, const std::string& took) const {
    if (took.empty()) {
      return line;
    }
    const std::size_t end = std::max(6 + text_width_ + 2 + evidence_width_ + 2, columns(line) + 2);
    return padded(line, end) + painted(fmt::format("{:>6}", took), Meaning::Quiet, options_.colour);
  }

  void add_failure(std::size_t node, const NodeState& n) {
    if (!n.reason.empty()) {
      for (const std::string& line : split(lines(n.reason))) {
        add_line("  " + painted(line, meaning_of(state_, node), options_.colour));
      }
    }
    const bool criterion_shows_it =
        std::any_of(n.criteria.begin(), n.criteria.end(), [](const CriterionState& c) {
          return c.verdict && *c.verdict != Verdict::Met && !c.evidence.excerpt.empty();
        });
    if (n.last && !criterion_shows_it) {
      add_excerpt(n.last->excerpt);
      add_log(n.last->log);
    }
  }

  void add_excerpt(const std::string& excerpt) {
    for (const std::string& line : split(last_lines(excerpt, options_.excerpt_lines))) {
      add_line(painted("      | ", Meaning::Quiet, options_.colour) + line);
    }
  }

  void add_log(const std::string& log) {
    if (!log.empty() && !options_.run_folder.empty()) {
      const std::string path = one_line(options_.run_folder + "/" + log);
      add_line(painted("      log: " + path, Meaning::Quiet, options_.colour));
    }
  }

  static std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      parts.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return parts;
  }

  void add_line(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    out_ += line;
    out_ += '\n';
  }

  const RunState& state_;
  const ChecklistOptions& options_;
  std::size_t width_;
  std::size_t title_width_ = 0;
  std::size_t stage_width_ = 0;
  std::size_t text_width_ = 0;
  std::size_t evidence_width_ = 0;
  std::string out_;
};

}  // namespace

std::string checklist(const RunState& state, const ChecklistOptions& options) {
  std::string text = Checklist(state, options).text();
  if (!text.empty()) {
    text += '\n';
  }
  return text + result_text(state, options);
}

}  // namespace runner::report
