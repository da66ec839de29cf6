#include "dsl/render.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dsl {
namespace {

constexpr std::size_t kScreen = 100;  // columns of a source line that are shown

constexpr std::string_view kRed = "\x1b[1;31m";
constexpr std::string_view kYellow = "\x1b[1;33m";
constexpr std::string_view kBlue = "\x1b[1;34m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kReset = "\x1b[0m";

std::string painted(std::string_view text, std::string_view paint, Colour colour) {
  return colour == Colour::Never ? std::string(text) : fmt::format("{}{}{}", paint, text, kReset);
}

/// One code point of `text` at `at`: how many bytes it has and how it is shown.
struct Glyph {
  std::size_t bytes = 1;
  std::string shown;
};

std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead < 0xE0) {
    return 2;
  }
  if (lead >= 0xE0 && lead < 0xF0) {
    return 3;
  }
  return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

/// Marks that turn the direction of text, or have no width: a name could pretend to be another.
bool is_deceptive(char32_t point) {
  return (point >= 0x80 && point < 0xA0) || point == 0x061C ||
         (point >= 0x200B && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
         (point >= 0x2060 && point <= 0x2069) || point == 0xFEFF;
}

Glyph glyph_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead == '\t') {
    return {1, " "};
  }
  if (lead < 0x20 || lead == 0x7F) {
    return {1, fmt::format("\\x{:02x}", lead)};
  }
  const std::size_t length = sequence_length(lead);
  if (length == 0 || at + length > text.size()) {
    return {1, fmt::format("\\x{:02x}", lead)};
  }
  char32_t point = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xC0U) != 0x80U) {
      return {1, fmt::format("\\x{:02x}", lead)};
    }
    point = (point << 6U) | (next & 0x3FU);
  }
  if (is_deceptive(point)) {
    return {length, fmt::format("\\u{:04x}", static_cast<std::uint32_t>(point))};
  }
  return {length, std::string(text.substr(at, length))};
}

std::size_t columns_of(const Glyph& glyph) {
  return glyph.shown[0] == '\\' && glyph.shown.size() > 1 ? glyph.shown.size() : 1;
}

/// A line of the file ready to be printed, and where the marked bytes are in it.
struct ShownLine {
  std::string text;
  std::size_t caret = 0;   // columns before it
  std::size_t length = 1;  // columns that it covers
};

ShownLine show_line(std::string_view line, std::size_t begin, std::size_t end) {
  struct Cell {
    std::string shown;
    std::size_t columns;
  };
  std::vector<Cell> cells;
  std::size_t first = 0;  // cell of the first marked byte
  std::size_t last = 0;   // cell behind the last
  for (std::size_t at = 0; at < line.size();) {
    Glyph glyph = glyph_at(line, at);
    const std::size_t columns = columns_of(glyph);
    first += at < begin ? 1 : 0;
    last += at < end ? 1 : 0;
    at += glyph.bytes;
    cells.push_back({std::move(glyph.shown), columns});
    if (cells.size() > last + kScreen) {
      break;  // nothing further can be shown; lines may be megabytes long
    }
  }
  const bool cut_left = cells.size() > kScreen && first > kScreen * 2 / 3;
  const std::size_t from = cut_left ? first - kScreen / 3 : 0;
  const std::size_t to = std::min(cells.size(), from + kScreen);
  ShownLine shown;
  if (cut_left) {
    shown.text = "…";
    shown.caret = 1;
  }
  for (std::size_t i = from; i < to; ++i) {
    shown.text += cells[i].shown;
    shown.caret += i < first ? cells[i].columns : 0;
  }
  shown.length = 0;
  for (std::size_t i = first; i < std::min(last, to); ++i) {
    shown.length += cells[i].columns;
  }
  shown.length = std::max<std::size_t>(shown.length, 1);
  if (to < cells.size()) {
    shown.text += "…";
  }
  return shown;
}

void append_place(const Span& span, const Sources& sources, Colour colour, std::string& out) {
  const Place place = sources.place(span.source, span.begin);
  const std::string_view line = sources.line_at(span.source, span.begin);
  const std::string number = std::to_string(place.line);
  const std::string margin(number.size(), ' ');
  const std::string bar = painted("|", kBlue, colour);
  const std::string_view text = sources.text(span.source);
  // Where the line begins is found from the view itself; spans at the end of the text fit too.
  const std::size_t line_begin = static_cast<std::size_t>(line.data() - text.data());
  const std::size_t begin =
      std::min<std::size_t>(span.begin, line_begin + line.size()) - line_begin;
  const std::size_t end = std::max<std::size_t>(
      begin, std::min<std::size_t>(span.end, line_begin + line.size()) - line_begin);
  const ShownLine shown = show_line(line, begin, end);
  out += fmt::format("{}{} {}:{}:{}\n",
                     margin,
                     painted("-->", kBlue, colour),
                     visible(sources.name(span.source)),
                     place.line,
                     place.column);
  out += fmt::format(
      "{} {}\n{} {} {}\n", margin, bar, painted(number, kBlue, colour), bar, shown.text);
  out += fmt::format("{} {} {}{}\n",
                     margin,
                     bar,
                     std::string(shown.caret, ' '),
                     painted("^" + std::string(shown.length - 1, '~'), kRed, colour));
}

nlohmann::ordered_json place_json(const Span& span, const Sources& sources) {
  const Place begin = sources.place(span.source, span.begin);
  const Place end = sources.place(span.source, std::max(span.begin, span.end));
  return {{"file", sources.name(span.source)},
          {"line", begin.line},
          {"column", begin.column},
          {"end_line", end.line},
          {"end_column", end.column}};
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

std::string visible(std::string_view text) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~'; };
  std::string shown;
  for (std::size_t at = 0; at < text.size();) {
    const auto* const plain_end = std::find_if_not(text.begin() + at, text.end(), is_plain);
    const std::size_t plain = static_cast<std::size_t>(plain_end - text.begin()) - at;
    if (plain != 0) {
      shown += text.substr(at, plain);
      at += plain;
      continue;
    }
    if (text[at] == '\n' || text[at] == '\t') {
      shown += text[at] == '\n' ? "\\n" : "\\t";
      ++at;
      continue;
    }
    const Glyph glyph = glyph_at(text, at);
    shown += glyph.shown;
    at += glyph.bytes;
  }
  return shown;
}

std::string quoted(std::string_view name) {
  constexpr std::size_t kLongest = 60;
  std::size_t bytes = 0;
  for (std::size_t points = 0; bytes < name.size() && points < kLongest; ++points) {
    bytes += glyph_at(name, bytes).bytes;
  }
  return fmt::format("'{}{}'", visible(name.substr(0, bytes)), bytes < name.size() ? "…" : "");
}

std::string render_text(const Diagnostic& diagnostic, const Sources& sources, Colour colour) {
  const bool is_error = diagnostic.severity == Diagnostic::Severity::Error;
  const std::string head = fmt::format("{}[{}]", is_error ? "error" : "warning", diagnostic.code);
  std::string out = fmt::format("{}: {}\n",
                                painted(head, is_error ? kRed : kYellow, colour),
                                painted(visible(diagnostic.message), kBold, colour));
  append_place(diagnostic.span, sources, colour, out);
  for (const Diagnostic::Note& note : diagnostic.notes) {
    out += fmt::format("{}: {}\n", painted("note", kBlue, colour), visible(note.message));
    append_place(note.span, sources, colour, out);
  }
  if (!diagnostic.remedy.empty()) {
    out += fmt::format("{}: {}\n", painted("help", kBlue, colour), visible(diagnostic.remedy));
  }
  return out;
}

std::string render_text(const std::vector<Diagnostic>& diagnostics,
                        const Sources& sources,
                        Colour colour,
                        std::size_t limit) {
  if (diagnostics.empty()) {
    return "";
  }
  std::string out;
  std::size_t shown = 0;
  std::size_t errors = 0;
  for (const Diagnostic& diagnostic : diagnostics) {
    errors += diagnostic.severity == Diagnostic::Severity::Error ? 1 : 0;
    if (shown < limit) {
      out += render_text(diagnostic, sources, colour) + "\n";
      ++shown;
    }
  }
  const std::size_t warnings = diagnostics.size() - errors;
  std::string count = errors == 0 ? "" : counted(errors, "error");
  if (warnings != 0) {
    count += (count.empty() ? "" : ", ") + counted(warnings, "warning");
  }
  if (shown < diagnostics.size()) {
    count += fmt::format(" (the first {} are shown)", shown);
  }
  return out + count + "\n";
}

std::string render_json(const std::vector<Diagnostic>& diagnostics, const Sources& sources) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const Diagnostic& diagnostic : diagnostics) {
    Json record{
        {"severity", diagnostic.severity == Diagnostic::Severity::Error ? "error" : "warning"},
        {"code", diagnostic.code},
        {"message", diagnostic.message},
        {"remedy", diagnostic.remedy}};
    record.update(place_json(diagnostic.span, sources));
    Json notes = Json::array();
    for (const Diagnostic::Note& note : diagnostic.notes) {
      Json shown{{"message", note.message}};
      shown.update(place_json(note.span, sources));
      notes.push_back(std::move(shown));
    }
    record["notes"] = std::move(notes);
    list.push_back(std::move(record));
  }
  const Json document{{"diagnostics", std::move(list)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace dsl
