// Messages, as Anthropic answers them.

#include "runner/rehearsal/answer_json.h"

namespace runner {
namespace {

OrderedJson usage_of(const ScriptUsage& usage, std::int64_t output) {
  return {{"input_tokens", usage.input},
          {"cache_creation_input_tokens", usage.cache_write},
          {"cache_read_input_tokens", usage.cache_read},
          {"output_tokens", output}};
}

OrderedJson message(const ProviderRequest& request, std::int64_t number) {
  return {{"id", id_of("msg", number)},
          {"type", "message"},
          {"role", "assistant"},
          {"model", request.model},
          {"content", OrderedJson::array()},
          {"stop_reason", nullptr},
          {"stop_sequence", nullptr}};
}

std::string event(const OrderedJson& data) {
  return fmt::format("event: {}\ndata: {}\n\n", data.at("type").get<std::string>(), data.dump());
}

/// A block of the content: as it is when it begins, what is added to it, and as it is in the end.
struct Block {
  OrderedJson empty;
  std::vector<OrderedJson> deltas;
  OrderedJson whole;
};

std::vector<Block> blocks_of(const ScriptTurn& turn, std::int64_t number) {
  std::vector<Block> blocks;
  if (!turn.thinking.empty()) {
    blocks.push_back(
        {{{"type", "thinking"}, {"thinking", ""}, {"signature", ""}},
         {{{"type", "thinking_delta"}, {"thinking", turn.thinking}},
          {{"type", "signature_delta"}, {"signature", "cmVoZWFyc2Vk"}}},
         {{"type", "thinking"}, {"thinking", turn.thinking}, {"signature", "cmVoZWFyc2Vk"}}});
  }
  if (!turn.text.empty()) {
    blocks.push_back({{{"type", "text"}, {"text", ""}},
                      {{{"type", "text_delta"}, {"text", turn.text}}},
                      {{"type", "text"}, {"text", turn.text}}});
  }
  std::int64_t call = 0;
  for (const ScriptTool& tool : turn.tools) {
    const std::string id = id_of("toolu", number * 100 + call++);
    const OrderedJson input = json_of(tool.input);
    Block block;
    block.empty = {
        {"type", "tool_use"}, {"id", id}, {"name", tool.name}, {"input", OrderedJson::object()}};
    block.deltas.push_back({{"type", "input_json_delta"}, {"partial_json", input.dump()}});
    block.whole = block.empty;
    block.whole["input"] = input;
    blocks.push_back(std::move(block));
  }
  return blocks;
}

}  // namespace

Answer anthropic_answer(const ScriptTurn& turn,
                        const ProviderRequest& request,
                        std::int64_t number) {
  const std::int64_t output = turn.usage.output + turn.usage.thinking;
  const char* const stop = turn.tools.empty() ? "end_turn" : "tool_use";
  OrderedJson begun = message(request, number);
  const std::vector<Block> blocks = blocks_of(turn, number);
  if (!request.streamed) {
    for (const Block& block : blocks) {
      begun["content"].push_back(block.whole);
    }
    begun["stop_reason"] = stop;
    begun["usage"] = usage_of(turn.usage, output);
    return whole_answer(begun);
  }
  Answer answer = event_stream();
  begun["usage"] = usage_of(turn.usage, 1);
  answer.parts.push_back(event({{"type", "message_start"}, {"message", begun}}));
  answer.opening = 1;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    answer.parts.push_back(
        event({{"type", "content_block_start"}, {"index", i}, {"content_block", blocks[i].empty}}));
    for (const OrderedJson& delta : blocks[i].deltas) {
      answer.parts.push_back(
          event({{"type", "content_block_delta"}, {"index", i}, {"delta", delta}}));
    }
    answer.parts.push_back(event({{"type", "content_block_stop"}, {"index", i}}));
  }
  answer.parts.push_back(event({{"type", "message_delta"},
                                {"delta", {{"stop_reason", stop}, {"stop_sequence", nullptr}}},
                                {"usage", {{"output_tokens", output}}}}));
  answer.parts.push_back(event({{"type", "message_stop"}}));
  answer.closing = 2;
  return answer;
}

}  // namespace runner
