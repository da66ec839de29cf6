// JSON -> Plan.

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "dsl/json_tree.h"
#include "dsl/plan_fields.h"
#include "dsl/plan_json.h"
#include "dsl/plan_words.h"

namespace dsl {
namespace {

using plan_fields::describe;
using Json = JsonNode;

constexpr int kVersion = 1;

/// Fills records from JSON; the first thing that does not fit ends it.
class Reader {
 public:
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] const Error& error() const { return error_; }

  /// One field of the record at hand. Fields are mostly in our own order: look there first.
  template <class T>
  void operator()(std::string_view name, T& member) {
    if (failed_) {
      return;
    }
    const std::optional<Json> found = field(name);
    if (!found) {
      fail(fmt::format("the field '{}' is missing", name));
      return;
    }
    path_.emplace_back(name);
    asked_.push_back(name);
    const auto outer = std::tuple{record_, place_, first_asked_};
    get(*found, member);
    std::tie(record_, place_, first_asked_) = outer;
    if (!failed_) {
      path_.pop_back();
    }
  }

  template <class T>
  void get(Json json, T& value) {
    if constexpr (std::is_enum_v<T>) {
      get_word(json, value);
    } else if (enter(json)) {
      describe(*this, value);
      leave();
    }
  }

  void get(Json json, bool& flag) {
    if (json.kind() == Json::Kind::False || json.kind() == Json::Kind::True) {
      flag = json.kind() == Json::Kind::True;
    } else {
      wrong(json, "true or false");
    }
  }

  void get(Json json, std::int64_t& number) { get_integer(json, number); }
  void get(Json json, std::size_t& number) { get_integer(json, number); }
  void get(Json json, int& number) { get_integer(json, number); }
  void get(Json json, Duration& duration) { get_integer(json, duration.ms); }
  void get(Json json, Bytes& bytes) { get_integer(json, bytes.count); }
  void get(Json json, Money& money) { get_integer(json, money.micros); }
  void get(Json json, Cpus& cpus) { get_integer(json, cpus.millis); }
  void get(Json json, Tokens& tokens) { get_integer(json, tokens.count); }
  void get(Json json, NodeId& id) { get(json, id.value); }
  void get(Json json, Template& text) { get(json, text.pieces); }

  void get(Json json, std::string& text) {
    if (json.kind() == Json::Kind::Text) {
      text = json.text();
    } else {
      wrong(json, "a string");
    }
  }

  void get(Json json, Value& value) { get_value(json, value); }

  template <class T>
  void get(Json json, std::optional<T>& value) {
    get_if_there(json, value);
  }
  template <class T>
  void get(Json json, Boxed<T>& value) {
    get_if_there(json, value);
  }

  template <class T>
  void get(Json json, std::vector<T>& list) {
    list.reserve(json.kind() == Json::Kind::List ? json.size() : 0);
    list.clear();  // of what holds where nothing is said
    get_list(json, [&](Json item) { get(item, list.emplace_back()); });
  }

  void get(Json json, Value::Record& record) { get_named(json, record); }

  void get(Json json, std::vector<std::pair<std::string, std::string>>& named) {
    get_named(json, named);
  }

  void get(Json json, std::map<std::string, std::int64_t>& pools) {
    get_list(json, [&](Json item) {
      std::pair<std::string, std::int64_t> pool;
      if (enter(item)) {
        (*this)("name", pool.first);
        (*this)("limit", pool.second);
        leave();
        pools.insert(std::move(pool));
      }
    });
  }

  template <class... Kinds>
  void get(Json json, std::variant<Kinds...>& check) {
    if (!enter(json)) {
      return;
    }
    std::string kind;
    (*this)("kind", kind);
    const auto& kinds = plan_fields::kCheckKinds;
    const auto found = std::find(kinds.begin(), kinds.end(), kind);
    if (!failed_ && found == kinds.end()) {
      fail(fmt::format("'{}' is no kind of a check", kind));
    }
    std::size_t place = 0;
    ((static_cast<std::ptrdiff_t>(place++) == found - kinds.begin()
          ? describe(*this, check.template emplace<Kinds>())
          : void()),
     ...);
    leave();
  }

  void fail(std::string message) {
    if (failed_) {
      return;
    }
    failed_ = true;
    std::string pointer;
    for (const Step& step : path_) {
      pointer += '/';
      pointer += std::holds_alternative<std::size_t>(step)
                     ? std::to_string(std::get<std::size_t>(step))
                     : std::get<std::string_view>(step);
    }
    error_ = {fmt::format("the plan does not fit at '{}': {}", pointer, message),
              "a plan is only ever written by 'pipe plan --json'; write it anew"};
  }

  using Step = std::variant<std::string_view, std::size_t>;  // a field's name, an item's number

  void fail_at(std::vector<Step> path, std::string message) {
    path_ = std::move(path);
    fail(std::move(message));
  }

 private:
  /// Fields are mostly in our own order: look at the one after the last first.
  template <class Optional>
  void get_if_there(Json json, Optional& value) {
    if (json.kind() != Json::Kind::Null) {
      get(json, value.emplace());
    }
  }

  std::optional<Json> field(std::string_view name) {
    if (*place_ != record_->end() && place_->text() == name) {
      return take_field(*place_);
    }
    for (Json key = record_->first(); key != record_->end(); key = key.behind().behind()) {
      if (key.text() == name) {
        return take_field(key);
      }
    }
    return std::nullopt;
  }

  Json take_field(Json key) {
    const Json value = key.behind();
    place_ = value.behind();
    return value;
  }

  /// Begins a record. Its fields are asked for by operator() until `leave`.
  bool enter(Json json) {
    if (failed_) {
      return false;
    }
    if (json.kind() != Json::Kind::Record) {
      wrong(json, "a record");
      return false;
    }
    record_ = json;
    place_ = json.first();
    first_asked_ = asked_.size();
    return true;
  }

  /// Finds a field that nobody asked for, or that stands there twice.
  void leave() {
    const auto first = asked_.begin() + static_cast<std::ptrdiff_t>(first_asked_);
    if (!failed_ && static_cast<std::size_t>(asked_.end() - first) != record_->size()) {
      for (Json key = record_->first(); key != record_->end(); key = key.behind().behind()) {
        if (std::find(first, asked_.end(), key.text()) == asked_.end()) {
          fail(fmt::format("the field '{}' is not known", key.text()));
        }
      }
      if (!failed_) {
        fail(fmt::format("the field '{}' stands here twice", repeated_field()));
      }
    }
    asked_.erase(first, asked_.end());
  }

  /// Of a record in which some field is.
  std::string_view repeated_field() {
    std::unordered_set<std::string_view> seen;
    Json key = record_->first();
    while (seen.insert(key.text()).second) {
      key = key.behind().behind();
    }
    return key.text();
  }

  void wrong(Json json, std::string_view wanted) {
    fail(fmt::format("expected {}, found {}", wanted, json.described()));
  }

  template <class T>
  void get_integer(Json json, T& number) {
    if (json.kind() != Json::Kind::Integer && json.kind() != Json::Kind::LargeInteger) {
      wrong(json, "a whole number");
      return;
    }
    const std::int64_t value = json.integer();
    if (json.kind() == Json::Kind::LargeInteger || !std::in_range<T>(value)) {
      fail("the number is out of range");
      return;
    }
    number = static_cast<T>(value);
  }

  template <class E>
  void get_word(Json json, E& value) {
    if (json.kind() != Json::Kind::Text) {
      wrong(json, "a string");
      return;
    }
    for (const auto& [each, name] : word_table(value)) {
      if (name == json.text()) {
        value = each;
        return;
      }
    }
    fail(fmt::format("'{}' is none of the words that can stand here", json.text()));
  }

  template <class Get>
  void get_list(Json json, const Get& get_item) {
    if (json.kind() != Json::Kind::List) {
      wrong(json, "a list");
      return;
    }
    std::size_t place = 0;
    for (Json item = json.first(); item != json.end(); item = item.behind()) {
      path_.emplace_back(place++);
      get_item(item);
      if (failed_) {
        return;
      }
      path_.pop_back();
    }
  }

  template <class List>
  void get_named(Json json, List& list) {
    get_list(json, [&](Json item) {
      if (enter(item)) {
        auto& entry = list.emplace_back();
        (*this)("name", entry.first);
        (*this)("value", entry.second);
        leave();
      }
    });
  }

  /// `parse` has bounded the depth.
  void get_value(Json json, Value& value) {
    switch (json.kind()) {
      case Json::Kind::Null:
        value = Value();
        return;
      case Json::Kind::False:
      case Json::Kind::True:
        value = Value(json.kind() == Json::Kind::True);
        return;
      case Json::Kind::Integer:
      case Json::Kind::LargeInteger:
      case Json::Kind::Number:
        value = Value(json.number());
        return;
      case Json::Kind::Text:
        value = Value(std::string(json.text()));
        return;
      case Json::Kind::List: {
        auto& list = value.held.emplace<Value::List>(json.size());
        std::size_t place = 0;
        for (Json item = json.first(); item != json.end(); item = item.behind()) {
          get_value(item, list[place++]);
        }
        return;
      }
      case Json::Kind::Record: {
        auto& record = value.held.emplace<Value::Record>();
        for (Json key = json.first(); key != json.end(); key = key.behind().behind()) {
          get_value(key.behind(), record.emplace_back(key.text(), Value()).second);
        }
        return;
      }
    }
  }

  std::vector<Step> path_;
  std::optional<Json> record_;           // the record whose fields are asked for
  std::optional<Json> place_;            // its field after the one asked for last
  std::vector<std::string_view> asked_;  // fields of this record, after those of the outer ones
  std::size_t first_asked_ = 0;
  bool failed_ = false;
  Error error_;
};

std::optional<std::int64_t> version_of(Json root) {
  if (root.kind() != Json::Kind::Record) {
    return std::nullopt;
  }
  for (Json key = root.first(); key != root.end(); key = key.behind().behind()) {
    if (key.text() == "version" && key.behind().kind() == Json::Kind::Integer) {
      return key.behind().integer();
    }
  }
  return std::nullopt;
}

/// What the types do not say: places of nodes exist, and needs come first.
void check_places(const Plan& plan, Reader& reader) {
  for (std::size_t k = 0; k < plan.phases.size(); ++k) {
    if (plan.phases[k].gate >= plan.nodes.size()) {
      reader.fail_at({"phases", k, "gate"}, "there is no such node");
    }
  }
  std::unordered_set<std::string_view> ids;
  for (std::size_t k = 0; k < plan.nodes.size(); ++k) {
    const PlanNode& node = plan.nodes[k];
    if (!ids.insert(node.id.value).second) {
      reader.fail_at({"nodes", k, "id"},
                     fmt::format("'{}' is the name of an earlier node", node.id.value));
    }
    std::vector<NodeIndex> needs = node.needs;
    std::sort(needs.begin(), needs.end());
    if (!needs.empty() && needs.back() >= k) {
      reader.fail_at({"nodes", k, "needs"},
                     fmt::format("node {} does not come before this one", needs.back()));
    }
    if (std::adjacent_find(needs.begin(), needs.end()) != needs.end()) {
      reader.fail_at({"nodes", k, "needs"}, "a node is needed twice");
    }
  }
}

}  // namespace

Result<Plan> plan_from_json(std::string_view text) {
  constexpr std::size_t kMaxDepth = 100;  // a plan's own levels, and those of a value in it
  const Result<JsonTree> tree = JsonTree::parse(text, kMaxDepth, "the plan");
  if (!tree) {
    return tree.error();
  }
  const Json root = tree->root();
  if (const auto version = version_of(root); version && *version > kVersion) {
    return Error{
        fmt::format("the plan is of version {}, this program reads version {}", *version, kVersion),
        "use a newer 'pipe', or write the plan anew with this one"};
  }
  Plan plan;
  Reader reader;
  reader.get(root, plan);
  if (!reader.failed() && plan.version != kVersion) {
    reader.fail_at({"version"}, fmt::format("there is no version {}", plan.version));
  }
  if (!reader.failed()) {
    check_places(plan, reader);
  }
  return reader.failed() ? Result<Plan>(reader.error()) : Result<Plan>(std::move(plan));
}

}  // namespace dsl
