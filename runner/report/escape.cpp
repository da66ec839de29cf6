#include "runner/report/escape.h"

#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

namespace runner::report {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Decoded {
  std::uint32_t code = 0;
  std::size_t length = 1;
  bool valid = false;
};

Decoded decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[at + k]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    return {lead, 1, true};
  }
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) {
    return {};
  }
  std::uint32_t code = lead & (0x7FU >> length);
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(k) & 0xC0U) != 0x80U) {
      return {};
    }
    code = (code << 6U) | (byte(k) & 0x3FU);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF) {
    return {};
  }
  return {code, length, true};
}

bool shows_other_text_than_it_is(std::uint32_t code) {
  return (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) ||
         code == 0x200E || code == 0x200F || code == 0x061C || code == 0x2028 || code == 0x2029 ||
         code == 0xFEFF || (code >= 0xE0000 && code <= 0xE007F);
}

bool is_control(std::uint32_t code) {
  return code < 0x20 || code == 0x7F || (code >= 0x80 && code <= 0x9F);
}

/// The end of the control string (OSC, DCS, …) that starts at `at`, behind BEL or ST.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (; at < text.size(); ++at) {
    if (text[at] == '\a') {
      return at + 1;
    }
    if (text[at] == '\x1b') {
      return at + 1 < text.size() && text[at + 1] == '\\' ? at + 2 : at;
    }
    if (text[at] == '\n') {  // never closed: do not swallow the following lines
      return at;
    }
  }
  return at;
}

/// The end of the escape sequence whose ESC stands at `at`.
std::size_t end_of_escape(std::string_view text, std::size_t at) {
  std::size_t next = at + 1;
  if (next >= text.size()) {
    return next;
  }
  const char kind = text[next];
  if (kind == '[') {  // CSI: parameters, intermediates, one final byte
    ++next;
    while (next < text.size() && text[next] >= 0x20 && text[next] <= 0x3F) {
      ++next;
    }
    return next < text.size() && text[next] >= 0x40 && text[next] <= 0x7E ? next + 1 : next;
  }
  if (kind == ']' || kind == 'P' || kind == '_' || kind == '^' || kind == 'X') {
    return end_of_string(text, next + 1);
  }
  while (next < text.size() && text[next] >= 0x20 && text[next] <= 0x2F) {
    ++next;
  }
  return next < text.size() && text[next] >= 0x30 && text[next] <= 0x7E ? next + 1 : next;
}

/// Is it ESC [ digits and semicolons m?
bool is_sgr(std::string_view sequence) {
  return sequence.size() >= 3 && sequence[1] == '[' && sequence.back() == 'm' &&
         sequence.find_first_not_of("0123456789;", 2) == sequence.size() - 1;
}

bool is_reset(std::string_view sequence) {
  return sequence == "\x1b[m" || sequence == "\x1b[0m";
}

class Cleaner {
 public:
  Cleaner(Sgr sgr, bool keep_lines) : sgr_(sgr), keep_lines_(keep_lines) {}

  std::string clean(std::string_view text) {
    out_.reserve(text.size());
    std::size_t at = 0;
    while (at < text.size()) {
      at = take(text, at);
    }
    if (coloured_) {
      out_ += "\x1b[0m";
    }
    return std::move(out_);
  }

 private:
  /// Takes what stands at `at` and tells where the next starts.
  std::size_t take(std::string_view text, std::size_t at) {
    const char c = text[at];
    if (c == '\x1b') {
      const std::size_t end = end_of_escape(text, at);
      const std::string_view sequence = text.substr(at, end - at);
      if (sgr_ == Sgr::Keep && is_sgr(sequence)) {
        out_ += sequence;
        coloured_ = !is_reset(sequence);
      }
      return end;
    }
    if (c == '\r') {
      const bool ends_line = at + 1 == text.size() || text[at + 1] == '\n' || text[at + 1] == '\r';
      if (!ends_line) {
        out_.resize(line_start_);
      }
      return at + 1;
    }
    if (c == '\n' && keep_lines_) {
      out_ += '\n';
      line_start_ = out_.size();
      return at + 1;
    }
    if (c == '\t') {
      out_ += ' ';
      return at + 1;
    }
    const Decoded decoded = decode(text, at);
    if (!decoded.valid || is_control(decoded.code) || shows_other_text_than_it_is(decoded.code)) {
      out_ += kReplacement;
    } else {
      out_ += text.substr(at, decoded.length);
    }
    return at + decoded.length;
  }

  Sgr sgr_;
  bool keep_lines_;
  std::string out_;
  std::size_t line_start_ = 0;
  bool coloured_ = false;
};

std::string_view without_last_line_feed(std::string_view text) {
  if (!text.empty() && text.back() == '\n') {
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace

std::string one_line(std::string_view text, Sgr sgr) {
  return Cleaner(sgr, false).clean(without_last_line_feed(text));
}

std::string lines(std::string_view text, Sgr sgr) {
  return Cleaner(sgr, true).clean(without_last_line_feed(text));
}

std::string every_character(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    const Decoded decoded = decode(text, at);
    if (!decoded.valid) {
      out += fmt::format("<{:02X}>", static_cast<unsigned char>(text[at]));
    } else if (decoded.code != '\t' && (decoded.code < 0x20 || decoded.code == 0x7F)) {
      out += '^';
      out += static_cast<char>(decoded.code ^ 0x40U);
    } else if ((is_control(decoded.code) && decoded.code != '\t') ||
               shows_other_text_than_it_is(decoded.code)) {
      out += fmt::format("<U+{:04X}>", decoded.code);
    } else {
      out += text.substr(at, decoded.length);
    }
    at += decoded.length;
  }
  return out;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Decoded decoded = decode(text, at);
    if (!decoded.valid) {
      return false;
    }
    at += decoded.length;
  }
  return true;
}

}  // namespace runner::report
