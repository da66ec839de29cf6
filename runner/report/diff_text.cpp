#include "runner/report/diff_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "runner/report/columns.h"
#include "runner/report/escape.h"
#include "runner/report/paint.h"

namespace runner::report {
namespace {

using dsl::Colour;
using git::DiffLine;
using git::FileChange;
using git::Kind;

const char* mode_of(Kind kind) {
  switch (kind) {
    case Kind::File:
      return "100644";
    case Kind::Executable:
      return "100755";
    case Kind::Link:
      return "120000";
    case Kind::Folder:
      return "040000";
    case Kind::Submodule:
      return "160000";
  }
  return "";
}

std::string head_of(const FileChange& change, Colour colour) {
  const std::string before = path_text("a/" + change.path);
  const std::string after = path_text("b/" + change.path);
  std::string text;
  const auto add = [&](const std::string& line) {
    text += painted(line, Meaning::Strong, colour) + "\n";
  };
  add("diff --git " + before + " " + after);
  if (!change.before) {
    add(std::string("new file mode ") + mode_of(change.after->kind));
  } else if (!change.after) {
    add(std::string("deleted file mode ") + mode_of(change.before->kind));
  } else if (change.before->kind != change.after->kind) {
    add(std::string("old mode ") + mode_of(change.before->kind));
    add(std::string("new mode ") + mode_of(change.after->kind));
  }
  if (!change.text.hunks.empty()) {
    add("--- " + (change.before ? before : "/dev/null"));
    add("+++ " + (change.after ? after : "/dev/null"));
  }
  return text;
}

std::string line_text(const DiffLine& line, Colour colour) {
  const std::string text = every_character(line.text);
  std::string shown;
  switch (line.kind) {
    case DiffLine::Kind::Context:
      shown = " " + text;
      break;
    case DiffLine::Kind::Added:
      shown = painted("+" + text, Meaning::Good, colour);
      break;
    case DiffLine::Kind::Removed:
      shown = painted("-" + text, Meaning::Bad, colour);
      break;
  }
  return shown + (line.ends_file ? "\n\\ No newline at end of file\n" : "\n");
}

std::string range(std::int64_t line, std::int64_t count) {
  return count == 1 ? std::to_string(line) : fmt::format("{},{}", line, count);
}

std::string count_of(std::int64_t count, const char* what, const char* sign) {
  return fmt::format("{} {}{}{}", count, what, count == 1 ? "" : "s", sign);
}

}  // namespace

std::string path_text(std::string_view path) {
  const bool plain = every_character(path) == path && path.find('\t') == std::string_view::npos &&
                     path.find('"') == std::string_view::npos &&
                     path.find('\\') == std::string_view::npos;
  if (plain) {
    return std::string(path);
  }
  std::string text = "\"";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (c == '\n' || c == '\t') {
      text += c == '\n' ? "\\n" : "\\t";
    } else if (byte < 0x20 || byte >= 0x7F) {
      text += fmt::format("\\{:03o}", byte);
    } else {
      text += c;
    }
  }
  return text + "\"";
}

std::string json_path(std::string_view path) {
  return is_utf8(path) ? std::string(path) : path_text(path);
}

std::string diff_text(const FileChange& change, Colour colour) {
  std::string text = head_of(change, colour);
  if (change.too_large) {
    text += "File is too large to be compared by lines\n";
  } else if (change.text.binary) {
    text += "Binary file\n";
  }
  for (const git::DiffHunk& hunk : change.text.hunks) {
    text += painted(fmt::format("@@ -{} +{} @@",
                                range(hunk.before_line, hunk.before_count),
                                range(hunk.after_line, hunk.after_count)),
                    Meaning::Active,
                    colour) +
            "\n";
    for (const DiffLine& line : hunk.lines) {
      text += line_text(line, colour);
    }
  }
  return text;
}

FileSize size_of(const FileChange& change) {
  FileSize size;
  size.path = change.path;
  size.change = !change.before  ? FileSize::Change::Added
                : !change.after ? FileSize::Change::Deleted
                                : FileSize::Change::Modified;
  size.binary = change.text.binary || change.too_large;
  size.added = change.text.added;
  size.removed = change.text.removed;
  return size;
}

std::string stat_text(const std::vector<FileSize>& files, std::size_t width, Colour colour) {
  if (files.empty()) {
    return "";
  }
  constexpr std::size_t kLeast = 10;  // columns of a bar
  std::size_t names = 0;
  std::int64_t most = 1;
  std::int64_t added = 0;
  std::int64_t removed = 0;
  for (const FileSize& file : files) {
    names = std::max(names, columns(path_text(file.path)));
    most = std::max(most, file.added + file.removed);
    added += file.added;
    removed += file.removed;
  }
  const std::size_t digits = std::max<std::size_t>(std::to_string(most).size(), 3);
  const std::size_t room =
      width > names + digits + kLeast + 5 ? width - names - digits - 5 : kLeast;
  const auto bar = [&](std::int64_t count) {
    if (most <= static_cast<std::int64_t>(room)) {
      return static_cast<std::size_t>(count);
    }
    const auto scaled = static_cast<std::size_t>(count) * room / static_cast<std::size_t>(most);
    return count > 0 ? std::max<std::size_t>(scaled, 1) : 0;
  };
  std::string text;
  for (const FileSize& file : files) {
    text += " " + padded(path_text(file.path), names) + " | ";
    text += file.binary ? fmt::format("{:>{}}", "Bin", digits)
                        : fmt::format("{:>{}}", file.added + file.removed, digits);
    const std::string plus(bar(file.added), '+');
    const std::string minus(bar(file.removed), '-');
    text += plus.empty() && minus.empty() ? "" : " ";
    text += painted(plus, Meaning::Good, colour) + painted(minus, Meaning::Bad, colour) + "\n";
  }
  text += " " + count_of(static_cast<std::int64_t>(files.size()), "file", " changed");
  text += added > 0 || removed == 0 ? ", " + count_of(added, "insertion", "(+)") : "";
  text += removed > 0 ? ", " + count_of(removed, "deletion", "(-)") : "";
  return text + "\n";
}

}  // namespace runner::report
