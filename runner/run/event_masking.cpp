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
constexpr std::array<std::string_view, 22> kOurs = {
    "kind", "run",   "pipeline", "plan_digest", "commit", "artifacts", "node",    "from_run",
    "key",  "job",   "log",      "digest",      "how",    "outcome",   "verdict", "subject",
    "jobs", "again", "sides",    "tasks",       "on",     "sealed"};

bool is_ours(std::string_view name) {
  return std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end();
}

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
    const bool ours = is_ours(name) || (denied && name == "reason");
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

/// The member that a value is, or is in the list of: "/agent/errors/0" is of "errors".
std::string_view member_of(std::string_view pointer) {
  while (!pointer.empty()) {
    const std::string_view last = pointer.substr(pointer.rfind('/') + 1);
    if (last.find_first_not_of("0123456789") != std::string_view::npos) {
      return last;
    }
    pointer.remove_suffix(last.size() + 1);
  }
  return "";
}

/// For an event that would be none any more: a secret is one of the runner's own words, such as
/// "done". Each text by itself, but for those words.
void mask_one_by_one(Json& json, const Masking& masking) {
  const Json texts = json.flatten();
  for (const auto& [pointer, text] : texts.items()) {
    if (!text.is_string() || is_ours(member_of(pointer))) {
      continue;
    }
    Json& member = json[Json::json_pointer(pointer)];
    member = masking.masked(text.get_ref<const std::string&>());
    if (!event_from_json(json.dump())) {
      member = text;
    }
  }
}

}  // namespace

Event masked(const Event& event, const Masking& masking) {
  const Json plain = Json::parse(event_to_json(event));
  Json json = plain;
  mask_members(json, json["kind"] == kDenied, masking);
  dsl::Result<Event> result = event_from_json(json.dump());
  if (!result) {
    json = plain;
    mask_one_by_one(json, masking);
    result = event_from_json(json.dump());
  }
  return result ? *std::move(result) : event;
}

}  // namespace runner
