// Generated content, as Gemini answers it.

#include "runner/rehearsal/answer_json.h"

namespace runner {
namespace {

OrderedJson usage_of(const ScriptUsage& usage) {
  const std::int64_t input = usage.input + usage.cache_read + usage.cache_write;
  OrderedJson all = {{"promptTokenCount", input},
                     {"candidatesTokenCount", usage.output},
                     {"totalTokenCount", input + usage.output + usage.thinking}};
  if (usage.thinking > 0) {
    all["thoughtsTokenCount"] = usage.thinking;
  }
  if (usage.cache_read > 0) {
    all["cachedContentTokenCount"] = usage.cache_read;
  }
  return all;
}

std::vector<OrderedJson> parts_of(const ScriptTurn& turn) {
  std::vector<OrderedJson> parts;
  if (!turn.thinking.empty()) {
    parts.push_back({{"text", turn.thinking}, {"thought", true}});
  }
  if (!turn.text.empty()) {
    parts.push_back({{"text", turn.text}});
  }
  for (const ScriptTool& tool : turn.tools) {
    parts.push_back({{"functionCall", {{"name", tool.name}, {"args", json_of(tool.input)}}}});
  }
  return parts;
}

OrderedJson content(const ProviderRequest& request,
                    std::int64_t number,
                    const OrderedJson& parts,
                    bool last) {
  OrderedJson candidate = {{"content", {{"role", "model"}, {"parts", parts}}}, {"index", 0}};
  if (last) {
    candidate["finishReason"] = "STOP";
  }
  OrderedJson candidates = OrderedJson::array();
  candidates.push_back(std::move(candidate));
  return {{"candidates", candidates},
          {"modelVersion", request.model},
          {"responseId", id_of("resp", number)}};
}

}  // namespace

/// In a stream each part comes in a message of its own, and the last has what came of it all.
Answer gemini_answer(const ScriptTurn& turn, const ProviderRequest& request, std::int64_t number) {
  const std::vector<OrderedJson> parts = parts_of(turn);
  if (!request.streamed) {
    OrderedJson whole = content(request, number, parts, true);
    whole["usageMetadata"] = usage_of(turn.usage);
    return whole_answer(whole);
  }
  std::vector<OrderedJson> messages;
  for (const OrderedJson& part : parts) {
    messages.push_back(content(request, number, OrderedJson::array({part}), false));
  }
  const OrderedJson nothing = OrderedJson::array({OrderedJson{{"text", ""}}});
  messages.push_back(content(request, number, nothing, true));
  messages.back()["usageMetadata"] = usage_of(turn.usage);
  Answer answer = event_stream();
  if (request.as_array) {
    answer.fields = {{"Content-Type", "application/json"}};
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string text = messages[i].dump();
    if (!request.as_array) {
      answer.parts.push_back("data: " + text + "\r\n\r\n");
    } else {
      answer.parts.push_back((i == 0 ? "[" : ",\r\n") + text +
                             (i + 1 == messages.size() ? "]" : ""));
    }
  }
  answer.closing = 1;
  return answer;
}

}  // namespace runner
