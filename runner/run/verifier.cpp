#include "runner/run/verifier.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "dsl/glob.h"
#include "runner/run/judge.h"

namespace runner {

using dsl::Criterion;

namespace {

std::string text_of(const dsl::Template& text) {
  std::string all;
  for (const dsl::Template::Piece& piece : text.pieces) {
    all += piece.kind == dsl::Template::Piece::Kind::Literal ? piece.text
                                                             : "${{ " + piece.text + " }}";
  }
  return all;
}

/// What the author wrote in the place of "${PIPE_EXPR_1}", or what is known of it.
std::string with_expressions(std::string text, const std::vector<dsl::EnvVar>& env) {
  for (const dsl::EnvVar& variable : env) {
    const std::string reference = "${" + variable.name + "}";
    const std::string value = text_of(variable.value);
    for (std::size_t at = text.find(reference);
         variable.name.starts_with("PIPE_EXPR_") && at != std::string::npos;
         at = text.find(reference, at + value.size())) {
      text.replace(at, reference.size(), value);
    }
  }
  return text;
}

std::string command_text(const dsl::Command& command) {
  std::string text;
  const bool script = command.argv.size() == 4 && command.argv[1] == dsl::Template("-e");
  for (std::size_t i = script ? 3 : 0; i < command.argv.size(); ++i) {
    text += text.empty() ? "" : " ";
    text += text_of(command.argv[i]);
  }
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return text;
}

std::string plain(const dsl::Template& text) {
  return command_text(dsl::Command{{text}});
}

/// The verdict of a container that says nothing about the criterion itself.
bool says_nothing(const JobEnd& end) {
  return end.how == JobEnd::How::Lost || end.how == JobEnd::How::Stopped ||
         end.how == JobEnd::How::NotStarted;
}

Judgement judge_diff(const dsl::DiffCheck& check,
                     Trees& trees,
                     const TreeRef& input,
                     const TreeRef& produced) {
  const std::string what = "changed paths";
  const auto changes = trees.diff(input, produced);
  const auto brought = trees.brought(input, produced);
  if (!changes || !brought) {
    return unverified(what, (changes ? brought.error() : changes.error()).message);
  }
  const dsl::GlobSet only(check.only);
  const dsl::GlobSet never(check.never);
  std::string offending;
  std::size_t count = 0;
  for (const ChangedPath& change : *brought) {
    if ((!only.empty() && !only.matches(change.path)) || never.matches(change.path)) {
      offending += change.path + "\n";
      ++count;
    }
  }
  if (count > 0) {
    Judgement judgement =
        not_met(what,
                fmt::format("{} must not change{}",
                            offending.substr(0, offending.find('\n')),
                            count > 1 ? fmt::format(" (and {} more)", count - 1) : ""));
    judgement.evidence.excerpt = offending.substr(0, 4096);
    return judgement;
  }
  for (const std::string& glob : check.must) {
    const dsl::GlobSet wanted({glob});
    const bool found =
        std::any_of(changes->begin(), changes->end(), [&](const ChangedPath& change) {
          return wanted.matches(change.path);
        });
    if (!found) {
      return not_met(what, "nothing that matches '" + glob + "' changed");
    }
  }
  return met(what, fmt::format("{} changed, all allowed", changes->size()));
}

/// Changes that a person has to approve do not come here (scheduler.cpp).
Judgement judge_flagged(const dsl::FlaggedCheck& check,
                        Trees& trees,
                        const TreeRef& input,
                        const TreeRef& produced) {
  const std::string what = "flagged changes";
  const auto flagged = trees.flagged(input, produced);
  if (!flagged) {
    return unverified(what, flagged.error().message);
  }
  if (flagged->empty()) {
    return met(what, "none");
  }
  if (check.rule != dsl::Flagged::Refuse) {
    return unverified(what, "nobody was asked about them");
  }
  Judgement judgement = not_met(
      what,
      fmt::format("{}: {}{}",
                  flagged->front().path,
                  flagged->front().why,
                  flagged->size() > 1 ? fmt::format(" (and {} more)", flagged->size() - 1) : ""));
  judgement.evidence.excerpt = flagged_text(*flagged).substr(0, 4096);
  return judgement;
}

std::string diff_text(const dsl::DiffCheck& check) {
  std::string text = "diff";
  const auto add = [&text](const char* word, const std::vector<std::string>& globs) {
    if (!globs.empty()) {
      text += fmt::format(" {} {}", word, fmt::join(globs, ", "));
    }
  };
  add("only", check.only);
  add("never", check.never);
  add("must", check.must);
  return text;
}

}  // namespace

bool needs_container(const Criterion& criterion) {
  return std::holds_alternative<dsl::RunCheck>(criterion.check) ||
         std::holds_alternative<dsl::HttpCheck>(criterion.check);
}

std::string describe(const Criterion& criterion) {
  struct Describe {
    std::string operator()(const dsl::RunCheck& check) const {
      return with_expressions(command_text(check.command), check.env);
    }
    std::string operator()(const dsl::HttpCheck& check) const {
      return check.method + " " + plain(check.url);
    }
    std::string operator()(const dsl::FileCheck& check) const {
      return "file '" + check.path + "'";
    }
    std::string operator()(const dsl::JsonCheck& check) const {
      return "json '" + check.file + "'";
    }
    std::string operator()(const dsl::DiffCheck& check) const { return diff_text(check); }
    std::string operator()(const dsl::ManualCheck& check) const { return check.question; }
    std::string operator()(const dsl::FlaggedCheck& /*check*/) const { return "flagged changes"; }
  };
  return std::visit(Describe{}, criterion.check);
}

Judgement judge_run(const dsl::RunCheck& check, const JobEnd& end, const LogSummary& log) {
  Judgement judgement;
  judgement.evidence.what = with_expressions(command_text(check.command), check.env);
  judgement.evidence.result = to_text(end);
  judgement.evidence.excerpt = log.tail;
  judgement.evidence.digest = log.digest;
  judgement.evidence.took = end.took;
  if (says_nothing(end)) {
    judgement.verdict = Verdict::Unverified;
    judgement.evidence.lost = end.how == JobEnd::How::Lost;
  } else {
    const bool as_asked = end.how == JobEnd::How::Exited && end.code == check.exit_code;
    judgement.verdict = as_asked ? Verdict::Met : Verdict::NotMet;
  }
  return judgement;
}

Judgement judge_http(const dsl::HttpCheck& check,
                     const std::string& url,
                     const JobEnd& end,
                     const std::string& output) {
  const std::string what = check.method + " " + url;
  Judgement judgement;
  judgement.evidence.what = what;
  judgement.evidence.result = to_text(end);
  judgement.evidence.took = end.took;
  if (says_nothing(end)) {
    judgement.evidence.lost = end.how == JobEnd::How::Lost;
    return judgement;
  }
  const std::string intro = "status ";
  std::int64_t status = 0;
  const bool answered = output.compare(0, intro.size(), intro) == 0;
  if (answered) {
    std::from_chars(output.data() + intro.size(), output.data() + output.size(), status);
  }
  if (!end.succeeded() || status == 0) {
    judgement.verdict = Verdict::NotMet;
    judgement.evidence.result = "no answer";
    judgement.evidence.excerpt = output.substr(0, 4096);
    return judgement;
  }
  const std::string body = output.substr(std::min(output.find('\n') + 1, output.size()));
  judgement.evidence.result = std::to_string(status);
  judgement.evidence.excerpt = body.substr(0, 1024);
  judgement.evidence.digest = dsl::sha256_hex(output);
  judgement.verdict = status == check.status ? Verdict::Met : Verdict::NotMet;
  if (judgement.verdict == Verdict::Met && check.contains &&
      body.find(*check.contains) == std::string::npos) {
    const bool is_whole = body.size() < kBodyBytesRead;
    judgement.verdict = is_whole ? Verdict::NotMet : Verdict::Unverified;
    judgement.evidence.result +=
        is_whole ? fmt::format(", body does not contain '{}'", *check.contains)
                 : fmt::format(
                       ", the first MiB of the body does not contain '{}', and the rest "
                       "is not read",
                       *check.contains);
  } else if (judgement.verdict == Verdict::NotMet) {
    judgement.evidence.result += fmt::format(" instead of {}", check.status);
  }
  return judgement;
}

Judgement judge_tree(const Criterion& criterion,
                     Trees& trees,
                     const TreeRef& input,
                     const TreeRef& trusted,
                     const TreeRef& produced) {
  struct Judge {
    Trees& trees;
    const TreeRef& input;
    const TreeRef& trusted;
    const TreeRef& produced;
    Judgement operator()(const dsl::FileCheck& check) const {
      return judge_file(check, trees, produced);
    }
    Judgement operator()(const dsl::JsonCheck& check) const {
      return judge_json(check, trees, trusted, produced);
    }
    Judgement operator()(const dsl::DiffCheck& check) const {
      return judge_diff(check, trees, input, produced);
    }
    Judgement operator()(const dsl::FlaggedCheck& check) const {
      return judge_flagged(check, trees, input, produced);
    }
    Judgement operator()(const dsl::RunCheck&) const { return misplaced(); }
    Judgement operator()(const dsl::HttpCheck&) const { return misplaced(); }
    Judgement operator()(const dsl::ManualCheck&) const { return misplaced(); }
    static Judgement misplaced() {
      return unverified("", "BUG: this kind of check is not judged by its tree");
    }
  };
  return std::visit(Judge{trees, input, trusted, produced}, criterion.check);
}

}  // namespace runner
