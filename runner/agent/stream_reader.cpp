#include "runner/agent/stream_reader.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runner/agent/json_lines.h"
#include "runner/agent/pointer.h"

namespace runner {
namespace {

using dsl::AgentCondition;
using dsl::AgentField;
using dsl::AgentReason;
using dsl::Value;

constexpr std::size_t kLongestClaim = 4096;
constexpr std::size_t kLongestText = 1024;
constexpr std::size_t kMostTexts = 20;
constexpr double kMostNumber = 1e15;  // a double is exact far beyond it

/// At most `size` bytes from the beginning, not cut inside of a character.
std::string head_of(std::string_view text, std::size_t size) {
  size = std::min(size, text.size());
  while (size < text.size() && size > 0 && (text[size] & '\xc0') == '\x80') {
    --size;
  }
  return std::string(text.substr(0, size));
}

std::string tail_of(std::string_view text, std::size_t size) {
  std::size_t begin = text.size() - std::min(size, text.size());
  while (begin > 0 && begin < text.size() && (text[begin] & '\xc0') == '\x80') {
    ++begin;
  }
  return std::string(text.substr(begin));
}

bool holds(const AgentCondition& condition, const Value& value) {
  switch (condition.comparison) {
    case AgentCondition::Comparison::OneOf: {
      const auto* wanted = std::get_if<Value::List>(&condition.expected.held);
      return wanted != nullptr && std::find(wanted->begin(), wanted->end(), value) != wanted->end();
    }
    case AgentCondition::Comparison::Contains: {
      const auto* text = std::get_if<std::string>(&value.held);
      const auto* part = std::get_if<std::string>(&condition.expected.held);
      return text != nullptr && part != nullptr && text->find(*part) != std::string::npos;
    }
    case AgentCondition::Comparison::AtLeast: {
      const auto* number = std::get_if<double>(&value.held);
      const auto* least = std::get_if<double>(&condition.expected.held);
      return number != nullptr && least != nullptr && *number >= *least;
    }
    case AgentCondition::Comparison::Exists:
      return true;
  }
  return false;
}

/// A rule with its pointers taken apart.
struct Rule {
  const dsl::AgentRule* plan;
  std::vector<Pointer> when;
  std::vector<Pointer> takes;

  explicit Rule(const dsl::AgentRule& rule) : plan(&rule) {
    for (const AgentCondition& condition : rule.when) {
      when.emplace_back(condition.pointer);
    }
    for (const dsl::AgentTake& take : rule.takes) {
      takes.emplace_back(take.pointer);
    }
  }

  [[nodiscard]] bool fits(const Value& line) const {
    for (std::size_t i = 0; i < when.size(); ++i) {
      const AgentCondition& condition = plan->when[i];
      const std::vector<const Value*> found = when[i].find(line);
      const bool any = std::any_of(
          found.begin(), found.end(), [&](const Value* value) { return holds(condition, *value); });
      const bool absent_is_wanted = condition.comparison == AgentCondition::Comparison::Exists &&
                                    condition.expected == Value(false);
      if (any == absent_is_wanted) {
        return false;
      }
    }
    return true;
  }
};

class StreamReader final : public AgentReader {
 public:
  explicit StreamReader(const dsl::Agent& agent)
      : agent_(agent), lines_([this](const Value& line) { take(line); }) {
    rules_.reserve(agent.stream.size());
    for (const dsl::AgentRule& rule : agent.stream) {
      rules_.emplace_back(rule);
    }
  }

  void read(std::string_view bytes) override {
    if (!rules_.empty()) {
      lines_.read(bytes);
    }
  }

  [[nodiscard]] bool has_ended() const override { return ended_; }

  AgentOutcome conclude(const JobEnd& end) override {
    if (!rules_.empty()) {
      lines_.finish();
    }
    outcome_.unread_lines = lines_.unread();
    outcome_.reason = reason_at(end);
    return std::move(outcome_);
  }

 private:
  /// The container first: what was killed did not stop by itself, whatever it said or its status
  /// is. Then its last word, then its exit status.
  [[nodiscard]] AgentReason reason_at(const JobEnd& end) const {
    switch (end.how) {
      case JobEnd::How::TimedOut:
        return AgentReason::Time;
      case JobEnd::How::Idle:
        return ended_ ? said_.value_or(AgentReason::Idle) : AgentReason::Idle;
      case JobEnd::How::Exited:
        return reason_of_exit(end.code);
      case JobEnd::How::Signalled:
      case JobEnd::How::Stopped:
      case JobEnd::How::OutOfMemory:
      case JobEnd::How::OutOfDisk:
      case JobEnd::How::NotStarted:
      case JobEnd::How::Lost:
        break;
    }
    return AgentReason::Crash;
  }

  [[nodiscard]] AgentReason reason_of_exit(int code) const {
    const bool speaks =
        std::any_of(rules_.begin(), rules_.end(), [](const Rule& rule) { return rule.plan->ends; });
    if (said_ && (ended_ || !speaks)) {
      // One that says that it is through and then fails is not through.
      if (*said_ != AgentReason::Done || code == 0) {
        return *said_;
      }
    }
    for (const dsl::AgentExit& exit : agent_.exit) {
      if (exit.code == code) {
        return exit.reason;
      }
    }
    return code == 0 && !speaks ? AgentReason::Done : AgentReason::Crash;
  }

  void take(const Value& line) {
    for (const Rule& rule : rules_) {
      if (!rule.fits(line)) {
        continue;
      }
      for (std::size_t i = 0; i < rule.takes.size(); ++i) {
        take(rule.plan->takes[i], rule.takes[i].find(line));
      }
      if (rule.plan->reason) {
        said_ = rule.plan->reason;
      }
      ended_ = ended_ || rule.plan->ends;
    }
  }

  void take(const dsl::AgentTake& take, const std::vector<const Value*>& found) {
    switch (take.field) {
      case AgentField::Session:
        set_text(outcome_.session, found, take.adds, kLongestText);
        return;
      case AgentField::Model:
        set_text(outcome_.model, found, take.adds, kLongestText);
        return;
      case AgentField::Claim:
        set_text(outcome_.claim, found, take.adds, kLongestClaim);
        return;
      case AgentField::Errors:
        add_texts(outcome_.errors, found);
        return;
      case AgentField::Denials:
        add_texts(outcome_.denials, found);
        return;
      case AgentField::Turns:
        set_number(outcome_.turns, found, take.adds, 1);
        return;
      case AgentField::Cost:
        set_number(outcome_.cost, found, take.adds, 1e6);
        return;
      case AgentField::InputTokens:
        set_number(outcome_.input_tokens, found, take.adds, 1);
        return;
      case AgentField::OutputTokens:
        set_number(outcome_.output_tokens, found, take.adds, 1);
        return;
      case AgentField::CachedTokens:
        set_number(outcome_.cached_tokens, found, take.adds, 1);
        return;
      case AgentField::ResetsAt: {
        std::optional<std::int64_t> at;
        set_number(at, found, false, 1);
        outcome_.resets_at_s = at.value_or(outcome_.resets_at_s);
        return;
      }
    }
  }

  static void set_text(std::string& into,
                       const std::vector<const Value*>& found,
                       bool adds,
                       std::size_t most) {
    for (const Value* value : found) {
      if (const auto* text = std::get_if<std::string>(&value->held)) {
        into = tail_of(adds ? into + *text : *text, most);
      }
    }
  }

  static void add_texts(std::vector<std::string>& into, const std::vector<const Value*>& found) {
    for (const Value* value : found) {
      const auto* text = std::get_if<std::string>(&value->held);
      if (text == nullptr) {
        continue;
      }
      std::string one = head_of(*text, kLongestText);
      if (std::find(into.begin(), into.end(), one) == into.end() && into.size() < kMostTexts) {
        into.push_back(std::move(one));
      }
    }
  }

  static std::int64_t& count_of(std::int64_t& number) { return number; }
  static std::int64_t& count_of(dsl::Money& money) { return money.micros; }
  static std::int64_t& count_of(dsl::Tokens& tokens) { return tokens.count; }

  /// Nothing there, or nothing that can be a figure, leaves it as it was.
  template <class Number>
  static void set_number(std::optional<Number>& into,
                         const std::vector<const Value*>& found,
                         bool adds,
                         double scale) {
    double sum = 0;
    bool any = false;
    for (const Value* value : found) {
      if (const auto* number = std::get_if<double>(&value->held)) {
        sum += *number * scale;
        any = true;
      }
    }
    if (!any || !(sum >= 0) || sum > kMostNumber) {
      return;
    }
    Number number = adds ? into.value_or(Number{}) : Number{};
    std::int64_t& count = count_of(number);
    count = std::min(count + static_cast<std::int64_t>(std::round(sum)),
                     static_cast<std::int64_t>(kMostNumber));
    into = number;
  }

  const dsl::Agent& agent_;
  std::vector<Rule> rules_;  // constant after construction
  JsonLines lines_;
  AgentOutcome outcome_;
  std::optional<AgentReason> said_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<AgentReader> make_stream_reader(const dsl::Agent& agent) {
  return std::make_unique<StreamReader>(agent);
}

}  // namespace runner
