#include "dsl/markdown_ticks.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "dsl/markdown.h"

namespace dsl {

namespace {

constexpr std::string_view kOurs = "<!-- pipe -->";

/// Without the lines that an earlier run wrote.
std::string without_evidence(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    kept += line.find(kOurs) == std::string_view::npos ? line : "";
    text.remove_prefix(end);
  }
  return kept;
}

/// Evidence must not become Markdown of its own, nor end the comment's line.
std::string as_text(const std::string& evidence) {
  std::string safe;
  for (const char c : evidence) {
    safe += c == '\n' || c == '\r' ? ' ' : c == '`' ? '\'' : c;
  }
  return "`" + safe + "`";
}

}  // namespace

TickedMarkdown tick_boxes(std::string_view markdown, const std::vector<BoxResult>& results) {
  const std::string plain = without_evidence(markdown);
  std::map<std::string, std::deque<const BoxResult*>> by_text;
  for (const BoxResult& result : results) {
    by_text[result.text].push_back(&result);
  }
  std::map<std::size_t, std::pair<const BoxResult*, std::size_t>> at_line;  // with the last line
  TickedMarkdown ticked;
  for (const MarkdownBlock& block : read_markdown(plain)) {
    if (block.kind != MarkdownBlock::Kind::Box || block.text.empty()) {
      continue;
    }
    ++ticked.boxes;
    const auto found = by_text.find(block.text);
    if (found == by_text.end()) {
      ticked.unknown.push_back(block.text);
      ticked.ticked += block.checked ? 1U : 0U;
      continue;
    }
    // Phases may have a box of the same text: the first is the first's.
    const BoxResult* result = found->second.front();
    if (found->second.size() > 1) {
      found->second.pop_front();
    }
    at_line[block.line] = {result, block.last_line};
    ticked.ticked += result->met || (!result->judged && block.checked) ? 1U : 0U;
  }
  const std::string_view line_end = plain.find("\r\n") == std::string::npos ? "\n" : "\r\n";
  std::size_t number = 0;
  std::string_view rest = plain;
  std::string pending;
  std::size_t pending_after = 0;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    std::string line(rest.substr(0, end));
    rest.remove_prefix(end);
    ++number;
    if (const auto found = at_line.find(number); found != at_line.end()) {
      const BoxResult& result = *found->second.first;
      const std::size_t box = line.find('[');
      if (result.judged && box != std::string::npos && box + 2 < line.size()) {
        line[box + 1] = result.met ? 'x' : ' ';
      }
      if (!result.evidence.empty()) {
        const std::size_t indent = line.find_first_not_of(" \t>");
        pending = line.substr(0, std::min(indent, line.size())) + "  - " +
                  as_text(result.evidence) + " " + std::string(kOurs) + std::string(line_end);
        pending_after = found->second.second;
      }
    }
    if (!pending.empty() && !line.ends_with('\n') && number >= pending_after) {
      line += line_end;
    }
    ticked.text += line;
    if (!pending.empty() && number >= pending_after) {
      ticked.text += pending;
      pending.clear();
    }
  }
  return ticked;
}

}  // namespace dsl
