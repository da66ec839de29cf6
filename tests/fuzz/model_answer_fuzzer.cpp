// Any bytes as the answer of a model's provider: what it bills, and what it says of its limits. The
// first two bytes choose the API and how the body is sent and cut.

#include <cstdint>
#include <string>
#include <string_view>

#include "runner/model/rate_limit.h"
#include "runner/model/usage_reader.h"
#include "tests/fuzz/property.h"

namespace {

using runner::ModelApi;

constexpr ModelApi kApis[] = {
    ModelApi::Messages, ModelApi::Responses, ModelApi::ChatCompletions, ModelApi::GenerateContent};

void check_usage(const runner::UsageReader& reader) {
  if (!reader.usage()) {
    fuzz::require(!reader.is_final(), "what says nothing is not final");
    return;
  }
  const runner::Usage& usage = *reader.usage();
  for (const std::int64_t count : {usage.input_tokens,
                                   usage.cache_read_tokens,
                                   usage.cache_write_tokens,
                                   usage.cache_write_long_tokens,
                                   usage.output_tokens}) {
    fuzz::require(count >= 0, "no count is negative");
  }
  fuzz::require(usage.tokens() >= usage.output_tokens, "a sum holds its parts");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const ModelApi api = kApis[data[0] % 4];
  const bool is_stream = (data[0] & 4U) != 0;
  const bool is_packed = (data[0] & 8U) != 0;
  const std::size_t cut = data[1];
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const char* const type = is_stream ? "text/event-stream" : "application/json";
  const char* const encoding = is_packed ? "gzip" : "";

  runner::UsageReader at_once(api, type, encoding);
  at_once.read(body);
  const std::string_view kept = at_once.body();
  fuzz::require(is_packed || is_stream || kept == body, "a whole body is kept as it came");
  at_once.finish();
  check_usage(at_once);

  runner::UsageReader in_parts(api, type, encoding);
  for (std::size_t at = 0; at < body.size(); at += cut + 1) {
    in_parts.read(body.substr(at, cut + 1));
  }
  in_parts.finish();
  fuzz::require(in_parts.usage() == at_once.usage() && in_parts.is_final() == at_once.is_final(),
                "how the bytes are cut makes no difference");

  constexpr std::int64_t kNow = 1'795'262'400'000;
  const std::string_view field = body.substr(0, cut);
  const auto limit = runner::read_rate_limit(
      api, [&](std::string_view) { return field; }, body, kNow);
  fuzz::require(limit.resets_at_ms >= 0, "no time is before all others");
  return 0;
}
