#pragma once

// The values that expressions compute with and that flow between nodes: JSON's. Any thread.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dsl/result.h"

namespace dsl {

struct Value {
  using List = std::vector<Value>;
  using Record = std::vector<std::pair<std::string, Value>>;  // in order of definition, keys unique

  std::variant<std::monostate, bool, double, std::string, List, Record> held;

  Value() = default;  // null
  explicit Value(bool flag) : held(flag) {}
  explicit Value(double number) : held(number) {}
  explicit Value(std::string text) : held(std::move(text)) {}
  explicit Value(const char* text) : held(std::string(text)) {}
  explicit Value(List list) : held(std::move(list)) {}
  explicit Value(Record record) : held(std::move(record)) {}

  bool operator==(const Value&) const = default;

  [[nodiscard]] bool is_null() const { return held.index() == 0; }
  /// The member of a record, or null where this is no record or has no such member.
  [[nodiscard]] const Value* find(std::string_view key) const;
};

/// Reads one JSON document; depth at most 64, invalid UTF-8 and trailing text are errors.
Result<Value> value_from_json(std::string_view text);

/// Compact JSON, keys in the value's own order, numbers without a needless ".0".
std::string to_json(const Value& value);

/// How a value appears inside text, as GitHub does it: null is "", true is "true", 1 is "1",
/// lists and records are their JSON.
std::string to_text(const Value& value);

}  // namespace dsl
