// Any bytes as a request to a model: what it may cost is never less than nothing, and what is sent
// on in its place can be read and asks for no more than is allowed. The first byte chooses the API,
// the second how much output is.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "runner/model/model_request.h"
#include "runner/model/token_count.h"
#include "tests/fuzz/property.h"

namespace {

runner::ModelCall call_of(std::uint8_t byte) {
  struct Line {
    dsl::ModelDialect dialect;
    const char* target;
  };
  constexpr Line kLines[] = {
      {dsl::ModelDialect::Anthropic, "/v1/messages"},
      {dsl::ModelDialect::OpenAi, "/v1/responses"},
      {dsl::ModelDialect::OpenAi, "/v1/chat/completions"},
      {dsl::ModelDialect::Gemini, "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"}};
  const Line& line = kLines[byte % 4];
  return runner::read_model_call(line.dialect, "POST", line.target);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const runner::ModelCall call = call_of(data[0]);
  fuzz::require(call.kind == runner::ModelCall::Kind::Generate, "these lines ask a model");
  const std::string body(reinterpret_cast<const char*>(data) + 2, size - 2);
  auto request = runner::ModelRequest::read(call, body);
  if (!request) {
    fuzz::require(!request.error().message.empty(), "an error says what is wrong");
    return 0;
  }
  const runner::ModelRequestFacts facts = request->facts();
  fuzz::require(!facts.output_tokens || *facts.output_tokens >= 0, "no limit is negative");
  fuzz::require(facts.input_tokens > 0, "something is read", body);
  const runner::CountRequest question = runner::count_request(call, "/v1/m:x?alt=sse", *request);
  const runner::ModelRequestFacts counted = runner::counted(facts, question, 1);
  fuzz::require(counted.input_tokens > std::min(question.left_out, facts.input_tokens - 1),
                "what is not counted is not free",
                body);
  fuzz::require(counted.input_tokens <= facts.input_tokens, "a count makes nothing dearer", body);
  const std::int64_t most = 1 + data[1];
  request->limit_output(most);
  request->ask_for_usage();
  request->ask_for_list_price();
  request->add_note("a note");
  const std::string sent = request->body();
  const auto again = runner::ModelRequest::read(call, sent);
  fuzz::require(again.has_value(), "what is sent on can be read", sent);
  fuzz::require(again->facts().model == facts.model, "it asks the same model", sent);
  fuzz::require(again->facts().output_tokens && *again->facts().output_tokens <= most,
                "it asks for no more output than is allowed",
                sent);
  return 0;
}
