#include "runner/rehearsal/answer_reader.h"

#include <algorithm>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "dsl/units.h"

namespace runner {
namespace {

using Json = nlohmann::ordered_json;

// ---- members that may be missing or of another kind --------------------------------------------

const Json& at(const Json& from, const char* name) {
  static const Json nothing;
  const auto found = from.is_object() ? from.find(name) : from.end();
  return from.is_object() && found != from.end() ? *found : nothing;
}

std::string text(const Json& from, const char* name) {
  const Json& value = at(from, name);
  return value.is_string() ? value.get<std::string>() : "";
}

void take(const Json& from, const char* name, std::int64_t& to) {
  const Json& value = at(from, name);
  if (value.is_number_integer()) {
    to = value.get<std::int64_t>();
  }
}

dsl::Value value_of(const Json& json) {
  auto value = dsl::value_from_json(json.dump(-1, ' ', false, Json::error_handler_t::replace));
  return value ? *std::move(value) : dsl::Value(dsl::Value::Record{});
}

/// A call's arguments, which are JSON in a text.
dsl::Value input_of(const std::string& arguments) {
  auto value = dsl::value_from_json(arguments);
  return value ? *std::move(value) : dsl::Value(dsl::Value::Record{});
}

/// The documents of a body: one, the items of an array, or the data of each event.
std::vector<Json> documents_of(const std::string& body) {
  std::vector<Json> all;
  Json whole = Json::parse(body, nullptr, false);
  if (whole.is_array()) {
    all.assign(whole.begin(), whole.end());
    return all;
  }
  if (!whole.is_discarded()) {
    return {std::move(whole)};
  }
  constexpr std::string_view kData = "data:";
  for (std::size_t begin = 0; begin < body.size();) {
    const std::size_t end = std::min(body.find('\n', begin), body.size());
    const std::string_view line = std::string_view(body).substr(begin, end - begin);
    if (line.starts_with(kData)) {
      Json event = Json::parse(line.substr(kData.size()), nullptr, false);
      if (event.is_object()) {
        all.push_back(std::move(event));
      }
    }
    begin = end + 1;
  }
  return all;
}

// ---- Messages ----------------------------------------------------------------------------------

void add_block(const Json& block, ScriptTurn& turn) {
  const std::string type = text(block, "type");
  if (type == "text") {
    turn.text += text(block, "text");
  } else if (type == "thinking") {
    turn.thinking += text(block, "thinking");
  } else if (type == "tool_use") {
    turn.tools.push_back({text(block, "name"), value_of(at(block, "input"))});
  }
}

void read_messages(const std::vector<Json>& documents, ScriptTurn& turn) {
  std::map<std::int64_t, std::pair<std::size_t, std::string>> inputs;  // of tools, by block
  const auto read_usage = [&turn](const Json& usage) {
    take(usage, "input_tokens", turn.usage.input);
    take(usage, "output_tokens", turn.usage.output);
    take(usage, "cache_read_input_tokens", turn.usage.cache_read);
    take(usage, "cache_creation_input_tokens", turn.usage.cache_write);
  };
  for (const Json& document : documents) {
    const std::string type = text(document, "type");
    std::int64_t index = 0;
    take(document, "index", index);
    if (type == "message" || type == "message_start") {
      const Json& message = type == "message" ? document : at(document, "message");
      read_usage(at(message, "usage"));
      for (const Json& block : at(message, "content")) {
        add_block(block, turn);
      }
    } else if (type == "content_block_start") {
      const std::size_t before = turn.tools.size();
      add_block(at(document, "content_block"), turn);
      if (turn.tools.size() > before) {
        inputs[index] = {before, ""};
      }
    } else if (type == "content_block_delta") {
      const Json& delta = at(document, "delta");
      turn.text += text(delta, "text");
      turn.thinking += text(delta, "thinking");
      if (const auto found = inputs.find(index); found != inputs.end()) {
        found->second.second += text(delta, "partial_json");
      }
    } else if (type == "message_delta") {
      read_usage(at(document, "usage"));
    }
  }
  for (const auto& [_, input] : inputs) {
    if (!input.second.empty()) {
      turn.tools[input.first].input = input_of(input.second);
    }
  }
}

// ---- Responses ---------------------------------------------------------------------------------

void add_item(const Json& item, ScriptTurn& turn) {
  const std::string type = text(item, "type");
  if (type == "message") {
    for (const Json& part : at(item, "content")) {
      turn.text += text(part, "text");
    }
  } else if (type == "reasoning") {
    for (const Json& part : at(item, "summary")) {
      turn.thinking += text(part, "text");
    }
  } else if (type == "function_call") {
    turn.tools.push_back({text(item, "name"), input_of(text(item, "arguments"))});
  } else if (type == "custom_tool_call") {
    turn.tools.push_back({text(item, "name"), dsl::Value(text(item, "input"))});
  }
}

/// Input has the cached tokens in it, output those of thinking.
void split(std::int64_t cached, std::int64_t thought, ScriptUsage& usage) {
  usage.cache_read = std::clamp<std::int64_t>(cached, 0, usage.input);
  usage.input -= usage.cache_read;
  usage.thinking = std::clamp<std::int64_t>(thought, 0, usage.output);
  usage.output -= usage.thinking;
}

/// Both APIs name the two counts in their own way, and the details alike.
void take_openai_usage(const Json& usage,
                       const std::string& input,
                       const std::string& output,
                       ScriptUsage& to) {
  std::int64_t cached = 0;
  std::int64_t thought = 0;
  take(usage, input.c_str(), to.input);
  take(usage, output.c_str(), to.output);
  take(at(usage, (input + "_details").c_str()), "cached_tokens", cached);
  take(at(usage, (output + "_details").c_str()), "reasoning_tokens", thought);
  split(cached, thought, to);
}

void read_responses(const std::vector<Json>& documents, ScriptTurn& turn) {
  for (const Json& document : documents) {
    const std::string type = text(document, "type");
    const bool is_whole = text(document, "object") == "response";
    if (type == "response.output_item.done") {
      add_item(at(document, "item"), turn);
    } else if (is_whole || type == "response.completed" || type == "response.incomplete") {
      const Json& response = is_whole ? document : at(document, "response");
      for (const Json& item : is_whole ? at(response, "output") : Json::array()) {
        add_item(item, turn);
      }
      take_openai_usage(at(response, "usage"), "input_tokens", "output_tokens", turn.usage);
    }
  }
}

// ---- Chat completions --------------------------------------------------------------------------

void read_chat(const std::vector<Json>& documents, ScriptTurn& turn) {
  std::vector<std::pair<std::string, std::string>> calls;  // names and arguments
  for (const Json& document : documents) {
    for (const Json& choice : at(document, "choices")) {
      const Json& said = choice.contains("delta") ? at(choice, "delta") : at(choice, "message");
      turn.text += text(said, "content");
      for (const Json& call : at(said, "tool_calls")) {
        auto index = static_cast<std::int64_t>(calls.size());
        take(call, "index", index);
        if (index < 0 || index > static_cast<std::int64_t>(calls.size())) {
          continue;
        }
        calls.resize(std::max(calls.size(), static_cast<std::size_t>(index) + 1));
        auto& [name, arguments] = calls[static_cast<std::size_t>(index)];
        name += text(at(call, "function"), "name");
        arguments += text(at(call, "function"), "arguments");
      }
    }
    const Json& usage = at(document, "usage");
    if (usage.is_object()) {
      take_openai_usage(usage, "prompt_tokens", "completion_tokens", turn.usage);
    }
  }
  for (const auto& [name, arguments] : calls) {
    turn.tools.push_back({name, input_of(arguments)});
  }
}

// ---- Generated content -------------------------------------------------------------------------

void read_gemini(const std::vector<Json>& documents, ScriptTurn& turn) {
  for (const Json& document : documents) {
    const Json& candidates = at(document, "candidates");
    const Json nobody;
    const Json& first = candidates.is_array() && !candidates.empty() ? candidates[0] : nobody;
    for (const Json& part : at(at(first, "content"), "parts")) {
      (at(part, "thought") == true ? turn.thinking : turn.text) += text(part, "text");
      const Json& call = at(part, "functionCall");
      if (call.is_object()) {
        turn.tools.push_back({text(call, "name"), value_of(at(call, "args"))});
      }
    }
    const Json& usage = at(document, "usageMetadata");
    if (usage.is_object()) {
      std::int64_t cached = 0;
      take(usage, "promptTokenCount", turn.usage.input);
      take(usage, "candidatesTokenCount", turn.usage.output);
      take(usage, "cachedContentTokenCount", cached);
      split(cached, 0, turn.usage);
      take(usage, "thoughtsTokenCount", turn.usage.thinking);
    }
  }
}

// ---- errors ------------------------------------------------------------------------------------

std::int64_t retry_seconds(const std::string& header) {
  const bool is_number = !header.empty() && header.size() < 9 &&
                         header.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? std::stoll(header) : 0;
}

ScriptError error_of(const HeardAnswer& answer) {
  ScriptError error;
  error.status = answer.status;
  const Json body = Json::parse(answer.body, nullptr, false);
  const Json& told = body.is_array() && !body.empty() ? body[0] : body;
  error.message = text(at(told, "error"), "message");
  if (const std::int64_t seconds = retry_seconds(answer.retry_after); seconds > 0) {
    error.retry_after = dsl::Duration{seconds * 1'000};
  }
  error.resets_after = answer.resets_after;
  return error;
}

}  // namespace

ScriptTurn turn_of(const HeardAnswer& answer, ModelApi api) {
  ScriptTurn turn;
  if (answer.status == 0) {
    turn.cut = ScriptCut::Unanswered;
    return turn;
  }
  if (answer.status >= 400) {
    turn.error = error_of(answer);
    return turn;
  }
  const std::vector<Json> documents = documents_of(answer.body);
  switch (api) {
    case ModelApi::Messages:
      read_messages(documents, turn);
      break;
    case ModelApi::Responses:
      read_responses(documents, turn);
      break;
    case ModelApi::ChatCompletions:
      read_chat(documents, turn);
      break;
    case ModelApi::GenerateContent:
      read_gemini(documents, turn);
      break;
  }
  const bool says = !turn.text.empty() || !turn.thinking.empty() || !turn.tools.empty();
  if (!answer.whole) {
    turn.cut = says ? ScriptCut::Unfinished : ScriptCut::Begun;
  }
  return turn;
}

}  // namespace runner
