// Phases -> a pipeline file.

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "dsl/markdown_plan.h"
#include "dsl/markdown_words.h"
#include "dsl/value.h"

namespace dsl {

namespace {

using Kind = MarkdownCriterion::Kind;

/// What would begin an expression stands for itself.
std::string without_holes(std::string text) {
  for (std::size_t at = text.find("${{"); at != std::string::npos; at = text.find("${{", at + 9)) {
    text.replace(at, 3, "${{ '${{' }}");
  }
  return text;
}

/// In double quotes, as YAML has them: those of JSON.
std::string quoted(const std::string& text) {
  return to_json(Value(without_holes(text)));
}

/// Lines of a block, indented; a line of blanks is an empty one.
std::string block(const std::string& text, std::size_t indent) {
  std::string out = "|-\n";
  std::size_t at = 0;
  const std::string whole = without_holes(text);
  while (at < whole.size()) {
    const std::size_t end = std::min(whole.find('\n', at), whole.size());
    std::string line = whole.substr(at, end - at);
    for (std::size_t tab = line.find('\t'); tab != std::string::npos; tab = line.find('\t')) {
      line.replace(tab, 1, "  ");
    }
    line.erase(line.find_last_not_of(" \r") + 1);
    out += line.empty() ? "\n" : std::string(indent, ' ') + line + "\n";
    at = end + 1;
  }
  return out;
}

class PipelineText {
 public:
  PipelineText(const MarkdownPlan& plan, const MarkdownOptions& options)
      : plan_(plan), options_(options) {}

  std::string text() {
    out_ = "version: 1\nname: " + plan_.name + "\n";
    out_ += plan_.title.empty() ? "" : "description: " + quoted(plan_.title) + "\n";
    services();
    out_ += "\nphases:\n";
    for (std::size_t i = 0; i < plan_.phases.size(); ++i) {
      phase(plan_.phases[i]);
    }
    // Of the whole plan: judged on what all phases come to.
    if (!plan_.criteria.empty()) {
      out_ += "\n  whole-plan:\n";
      if (const std::vector<std::string> ends = last_phases(); ends.size() > 1) {
        out_ += "    needs: [" + joined(ends) + "]\n";
      }
      out_ += "    tasks:\n      all-phases: {run: \"true\"}\n";
      criteria(plan_.criteria, 4);
    }
    return std::move(out_);
  }

 private:
  void phase(const MarkdownPhase& phase) {
    out_ += fmt::format("  {}:\n    description: {}\n", phase.name, quoted(phase.title));
    if (phase.needs) {
      out_ += "    needs: [" + joined(*phase.needs) + "]\n";
    }
    out_ += fmt::format("    tasks:\n      {}-work:\n", phase.name);
    if (options_.run_code && !phase.code.empty()) {
      out_ += "        run: " + block(phase.code, 10);
    } else {
      agent(phase);
    }
    criteria(phase.criteria, 8);
    out_ += "\n";
  }

  /// One for each port, all served by the same program.
  void services() {
    std::set<std::int64_t> ports;
    const auto see = [&](const std::vector<MarkdownCriterion>& all) {
      for (const MarkdownCriterion& one : all) {
        if (one.kind == Kind::Http) {
          ports.insert(markdown_words::port_of(one.url));
        }
      }
    };
    see(plan_.criteria);
    for (const MarkdownPhase& phase : plan_.phases) {
      see(phase.criteria);
    }
    out_ += ports.empty() ? "" : "\nservices:\n";
    for (const std::int64_t port : ports) {
      out_ += fmt::format("  app-{0}: {{run: {1}, port: {0}}}\n", port, quoted(options_.serve));
    }
  }

  void agent(const MarkdownPhase& phase) {
    const bool own = !options_.agent_command.empty();
    out_ += "        uses: std/agent/" + (own ? "command" : options_.agent) + "\n        with:\n";
    if (own) {
      out_ += "          command: " + quoted(options_.agent_command) + "\n";
    }
    out_ += "          prompt: " + block(phase.prose, 12);
    out_ += "        retry: {attempts: 3, feedback: criteria}\n";
  }

  void criteria(const std::vector<MarkdownCriterion>& all, std::size_t indent) {
    if (all.empty()) {
      return;
    }
    const std::string margin(indent, ' ');
    out_ += margin + "success_criteria:\n";
    for (const MarkdownCriterion& one : all) {
      const std::string box = quoted("[ ] " + one.text);
      // YAML takes no more than 1,024 bytes for a key that stands before a ':'.
      const bool is_long = box.size() > 1'000;
      out_ += margin + "  - " + (is_long ? "? " + box + "\n" + margin + "    " : box) + ": " +
              check(one) + "\n";
    }
  }

  static std::string check(const MarkdownCriterion& one) {
    switch (one.kind) {
      case Kind::Run:
        return one.exit_code == 0
                   ? quoted(one.command)
                   : fmt::format("{{run: {}, exit_code: {}}}", quoted(one.command), one.exit_code);
      case Kind::Http:
        return fmt::format("{{http: {{method: {}, url: {}, status: {}}}, service: app-{}}}",
                           one.method,
                           quoted(one.url),
                           one.status,
                           markdown_words::port_of(one.url));
      case Kind::File:
        return fmt::format("{{file: {{path: {}, exists: true}}}}", quoted(one.path));
      case Kind::Manual:
        break;
    }
    return fmt::format("{{manual: {}}}", quoted(one.text));
  }

  /// Those that no other needs.
  std::vector<std::string> last_phases() const {
    std::vector<std::string> last;
    for (std::size_t i = 0; i < plan_.phases.size(); ++i) {
      bool needed = false;
      for (std::size_t k = i + 1; k < plan_.phases.size(); ++k) {
        const auto& needs = plan_.phases[k].needs;
        const bool above = !needs && k == i + 1;
        needed = needed || above ||
                 (needs &&
                  std::find(needs->begin(), needs->end(), plan_.phases[i].name) != needs->end());
      }
      if (!needed) {
        last.push_back(plan_.phases[i].name);
      }
    }
    return last;
  }

  static std::string joined(const std::vector<std::string>& names) {
    return fmt::format("{}", fmt::join(names, ", "));
  }

  const MarkdownPlan& plan_;
  const MarkdownOptions& options_;
  std::string out_;
};

}  // namespace

std::string pipeline_of(const MarkdownPlan& plan, const MarkdownOptions& options) {
  return PipelineText(plan, options).text();
}

}  // namespace dsl
