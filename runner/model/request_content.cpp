#include "runner/model/request_content.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "runner/model/json_fields.h"

namespace runner {

namespace {

using dsl::JsonNode;
using Found = std::optional<JsonNode>;

template <std::size_t N>
bool is_among(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Anthropic writes to a cache where it is asked to, wherever that stands.
dsl::CacheWrites cache_writes_in(JsonNode value) {
  using dsl::CacheWrites;
  CacheWrites longest = CacheWrites::None;
  const auto take = [&longest](CacheWrites one) {
    longest = std::max(longest, one);
    return longest == CacheWrites::ForAnHour;
  };
  if (is_list(value)) {
    any_item(value, [&](JsonNode item) { return take(cache_writes_in(item)); });
  } else if (is_record(value)) {
    any_field(value, [&](std::string_view key, JsonNode inner) {
      if (key != "cache_control" || inner.kind() == JsonNode::Kind::Null) {
        return take(cache_writes_in(inner));
      }
      const auto kept = find(inner, "ttl");
      const bool is_usual = !kept || (is_text(kept) && kept->text() == "5m");
      return take(is_usual ? CacheWrites::ForMinutes : CacheWrites::ForAnHour);
    });
  }
  return longest;
}

class ContentReader {
 public:
  RequestContent take() { return std::move(content_); }

  void read_messages(JsonNode request) {
    content_.cache_writes = cache_writes_in(request);
    read_blocks(find(request, "system"));
    each(find(request, "messages"),
         [this](JsonNode message) { read_blocks(find(message, "content")); });
    if (find(request, "container")) {
      elsewhere();  // files of an earlier request
    }
  }

  void read_responses(JsonNode request) {
    for (const char* stored : {"previous_response_id", "conversation", "prompt"}) {
      if (find(request, stored)) {
        elsewhere();
      }
    }
    for (const char* key : {"instructions", "input"}) {
      const Found items = find(request, key);
      if (!is_text(items)) {
        each(items, [this](JsonNode item) { read_item(item); });
      }
    }
  }

  void read_chat(JsonNode request) {
    each(find(request, "messages"), [this](JsonNode message) {
      read_parts(find(message, "content"));
      if (find(message, "audio")) {
        elsewhere();  // an earlier answer, by its name
      }
    });
  }

  void read_generate_content(JsonNode request) {
    each(find(request, "contents"), [this](JsonNode content) { read_content(content); });
    if (const Found system = find(request, "systemInstruction")) {
      read_content(*system);
    }
    if (find(request, "cachedContent")) {
      elsewhere();
    }
  }

 private:
  void elsewhere() { content_.is_elsewhere = true; }

  void unpriced(std::string_view what) {
    content_.unpriced = std::string(what) + " has a price of its own";
  }

  void picture(std::string_view data) {
    ++content_.pictures;
    content_.picture_bytes += static_cast<std::int64_t>(data.size());
  }

  void thought(std::string_view text) {
    content_.thought_bytes += static_cast<std::int64_t>(text.size());
  }

  /// What is no list is nothing that we know.
  template <class See>
  void each(const Found& list, See see) {
    if (!list) {
      return;
    }
    if (!is_list(*list)) {
      elsewhere();
      return;
    }
    for (JsonNode one = list->first(); one != list->end(); one = one.behind()) {
      see(one);
    }
  }

  // ---- Anthropic

  /// A text, or a list of content blocks.
  void read_blocks(const Found& blocks) {
    if (!is_text(blocks)) {
      each(blocks, [this](JsonNode block) { read_block(block); });
    }
  }

  void read_block(JsonNode block) {
    static constexpr std::array<std::string_view, 5> kHeld{
        "text", "thinking", "redacted_thinking", "tool_use", "tool_reference"};
    static constexpr std::array<std::string_view, 3> kOfBlocks{
        "tool_result", "search_result", "compaction"};
    const std::string_view type = text_at(block, "type");
    if (is_among(kHeld, type)) {
      if (type == "thinking" || type == "redacted_thinking") {
        for (const char* key : {"thinking", "signature", "data"}) {
          thought(text_at(block, key));
        }
      }
      return;
    }
    if (is_among(kOfBlocks, type)) {
      read_blocks(find(block, "content"));
    } else if (type == "image" || type == "document") {
      read_source(type, find(block, "source"));
    } else {
      elsewhere();
    }
  }

  void read_source(std::string_view type, const Found& source) {
    const std::string_view from = source ? text_at(*source, "type") : "";
    const Found data = source ? find(*source, "data") : std::nullopt;
    if (type == "image" && from == "base64" && is_text(data)) {
      picture(data->text());
    } else if (type == "document" && from == "content") {
      read_blocks(find(*source, "content"));
    } else if (type != "document" || from != "text") {
      elsewhere();  // of a PDF, each page is billed as its text and as a picture
    }
  }

  // ---- OpenAI

  void read_item(JsonNode item) {
    static constexpr std::array<std::string_view, 7> kHeld{"function_call",
                                                           "custom_tool_call",
                                                           "local_shell_call",
                                                           "shell_call",
                                                           "apply_patch_call",
                                                           "tool_search_call",
                                                           "tool_search_output"};
    static constexpr std::array<std::string_view, 5> kOutputs{"function_call_output",
                                                              "custom_tool_call_output",
                                                              "local_shell_call_output",
                                                              "shell_call_output",
                                                              "apply_patch_call_output"};
    const std::string_view type = text_at(item, "type");
    if (type == "message" || (type.empty() && find(item, "role"))) {
      read_parts(find(item, "content"));
    } else if (is_among(kOutputs, type)) {
      read_parts(find(item, "output"));
    } else if (type == "reasoning") {
      // The thoughts themselves are in it, or the provider looks them up by its name.
      if (text_at(item, "encrypted_content").empty() && find(item, "id")) {
        elsewhere();
      }
    } else if (!is_among(kHeld, type)) {
      elsewhere();
    }
  }

  /// A text, or a list of parts of either of OpenAI's APIs.
  void read_parts(const Found& parts) {
    if (!is_text(parts)) {
      each(parts, [this](JsonNode part) { read_part(part); });
    }
  }

  void read_part(JsonNode part) {
    static constexpr std::array<std::string_view, 7> kHeld{"text",
                                                           "input_text",
                                                           "output_text",
                                                           "summary_text",
                                                           "reasoning_text",
                                                           "refusal",
                                                           "thinking"};
    const std::string_view type = text_at(part, "type");
    if (is_among(kHeld, type)) {
      return;
    }
    Found address =
        type == "input_image" || type == "image_url" ? find(part, "image_url") : std::nullopt;
    if (address && is_record(*address)) {
      address = find(*address, "url");
    }
    if (is_text(address) && address->text().starts_with("data:")) {
      picture(address->text());
    } else {
      elsewhere();
    }
    if (type == "input_audio") {
      unpriced("sound");
    }
  }

  // ---- Gemini

  void read_content(JsonNode content) {
    if (!is_record(content)) {
      elsewhere();
      return;
    }
    any_field(content, [this](std::string_view key, JsonNode value) {
      if (key == "parts") {
        each(value, [this](JsonNode part) { read_gemini_part(part); });
      } else if (key != "role") {
        elsewhere();
      }
      return false;
    });
  }

  void read_gemini_part(JsonNode part) {
    static constexpr std::array<std::string_view, 9> kHeld{"text",
                                                           "thought",
                                                           "thoughtSignature",
                                                           "functionCall",
                                                           "executableCode",
                                                           "codeExecutionResult",
                                                           "videoMetadata",
                                                           "mediaResolution",
                                                           "partMetadata"};
    if (!is_record(part)) {
      elsewhere();
      return;
    }
    any_field(part, [this](std::string_view key, JsonNode value) {
      if (key == "functionResponse") {
        each(find(value, "parts"), [this](JsonNode inner) { read_gemini_part(inner); });
      } else if (key == "thoughtSignature" && value.kind() == JsonNode::Kind::Text) {
        thought(value.text());
      } else if (!is_among(kHeld, key)) {
        // A picture is cut into as many tiles as it has room for, and each is billed.
        elsewhere();
        read_kind(text_at(value, "mimeType"));
      }
      return false;
    });
  }

  void read_kind(std::string_view kind) {
    if (!kind.starts_with("image/") && !kind.starts_with("text/") && kind != "application/pdf") {
      unpriced(kind.empty() ? "content of no known kind" : kind);
    }
  }

  RequestContent content_;
};

}  // namespace

RequestContent content_of(ModelApi api, dsl::JsonNode request) {
  ContentReader reader;
  switch (api) {
    case ModelApi::Messages:
      reader.read_messages(request);
      break;
    case ModelApi::Responses:
      reader.read_responses(request);
      break;
    case ModelApi::ChatCompletions:
      reader.read_chat(request);
      break;
    case ModelApi::GenerateContent:
      reader.read_generate_content(request);
      break;
  }
  return reader.take();
}

std::int64_t most_of_picture(ModelApi api) {
  constexpr std::int64_t kAnthropic = 5'000;  // 4,784 at the highest resolution
  constexpr std::int64_t kOpenAi = 50'000;    // gpt-4o-mini: 2,833, and 5,667 for each of 8 tiles
  return api == ModelApi::Messages ? kAnthropic : kOpenAi;
}

}  // namespace runner
