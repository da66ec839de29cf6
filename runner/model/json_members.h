#pragma once

// Members of nlohmann-json's records, where what is missing, null or of another kind is nothing.
// Internal to this room; whoever includes it includes the library. Any thread; pure.

#include <string>

namespace runner {

/// Null: it is no record, or has no such member, or that is null.
template <class Json>
const Json* find_member(const Json& record, const char* key) {
  if (!record.is_object()) {
    return nullptr;
  }
  const auto found = record.find(key);
  return found == record.end() || found->is_null() ? nullptr : &*found;
}

/// A member of the member.
template <class Json>
const Json* find_member(const Json& record, const char* key, const char* below) {
  const Json* const inner = find_member(record, key);
  return inner == nullptr ? nullptr : find_member(*inner, below);
}

/// "" where there is no such text.
template <class Json>
std::string text_at(const Json& record, const char* key) {
  const Json* const value = find_member(record, key);
  return value != nullptr && value->is_string() ? value->template get<std::string>() : "";
}

}  // namespace runner
