#include "runner/model/rate_limit.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "runner/model/json_members.h"

namespace runner {
namespace {

using Json = nlohmann::json;
using Field = std::function<std::string_view(std::string_view)>;

constexpr double kMostSeconds = 1e11;  // far beyond what a provider can mean

std::optional<std::int64_t> in_ms(double seconds) {
  if (!(seconds >= 0) || seconds > kMostSeconds) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(std::ceil(seconds * 1000));
}

/// A number with what stands behind it left in `text`.
std::optional<double> take_number(std::string_view& text) {
  double number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || !std::isfinite(number)) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<std::int64_t> seconds_in_ms(std::string_view text) {
  const auto number = take_number(text);
  return number && text.empty() ? in_ms(*number) : std::nullopt;
}

/// "43s", "43.5s", "1h6m0s", "250ms".
std::optional<std::int64_t> duration_in_ms(std::string_view text) {
  double seconds = 0;
  if (text.empty()) {
    return std::nullopt;
  }
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) {
      return std::nullopt;
    }
    const std::size_t size = std::min(text.find_first_of("0123456789."), text.size());
    const std::string_view unit = text.substr(0, size);
    text.remove_prefix(size);
    const double each = unit == "ms"  ? 0.001
                        : unit == "s" ? 1
                        : unit == "m" ? 60
                        : unit == "h" ? 3600
                        : unit == "d" ? 86400
                                      : -1;
    if (each < 0) {
      return std::nullopt;
    }
    seconds += *number * each;
  }
  return in_ms(seconds);
}

/// "Wed, 21 Oct 2026 07:28:00 GMT".
std::optional<std::int64_t> date_in_ms(std::string_view text) {
  std::tm date{};
  const std::string bounded(text.substr(0, 64));
  const char* const end = strptime(bounded.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  return end != nullptr && *end == '\0' ? in_ms(static_cast<double>(timegm(&date))) : std::nullopt;
}

/// The time that Retry-After names, as RFC 9110 has it, or its fellow in milliseconds.
std::int64_t retry_after(const Field& field, std::int64_t now_ms) {
  std::string_view in_thousandths = field("retry-after-ms");
  if (const auto number = take_number(in_thousandths); number && in_thousandths.empty()) {
    if (const auto wait = in_ms(*number / 1000)) {
      return now_ms + *wait;
    }
  }
  const std::string_view text = field("retry-after");
  if (const auto wait = seconds_in_ms(text)) {
    return now_ms + *wait;
  }
  return date_in_ms(text).value_or(0);
}

std::optional<std::int64_t> ms_at(const Json& record, const char* seconds) {
  const Json* const value = find_member(record, seconds);
  return value != nullptr && value->is_number() ? in_ms(value->get<double>()) : std::nullopt;
}

void read_anthropic(const Field& field, const Json& error, RateLimit& limit) {
  if (field("anthropic-ratelimit-unified-status") == "rejected") {
    limit.is_shut = true;
    if (const auto at = seconds_in_ms(field("anthropic-ratelimit-unified-reset"))) {
      limit.resets_at_ms = *at;
    }
  }
  const Json* const details = find_member(error, "details");
  limit.is_for_good =
      details != nullptr && text_at(*details, "error_code") == "enforced_spend_limit_reached";
}

void read_openai(const Field& field, const Json& error, std::int64_t now_ms, RateLimit& limit) {
  const std::string type = text_at(error, "type");
  limit.is_for_good =
      type == "insufficient_quota" || text_at(error, "code") == "insufficient_quota";
  if (type == "usage_limit_reached") {
    limit.is_shut = true;
    if (const auto at = ms_at(error, "resets_at")) {
      limit.resets_at_ms = *at;
    } else if (const auto wait = ms_at(error, "resets_in_seconds")) {
      limit.resets_at_ms = now_ms + *wait;
    }
  }
  if (limit.resets_at_ms == 0) {
    for (const char* const name : {"x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"}) {
      if (const auto wait = duration_in_ms(field(name))) {
        limit.resets_at_ms = std::max(limit.resets_at_ms, now_ms + *wait);
      }
    }
  }
}

void read_gemini(const Json& error, std::int64_t now_ms, RateLimit& limit) {
  const Json* const details = find_member(error, "details");
  if (details == nullptr || !details->is_array()) {
    return;
  }
  for (const Json& detail : *details) {
    const std::string type = text_at(detail, "@type");
    if (type.ends_with("google.rpc.RetryInfo")) {
      if (const auto wait = duration_in_ms(text_at(detail, "retryDelay"))) {
        limit.resets_at_ms = now_ms + *wait;
      }
    } else if (type.ends_with("google.rpc.QuotaFailure")) {
      const Json* const violations = find_member(detail, "violations");
      for (const Json& one :
           violations != nullptr && violations->is_array() ? *violations : Json::array()) {
        const std::string quota = text_at(one, "quotaId");
        limit.is_shut = limit.is_shut || quota.find("PerDay") != std::string::npos;
      }
    }
  }
}

}  // namespace

RateLimit read_rate_limit(ModelApi api,
                          const Field& field,
                          std::string_view body,
                          std::int64_t now_ms) {
  RateLimit limit;
  limit.resets_at_ms = retry_after(field, now_ms);
  const Json document = Json::parse(body, nullptr, false);
  const Json* whole = &document;
  if (whole->is_array() && !whole->empty()) {
    whole = &whole->front();  // Gemini's, where it was to stream
  }
  const Json* const told = find_member(*whole, "error");
  const Json error = told != nullptr ? *told : Json();
  switch (api) {
    case ModelApi::Messages:
      read_anthropic(field, error, limit);
      break;
    case ModelApi::Responses:
    case ModelApi::ChatCompletions:
      read_openai(field, error, now_ms, limit);
      break;
    case ModelApi::GenerateContent:
      read_gemini(error, now_ms, limit);
      break;
  }
  return limit;
}

}  // namespace runner
