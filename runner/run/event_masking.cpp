#include "runner/run/event_masking.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "runner/run/event_json.h"

namespace runner {
namespace {

using Json = nlohmann::ordered_json;

/// What the runner made, or the plan says: nothing of it comes from a job. All that is not named
/// here is masked, whatever is added to events.
constexpr std::array<std::string_view, 17> kOurs = {"kind",
                                                    "run",
                                                    "pipeline",
                                                    "plan_digest",
                                                    "commit",
                                                    "artifacts",
                                                    "node",
                                                    "from_run",
                                                    "key",
                                                    "job",
                                                    "log",
                                                    "digest",
                                                    "how",
                                                    "outcome",
                                                    "verdict",
                                                    "subject",
                                                    "jobs"};

/// Its `reason` is a word, everybody else's is a text.
constexpr std::string_view kDenied = "egress_denied";

void mask_value(Json& value, const Masking& masking) {
  if (value.is_string()) {
    value = masking.masked(value.get_ref<const std::string&>());
  } else if (value.is_number()) {
    const std::string digits = value.dump();
    if (std::string text = masking.masked(digits); text != digits) {
      value = std::move(text);
    }
  } else if (value.is_array()) {
    for (Json& item : value) {
      mask_value(item, masking);
    }
  } else if (value.is_object()) {
    Json result = Json::object();
    for (auto& [name, member] : value.items()) {
      mask_value(member, masking);
      result[masking.masked(name)] = std::move(member);
    }
    value = std::move(result);
  }
}

void mask_members(Json& record, bool denied, const Masking& masking) {
  for (auto& [name, member] : record.items()) {
    const bool ours =
        std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end() || (denied && name == "reason");
    if (ours || member.is_number()) {
      continue;
    }
    if (name == "outputs" || name == "items") {
      mask_value(member, masking);
    } else if (member.is_object()) {
      mask_members(member, denied, masking);
    } else if (member.is_array()) {
      for (Json& item : member) {
        item.is_object() ? mask_members(item, denied, masking) : mask_value(item, masking);
      }
    } else {
      mask_value(member, masking);
    }
  }
}

}  // namespace

Event masked(const Event& event, const Masking& masking) {
  Json json = Json::parse(event_to_json(event));
  mask_members(json, json["kind"] == kDenied, masking);
  dsl::Result<Event> result = event_from_json(json.dump());
  return result ? *std::move(result) : event;
}

}  // namespace runner
