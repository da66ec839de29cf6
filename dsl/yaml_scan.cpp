#include "dsl/yaml_scan.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/render.h"

namespace dsl {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
bool is_break(char c) {
  return c == '\n' || c == '\r';
}
bool is_space(char c) {
  return is_blank(c) || is_break(c);
}

/// Length of the well-formed UTF-8 sequence at `at`, 0 when there is none.
std::size_t sequence_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead < 0xE0) {
    return follows(1) ? 2 : 0;
  }
  if (lead >= 0xE0 && lead < 0xF0) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) >= 0xA0;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead < 0xF5) {
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool beyond = lead == 0xF4 && byte(1) >= 0x90;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

std::size_t line_begin(std::string_view text, std::size_t at) {
  while (at > 0 && text[at - 1] != '\n') {
    --at;
  }
  return at;
}

std::size_t line_end(std::string_view text, std::size_t at) {
  const std::size_t end = text.find('\n', at);
  return end == std::string_view::npos ? text.size() : end;
}

std::size_t quoted_end(std::string_view text, std::size_t begin, char quote) {
  for (std::size_t at = begin + 1; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      if (quote == '\'' && at + 1 < text.size() && text[at + 1] == '\'') {
        ++at;  // '' inside single quotes is one quote
      } else {
        return at + 1;
      }
    }
  }
  return std::string_view::npos;
}

std::size_t indentation(std::string_view line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

/// A block goes on while lines are empty or indented as deep as its first line with text.
std::size_t block_end(std::string_view text, std::size_t begin) {
  std::size_t end = line_end(text, begin);
  std::optional<std::size_t> depth;
  for (std::size_t at = end + 1; at < text.size();) {
    const std::size_t stop = line_end(text, at);
    const std::string_view line = text.substr(at, stop - at);
    const bool is_empty = line.find_first_not_of(" \r") == std::string_view::npos;
    if (!is_empty) {
      const std::size_t indent = indentation(line);
      if (indent < depth.value_or(1)) {
        break;
      }
      depth = depth.value_or(indent);
      end = stop;
    }
    at = stop + 1;
  }
  return end;
}

/// A plain scalar over several lines: letters agree, and one run of white space stands for another.
std::size_t plain_end(std::string_view text, std::size_t begin, std::string_view decoded) {
  std::size_t at = begin;
  for (std::size_t i = 0; i < decoded.size();) {
    if (is_space(decoded[i])) {
      i = std::min(decoded.find_first_not_of(" \t\r\n", i), decoded.size());
      while (at < text.size() && is_space(text[at])) {
        ++at;
      }
    } else if (at < text.size() && text[at] == decoded[i]) {
      ++at;
      ++i;
    } else {
      break;
    }
  }
  return at;
}

// ---- what the author meant -------------------------------------------------------------------

/// The `${{ … }}` round or before `offset` on its line.
std::optional<SyntaxProblem> bare_expression(std::string_view text, std::size_t offset) {
  const std::size_t begin = line_begin(text, offset);
  const std::string_view line = text.substr(begin, line_end(text, offset) - begin);
  const std::size_t from = line.rfind("${{", std::min(offset - begin, line.size()));
  if (from == std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t close = line.find("}}", from);
  const std::size_t stop = close == std::string_view::npos ? from + 3 : close + 2;
  return SyntaxProblem{
      kBareExpression,
      begin + from,
      begin + stop,
      "an expression inside braces or brackets must stand in quotes, YAML takes its '{' for a map",
      fmt::format(
          "write \"{}\"",
          close == std::string_view::npos ? "${{ … }}" : visible(line.substr(from, stop - from)))};
}

std::optional<SyntaxProblem> bare_glob(std::string_view text, std::size_t offset) {
  const std::size_t star = offset < text.size() && text[offset] == '*' ? offset
                           : offset > 0 && offset <= text.size() && text[offset - 1] == '*'
                               ? offset - 1
                               : std::string_view::npos;
  if (star == std::string_view::npos) {
    return std::nullopt;
  }
  std::size_t end = star + 1;
  while (end < text.size() && !is_space(text[end]) &&
         std::string_view(",]}#").find(text[end]) == std::string_view::npos) {
    ++end;
  }
  const std::string_view name = text.substr(star + 1, end - star - 1);
  const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  });
  if (is_name) {
    return SyntaxProblem{
        kUnknownAnchor,
        star,
        end,
        fmt::format("no anchor '{}' stands before this alias", visible(name)),
        fmt::format("write \"*{0}\" if it is a pattern, or '&{0}' at the node that "
                    "is meant",
                    visible(name))};
  }
  return SyntaxProblem{
      kBareGlob,
      star,
      end,
      "a pattern that begins with '*' must stand in quotes, YAML takes it for an alias",
      fmt::format("write \"{}\"", visible(text.substr(star, end - star)))};
}

struct KnownMessage {
  std::string_view parser;  // how yaml-cpp's message begins
  std::string_view message;
  std::string_view remedy;
};

constexpr std::array<KnownMessage, 14> kKnownMessages{{
    {"illegal map value",
     "a ':' in the middle of a value, or a key at the wrong depth",
     "put the value in quotes, or give the key the indentation of its neighbours"},
    {"illegal block entry",
     "a list item ('- ') cannot stand here",
     "indent with spaces, and put the list on a line of its own below its key"},
    {"illegal tab", "a tab where YAML wants spaces", "indent with spaces"},
    {"end of map flow",
     "the '{' before this has no '}', or a ',' is missing",
     "close the braces, or put a value that holds '{', '}' or ',' in quotes"},
    {"end of sequence flow",
     "the '[' before this has no ']', or a ',' is missing",
     "close the brackets, or put a value that holds '[', ']' or ',' in quotes"},
    {"end of map not found",
     "this line does not fit the map before it",
     "give the key the indentation of its neighbours, or put the value before it in quotes"},
    {"end of sequence not found",
     "this line does not fit the list before it",
     "begin every item with '- ' at the same depth"},
    {"illegal flow end",
     "a ']' or '}' that nothing opened",
     "remove it, or put the value in quotes"},
    {"unknown token", "a value cannot begin with this character", "put the value in quotes"},
    {"unknown escape character",
     "an unknown escape in a text in double quotes",
     "write '\\\\' for a backslash, or use single quotes"},
    {"illegal EOF in scalar", "the text ends inside quotes", "close the quotes"},
    {"illegal document indicator", "the document ends inside quotes", "close the quotes"},
    {"bad file", "nested too deeply", "use at most 64 levels"},
    {"the end of the", "the text ends too early", "complete the last line"},
}};

}  // namespace

std::optional<TextProblem> text_problem(std::string_view text) {
  if (text.substr(0, 2) == "\xFF\xFE" || text.substr(0, 2) == "\xFE\xFF") {
    return TextProblem{0, "the file is UTF-16", "save it as UTF-8"};
  }
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x20 && byte < 0x7F) {
      ++at;
      continue;
    }
    if (byte == '\n' || byte == '\t' || byte == '\r') {
      ++at;
      continue;
    }
    if (byte < 0x20 || byte == 0x7F) {
      return TextProblem{at,
                         fmt::format("control character 0x{:02x} in the file", byte),
                         "a pipeline file is UTF-8 text; is this another file?"};
    }
    const std::size_t length = sequence_at(text, at);
    if (length == 0) {
      return TextProblem{
          at, fmt::format("byte 0x{:02x} is no UTF-8", byte), "save the file as UTF-8"};
    }
    at += length;
  }
  return std::nullopt;
}

std::size_t skip_properties(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == '&' || text[at] == '!')) {
    while (at < text.size() && !is_space(text[at])) {
      ++at;
    }
    while (at < text.size() && is_space(text[at])) {
      ++at;
    }
  }
  return at;
}

std::optional<std::size_t> scalar_end(std::string_view text,
                                      std::size_t begin,
                                      std::string_view decoded) {
  const char first = begin < text.size() ? text[begin] : '\0';
  if (first == '"' || first == '\'') {
    const std::size_t end = quoted_end(text, begin, first);
    return end == std::string_view::npos ? std::nullopt : std::optional(end);
  }
  if (first == '|' || first == '>') {
    return block_end(text, begin);
  }
  if (text.substr(begin, decoded.size()) == decoded) {
    return begin + decoded.size();
  }
  return plain_end(text, begin, decoded);
}

std::size_t token_end(std::string_view text, std::size_t begin) {
  std::size_t end = text.find_first_of("\r\n", begin);
  end = end == std::string_view::npos ? text.size() : end;
  const std::size_t comment = text.substr(begin, end - begin).find(" #");
  end = comment == std::string_view::npos ? end : begin + comment;
  while (end > begin && text[end - 1] == ' ') {
    --end;
  }
  return end;
}

std::optional<SyntaxProblem> bare_checkbox(std::string_view text, std::size_t offset) {
  const std::size_t begin = line_begin(text, offset);
  const std::string_view line = text.substr(begin, line_end(text, offset) - begin);
  const std::size_t dash = line.find_first_not_of(' ');
  if (dash == std::string_view::npos || line[dash] != '-') {
    return std::nullopt;
  }
  const std::size_t box = line.find_first_not_of(' ', dash + 1);
  if (box == std::string_view::npos || box == dash + 1 || line[box] != '[') {
    return std::nullopt;
  }
  const std::size_t close = line.find(']', box);
  if (close == std::string_view::npos || close > box + 2) {
    return std::nullopt;
  }
  const std::size_t words = std::min(line.find_first_not_of(' ', close + 1), line.size());
  const std::size_t stop = std::min(line.find(": ", words), line.find_last_not_of(" \r") + 1);
  return SyntaxProblem{
      kBareCheckbox,
      begin + box,
      begin + stop,
      "a criterion that begins with '[ ]' must stand in quotes, YAML takes the "
      "box for a list",
      fmt::format("write - \"[ ] {}\": COMMAND", visible(line.substr(words, stop - words)))};
}

namespace {

constexpr std::size_t kLongestKey = 1'024;  // bytes, as YAML has it for what stands before a ':'

/// A key in quotes that is too long to be one, which the parser tells as whatever comes of it.
std::optional<SyntaxProblem> long_key(std::string_view text) {
  constexpr std::string_view kBefore = " \n{[,";
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool begins = (text[at] == '"' || text[at] == '\'') &&
                        (at == 0 || kBefore.find(text[at - 1]) != std::string_view::npos);
    if (!begins) {
      continue;
    }
    const std::size_t end = quoted_end(text, at, text[at]);
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    const std::size_t after = text.find_first_not_of(' ', end);
    if (end - at > kLongestKey && after != std::string_view::npos && text[after] == ':') {
      return SyntaxProblem{
          kSyntax,
          at,
          at + 1,
          fmt::format("a key of {} bytes, YAML takes {} before a ':'", end - at, kLongestKey),
          "shorten it, or write '? ' before it and ': ' with its value on a line "
          "of its own"};
    }
    at = end - 1;
  }
  return std::nullopt;
}

}  // namespace

SyntaxProblem explain_syntax(std::string_view text,
                             std::size_t offset,
                             std::string_view parser_message) {
  offset = std::min(offset, text.size());
  if (auto problem = long_key(text)) {
    return *problem;
  }
  if (auto problem = bare_checkbox(text, offset)) {
    return *problem;
  }
  const bool is_alias = parser_message.find("anchor") != std::string_view::npos ||
                        parser_message.find("alias") != std::string_view::npos;
  if (is_alias) {
    if (auto problem = bare_glob(text, offset)) {
      return *problem;
    }
  }
  if (auto problem = bare_expression(text, offset)) {
    return *problem;
  }
  const std::size_t begin = line_begin(text, offset);
  const std::size_t word = std::min(text.find_first_not_of(" \t", begin), text.size());
  const std::size_t tab = text.substr(begin, word - begin).find('\t');
  if (tab != std::string_view::npos) {
    return {kSyntax,
            begin + tab,
            begin + tab + 1,
            "a tab where YAML wants spaces",
            "indent with spaces"};
  }
  if (text.substr(offset, 1) == "?" && parser_message.substr(0, 13) == "unknown token") {
    return {kSyntax,
            offset,
            offset + 1,
            "a text that begins with '?' must stand in quotes",
            "put the whole text in quotes"};
  }
  // The parser often stops behind the line that is wrong, at the first letter of the next.
  const std::size_t end = std::min(offset + 1, text.size());
  for (const KnownMessage& known : kKnownMessages) {
    if (parser_message.substr(0, known.parser.size()) == known.parser) {
      return {kSyntax, offset, end, std::string(known.message), std::string(known.remedy)};
    }
  }
  return {kSyntax, offset, end, fmt::format("no YAML: {}", parser_message), ""};
}

}  // namespace dsl
