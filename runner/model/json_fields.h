#pragma once

// Looking into a JSON tree, where what is missing, null or of another kind is nothing. Internal to
// this room. Any thread; pure.

#include <optional>
#include <string>
#include <string_view>

#include "dsl/json_tree.h"

namespace runner {

/// Calls `see` with each key and value of a record, until it answers true; whether it did.
template <class See>
bool any_field(dsl::JsonNode record, See see) {
  for (dsl::JsonNode key = record.first(); key != record.end();) {
    const dsl::JsonNode value = key.behind();
    if (see(key.text(), value)) {
      return true;
    }
    key = value.behind();
  }
  return false;
}

template <class Is>
bool any_item(dsl::JsonNode list, Is is) {
  for (dsl::JsonNode item = list.first(); item != list.end(); item = item.behind()) {
    if (is(item)) {
      return true;
    }
  }
  return false;
}

inline std::optional<dsl::JsonNode> find(dsl::JsonNode record, std::string_view key) {
  std::optional<dsl::JsonNode> found;
  if (record.kind() == dsl::JsonNode::Kind::Record) {
    any_field(record, [&](std::string_view name, dsl::JsonNode value) {
      if (name == key && value.kind() != dsl::JsonNode::Kind::Null) {
        found = value;
      }
      return name == key;
    });
  }
  return found;
}

/// A member of the member.
inline std::optional<dsl::JsonNode> find(dsl::JsonNode record,
                                         std::string_view key,
                                         std::string_view below) {
  const auto inner = find(record, key);
  return inner ? find(*inner, below) : std::nullopt;
}

inline bool is_text(const std::optional<dsl::JsonNode>& value) {
  return value && value->kind() == dsl::JsonNode::Kind::Text;
}

inline bool is_record(dsl::JsonNode value) {
  return value.kind() == dsl::JsonNode::Kind::Record;
}

inline bool is_list(dsl::JsonNode value) {
  return value.kind() == dsl::JsonNode::Kind::List;
}

/// A view into the tree, "" where there is no such text.
inline std::string_view text_at(dsl::JsonNode record, std::string_view key) {
  const auto value = find(record, key);
  return is_text(value) ? value->text() : "";
}

}  // namespace runner
