// TreeStore::patch: what differs between two trees, for an agent to read.

#include <fmt/format.h>

#include "runner/store/history.h"
#include "runner/store/tree_reading.h"
#include "runner/store/tree_store.h"
#include "runner/sys/files.h"

namespace runner {

namespace {

/// Bytes of files that are compared for each byte of the patch: the loop waits for it.
constexpr std::int64_t kComparedForEach = 32;

char mark_of(git::DiffLine::Kind kind) {
  switch (kind) {
    case git::DiffLine::Kind::Context:
      return ' ';
    case git::DiffLine::Kind::Added:
      return '+';
    case git::DiffLine::Kind::Removed:
      return '-';
  }
  return ' ';
}

std::string title_of(const git::FileChange& change) {
  const char* const what = !change.before ? "added" : !change.after ? "removed" : "changed";
  return fmt::format("{} {}\n", what, files::printable(change.path));
}

std::string lines_of(const git::FileChange& change) {
  if (change.too_large || change.text.binary) {
    return "";
  }
  std::string text;
  for (const git::DiffHunk& hunk : change.text.hunks) {
    text += fmt::format("@@ -{},{} +{},{} @@\n",
                        hunk.before_line,
                        hunk.before_count,
                        hunk.after_line,
                        hunk.after_count);
    for (const git::DiffLine& line : hunk.lines) {
      text += mark_of(line.kind);
      text += line.text + "\n";
    }
  }
  return text;
}

}  // namespace

dsl::Result<std::string> TreeStore::patch(const TreeRef& from,
                                          const TreeRef& to,
                                          std::size_t most) {
  auto objects = borrow();
  if (!objects) {
    return objects.error();
  }
  const auto before = halves_of(**objects, from);
  const auto after = halves_of(**objects, to);
  if (!before || !after) {
    return before ? after.error() : before.error();
  }
  std::string text;
  std::size_t untold = 0;
  std::size_t named = 0;
  const dsl::Status told =
      for_each_change(**objects,
                      before->files,
                      after->files,
                      static_cast<std::int64_t>(most) * kComparedForEach,
                      [&](const git::FileChange& change) -> dsl::Status {
                        const std::string title = title_of(change);
                        const std::string lines = lines_of(change);
                        if (text.size() + title.size() > most) {
                          ++untold;
                        } else if (text.size() + title.size() + lines.size() > most) {
                          text += title;
                          ++named;
                        } else {
                          text += title + lines;
                          named += change.too_large ? 1 : 0;
                        }
                        return dsl::Ok{};
                      });
  if (!told) {
    return told.error();
  }
  if (untold > 0) {
    text += fmt::format("and {} more\n", untold);
  }
  if (named > 0) {
    text += fmt::format("of {} of them only the name stands here: the change is too long\n", named);
  }
  return text;
}

}  // namespace runner
