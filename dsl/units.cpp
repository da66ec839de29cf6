#include "dsl/units.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include <fmt/format.h>

namespace dsl {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t size;
};

// Largest first: a duration is written in this order.
constexpr std::array<Unit, 5> kDurationUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

constexpr std::array<Unit, 9> kByteUnits{{{"TiB", 1LL << 40},
                                          {"GiB", 1LL << 30},
                                          {"MiB", 1LL << 20},
                                          {"KiB", 1LL << 10},
                                          {"TB", 1'000'000'000'000},
                                          {"GB", 1'000'000'000},
                                          {"MB", 1'000'000},
                                          {"kB", 1'000},
                                          {"B", 1}}};

constexpr std::array<Unit, 3> kTokenUnits{{{"M", 1'000'000}, {"k", 1'000}, {"", 1}}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t digits_at(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) {
    ++count;
  }
  return count;
}

/// The number that the digits spell, or nothing when it does not fit.
std::optional<std::int64_t> number(std::string_view digits) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc{} || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::int64_t> times(std::int64_t count, std::int64_t size) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(count, size, &product)) {
    return std::nullopt;
  }
  return product;
}

Error too_large(std::string_view text) {
  return {fmt::format("'{}' is too large", text), "write a smaller value"};
}

/// "12.34" with at most `places` decimals, as an integer count of 10^-places. Nothing but digits
/// and one point is accepted.
std::optional<std::int64_t> decimal(std::string_view text, std::size_t places) {
  const std::size_t whole = digits_at(text);
  std::string_view fraction;
  if (whole < text.size()) {
    if (text[whole] != '.') {
      return std::nullopt;
    }
    fraction = text.substr(whole + 1);
    if (fraction.empty() || fraction.size() > places || digits_at(fraction) != fraction.size()) {
      return std::nullopt;
    }
  }
  if (whole == 0) {
    return std::nullopt;
  }
  std::string digits(text.substr(0, whole));
  digits += fraction;
  digits.append(places - fraction.size(), '0');
  return number(digits);
}

std::string decimal_text(std::int64_t count, std::size_t places) {
  std::int64_t scale = 1;
  for (std::size_t i = 0; i < places; ++i) {
    scale *= 10;
  }
  std::string text = fmt::format("{}.{:0{}}", count / scale, count % scale, places);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') {
    text.pop_back();
  }
  return text;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const Error malformed{fmt::format("'{}' is no duration", text),
                        "write a number and a unit: '90s', '15m', '1h30m', '250ms' or '2d'"};
  if (text.empty()) {
    return malformed;
  }
  Duration total;
  std::size_t next_unit = 0;  // units come in falling order, each at most once
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t digits = digits_at(rest);
    if (digits == 0) {
      return malformed;
    }
    const auto count = number(rest.substr(0, digits));
    rest.remove_prefix(digits);
    std::size_t letters = 0;
    while (letters < rest.size() && !is_digit(rest[letters])) {
      ++letters;
    }
    if (letters == 0) {
      return Error{fmt::format("'{}' has no unit", text),
                   fmt::format("write '{0}s', '{0}m' or '{0}h'", text)};
    }
    const std::string_view name = rest.substr(0, letters);
    rest.remove_prefix(letters);
    while (next_unit < kDurationUnits.size() && kDurationUnits[next_unit].name != name) {
      ++next_unit;
    }
    if (next_unit == kDurationUnits.size()) {
      return malformed;
    }
    const auto part = count ? times(*count, kDurationUnits[next_unit].size) : std::nullopt;
    if (!part || __builtin_add_overflow(total.ms, *part, &total.ms)) {
      return too_large(text);
    }
    ++next_unit;
  }
  return total;
}

Result<Bytes> parse_bytes(std::string_view text) {
  const std::size_t digits = digits_at(text);
  const std::string_view name = text.substr(digits);
  if (digits != 0 && name.empty()) {
    return Error{fmt::format("'{}' has no unit", text),
                 fmt::format("write '{0}MiB', '{0}GiB' or '{0}B'", text)};
  }
  if (digits != 0) {
    for (const Unit& unit : kByteUnits) {
      if (unit.name == name) {
        const auto count = number(text.substr(0, digits));
        const auto bytes = count ? times(*count, unit.size) : std::nullopt;
        return bytes ? Result<Bytes>(Bytes{*bytes}) : too_large(text);
      }
    }
  }
  return Error{fmt::format("'{}' is no size", text),
               "write a whole number and a unit: '512MiB', '4GiB', '10GB' or '100kB'"};
}

Result<Money> parse_money(std::string_view text) {
  const Error malformed{fmt::format("'{}' is no amount of money", text),
                        "write dollars, with at most six decimals: '$5' or '$0.25'"};
  if (!text.empty() && text[0] != '$' && decimal(text, 6)) {
    return Error{fmt::format("'{}' has no unit", text), fmt::format("write '${}'", text)};
  }
  if (text.size() < 2 || text[0] != '$') {
    return malformed;
  }
  const auto micros = decimal(text.substr(1), 6);
  if (!micros) {
    return digits_at(text.substr(1)) > 12 ? too_large(text) : malformed;
  }
  return Money{*micros};
}

Result<Cpus> parse_cpus(std::string_view text) {
  const auto millis = decimal(text, 3);
  if (!millis) {
    return digits_at(text) > 15 ? too_large(text)
                                : Error{fmt::format("'{}' is no number of processors", text),
                                        "write a number with at most three decimals: '2' or '0.5'"};
  }
  if (*millis == 0) {
    return Error{fmt::format("'{}' processors are none", text),
                 "write how much of one, such as '0.5'; without 'cpus' there is no limit"};
  }
  return Cpus{*millis};
}

Result<Tokens> parse_tokens(std::string_view text) {
  const std::size_t digits = digits_at(text);
  const std::string_view name = text.substr(digits);
  for (const Unit& unit : kTokenUnits) {
    if (digits != 0 && unit.name == name) {
      const auto count = number(text.substr(0, digits));
      const auto tokens = count ? times(*count, unit.size) : std::nullopt;
      return tokens ? Result<Tokens>(Tokens{*tokens}) : too_large(text);
    }
  }
  return Error{fmt::format("'{}' is no number of tokens", text),
               "write a whole number: '5M', '200k' or '1500'"};
}

std::string to_text(Duration duration) {
  std::string text;
  std::int64_t rest = duration.ms;
  for (const Unit& unit : kDurationUnits) {
    if (rest >= unit.size) {
      text += fmt::format("{}{}", rest / unit.size, unit.name);
      rest %= unit.size;
    }
  }
  return text.empty() ? "0s" : text;
}

std::string to_text(Bytes bytes) {
  std::string shortest = fmt::format("{}B", bytes.count);
  for (const Unit& unit : kByteUnits) {
    if (bytes.count != 0 && bytes.count % unit.size == 0) {
      std::string text = fmt::format("{}{}", bytes.count / unit.size, unit.name);
      if (text.size() < shortest.size()) {
        shortest = std::move(text);
      }
    }
  }
  return shortest;
}

std::string to_text(Money money) {
  return fmt::format("${}", decimal_text(money.micros, 6));
}

std::string to_text(Cpus cpus) {
  return decimal_text(cpus.millis, 3);
}

std::string to_text(Tokens tokens) {
  for (const Unit& unit : kTokenUnits) {
    if (tokens.count != 0 && tokens.count % unit.size == 0) {
      return fmt::format("{}{}", tokens.count / unit.size, unit.name);
    }
  }
  return "0";
}

std::string to_rounded_text(Duration duration) {
  const std::int64_t ms = duration.ms < 0 ? 0 : duration.ms;
  if (ms < 1'000) {
    return fmt::format("{}ms", ms);
  }
  const std::int64_t tenths = (ms + 50) / 100;
  if (tenths < 600) {
    return fmt::format("{}.{}s", tenths / 10, tenths % 10);
  }
  const std::int64_t seconds = (ms + 500) / 1'000;
  if (seconds < 3'600) {
    return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  }
  const std::int64_t minutes = (ms + 30'000) / 60'000;
  if (minutes < 1'440) {
    return fmt::format("{}h{:02}m", minutes / 60, minutes % 60);
  }
  const std::int64_t hours = (ms + 1'800'000) / 3'600'000;
  return fmt::format("{}d{:02}h", hours / 24, hours % 24);
}

}  // namespace dsl
