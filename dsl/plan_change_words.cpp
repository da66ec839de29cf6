#include "dsl/plan_change_words.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>

#include "dsl/export_words.h"
#include "dsl/render.h"
#include "dsl/units.h"
#include "dsl/value.h"

namespace dsl::change_words {

namespace {

/// After these stands a name that somebody gave.
constexpr std::array<std::string_view, 5> kGiven = {
    "env", "inputs", "outputs", "secrets", "services"};

std::string quantity(const std::string& field, const Value& value) {
  const auto* number = std::get_if<double>(&value.held);
  if (number == nullptr) {
    return value.is_null() ? "none" : to_json(value);
  }
  const auto whole = static_cast<std::int64_t>(*number);
  if (field.ends_with("_ms")) {
    return whole == 0 ? "none" : to_text(Duration{whole});
  }
  if (field.ends_with("_micros")) {
    return to_text(Money{whole});
  }
  if (field.ends_with("_bytes")) {
    return to_text(Bytes{whole});
  }
  return to_json(value);
}

std::string name_of_field(std::string field) {
  for (const std::string_view unit : {"_ms", "_micros", "_bytes", "_millis"}) {
    if (field.ends_with(unit)) {
      field.resize(field.size() - unit.size());
    }
  }
  std::replace(field.begin(), field.end(), '_', ' ');
  return field;
}

std::string shown(const std::string& field, const Value& value) {
  constexpr std::size_t kLongest = 100;
  return export_words::shortened(visible(quantity(field, value)), kLongest);
}

}  // namespace

std::string joined(const std::vector<std::string>& path) {
  std::string text;
  bool is_given = false;
  for (const std::string& name : path) {
    text += (text.empty() ? "" : " ") + (is_given ? name : name_of_field(name));
    is_given = std::find(kGiven.begin(), kGiven.end(), name) != kGiven.end();
  }
  return text;
}

std::string describe(const ValueChange& change, const std::vector<std::string>& field) {
  const std::string what = visible(joined(field));
  if (change.before == nullptr) {
    return what + " is new";
  }
  if (change.after == nullptr) {
    return what + " is gone";
  }
  const std::string old_text = shown(field.back(), *change.before);
  const std::string new_text = shown(field.back(), *change.after);
  return old_text == new_text ? what + " is different"
                              : fmt::format("{}: {} -> {}", what, old_text, new_text);
}

std::string action_of(const PlanNode& node) {
  return node.kind == NodeKind::Approval
             ? "asks a person: " + node.approval
             : "runs " +
                   export_words::shortened(export_words::command_line(node.command, node.env), 100);
}

}  // namespace dsl::change_words
