// Any bytes as a line of the journal.

#include <cstdint>
#include <string>
#include <string_view>

#include "runner/run/event_json.h"
#include "tests/fuzz/property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const dsl::Result<runner::Event> event =
      runner::event_from_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!event) {
    fuzz::require(!event.error().message.empty(), "an error says what is wrong");
    return 0;
  }
  const std::string json = event_to_json(*event);
  const dsl::Result<runner::Event> again = runner::event_from_json(json);
  fuzz::require(again.has_value(), "what was written can be read", json);
  fuzz::require(event_to_json(*again) == json, "an event keeps its JSON", json);
  return 0;
}
