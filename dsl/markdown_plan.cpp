// Headings, paragraphs and boxes -> phases.

#include "dsl/markdown_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "dsl/markdown.h"
#include "dsl/markdown_words.h"

namespace dsl {

namespace {

using Kind = MarkdownBlock::Kind;
namespace words = markdown_words;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool is_shell(std::string_view info) {
  const std::string_view word = info.substr(0, info.find(' '));
  return word == "sh" || word == "bash" || word == "shell" || word == "console";
}

class PlanReader {
 public:
  PlanReader(std::string_view text, const MarkdownOptions& options)
      : lines_(lines_of(text)), blocks_(read_markdown(text)), options_(options) {}

  MarkdownPlan read() {
    for (const MarkdownBlock& block : blocks_) {
      see(block);
    }
    end_section(lines_.size() + 1);
    tell_unclaimed();
    name_phases();
    resolve_prerequisites();
    tell_what_is_missing();
    std::stable_sort(plan_.notes.begin(),
                     plan_.notes.end(),
                     [](const auto& one, const auto& other) { return one.line < other.line; });
    return std::move(plan_);
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  void see(const MarkdownBlock& block) {
    switch (block.kind) {
      case Kind::Heading:
        see_heading(block);
        return;
      case Kind::Box:
        see_box(block);
        return;
      case Kind::Paragraph:
      case Kind::Item:
        see_text(block);
        return;
      case Kind::Code:
        if (!in_criteria_ && is_shell(block.info)) {
          (current_ == kNone ? code_ahead_ : plan_.phases[current_].code) += block.text;
        }
        return;
    }
  }

  void see_heading(const MarkdownBlock& block) {
    if (plan_.title.empty() && block.level == 1) {
      plan_.title = block.text;
      return;
    }
    const auto number = words::phase_number(block.text);
    const bool leaves = block.level <= level_;
    if (number || leaves) {
      end_section(block.line);
    }
    tell_unclaimed();
    heading_ = block;
    about_prerequisites_ = words::is_about_prerequisites(block.text);
    if (number) {
      enter_phase(block, number);
    } else if (words::is_about_criteria(block.text)) {
      in_criteria_ = true;
      criteria_level_ = block.level;
    } else if (in_criteria_ && block.level <= criteria_level_) {
      in_criteria_ = false;
    }
  }

  /// The one of that number, where there was one already: criteria may stand elsewhere.
  void enter_phase(const MarkdownBlock& block, std::optional<std::int64_t> number) {
    const auto known =
        std::find_if(plan_.phases.begin(), plan_.phases.end(), [&](const auto& phase) {
          return number && phase.number == number;
        });
    level_ = block.level;
    if (known != plan_.phases.end()) {
      current_ = static_cast<std::size_t>(known - plan_.phases.begin());
      in_criteria_ = true;
      criteria_level_ = block.level;
      return;
    }
    in_criteria_ = in_criteria_ && block.level > criteria_level_;
    MarkdownPhase phase;
    phase.title = block.text;
    phase.number = number;
    phase.line = block.line;
    current_ = plan_.phases.size();
    section_ = block.line;
    plan_.phases.push_back(std::move(phase));
    prerequisites_.emplace_back();
  }

  void end_section(std::size_t line) {
    if (current_ != kNone && section_ > 0) {
      std::string prose;
      for (std::size_t i = section_; i < line && i <= lines_.size(); ++i) {
        prose += std::string(lines_[i - 1]) + "\n";
      }
      plan_.phases[current_].prose += prose;
    }
    current_ = kNone;
    section_ = 0;
    level_ = 0;
  }

  void see_box(const MarkdownBlock& block) {
    if (block.text.empty()) {
      plan_.notes.push_back({block.line, "a box without a text is left out"});
      return;
    }
    if (current_ == kNone && !in_criteria_ && heading_.level > 0) {
      enter_phase(heading_, std::nullopt);  // a heading is a phase where boxes stand below it
      plan_.phases[current_].code = std::exchange(code_ahead_, "");
      prerequisites_[current_] = std::exchange(said_ahead_, {});
    }
    MarkdownCriterion criterion = words::criterion_of(block, options_, plan_.notes);
    auto& criteria = current_ == kNone ? plan_.criteria : plan_.phases[current_].criteria;
    const bool is_twice = std::any_of(criteria.begin(), criteria.end(), [&](const auto& one) {
      return one.text == criterion.text;
    });
    if (is_twice) {
      plan_.notes.push_back({block.line, "the same box again is left out: " + block.text});
      return;
    }
    criteria.push_back(std::move(criterion));
  }

  void see_text(const MarkdownBlock& block) {
    std::optional<std::string> text = words::prerequisites_in(block.text);
    if (!text && about_prerequisites_) {
      text = block.text;
    }
    if (!text) {
      return;
    }
    (current_ == kNone ? said_ahead_ : prerequisites_[current_]).push_back({block.line, *text});
  }

  /// What stood below a heading that was no phase.
  void tell_unclaimed() {
    for (const MarkdownNote& said : std::exchange(said_ahead_, {})) {
      plan_.notes.push_back({said.line, "before the run: " + said.text});
    }
    code_ahead_.clear();
  }

  void name_phases() {
    std::set<std::string> taken;
    for (MarkdownPhase& phase : plan_.phases) {
      std::string name = words::slug_of(phase.title);
      if (name.empty() || (name.front() >= '0' && name.front() <= '9')) {
        name = name.empty() ? "phase" : "phase-" + name;
      }
      std::string unique = name;
      for (int i = 2; !taken.insert(unique).second; ++i) {
        unique = fmt::format("{}-{}", name, i);
      }
      phase.name = unique;
    }
    plan_.name = words::slug_of(plan_.title);
    if (plan_.name.empty()) {
      plan_.name = "plan";
    }
  }

  void resolve_prerequisites() {
    for (std::size_t i = 0; i < plan_.phases.size(); ++i) {
      for (const MarkdownNote& said : prerequisites_[i]) {
        resolve(i, said);
      }
    }
  }

  void resolve(std::size_t phase, const MarkdownNote& said) {
    MarkdownPhase& me = plan_.phases[phase];
    const std::string lower = words::lower_case(said.text);
    const std::size_t begin = std::min(lower.find_first_not_of(" *_:"), lower.size());
    if (lower.compare(begin, 4, "none") == 0 || lower.compare(begin, 7, "nothing") == 0) {
      me.needs.emplace();
      return;
    }
    const std::vector<std::int64_t> numbers = words::phases_in(said.text);
    std::vector<std::string> needs;
    for (std::size_t i = 0; i < phase; ++i) {
      const MarkdownPhase& other = plan_.phases[i];
      const bool by_number =
          other.number && std::find(numbers.begin(), numbers.end(), *other.number) != numbers.end();
      const bool by_title =
          !other.number && lower.find(words::lower_case(other.title)) != std::string::npos;
      if (by_number || by_title) {
        needs.push_back(other.name);
      }
    }
    if (needs.empty() || needs.size() < numbers.size()) {
      plan_.notes.push_back({said.line,
                             "a prerequisite for a person to see to:" +
                                 (said.text.starts_with(' ') ? said.text : " " + said.text)});
    }
    if (!needs.empty()) {
      if (!me.needs) {
        me.needs.emplace();
      }
      for (const std::string& need : needs) {
        if (std::find(me.needs->begin(), me.needs->end(), need) == me.needs->end()) {
          me.needs->push_back(need);
        }
      }
    }
  }

  void tell_what_is_missing() {
    for (const MarkdownPhase& phase : plan_.phases) {
      if (phase.criteria.empty()) {
        plan_.notes.push_back(
            {phase.line, "nothing tells when '" + phase.title + "' is done: it has no boxes"});
      }
      if (options_.run_code && phase.code.empty()) {
        plan_.notes.push_back(
            {phase.line, "'" + phase.title + "' has no shell code to run, an agent is asked"});
      }
    }
  }

  const std::vector<std::string_view> lines_;
  const std::vector<MarkdownBlock> blocks_;
  const MarkdownOptions& options_;
  MarkdownPlan plan_;
  std::vector<std::vector<MarkdownNote>> prerequisites_;  // by phase
  std::size_t current_ = kNone;                           // phase
  std::size_t section_ = 0;                               // its first line; 0: it is read already
  int level_ = 0;                                         // of the phase's heading
  MarkdownBlock heading_;                                 // the last one
  bool in_criteria_ = false;
  int criteria_level_ = 0;
  bool about_prerequisites_ = false;
  // Since the last heading, which may yet turn out to be a phase.
  std::string code_ahead_;
  std::vector<MarkdownNote> said_ahead_;
};

}  // namespace

MarkdownPlan read_markdown_plan(std::string_view text, const MarkdownOptions& options) {
  return PlanReader(text, options).read();
}

}  // namespace dsl
