// Any bytes as the JSON of a plan.

#include <cstdint>
#include <string>
#include <string_view>

#include "dsl/export_dot.h"
#include "dsl/export_mermaid.h"
#include "dsl/export_text.h"
#include "dsl/plan_json.h"
#include "tests/fuzz/property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const dsl::Result<dsl::Plan> plan =
      dsl::plan_from_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!plan) {
    fuzz::require(!plan.error().message.empty(), "an error says what is wrong");
    return 0;
  }
  const std::string json = plan_to_json(*plan, dsl::JsonLayout::Compact);
  const dsl::Result<dsl::Plan> again = dsl::plan_from_json(json);
  fuzz::require(again.has_value() && *again == *plan, "json -> plan -> json -> plan is one plan");
  fuzz::require(plan_to_json(*again, dsl::JsonLayout::Compact) == json, "one plan is one JSON");
  (void)dsl::export_text(*plan, {});
  (void)dsl::export_dot(*plan);
  (void)dsl::export_mermaid(*plan);
  return 0;
}
