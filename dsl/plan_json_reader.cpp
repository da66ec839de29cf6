// JSON -> Plan.

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <type_traits>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "dsl/plan_fields.h"
#include "dsl/plan_json.h"

namespace dsl {
namespace {

using plan_fields::describe;
using Json = nlohmann::ordered_json;

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
    const Json* found = field(name);
    if (found == nullptr) {
      fail(fmt::format("the field '{}' is missing", name));
      return;
    }
    path_.push_back(std::string(name));
    asked_.push_back(name);
    const auto outer = std::tuple{record_, place_, first_asked_};
    get(*found, member);
    std::tie(record_, place_, first_asked_) = outer;
    if (!failed_) {
      path_.pop_back();
    }
  }

  template <class T>
  void get(const Json& json, T& value) {
    if constexpr (std::is_enum_v<T>) {
      get_word(json, value);
    } else if (enter(json)) {
      describe(*this, value);
      leave();
    }
  }

  void get(const Json& json, bool& flag) {
    if (json.is_boolean()) {
      flag = json.get<bool>();
    } else {
      wrong(json, "true or false");
    }
  }

  void get(const Json& json, std::int64_t& number) { get_integer(json, number); }
  void get(const Json& json, std::size_t& number) { get_integer(json, number); }
  void get(const Json& json, int& number) { get_integer(json, number); }
  void get(const Json& json, Duration& duration) { get_integer(json, duration.ms); }
  void get(const Json& json, Bytes& bytes) { get_integer(json, bytes.count); }
  void get(const Json& json, Money& money) { get_integer(json, money.micros); }
  void get(const Json& json, Cpus& cpus) { get_integer(json, cpus.millis); }
  void get(const Json& json, Tokens& tokens) { get_integer(json, tokens.count); }
  void get(const Json& json, NodeId& id) { get(json, id.value); }
  void get(const Json& json, Template& text) { get(json, text.pieces); }

  void get(const Json& json, std::string& text) {
    if (json.is_string()) {
      text = json.get_ref<const std::string&>();
    } else {
      wrong(json, "a string");
    }
  }

  void get(const Json& json, Value& value) { get_value(json, value); }

  template <class T>
  void get(const Json& json, std::optional<T>& value) {
    if (!json.is_null()) {
      get(json, value.emplace());
    }
  }

  template <class T>
  void get(const Json& json, std::vector<T>& list) {
    get_list(json, [&](const Json& item) { get(item, list.emplace_back()); });
  }

  void get(const Json& json, Value::Record& record) { get_named(json, record); }

  void get(const Json& json, std::vector<std::pair<std::string, std::string>>& named) {
    get_named(json, named);
  }

  void get(const Json& json, std::map<std::string, std::int64_t>& pools) {
    get_list(json, [&](const Json& item) {
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
  void get(const Json& json, std::variant<Kinds...>& check) {
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
    for (const std::string& step : path_) {
      pointer += "/" + step;
    }
    error_ = {fmt::format("the plan does not fit at '{}': {}", pointer, message),
              "a plan is only ever written by 'pipe plan --json'; write it anew"};
  }

  void fail_at(std::vector<std::string> path, std::string message) {
    path_ = std::move(path);
    fail(std::move(message));
  }

 private:
  const Json* field(std::string_view name) {
    if (place_ != record_->end() && place_.key() == name) {
      return &*place_++;
    }
    for (auto it = record_->begin(); it != record_->end(); ++it) {
      if (it.key() == name) {
        place_ = std::next(it);
        return &*it;
      }
    }
    return nullptr;
  }

  /// Begins a record. Its fields are asked for by operator() until `leave`.
  bool enter(const Json& json) {
    if (failed_) {
      return false;
    }
    if (!json.is_object()) {
      wrong(json, "a record");
      return false;
    }
    record_ = &json;
    place_ = json.begin();
    first_asked_ = asked_.size();
    return true;
  }

  /// Finds a field that nobody asked for.
  void leave() {
    const auto first = asked_.begin() + static_cast<std::ptrdiff_t>(first_asked_);
    if (!failed_ && static_cast<std::size_t>(asked_.end() - first) != record_->size()) {
      for (const auto& [key, member] : record_->items()) {
        if (std::find(first, asked_.end(), key) == asked_.end()) {
          fail(fmt::format("the field '{}' is not known", key));
        }
      }
    }
    asked_.erase(first, asked_.end());
  }

  void wrong(const Json& json, std::string_view wanted) {
    fail(fmt::format("expected {}, found {}", wanted, json.type_name()));
  }

  template <class T>
  void get_integer(const Json& json, T& number) {
    if (!json.is_number_integer()) {
      wrong(json, "a whole number");
      return;
    }
    const bool big =
        json.is_number_unsigned() &&
        json.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    const std::int64_t value = big ? -1 : json.get<std::int64_t>();
    if (big || !std::in_range<T>(value)) {
      fail("the number is out of range");
      return;
    }
    number = static_cast<T>(value);
  }

  template <class E>
  void get_word(const Json& json, E& value) {
    std::string word;
    get(json, word);
    for (const auto& [each, name] : plan_fields::words(value)) {
      if (name == word) {
        value = each;
        return;
      }
    }
    fail(fmt::format("'{}' is none of the words that can stand here", word));
  }

  template <class Get>
  void get_list(const Json& json, const Get& get_item) {
    if (!json.is_array()) {
      wrong(json, "a list");
      return;
    }
    std::size_t place = 0;
    for (const Json& item : json) {
      path_.push_back(std::to_string(place++));
      get_item(item);
      if (failed_) {
        return;
      }
      path_.pop_back();
    }
  }

  template <class List>
  void get_named(const Json& json, List& list) {
    get_list(json, [&](const Json& item) {
      if (enter(item)) {
        auto& entry = list.emplace_back();
        (*this)("name", entry.first);
        (*this)("value", entry.second);
        leave();
      }
    });
  }

  /// `parse` has bounded the depth.
  void get_value(const Json& json, Value& value) {
    if (json.is_boolean()) {
      value = Value(json.get<bool>());
    } else if (json.is_number()) {
      value = Value(json.get<double>());
    } else if (json.is_string()) {
      value = Value(json.get<std::string>());
    } else if (json.is_array()) {
      auto& list = value.held.emplace<Value::List>(json.size());
      std::size_t place = 0;
      for (const Json& item : json) {
        get_value(item, list[place++]);
      }
    } else if (json.is_object()) {
      auto& record = value.held.emplace<Value::Record>();
      for (const auto& [key, member] : json.items()) {
        get_value(member, record.emplace_back(key, Value()).second);
      }
    } else {
      value = Value();
    }
  }

  std::vector<std::string> path_;
  const Json* record_ = nullptr;         // the record whose fields are asked for
  Json::const_iterator place_;           // its field after the one asked for last
  std::vector<std::string_view> asked_;  // fields of this record, after those of the outer ones
  std::size_t first_asked_ = 0;
  bool failed_ = false;
  Error error_;
};

/// What the types do not say: places of nodes exist, and needs come first.
void check_places(const Plan& plan, Reader& reader) {
  for (std::size_t k = 0; k < plan.phases.size(); ++k) {
    if (plan.phases[k].gate >= plan.nodes.size()) {
      reader.fail_at({"phases", std::to_string(k), "gate"}, "there is no such node");
    }
  }
  std::unordered_set<std::string_view> ids;
  for (std::size_t k = 0; k < plan.nodes.size(); ++k) {
    const PlanNode& node = plan.nodes[k];
    if (!ids.insert(node.id.value).second) {
      reader.fail_at({"nodes", std::to_string(k), "id"},
                     fmt::format("'{}' is the name of an earlier node", node.id.value));
    }
    std::vector<NodeIndex> needs = node.needs;
    std::sort(needs.begin(), needs.end());
    if (!needs.empty() && needs.back() >= k) {
      reader.fail_at({"nodes", std::to_string(k), "needs"},
                     fmt::format("node {} does not come before this one", needs.back()));
    }
    if (std::adjacent_find(needs.begin(), needs.end()) != needs.end()) {
      reader.fail_at({"nodes", std::to_string(k), "needs"}, "a node is needed twice");
    }
  }
}

/// How deep the brackets of a JSON text go; what is no JSON gets some number.
std::size_t depth_of(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t k = 0; k < text.size(); ++k) {
    const char c = text[k];
    if (c == '"') {
      in_string = !in_string;
    } else if (in_string) {
      k += c == '\\' ? 1 : 0;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

Result<Json> parse(std::string_view text) {
  constexpr std::size_t kMaxDepth = 100;  // a plan's own levels, and those of a value in it
  if (depth_of(text) > kMaxDepth) {
    return Error{fmt::format("the plan is nested more than {} levels deep", kMaxDepth), ""};
  }
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::parse_error& failure) {
    return Error{fmt::format("the plan is no JSON: something is wrong at byte {}", failure.byte),
                 ""};
  } catch (const nlohmann::json::out_of_range&) {
    return Error{"the plan is no JSON that can be read: a number in it is too large", ""};
  }
}

}  // namespace

Result<Plan> plan_from_json(std::string_view text) {
  const Result<Json> json = parse(text);
  if (!json) {
    return json.error();
  }
  if (json->is_object()) {
    const auto version = json->find("version");
    if (version != json->end() && version->is_number_integer() && *version > kVersion) {
      return Error{fmt::format("the plan is of version {}, this program reads version {}",
                               version->dump(),
                               kVersion),
                   "use a newer 'pipe', or write the plan anew with this one"};
    }
  }
  Plan plan;
  Reader reader;
  reader.get(*json, plan);
  if (!reader.failed() && plan.version != kVersion) {
    reader.fail_at({"version"}, fmt::format("there is no version {}", plan.version));
  }
  if (!reader.failed()) {
    check_places(plan, reader);
  }
  return reader.failed() ? Result<Plan>(reader.error()) : Result<Plan>(std::move(plan));
}

}  // namespace dsl
