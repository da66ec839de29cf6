#include "runner/model/usage.h"

#include <algorithm>
#include <initializer_list>

#include <nlohmann/json.hpp>

#include "dsl/token_prices.h"
#include "runner/model/json_members.h"

namespace runner {

namespace {

using Json = nlohmann::json;

/// Figures of one record. What is there and is no number of tokens makes the whole not worth
/// believing: who bills by it may have meant anything.
class Figures {
 public:
  explicit Figures(const Json& told) : told_(told) {}

  std::optional<std::int64_t> at(const char* key) { return count(find_member(told_, key)); }
  std::optional<std::int64_t> at(const char* key, const char* below) {
    return count(find_member(told_, key, below));
  }
  [[nodiscard]] bool are_sound() const { return sound_; }

 private:
  std::optional<std::int64_t> count(const Json* value) {
    if (value == nullptr) {
      return std::nullopt;
    }
    if (!value->is_number() || !(value->get<double>() >= 0)) {
      sound_ = false;
      return std::nullopt;
    }
    return static_cast<std::int64_t>(
        std::min(value->get<double>(), static_cast<double>(dsl::kMostTokens)));
  }

  const Json& told_;
  bool sound_ = true;
};

/// `input_tokens` is without what a cache did. Only the first event tells for how long something is
/// kept in the cache; later ones may tell more of both together.
std::optional<Usage> anthropic(const std::optional<Usage>& before,
                               const Json& told,
                               bool is_begun_only) {
  Figures figures(told);
  const auto input = figures.at("input_tokens");
  const auto output = figures.at("output_tokens");
  Usage usage = before.value_or(Usage{});
  usage.input_tokens = input.value_or(usage.input_tokens);
  usage.output_tokens = output.value_or(usage.output_tokens);
  usage.cache_read_tokens = figures.at("cache_read_input_tokens").value_or(usage.cache_read_tokens);
  usage.cache_write_long_tokens = figures.at("cache_creation", "ephemeral_1h_input_tokens")
                                      .value_or(usage.cache_write_long_tokens);
  const auto shortly = figures.at("cache_creation", "ephemeral_5m_input_tokens");
  if (const auto written = figures.at("cache_creation_input_tokens")) {
    usage.cache_write_long_tokens = std::min(usage.cache_write_long_tokens, *written);
    usage.cache_write_tokens = *written - usage.cache_write_long_tokens;
  } else {
    usage.cache_write_tokens = shortly.value_or(usage.cache_write_tokens);
  }
  const bool is_whole = (input || before) && (output || is_begun_only);
  return figures.are_sound() && is_whole ? std::optional(usage) : std::nullopt;
}

/// Cached tokens are among the input's.
Usage with_cached(std::int64_t input, std::int64_t cached, std::int64_t output) {
  Usage usage;
  usage.cache_read_tokens = std::min(cached, input);
  usage.input_tokens = input - usage.cache_read_tokens;
  usage.output_tokens = output;
  return usage;
}

std::optional<Usage> openai(const Json& told,
                            const char* input,
                            const char* details,
                            const char* output) {
  Figures figures(told);
  const auto sent = figures.at(input);
  const auto cached = figures.at(details, "cached_tokens");
  const auto made = figures.at(output);
  if (!figures.are_sound() || !sent || !made) {
    return std::nullopt;
  }
  return with_cached(*sent, cached.value_or(0), *made);
}

/// Thinking is beside the candidates; what tools of the provider put in is beside the prompt. A
/// figure that is 0 is left out, so that of the output only the total may be told.
std::optional<Usage> gemini(const Json& told) {
  Figures figures(told);
  const auto prompt = figures.at("promptTokenCount");
  const auto of_tools = figures.at("toolUsePromptTokenCount");
  const auto candidates = figures.at("candidatesTokenCount");
  const auto thoughts = figures.at("thoughtsTokenCount");
  const auto cached = figures.at("cachedContentTokenCount");
  const auto total = figures.at("totalTokenCount");
  if (!figures.are_sound() || !prompt || (!candidates && !thoughts && !total)) {
    return std::nullopt;
  }
  const std::int64_t sent = *prompt + of_tools.value_or(0);
  const std::int64_t made = candidates.value_or(0) + thoughts.value_or(0);
  return with_cached(sent, cached.value_or(0), std::max(made, total.value_or(0) - sent));
}

bool has_finish_reason(const Json& document) {
  const Json* const candidates = find_member(document, "candidates");
  const bool blocked = find_member(document, "promptFeedback", "blockReason") != nullptr;
  return blocked || (candidates != nullptr && candidates->is_array() && !candidates->empty() &&
                     find_member(candidates->front(), "finishReason") != nullptr);
}

bool is_text(const Json* value, std::initializer_list<std::string_view> words) {
  return value != nullptr && value->is_string() &&
         std::find(words.begin(), words.end(), value->get_ref<const std::string&>()) != words.end();
}

/// A response is told in the events of its stream, too, from the first on.
bool is_end_of_response(const Json& document) {
  if (find_member(document, "response") != nullptr) {
    return is_text(find_member(document, "type"),
                   {"response.completed", "response.incomplete", "response.failed"});
  }
  const Json* const status = find_member(document, "status");
  return status == nullptr || is_text(status, {"completed", "incomplete", "failed", "cancelled"});
}

bool ends_a_choice(const Json& document) {
  const Json* const choices = find_member(document, "choices");
  return choices != nullptr && choices->is_array() &&
         std::any_of(choices->begin(), choices->end(), [](const Json& choice) {
           const Json* const reason = find_member(choice, "finish_reason");
           return reason != nullptr && reason->is_string();
         });
}

/// What one document says of usage, if anything.
struct Told {
  const Json* usage = nullptr;
  bool is_last = false;
  bool is_begun_only = false;  // no output can be in it yet
};

/// `has_ended`: of a stream of Chat Completions, a choice has.
Told told_by(ModelApi api, const Json& json, bool has_ended) {
  switch (api) {
    case ModelApi::Messages: {
      const Json* const begun = find_member(json, "message", "usage");
      const bool ends = find_member(json, "delta", "stop_reason") != nullptr ||
                        find_member(json, "stop_reason") != nullptr;
      return begun != nullptr ? Told{begun, false, true} : Told{find_member(json, "usage"), ends};
    }
    case ModelApi::Responses: {
      const Json* const of_event = find_member(json, "response", "usage");
      return {of_event != nullptr ? of_event : find_member(json, "usage"),
              is_end_of_response(json)};
    }
    case ModelApi::ChatCompletions: {
      // Some tell it along with each bit; the last comes alone, as the first may, before any text.
      const Json* const kind = find_member(json, "object");
      const Json* const choices = find_member(json, "choices");
      return {find_member(json, "usage"),
              !is_text(kind, {"chat.completion.chunk"}) ||
                  (has_ended && (choices == nullptr || choices->empty()))};
    }
    case ModelApi::GenerateContent:
      return {find_member(json, "usageMetadata"), has_finish_reason(json)};
  }
  return {};
}

std::optional<Usage> usage_of(ModelApi api, const std::optional<Usage>& before, const Told& one) {
  const Json& told = *one.usage;
  switch (api) {
    case ModelApi::Messages:
      return anthropic(before, told, one.is_begun_only);
    case ModelApi::Responses:
      return openai(told, "input_tokens", "input_tokens_details", "output_tokens");
    case ModelApi::ChatCompletions:
      return openai(told, "prompt_tokens", "prompt_tokens_details", "completion_tokens");
    case ModelApi::GenerateContent:
      return gemini(told);
  }
  return std::nullopt;
}

}  // namespace

void UsageTally::read(std::string_view document) {
  // Most events are bits of text, and tell nothing.
  const bool tells_end = api_ == ModelApi::ChatCompletions && !has_ended_ &&
                         document.find("\"finish_reason") != std::string_view::npos;
  if (!tells_end && document.find("\"usage") == std::string_view::npos) {
    return;
  }
  const Json json = Json::parse(document.begin(), document.end(), nullptr, false);
  const auto take = [this, tells_end](const Json& one) {
    has_ended_ = has_ended_ || (tells_end && ends_a_choice(one));
    const Told told = told_by(api_, one, has_ended_);
    if (told.usage == nullptr) {
      return;
    }
    const auto usage = usage_of(api_, usage_, told);
    if (usage || told.is_last) {
      usage_ = usage;
      final_ = usage && told.is_last;
    }
  };
  if (!json.is_array()) {
    take(json);
    return;
  }
  for (const Json& one : json) {  // a stream of Gemini's that is no event stream
    take(one);
  }
}

}  // namespace runner
