// Criteria that look at a file. Declared in judge.h.

#include <fmt/format.h>

#include "dsl/digest.h"
#include "dsl/pattern.h"
#include "runner/run/judge.h"
#include "runner/run/tree_walk.h"

namespace runner {
namespace {

/// `exists: false`: nothing is at the path, neither a folder nor a link, wherever it leads.
Judgement judge_absence(const std::string& what,
                        const std::string& path,
                        Trees& trees,
                        const TreeRef& produced) {
  const auto kind = trees.kind_of(produced, path);
  if (!kind) {
    return unverified(what, kind.error().message);
  }
  if (*kind != PathKind::Absent) {
    return not_met(what,
                   *kind == PathKind::File     ? "exists"
                   : *kind == PathKind::Folder ? "exists, as a folder"
                                               : "exists, as a link");
  }
  const auto reached = follow(trees, produced, path);
  if (!reached) {
    return unverified(what, reached.error().message);
  }
  if (reached->leads_out) {
    return not_met(what, reached->why_not);
  }
  return reached->kind == PathKind::Absent ? met(what, "absent")
                                           : not_met(what, "exists, behind a link");
}

}  // namespace

Judgement judge_file(const dsl::FileCheck& check, Trees& trees, const TreeRef& produced) {
  const std::string what = "file '" + check.path + "'";
  if (!check.exists) {
    return judge_absence(what, check.path, trees, produced);
  }
  const auto reached = follow(trees, produced, check.path);
  if (!reached) {
    return unverified(what, reached.error().message);
  }
  if (reached->kind != PathKind::File) {
    return not_met(what, reached->why_not);
  }
  const TreeFile& found = reached->file;
  const bool reads = check.contains || check.matches;
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

}  // namespace runner
