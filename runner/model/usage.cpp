#include "runner/model/usage.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace runner {

namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostTokens = 1'000'000'000;

const Json* find(const Json& record, const char* key) {
  if (!record.is_object()) {
    return nullptr;
  }
  const auto found = record.find(key);
  return found == record.end() || found->is_null() ? nullptr : &*found;
}

const Json* find(const Json& record, const char* key, const char* below) {
  const Json* const inner = find(record, key);
  return inner != nullptr ? find(*inner, below) : nullptr;
}

std::optional<std::int64_t> count(const Json* value) {
  if (value == nullptr || !value->is_number()) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(
      std::clamp(value->get<double>(), 0.0, static_cast<double>(kMostTokens)));
}

void take(std::int64_t& into, const Json* value) {
  into = count(value).value_or(into);
}

/// `input_tokens` is without what a cache did. Only the first event tells for how long something is
/// kept in the cache; later ones may tell more of both together.
void take_anthropic(Usage& usage, const Json& told) {
  take(usage.input_tokens, find(told, "input_tokens"));
  take(usage.cache_read_tokens, find(told, "cache_read_input_tokens"));
  take(usage.output_tokens, find(told, "output_tokens"));
  take(usage.cache_write_long_tokens, find(told, "cache_creation", "ephemeral_1h_input_tokens"));
  if (const auto written = count(find(told, "cache_creation_input_tokens"))) {
    usage.cache_write_long_tokens = std::min(usage.cache_write_long_tokens, *written);
    usage.cache_write_tokens = *written - usage.cache_write_long_tokens;
  } else {
    take(usage.cache_write_tokens, find(told, "cache_creation", "ephemeral_5m_input_tokens"));
  }
}

/// Cached tokens are among the input's.
Usage with_cached(std::int64_t input, std::int64_t cached, std::int64_t output) {
  Usage usage;
  usage.cache_read_tokens = std::min(cached, input);
  usage.input_tokens = input - usage.cache_read_tokens;
  usage.output_tokens = output;
  return usage;
}

Usage openai(const Json& told, const char* input, const char* details, const char* output) {
  return with_cached(count(find(told, input)).value_or(0),
                     count(find(told, details, "cached_tokens")).value_or(0),
                     count(find(told, output)).value_or(0));
}

/// Thinking is beside the candidates; what tools of the provider put in is beside the prompt.
Usage gemini(const Json& told) {
  const std::int64_t prompt = count(find(told, "promptTokenCount")).value_or(0) +
                              count(find(told, "toolUsePromptTokenCount")).value_or(0);
  const std::int64_t output = count(find(told, "candidatesTokenCount")).value_or(0) +
                              count(find(told, "thoughtsTokenCount")).value_or(0);
  return with_cached(prompt, count(find(told, "cachedContentTokenCount")).value_or(0), output);
}

bool has_finish_reason(const Json& document) {
  const Json* const candidates = find(document, "candidates");
  const bool blocked = find(document, "promptFeedback", "blockReason") != nullptr;
  return blocked || (candidates != nullptr && candidates->is_array() && !candidates->empty() &&
                     find(candidates->front(), "finishReason") != nullptr);
}

/// What one document adds.
void tally(ModelApi api, const Json& json, std::optional<Usage>& usage, bool& is_final) {
  switch (api) {
    case ModelApi::Messages: {
      const Json* const begun = find(json, "message", "usage");
      const Json* const told = begun != nullptr ? begun : find(json, "usage");
      if (told != nullptr) {
        take_anthropic(usage ? *usage : usage.emplace(), *told);
        is_final = begun == nullptr && (find(json, "delta", "stop_reason") != nullptr ||
                                        find(json, "stop_reason") != nullptr);
      }
      break;
    }
    case ModelApi::Responses: {
      const Json* const of_event = find(json, "response", "usage");
      const Json* const told = of_event != nullptr ? of_event : find(json, "usage");
      if (told != nullptr) {
        usage = openai(*told, "input_tokens", "input_tokens_details", "output_tokens");
        is_final = true;
      }
      break;
    }
    case ModelApi::ChatCompletions:
      if (const Json* const told = find(json, "usage")) {
        usage = openai(*told, "prompt_tokens", "prompt_tokens_details", "completion_tokens");
        // Some tell it along with each bit; the last comes alone.
        const Json* const kind = find(json, "object");
        const Json* const choices = find(json, "choices");
        is_final = kind == nullptr || *kind != "chat.completion.chunk" || choices == nullptr ||
                   choices->empty();
      }
      break;
    case ModelApi::GenerateContent:
      if (const Json* const told = find(json, "usageMetadata")) {
        usage = gemini(*told);
        is_final = has_finish_reason(json);
      }
      break;
  }
}

}  // namespace

void UsageTally::read(std::string_view document) {
  // Most events are bits of text, and tell nothing.
  if (document.find("\"usage") == std::string_view::npos) {
    return;
  }
  const Json json = Json::parse(document.begin(), document.end(), nullptr, false);
  if (!json.is_array()) {
    tally(api_, json, usage_, final_);
    return;
  }
  for (const Json& one : json) {  // a stream of Gemini's that is no event stream
    tally(api_, one, usage_, final_);
  }
}

}  // namespace runner
