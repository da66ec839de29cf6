#pragma once

// Quantities whose unit is part of the type, and the texts that users write for them. All are
// integers inside; money is never a double. Any thread.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "dsl/result.h"

namespace dsl {

/// A span of time in milliseconds. Text: "90s", "1h30m", "250ms", "2d"; a bare number is refused.
struct Duration {
  std::int64_t ms = 0;
  auto operator<=>(const Duration&) const = default;
};

/// Bytes. Text: "512MiB", "4GiB", "10GB", "100kB"; a bare number is refused.
struct Bytes {
  std::int64_t count = 0;
  auto operator<=>(const Bytes&) const = default;
};

/// Millionths of a US dollar. Text: "$5", "$0.25".
struct Money {
  std::int64_t micros = 0;
  auto operator<=>(const Money&) const = default;
};

/// Thousandths of a processor. Text: "2", "0.5".
struct Cpus {
  std::int64_t millis = 0;
  auto operator<=>(const Cpus&) const = default;
};

/// Model tokens. Text: "5M", "200k", "1500".
struct Tokens {
  std::int64_t count = 0;
  auto operator<=>(const Tokens&) const = default;
};

// Each parser takes the whole text (no surrounding blanks) and returns what was wrong with it
// otherwise; overflow and negative values are errors.
Result<Duration> parse_duration(std::string_view text);
Result<Bytes> parse_bytes(std::string_view text);
Result<Money> parse_money(std::string_view text);
Result<Cpus> parse_cpus(std::string_view text);
Result<Tokens> parse_tokens(std::string_view text);

// The shortest text that a parser above reads back as the same value ("1h30m", "4GiB", "$0.25").
std::string to_text(Duration);
std::string to_text(Bytes);
std::string to_text(Money);
std::string to_text(Cpus);
std::string to_text(Tokens);

/// For progress and reports, rounded: "850ms", "3.2s", "3m12s", "2h05m".
std::string to_rounded_text(Duration);

}  // namespace dsl
