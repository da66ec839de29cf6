#include "runner/model/request_content.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "runner/model/json_members.h"

namespace runner {

namespace {

using Json = nlohmann::ordered_json;

template <std::size_t N>
bool is_among(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// What a provider reads from a "data:" address or a member of base64.
std::int64_t bytes_of(const Json& value) {
  return static_cast<std::int64_t>(value.get_ref<const std::string&>().size());
}

class ContentReader {
 public:
  RequestContent take() { return std::move(content_); }

  void read_messages(const Json& request) {
    read_blocks(find_member(request, "system"));
    each(find_member(request, "messages"),
         [this](const Json& message) { read_blocks(find_member(message, "content")); });
    if (find_member(request, "container") != nullptr) {
      elsewhere();  // files of an earlier request
    }
  }

  void read_responses(const Json& request) {
    for (const char* stored : {"previous_response_id", "conversation", "prompt"}) {
      if (find_member(request, stored) != nullptr) {
        elsewhere();
      }
    }
    for (const char* key : {"instructions", "input"}) {
      const Json* const items = find_member(request, key);
      if (items != nullptr && !items->is_string()) {
        each(items, [this](const Json& item) { read_item(item); });
      }
    }
  }

  void read_chat(const Json& request) {
    each(find_member(request, "messages"), [this](const Json& message) {
      read_parts(find_member(message, "content"));
      if (find_member(message, "audio") != nullptr) {
        elsewhere();  // an earlier answer, by its name
      }
    });
  }

  void read_generate_content(const Json& request) {
    each(find_member(request, "contents"), [this](const Json& content) { read_content(content); });
    if (const Json* const system = find_member(request, "systemInstruction")) {
      read_content(*system);
    }
    if (find_member(request, "cachedContent") != nullptr) {
      elsewhere();
    }
  }

 private:
  void elsewhere() { content_.is_elsewhere = true; }

  void unpriced(std::string_view what) {
    content_.unpriced = std::string(what) + " has a price of its own";
  }

  void picture(std::int64_t bytes) {
    ++content_.pictures;
    content_.picture_bytes += bytes;
  }

  /// What is no list is nothing that we know.
  template <class See>
  void each(const Json* list, See see) {
    if (list == nullptr) {
      return;
    }
    if (!list->is_array()) {
      elsewhere();
      return;
    }
    for (const Json& one : *list) {
      see(one);
    }
  }

  // ---- Anthropic

  /// A text, or a list of content blocks.
  void read_blocks(const Json* blocks) {
    if (blocks != nullptr && !blocks->is_string()) {
      each(blocks, [this](const Json& block) { read_block(block); });
    }
  }

  void read_block(const Json& block) {
    static constexpr std::array<std::string_view, 5> kHeld{
        "text", "thinking", "redacted_thinking", "tool_use", "tool_reference"};
    static constexpr std::array<std::string_view, 3> kOfBlocks{
        "tool_result", "search_result", "compaction"};
    const std::string type = text_at(block, "type");
    if (is_among(kHeld, type)) {
      return;
    }
    if (is_among(kOfBlocks, type)) {
      read_blocks(find_member(block, "content"));
    } else if (type == "image" || type == "document") {
      read_source(type, find_member(block, "source"));
    } else {
      elsewhere();
    }
  }

  void read_source(std::string_view type, const Json* source) {
    const std::string from = source == nullptr ? "" : text_at(*source, "type");
    const Json* const data = source == nullptr ? nullptr : find_member(*source, "data");
    if (type == "image" && from == "base64" && data != nullptr && data->is_string()) {
      picture(bytes_of(*data));
    } else if (type == "document" && from == "content") {
      read_blocks(find_member(*source, "content"));
    } else if (type != "document" || from != "text") {
      elsewhere();  // of a PDF, each page is billed as its text and as a picture
    }
  }

  // ---- OpenAI

  void read_item(const Json& item) {
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
    const std::string type = text_at(item, "type");
    if (type == "message" || (type.empty() && find_member(item, "role") != nullptr)) {
      read_parts(find_member(item, "content"));
    } else if (is_among(kOutputs, type)) {
      read_parts(find_member(item, "output"));
    } else if (type == "reasoning") {
      // The thoughts themselves are in it, or the provider looks them up by its name.
      if (text_at(item, "encrypted_content").empty() && find_member(item, "id") != nullptr) {
        elsewhere();
      }
    } else if (!is_among(kHeld, type)) {
      elsewhere();
    }
  }

  /// A text, or a list of parts of either of OpenAI's APIs.
  void read_parts(const Json* parts) {
    if (parts != nullptr && !parts->is_string()) {
      each(parts, [this](const Json& part) { read_part(part); });
    }
  }

  void read_part(const Json& part) {
    static constexpr std::array<std::string_view, 7> kHeld{"text",
                                                           "input_text",
                                                           "output_text",
                                                           "summary_text",
                                                           "reasoning_text",
                                                           "refusal",
                                                           "thinking"};
    const std::string type = text_at(part, "type");
    if (is_among(kHeld, type)) {
      return;
    }
    const Json* address =
        type == "input_image" || type == "image_url" ? find_member(part, "image_url") : nullptr;
    if (address != nullptr && address->is_object()) {
      address = find_member(*address, "url");
    }
    const bool is_here = address != nullptr && address->is_string() &&
                         address->get_ref<const std::string&>().starts_with("data:");
    if (is_here) {
      picture(bytes_of(*address));
    } else {
      elsewhere();
    }
    if (type == "input_audio") {
      unpriced("sound");
    }
  }

  // ---- Gemini

  void read_content(const Json& content) {
    if (!content.is_object()) {
      elsewhere();
      return;
    }
    for (const auto& [key, value] : content.items()) {
      if (key == "parts") {
        each(&value, [this](const Json& part) { read_gemini_part(part); });
      } else if (key != "role") {
        elsewhere();
      }
    }
  }

  void read_gemini_part(const Json& part) {
    static constexpr std::array<std::string_view, 9> kHeld{"text",
                                                           "thought",
                                                           "thoughtSignature",
                                                           "functionCall",
                                                           "executableCode",
                                                           "codeExecutionResult",
                                                           "videoMetadata",
                                                           "mediaResolution",
                                                           "partMetadata"};
    if (!part.is_object()) {
      elsewhere();
      return;
    }
    for (const auto& [key, value] : part.items()) {
      if (key == "functionResponse") {
        each(find_member(value, "parts"), [this](const Json& inner) { read_gemini_part(inner); });
      } else if (!is_among(kHeld, key)) {
        // A picture is cut into as many tiles as it has room for, and each is billed.
        elsewhere();
        read_kind(text_at(value, "mimeType"));
      }
    }
  }

  void read_kind(std::string_view kind) {
    if (!kind.starts_with("image/") && !kind.starts_with("text/") && kind != "application/pdf") {
      unpriced(kind.empty() ? "content of no known kind" : kind);
    }
  }

  RequestContent content_;
};

}  // namespace

RequestContent content_of(ModelApi api, const Json& request) {
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
