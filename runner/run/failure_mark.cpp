#include "runner/run/failure_mark.h"

#include <algorithm>
#include <array>

#include "dsl/digest.h"

namespace runner {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/// What a name in a path may have; not ':', behind which a line number stands.
bool is_path_byte(char c) {
  return is_letter(c) || is_digit(c) || (c & '\x80') != 0 ||
         std::string_view("._-+@%~#").find(c) != std::string_view::npos;
}

template <class Is>
std::size_t run_of(std::string_view text, std::size_t at, Is is) {
  std::size_t end = at;
  while (end < text.size() && is(text[end])) {
    ++end;
  }
  return end - at;
}

/// Reads a text from its beginning to its end, once.
class Reading {
 public:
  explicit Reading(std::string_view text) : text_(text) {}

  std::string run() {
    while (at_ < text_.size()) {
      if (!pass_colour() && !pass_space() && !pass_path() && !pass_figure()) {
        out_ += text_[at_++];
      }
    }
    while (!out_.empty() && out_.back() == ' ') {
      out_.pop_back();
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] char before() const { return at_ == 0 ? ' ' : text_[at_ - 1]; }
  [[nodiscard]] char byte(std::size_t at) const { return at < text_.size() ? text_[at] : ' '; }

  bool pass_colour() {
    if (text_[at_] != '\x1b') {
      return false;
    }
    ++at_;
    if (byte(at_) == '[') {
      at_ += 1 + run_of(text_, at_ + 1, [](char c) { return is_digit(c) || c == ';' || c == '?'; });
      at_ = std::min(at_ + 1, text_.size());
    }
    return true;
  }

  bool pass_space() {
    const std::size_t size = run_of(text_, at_, is_space);
    if (size == 0) {
      return false;
    }
    at_ += size;
    if (!out_.empty() && out_.back() != ' ') {
      out_ += ' ';
    }
    return true;
  }

  /// "/home/ada/work/1/src/main.c" is "main.c", anything temporary nothing but that.
  bool pass_path() {
    if (text_[at_] != '/' || is_path_byte(before()) || before() == '/' || before() == ':') {
      return false;
    }
    std::size_t end = at_;
    std::size_t name = at_;  // of the last
    std::size_t names = 0;
    while (byte(end) == '/') {
      const std::size_t size = run_of(text_, end + 1, is_path_byte);
      if (size == 0) {
        break;
      }
      name = end + 1;
      end = name + size;
      ++names;
    }
    if (names < 2) {
      return false;
    }
    const std::string_view path = text_.substr(at_, end - at_);
    const std::array<std::string_view, 4> kTemporary = {
        "/tmp/", "/var/tmp/", "/var/folders/", "/private/"};
    const bool is_temporary = std::any_of(kTemporary.begin(), kTemporary.end(), [&](auto folder) {
      return path.starts_with(folder);
    });
    out_ += is_temporary ? std::string_view("<path>") : text_.substr(name, end - name);
    at_ = end;
    return true;
  }

  bool pass_figure() {
    if (!is_digit(text_[at_]) || is_letter(before()) || before() == '_') {
      return false;
    }
    if (text_[at_] == '0' && byte(at_ + 1) == 'x') {
      const std::size_t size = run_of(text_, at_ + 2, is_hex);
      if (size >= 6) {
        out_ += "<address>";
        at_ += 2 + size;
        return true;
      }
    }
    std::size_t end = at_ + run_of(text_, at_, is_digit);
    const std::size_t digits = end - at_;
    if ((digits == 4 && is_date(end)) || (digits <= 2 && is_clock(end))) {
      end += run_of(text_, end, [](char c) {
        return is_digit(c) || c == '-' || c == ':' || c == '.' || c == '+' || c == 'T' || c == 'Z';
      });
      out_ += "<time>";
      at_ = end;
      return true;
    }
    if (byte(end) == '.' && is_digit(byte(end + 1))) {
      end += 1 + run_of(text_, end + 1, is_digit);
    }
    if (const std::size_t unit = unit_at(end); unit > 0) {
      out_ += "<time>";
      at_ = end + unit;
      return true;
    }
    out_ += text_.substr(at_, end - at_);
    at_ = end;
    return true;
  }

  [[nodiscard]] bool is_date(std::size_t at) const {
    return byte(at) == '-' && is_digit(byte(at + 1)) && is_digit(byte(at + 2)) &&
           byte(at + 3) == '-' && is_digit(byte(at + 4)) && is_digit(byte(at + 5));
  }

  /// "12:03:59"; "12:03" alone is a line and a column.
  [[nodiscard]] bool is_clock(std::size_t at) const {
    return byte(at) == ':' && is_digit(byte(at + 1)) && is_digit(byte(at + 2)) &&
           byte(at + 3) == ':' && is_digit(byte(at + 4)) && is_digit(byte(at + 5));
  }

  /// How long the unit of time is that stands there, 0 for none.
  [[nodiscard]] std::size_t unit_at(std::size_t at) const {
    const std::size_t gap = byte(at) == ' ' ? 1 : 0;
    const std::string_view unit =
        text_.substr(std::min(at + gap, text_.size()), run_of(text_, at + gap, is_letter));
    constexpr std::array<std::string_view, 18> kUnits = {"ns",
                                                         "us",
                                                         "ms",
                                                         "s",
                                                         "m",
                                                         "h",
                                                         "sec",
                                                         "secs",
                                                         "second",
                                                         "seconds",
                                                         "min",
                                                         "mins",
                                                         "minute",
                                                         "minutes",
                                                         "hour",
                                                         "hours",
                                                         "millisecond",
                                                         "milliseconds"};
    const bool is_unit = std::find(kUnits.begin(), kUnits.end(), unit) != kUnits.end();
    // "3 m" may be anything, "3m" is a time.
    return is_unit && (gap == 0 || unit.size() >= 2) ? gap + unit.size() : 0;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string without_chance(std::string_view text) {
  return Reading(text).run();
}

std::string failure_mark(const Evidence& evidence, const std::string& tree) {
  const std::string said = without_chance(evidence.excerpt);
  return dsl::sha256_hex(without_chance(evidence.result) + "\n" + (said.empty() ? tree : said));
}

}  // namespace runner
