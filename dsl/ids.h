#pragma once

// Names that must not be mixed up. Each is a string with a type of its own; an empty one means
// "none". Any thread.

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

namespace dsl {

template <class Tag>
struct StringId {
  std::string value;

  StringId() = default;
  explicit StringId(std::string text) : value(std::move(text)) {}

  [[nodiscard]] bool empty() const { return value.empty(); }
  auto operator<=>(const StringId&) const = default;
};

/// One node of a plan: the task's name ("build"), with the matrix values where it has some
/// ("test[os=linux,cc=gcc]"), the item number of a `for_each` instance ("port[3]"), or the phase's
/// name for the gate at the end of a phase ("implement"; task and phase names share one name
/// space).
using NodeId = StringId<struct NodeTag>;

/// One run: a short name that a person can type, unique in a run store ("calm-otter-3f2a").
using RunId = StringId<struct RunTag>;

/// Place of a node in Plan::nodes.
using NodeIndex = std::size_t;

}  // namespace dsl

template <class Tag>
struct std::hash<dsl::StringId<Tag>> {
  std::size_t operator()(const dsl::StringId<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.value);
  }
};
