#include "dsl/value_changes.h"

#include <algorithm>
#include <map>
#include <utility>

namespace dsl {

namespace {

using Record = Value::Record;
using List = Value::List;
using Item = std::pair<std::string, const Value*>;

class Comparison {
 public:
  explicit Comparison(const std::vector<HowCompared>& how) : how_(how) {}

  void compare(const Value& before, const Value& after) {
    if (before == after) {
      return;
    }
    const auto* old_record = std::get_if<Record>(&before.held);
    const auto* new_record = std::get_if<Record>(&after.held);
    const HowCompared* how = path_.empty() ? nullptr : how_of(path_.back());
    if (how != nullptr && how->as == HowCompared::As::Whole) {
      add(&before, &after);
    } else if (old_record != nullptr && new_record != nullptr) {
      compare_items(members(*old_record), members(*new_record), before, after);
    } else if (how != nullptr && std::holds_alternative<List>(before.held) &&
               std::holds_alternative<List>(after.held)) {
      compare_items(items(before, *how), items(after, *how), before, after);
    } else {
      add(&before, &after);
    }
  }

  std::vector<ValueChange> take() { return std::move(changes_); }

 private:
  const HowCompared* how_of(const std::string& member) const {
    for (const HowCompared& one : how_) {
      if (one.member == member) {
        return &one;
      }
    }
    return nullptr;
  }

  static std::vector<Item> members(const Record& record) {
    std::vector<Item> all;
    for (const auto& [name, value] : record) {
      all.emplace_back(name, &value);
    }
    return all;
  }

  /// By name; a name that comes again is another one each time.
  static std::vector<Item> items(const Value& list, const HowCompared& how) {
    std::map<std::string, int> seen;
    std::vector<Item> all;
    for (const Value& item : std::get<List>(list.held)) {
      const Value* name = how.as == HowCompared::As::Named ? item.find(how.key) : &item;
      std::string key = name == nullptr ? "" : to_text(*name);
      const int count = ++seen[key];
      all.emplace_back(count == 1 ? key : key + " (" + std::to_string(count) + ")", &item);
    }
    return all;
  }

  void compare_items(const std::vector<Item>& before,
                     const std::vector<Item>& after,
                     const Value& old_whole,
                     const Value& new_whole) {
    const std::map<std::string, const Value*> old_by_name(before.begin(), before.end());
    const std::map<std::string, const Value*> new_by_name(after.begin(), after.end());
    const std::size_t found = changes_.size();
    for (const auto& [name, value] : before) {
      path_.push_back(name);
      const auto other = new_by_name.find(name);
      other == new_by_name.end() ? add(value, nullptr) : compare(*value, *other->second);
      path_.pop_back();
    }
    for (const auto& [name, value] : after) {
      if (old_by_name.count(name) == 0) {
        path_.push_back(name);
        add(nullptr, value);
        path_.pop_back();
      }
    }
    if (changes_.size() == found) {
      add(&old_whole, &new_whole);  // the same in another order
    }
  }

  void add(const Value* before, const Value* after) { changes_.push_back({path_, before, after}); }

  const std::vector<HowCompared>& how_;
  std::vector<std::string> path_;
  std::vector<ValueChange> changes_;
};

}  // namespace

std::vector<ValueChange> value_changes(const Value& before,
                                       const Value& after,
                                       const std::vector<HowCompared>& how) {
  Comparison comparison(how);
  comparison.compare(before, after);
  return comparison.take();
}

}  // namespace dsl
