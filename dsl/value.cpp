#include "dsl/value.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dsl {
namespace {

constexpr std::size_t kMaxDepth = 64;

/// Builds a Value from the events of nlohmann's parser, without recursion.
class ValueBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return put(Value()); }
  bool boolean(bool flag) override { return put(Value(flag)); }
  bool number_integer(number_integer_t number) override {
    return put(Value(static_cast<double>(number)));
  }
  bool number_unsigned(number_unsigned_t number) override {
    return put(Value(static_cast<double>(number)));
  }
  bool number_float(number_float_t number, const string_t& /*text*/) override {
    return put(Value(number));
  }
  bool string(string_t& text) override { return put(Value(std::move(text))); }
  bool binary(binary_t& /*bytes*/) override { return false; }  // JSON text has none

  bool start_object(std::size_t /*size*/) override { return open(Value(Value::Record{})); }
  bool key(string_t& name) override {
    open_.back().key = std::move(name);
    return true;
  }
  bool end_object() override {
    auto& record = std::get<Value::Record>(open_.back().value.held);
    if (const std::string* twice = key_used_twice(record)) {
      problem = fmt::format("the key '{}' stands there twice", *twice);
      return false;
    }
    return close();
  }

  bool start_array(std::size_t /*size*/) override { return open(Value(Value::List{})); }
  bool end_array() override { return close(); }

  bool parse_error(std::size_t position,
                   const std::string& /*token*/,
                   const nlohmann::detail::exception& failure) override {
    // nlohmann's text is "[json.exception.parse_error.101] parse error at ...: reason".
    const std::string_view text = failure.what();
    const std::size_t reason = text.find(": ");
    problem = fmt::format("no JSON at byte {}: {}",
                          position,
                          reason == std::string_view::npos ? text : text.substr(reason + 2));
    return false;
  }

  Value result;
  std::string problem;

 private:
  struct Open {
    Value value;
    std::string key;
  };

  static const std::string* key_used_twice(const Value::Record& record) {
    std::vector<const std::string*> keys;
    keys.reserve(record.size());
    for (const auto& member : record) {
      keys.push_back(&member.first);
    }
    std::sort(keys.begin(), keys.end(), [](const auto* a, const auto* b) { return *a < *b; });
    const auto twice = std::adjacent_find(
        keys.begin(), keys.end(), [](const auto* a, const auto* b) { return *a == *b; });
    return twice == keys.end() ? nullptr : *twice;
  }

  bool put(Value value) {
    if (open_.empty()) {
      result = std::move(value);
    } else if (auto* list = std::get_if<Value::List>(&open_.back().value.held)) {
      list->push_back(std::move(value));
    } else {
      std::get<Value::Record>(open_.back().value.held)
          .emplace_back(std::move(open_.back().key), std::move(value));
    }
    return true;
  }

  bool open(Value value) {
    if (open_.size() == kMaxDepth) {
      problem = fmt::format("nested deeper than {} levels", kMaxDepth);
      return false;
    }
    open_.push_back({std::move(value), {}});
    return true;
  }

  bool close() {
    Value done = std::move(open_.back().value);
    open_.pop_back();
    return put(std::move(done));
  }

  std::vector<Open> open_;
};

std::string number_text(double number) {
  constexpr double kExact = 9007199254740992.0;  // 2^53: every integer below is itself
  if (!std::isfinite(number)) {
    return "null";  // JSON has no such number
  }
  if (std::trunc(number) == number && std::fabs(number) < kExact) {
    return std::to_string(static_cast<std::int64_t>(number));
  }
  return fmt::format("{}", number);
}

void append_string(const std::string& text, std::string& out) {
  // `replace` keeps the output valid UTF-8 whatever a file or a command printed.
  out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_json(const Value& value, std::string& out) {
  if (const auto* flag = std::get_if<bool>(&value.held)) {
    out += *flag ? "true" : "false";
  } else if (const auto* number = std::get_if<double>(&value.held)) {
    out += number_text(*number);
  } else if (const auto* text = std::get_if<std::string>(&value.held)) {
    append_string(*text, out);
  } else if (const auto* list = std::get_if<Value::List>(&value.held)) {
    char separator = '[';
    for (const Value& item : *list) {
      out += separator;
      append_json(item, out);
      separator = ',';
    }
    out += list->empty() ? "[]" : "]";
  } else if (const auto* record = std::get_if<Value::Record>(&value.held)) {
    char separator = '{';
    for (const auto& [key, member] : *record) {
      out += separator;
      append_string(key, out);
      out += ':';
      append_json(member, out);
      separator = ',';
    }
    out += record->empty() ? "{}" : "}";
  } else {
    out += "null";
  }
}

}  // namespace

const Value* Value::find(std::string_view key) const {
  const auto* record = std::get_if<Record>(&held);
  if (record == nullptr) {
    return nullptr;
  }
  for (const auto& [name, member] : *record) {
    if (name == key) {
      return &member;
    }
  }
  return nullptr;
}

Result<Value> value_from_json(std::string_view text) {
  ValueBuilder builder;
  if (!nlohmann::json::sax_parse(text, &builder)) {
    return Error{builder.problem.empty() ? "no JSON" : builder.problem, ""};
  }
  return std::move(builder.result);
}

std::string to_json(const Value& value) {
  std::string text;
  append_json(value, text);
  return text;
}

std::string to_text(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value.held)) {
    return *text;
  }
  return value.is_null() ? "" : to_json(value);
}

}  // namespace dsl
