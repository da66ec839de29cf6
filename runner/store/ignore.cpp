#include "runner/store/ignore.h"

#include <algorithm>
#include <utility>

namespace runner {
namespace {

/// Trailing blanks mean nothing unless a backslash precedes them.
std::string_view without_trailing_blanks(std::string_view line) {
  while (line.ends_with(' ') || line.ends_with('\t') || line.ends_with('\r')) {
    std::size_t backslashes = 0;
    while (backslashes + 1 < line.size() && line[line.size() - 2 - backslashes] == '\\') {
      ++backslashes;
    }
    if (backslashes % 2 == 1) {
      break;
    }
    line.remove_suffix(1);
  }
  return line;
}

bool is_plain(std::string_view text) {
  return text.find_first_of("*?[\\") == std::string_view::npos;
}

}  // namespace

IgnoreFile::IgnoreFile(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  text = text.substr(0, kMaxBytes);
  while (!text.empty() && patterns_.size() < kMaxPatterns) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    add(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void IgnoreFile::add(std::string_view line) {
  constexpr std::size_t kMaxPattern = 4096;
  line = without_trailing_blanks(line);
  if (line.empty() || line.front() == '#' || line.size() > kMaxPattern) {
    return;
  }
  Pattern pattern;
  if (line.front() == '!') {
    pattern.ignores = false;
    line.remove_prefix(1);
  }
  if (line.ends_with('/') && !line.ends_with("\\/")) {
    pattern.only_folders = true;
    line.remove_suffix(1);
  }
  if (line.empty()) {
    return;
  }
  pattern.whole_path = line.find('/') != std::string_view::npos;
  if (line.front() == '/') {
    line.remove_prefix(1);
  }
  if (line.starts_with("**/") && line.find('/', 3) == std::string_view::npos) {
    pattern.whole_path = false;  // the same as the name alone
    line.remove_prefix(3);
  }
  if (is_plain(line)) {
    pattern.how = Pattern::How::Name;
    pattern.text = line;
  } else if (!pattern.whole_path && line.front() == '*' && is_plain(line.substr(1))) {
    pattern.how = Pattern::How::NameEnd;
    pattern.text = line.substr(1);
  } else {
    pattern.glob.emplace(line);
    if (!pattern.glob->is_well_formed()) {
      return;
    }
  }
  patterns_.push_back(std::move(pattern));
}

std::optional<bool> IgnoreFile::decide(std::string_view path, bool is_folder) const {
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  for (auto pattern = patterns_.rbegin(); pattern != patterns_.rend(); ++pattern) {
    if (pattern->only_folders && !is_folder) {
      continue;
    }
    const std::string_view subject = pattern->whole_path ? path : name;
    bool matches = false;
    switch (pattern->how) {
      case Pattern::How::Name:
        matches = subject == pattern->text;
        break;
      case Pattern::How::NameEnd:
        matches = subject.ends_with(pattern->text);
        break;
      case Pattern::How::Glob:
        matches = pattern->glob->matches(subject);
        break;
    }
    if (matches) {
      return pattern->ignores;
    }
  }
  return std::nullopt;
}

void IgnoreChain::push(std::string folder, IgnoreFile file) {
  levels_.push_back({std::move(folder), std::move(file)});
}

bool IgnoreChain::ignores(std::string_view path, bool is_folder) const {
  for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
    if (!path.starts_with(level->folder)) {
      continue;
    }
    if (const auto decided = level->file.decide(path.substr(level->folder.size()), is_folder)) {
      return *decided;
    }
  }
  return false;
}

}  // namespace runner
