#include "runner/agent/pointer.h"

#include <charconv>

namespace runner {
namespace {

std::string decoded(std::string_view part) {
  std::string text;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool escape = part[i] == '~' && i + 1 < part.size();
    text += escape ? (part[i + 1] == '1' ? '/' : '~') : part[i];
    i += escape ? 1 : 0;
  }
  return text;
}

const dsl::Value* member(const dsl::Value& value, const std::string& part) {
  if (const auto* list = std::get_if<dsl::Value::List>(&value.held)) {
    std::size_t place = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), place);
    const bool is_number = error == std::errc() && end == part.data() + part.size();
    return is_number && place < list->size() ? &(*list)[place] : nullptr;
  }
  return value.find(part);
}

void add_members(const dsl::Value& value, std::vector<const dsl::Value*>& found) {
  if (const auto* list = std::get_if<dsl::Value::List>(&value.held)) {
    for (const dsl::Value& item : *list) {
      found.push_back(&item);
    }
  } else if (const auto* record = std::get_if<dsl::Value::Record>(&value.held)) {
    for (const auto& [name, item] : *record) {
      found.push_back(&item);
    }
  }
}

}  // namespace

Pointer::Pointer(std::string_view text) {
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view part = text.substr(0, text.find('/'));
    parts_.push_back(decoded(part));
    every_.push_back(part == "*");
    text.remove_prefix(part.size());
  }
}

std::vector<const dsl::Value*> Pointer::find(const dsl::Value& document) const {
  std::vector<const dsl::Value*> found = {&document};
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    std::vector<const dsl::Value*> next;
    for (const dsl::Value* value : found) {
      if (every_[i]) {
        add_members(*value, next);
      } else if (const dsl::Value* one = member(*value, parts_[i])) {
        next.push_back(one);
      }
    }
    found = std::move(next);
  }
  return found;
}

}  // namespace runner
