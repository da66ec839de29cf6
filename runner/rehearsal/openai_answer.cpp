// Responses and chat completions, as OpenAI answers them.

#include <variant>

#include "runner/rehearsal/answer_json.h"

namespace runner {
namespace {

struct Sums {
  std::int64_t input;   // cached ones among them
  std::int64_t output;  // what was thought among it
};

Sums sums_of(const ScriptUsage& usage) {
  return {usage.input + usage.cache_read + usage.cache_write, usage.output + usage.thinking};
}

// ---- Responses ---------------------------------------------------------------------------------

OrderedJson item_of(const ScriptTool& tool, std::int64_t call) {
  if (const auto* const text = std::get_if<std::string>(&tool.input.held)) {
    return {{"type", "custom_tool_call"},
            {"id", id_of("ctc", call)},
            {"call_id", id_of("call", call)},
            {"name", tool.name},
            {"input", *text},
            {"status", "completed"}};
  }
  return {{"type", "function_call"},
          {"id", id_of("fc", call)},
          {"call_id", id_of("call", call)},
          {"name", tool.name},
          {"arguments", dsl::to_json(tool.input)},
          {"status", "completed"}};
}

std::vector<OrderedJson> items_of(const ScriptTurn& turn, std::int64_t number) {
  std::vector<OrderedJson> items;
  if (!turn.thinking.empty()) {
    OrderedJson summary = OrderedJson::array();
    summary.push_back({{"type", "summary_text"}, {"text", turn.thinking}});
    items.push_back({{"type", "reasoning"}, {"id", id_of("rs", number)}, {"summary", summary}});
  }
  if (!turn.text.empty()) {
    OrderedJson content = OrderedJson::array();
    content.push_back(
        {{"type", "output_text"}, {"text", turn.text}, {"annotations", OrderedJson::array()}});
    items.push_back({{"type", "message"},
                     {"id", id_of("msg", number)},
                     {"role", "assistant"},
                     {"status", "completed"},
                     {"content", content}});
  }
  std::int64_t call = number * 100;
  for (const ScriptTool& tool : turn.tools) {
    items.push_back(item_of(tool, call++));
  }
  return items;
}

OrderedJson usage_of_response(const ScriptUsage& usage) {
  const Sums sums = sums_of(usage);
  return {{"input_tokens", sums.input},
          {"input_tokens_details", {{"cached_tokens", usage.cache_read}}},
          {"output_tokens", sums.output},
          {"output_tokens_details", {{"reasoning_tokens", usage.thinking}}},
          {"total_tokens", sums.input + sums.output}};
}

std::string event(OrderedJson data, std::size_t sequence) {
  data["sequence_number"] = sequence;
  return fmt::format("event: {}\ndata: {}\n\n", data.at("type").get<std::string>(), data.dump());
}

}  // namespace

Answer responses_answer(const ScriptTurn& turn,
                        const ProviderRequest& request,
                        std::int64_t number,
                        std::int64_t now_s) {
  const std::vector<OrderedJson> items = items_of(turn, number);
  OrderedJson response = {{"id", id_of("resp", number)},
                          {"object", "response"},
                          {"created_at", now_s},
                          {"status", "in_progress"},
                          {"model", request.model},
                          {"output", OrderedJson::array()}};
  OrderedJson completed = response;
  completed["status"] = "completed";
  completed["output"] = items;
  completed["usage"] = usage_of_response(turn.usage);
  if (!request.streamed) {
    return whole_answer(completed);
  }
  Answer answer = event_stream();
  const auto add = [&answer](OrderedJson data) {
    answer.parts.push_back(event(std::move(data), answer.parts.size()));
  };
  add({{"type", "response.created"}, {"response", response}});
  answer.opening = 1;
  for (std::size_t i = 0; i < items.size(); ++i) {
    add({{"type", "response.output_item.added"}, {"output_index", i}, {"item", items[i]}});
    if (items[i].at("type") == "message") {
      add({{"type", "response.output_text.delta"},
           {"item_id", items[i].at("id")},
           {"output_index", i},
           {"content_index", 0},
           {"delta", turn.text}});
    }
    add({{"type", "response.output_item.done"}, {"output_index", i}, {"item", items[i]}});
  }
  add({{"type", "response.completed"}, {"response", completed}});
  answer.closing = 1;
  return answer;
}

// ---- Chat completions --------------------------------------------------------------------------

namespace {

OrderedJson calls_of(const ScriptTurn& turn, std::int64_t number, bool indexed) {
  OrderedJson calls = OrderedJson::array();
  for (const ScriptTool& tool : turn.tools) {
    const auto index = calls.size();
    OrderedJson call;
    if (indexed) {
      call["index"] = index;
    }
    call["id"] = id_of("call", number * 100 + static_cast<std::int64_t>(index));
    call["type"] = "function";
    call["function"] = {{"name", tool.name}, {"arguments", dsl::to_json(tool.input)}};
    calls.push_back(std::move(call));
  }
  return calls;
}

OrderedJson usage_of_chat(const ScriptUsage& usage) {
  const Sums sums = sums_of(usage);
  return {{"prompt_tokens", sums.input},
          {"completion_tokens", sums.output},
          {"total_tokens", sums.input + sums.output},
          {"prompt_tokens_details", {{"cached_tokens", usage.cache_read}}},
          {"completion_tokens_details", {{"reasoning_tokens", usage.thinking}}}};
}

OrderedJson choice(const char* what, OrderedJson said, const char* finish) {
  OrderedJson one = {{"index", 0}, {what, std::move(said)}};
  one["finish_reason"] = finish == nullptr ? OrderedJson(nullptr) : OrderedJson(finish);
  OrderedJson all = OrderedJson::array();
  all.push_back(std::move(one));
  return all;
}

}  // namespace

Answer chat_answer(const ScriptTurn& turn,
                   const ProviderRequest& request,
                   std::int64_t number,
                   std::int64_t now_s) {
  const char* const finish = turn.tools.empty() ? "stop" : "tool_calls";
  const OrderedJson head = {
      {"id", id_of("chatcmpl", number)},
      {"object", request.streamed ? "chat.completion.chunk" : "chat.completion"},
      {"created", now_s},
      {"model", request.model}};
  if (!request.streamed) {
    OrderedJson said = {{"role", "assistant"}};
    said["content"] = turn.text.empty() ? OrderedJson(nullptr) : OrderedJson(turn.text);
    if (!turn.tools.empty()) {
      said["tool_calls"] = calls_of(turn, number, false);
    }
    OrderedJson whole = head;
    whole["choices"] = choice("message", said, finish);
    whole["usage"] = usage_of_chat(turn.usage);
    return whole_answer(whole);
  }
  Answer answer = event_stream();
  const auto add = [&](OrderedJson choices, OrderedJson usage) {
    OrderedJson chunk = head;
    chunk["choices"] = std::move(choices);
    if (request.tells_usage) {
      chunk["usage"] = std::move(usage);
    }
    answer.parts.push_back("data: " + chunk.dump() + "\n\n");
  };
  add(choice("delta", {{"role", "assistant"}, {"content", ""}}, nullptr), nullptr);
  answer.opening = 1;
  if (!turn.text.empty()) {
    add(choice("delta", {{"content", turn.text}}, nullptr), nullptr);
  }
  if (!turn.tools.empty()) {
    add(choice("delta", {{"tool_calls", calls_of(turn, number, true)}}, nullptr), nullptr);
  }
  const std::size_t said = answer.parts.size();
  add(choice("delta", OrderedJson::object(), finish), nullptr);
  if (request.tells_usage) {
    add(OrderedJson::array(), usage_of_chat(turn.usage));
  }
  answer.parts.emplace_back("data: [DONE]\n\n");
  answer.closing = answer.parts.size() - said;
  return answer;
}

}  // namespace runner
