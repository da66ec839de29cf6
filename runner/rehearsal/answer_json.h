#pragma once

// What the dialects share in writing their answers. Pure; any thread.

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "dsl/value.h"
#include "runner/rehearsal/answer.h"

namespace runner {

using OrderedJson = nlohmann::ordered_json;

/// Text that is no UTF-8 cannot come from a script, which is YAML.
inline OrderedJson json_of(const dsl::Value& value) {
  return OrderedJson::parse(dsl::to_json(value));
}

inline std::string id_of(const char* prefix, std::int64_t number) {
  return fmt::format("{}_{:06}", prefix, number);
}

inline Answer whole_answer(const OrderedJson& body) {
  Answer answer;
  answer.fields = {{"Content-Type", "application/json"}};
  answer.parts = {body.dump()};
  return answer;
}

inline Answer event_stream() {
  Answer answer;
  answer.fields = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-cache"}};
  return answer;
}

}  // namespace runner
