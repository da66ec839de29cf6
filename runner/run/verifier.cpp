#include "runner/run/verifier.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "dsl/glob.h"
#include "dsl/pattern.h"
#include "runner/run/json_schema.h"

namespace runner {

using dsl::Criterion;
using dsl::Value;

namespace {

constexpr std::int64_t kFileCap = 16LL << 20;

std::string command_text(const dsl::Command& command) {
  std::string text;
  const bool script = command.argv.size() == 4 && command.argv[1] == dsl::Template("-e");
  for (std::size_t i = script ? 3 : 0; i < command.argv.size(); ++i) {
    text += text.empty() ? "" : " ";
    for (const dsl::Template::Piece& piece : command.argv[i].pieces) {
      text += piece.kind == dsl::Template::Piece::Kind::Literal ? piece.text
                                                                : "${{ " + piece.text + " }}";
    }
  }
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return text;
}

std::string plain(const dsl::Template& text) {
  return command_text(dsl::Command{{text}});
}

Judgement met(std::string what, std::string result) {
  Judgement judgement{Verdict::Met, {}};
  judgement.evidence.what = std::move(what);
  judgement.evidence.result = std::move(result);
  return judgement;
}
Judgement not_met(std::string what, std::string result) {
  Judgement judgement = met(std::move(what), std::move(result));
  judgement.verdict = Verdict::NotMet;
  return judgement;
}
Judgement unverified(std::string what, std::string result) {
  Judgement judgement = met(std::move(what), std::move(result));
  judgement.verdict = Verdict::Unverified;
  return judgement;
}

/// The verdict of a container that says nothing about the criterion itself.
bool says_nothing(const JobEnd& end) {
  return end.how == JobEnd::How::Lost || end.how == JobEnd::How::Stopped ||
         end.how == JobEnd::How::NotStarted;
}

// ---- file ---------------------------------------------------------------------------------------

Judgement judge_file(const dsl::FileCheck& check, Trees& trees, const TreeRef& produced) {
  const std::string what = "file '" + check.path + "'";
  const auto file = trees.read_file(produced, check.path, kFileCap);
  if (!file) {
    return unverified(what, file.error().message);
  }
  if (!file->has_value()) {
    return check.exists ? not_met(what, "no such file") : met(what, "absent");
  }
  const TreeFile& found = **file;
  if (!check.exists) {
    return not_met(what, "exists");
  }
  const bool reads = check.contains || check.matches;
  if (found.symlink && reads) {
    return not_met(what, "not a regular file but a link");
  }
  if (check.executable && *check.executable != found.executable) {
    return not_met(what, found.executable ? "executable" : "not executable");
  }
  if (reads && found.truncated) {
    return unverified(what, "larger than 16MiB");
  }
  if (check.contains && found.bytes.find(*check.contains) == std::string::npos) {
    return not_met(what, fmt::format("does not contain '{}'", *check.contains));
  }
  if (check.matches) {
    const dsl::Result<bool> matches = dsl::matches_pattern(*check.matches, found.bytes);
    if (!matches) {
      return unverified(what, matches.error().message);
    }
    if (!*matches) {
      return not_met(what, fmt::format("does not match /{}/", *check.matches));
    }
  }
  Judgement judgement = met(what, reads ? "exists, content as asked" : "exists");
  judgement.evidence.digest = found.truncated ? "" : dsl::sha256_hex(found.bytes);
  return judgement;
}

// ---- json ---------------------------------------------------------------------------------------

/// RFC 6901. Null where there is nothing at that place.
const Value* at_pointer(const Value& document, const std::string& pointer) {
  const Value* here = &document;
  std::size_t begin = 0;
  while (here != nullptr && begin < pointer.size()) {
    std::size_t end = pointer.find('/', begin + 1);
    end = end == std::string::npos ? pointer.size() : end;
    std::string key;
    for (std::size_t i = begin + 1; i < end; ++i) {
      if (pointer[i] == '~' && i + 1 < end) {
        key += pointer[++i] == '1' ? '/' : '~';
      } else {
        key += pointer[i];
      }
    }
    if (const auto* list = std::get_if<Value::List>(&here->held)) {
      std::size_t index = 0;
      const char* last = key.data() + key.size();
      const auto read = std::from_chars(key.data(), last, index);
      const bool good = read.ec == std::errc() && read.ptr == last && index < list->size();
      here = good ? &(*list)[index] : nullptr;
    } else {
      here = here->find(key);
    }
    begin = end;
  }
  return here;
}

const char* sign(dsl::JsonCheck::Comparison comparison) {
  using C = dsl::JsonCheck::Comparison;
  switch (comparison) {
    case C::Equals:
      return "equals";
    case C::NotEquals:
      return "differs from";
    case C::Less:
      return "<";
    case C::LessOrEqual:
      return "<=";
    case C::Greater:
      return ">";
    case C::GreaterOrEqual:
      return ">=";
    case C::Exists:
      return "exists";
  }
  return "";
}

/// No value: the two cannot be ordered.
std::optional<bool> holds(dsl::JsonCheck::Comparison comparison,
                          const Value& found,
                          const Value& expected) {
  using C = dsl::JsonCheck::Comparison;
  if (comparison == C::Exists) {
    return true;
  }
  if (comparison == C::Equals || comparison == C::NotEquals) {
    return (found == expected) == (comparison == C::Equals);
  }
  const auto* left = std::get_if<double>(&found.held);
  const auto* right = std::get_if<double>(&expected.held);
  if (left == nullptr || right == nullptr) {
    return std::nullopt;
  }
  switch (comparison) {
    case C::Less:
      return *left < *right;
    case C::LessOrEqual:
      return *left <= *right;
    case C::Greater:
      return *left > *right;
    case C::GreaterOrEqual:
      return *left >= *right;
    case C::Equals:
    case C::NotEquals:
    case C::Exists:
      break;
  }
  return std::nullopt;
}

Judgement judge_against_schema(const std::string& what,
                               const std::string& document,
                               const std::string& schema_file,
                               Trees& trees,
                               const TreeRef& trusted) {
  const auto schema = trees.read_file(trusted, schema_file, kFileCap);
  if (!schema) {
    return unverified(what, schema.error().message);
  }
  if (!schema->has_value()) {
    return unverified(what, "no schema '" + schema_file + "' in the run's input");
  }
  const dsl::Result<std::vector<std::string>> problems =
      json_schema_problems((*schema)->bytes, document);
  if (!problems) {
    return unverified(what, problems.error().message);
  }
  if (problems->empty()) {
    return met(what, "fits schema '" + schema_file + "'");
  }
  Judgement judgement = not_met(what, problems->front());
  for (const std::string& problem : *problems) {
    judgement.evidence.excerpt += problem + "\n";
  }
  return judgement;
}

Judgement judge_json(const dsl::JsonCheck& check,
                     Trees& trees,
                     const TreeRef& trusted,
                     const TreeRef& produced) {
  std::string what = "json '" + check.file + "'";
  const auto file = trees.read_file(produced, check.file, kFileCap);
  if (!file) {
    return unverified(what, file.error().message);
  }
  if (!file->has_value() || (*file)->symlink) {
    return not_met(what, file->has_value() ? "not a regular file but a link" : "no such file");
  }
  if ((*file)->truncated) {
    return unverified(what, "larger than 16MiB");
  }
  if (check.schema) {
    return judge_against_schema(what, (*file)->bytes, *check.schema, trees, trusted);
  }
  what +=
      fmt::format(" {} {}", check.pointer.empty() ? "/" : check.pointer, sign(check.comparison));
  if (check.comparison != dsl::JsonCheck::Comparison::Exists) {
    what += " " + dsl::to_json(check.expected);
  }
  const dsl::Result<Value> document = dsl::value_from_json((*file)->bytes);
  if (!document) {
    return not_met(what, "no JSON: " + document.error().message);
  }
  const Value* found = at_pointer(*document, check.pointer);
  if (found == nullptr) {
    return not_met(what, "nothing at that place");
  }
  const std::optional<bool> good = holds(check.comparison, *found, check.expected);
  const std::string shown = dsl::to_json(*found).substr(0, 200);
  if (!good) {
    return not_met(what, "found " + shown + ", which is no number");
  }
  return *good ? met(what, "found " + shown) : not_met(what, "found " + shown);
}

// ---- diff ---------------------------------------------------------------------------------------

Judgement judge_diff(const dsl::DiffCheck& check,
                     Trees& trees,
                     const TreeRef& input,
                     const TreeRef& produced) {
  const std::string what = "changed paths";
  const auto changes = trees.diff(input, produced);
  if (!changes) {
    return unverified(what, changes.error().message);
  }
  const dsl::GlobSet only(check.only);
  const dsl::GlobSet never(check.never);
  std::string offending;
  std::size_t count = 0;
  for (const ChangedPath& change : *changes) {
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
    std::string operator()(const dsl::RunCheck& check) const { return command_text(check.command); }
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
  };
  return std::visit(Describe{}, criterion.check);
}

Judgement judge_run(const dsl::RunCheck& check, const JobEnd& end, const LogSummary& log) {
  Judgement judgement;
  judgement.evidence.what = command_text(check.command);
  judgement.evidence.result = to_text(end);
  judgement.evidence.excerpt = log.tail;
  judgement.evidence.digest = log.digest;
  judgement.evidence.took = end.took;
  if (says_nothing(end)) {
    judgement.verdict = Verdict::Unverified;
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
  Judgement judgement = unverified(what, to_text(end));
  judgement.evidence.took = end.took;
  if (says_nothing(end)) {
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
    judgement.verdict = Verdict::NotMet;
    judgement.evidence.result += fmt::format(", body does not contain '{}'", *check.contains);
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
