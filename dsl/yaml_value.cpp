// What a node of a document holds, and its core schema readings.

#include <algorithm>
#include <charconv>
#include <utility>

#include "dsl/yaml.h"

namespace dsl {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

YamlValue::YamlValue(const YamlDocument& document, std::uint32_t node)
    : document_(&document), node_(node) {
  while (document.nodes_[node_].kind == YamlDocument::NodeKind::Alias) {
    node_ = document.nodes_[node_].children;
  }
}

std::uint32_t YamlValue::end() const {
  return document_->nodes_[node_].next;
}

std::uint32_t YamlValue::next(std::uint32_t child) const {
  return document_->nodes_[child].next;
}

YamlValue::Kind YamlValue::kind() const {
  switch (document_->nodes_[node_].kind) {
    case YamlDocument::NodeKind::Null:
      return Kind::Null;
    case YamlDocument::NodeKind::Scalar:
      return Kind::Scalar;
    case YamlDocument::NodeKind::List:
      return Kind::List;
    case YamlDocument::NodeKind::Map:
      return Kind::Map;
    case YamlDocument::NodeKind::Alias:
      break;  // resolved by the constructor
  }
  return Kind::Null;
}

Span YamlValue::span() const {
  const YamlDocument::Node& node = document_->nodes_[node_];
  return {document_->source_, node.begin, node.end};
}

std::string_view YamlValue::text() const {
  return document_->nodes_[node_].text;
}

bool YamlValue::is_quoted() const {
  return document_->nodes_[node_].quoted;
}

std::size_t YamlValue::size() const {
  return document_->nodes_[node_].children;
}

std::string_view YamlValue::described() const {
  switch (kind()) {
    case Kind::Null:
      return "nothing";
    case Kind::List:
      return "a list";
    case Kind::Map:
      return "a map";
    case Kind::Scalar:
      break;
  }
  if (boolean()) {
    return "true or false";
  }
  return number() ? "a number" : "a text";
}

std::optional<bool> YamlValue::boolean() const {
  const std::string_view word = text();
  if (kind() != Kind::Scalar || is_quoted() || word.size() > 5) {
    return std::nullopt;
  }
  if (word == "true" || word == "True" || word == "TRUE") {
    return true;
  }
  if (word == "false" || word == "False" || word == "FALSE") {
    return false;
  }
  return std::nullopt;
}

std::optional<std::int64_t> YamlValue::integer() const {
  if (kind() != Kind::Scalar || is_quoted()) {
    return std::nullopt;
  }
  std::string_view digits = text();
  int base = 10;
  const bool is_negative = digits.substr(0, 1) == "-";
  if (digits.substr(0, 2) == "0x" || digits.substr(0, 2) == "0o") {
    base = digits[1] == 'x' ? 16 : 8;
    digits.remove_prefix(2);
  } else if (is_negative || digits.substr(0, 1) == "+") {
    digits.remove_prefix(1);
  }
  std::uint64_t magnitude = 0;
  const auto [end, failure] =
      std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (failure != std::errc{} || end != digits.data() + digits.size() || digits.empty() ||
      magnitude > static_cast<std::uint64_t>(INT64_MAX)) {
    return std::nullopt;
  }
  const auto value = static_cast<std::int64_t>(magnitude);
  return is_negative ? -value : value;
}

std::optional<double> YamlValue::number() const {
  if (const auto whole = integer()) {
    return static_cast<double>(*whole);
  }
  if (kind() != Kind::Scalar || is_quoted()) {
    return std::nullopt;
  }
  // [-+]? ( . [0-9]+ | [0-9]+ ( . [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
  std::string_view rest = text();
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    rest.remove_prefix(1);
  }
  const std::size_t exponent = rest.find_first_of("eE");
  if (exponent != std::string_view::npos) {
    std::string_view digits = rest.substr(exponent + 1);
    if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) {
      digits.remove_prefix(1);
    }
    if (!is_digits(digits)) {
      return std::nullopt;
    }
    rest = rest.substr(0, exponent);
  }
  const std::size_t point = rest.find('.');
  const std::string_view whole = rest.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? std::string_view() : rest.substr(point + 1);
  const bool is_number = (whole.empty() || is_digits(whole)) &&
                         (fraction.empty() || is_digits(fraction)) &&
                         !(whole.empty() && fraction.empty());
  if (!is_number) {
    return std::nullopt;
  }
  std::string_view all = text();
  if (all[0] == '+') {
    all.remove_prefix(1);
  }
  double value = 0;
  const auto result = std::from_chars(all.data(), all.data() + all.size(), value);
  return result.ec == std::errc{} ? std::optional(value) : std::nullopt;
}

Value YamlValue::to_value() const {
  switch (kind()) {
    case Kind::Null:
      return Value();
    case Kind::List: {
      Value::List list;
      list.reserve(size());
      each_item([&](YamlValue item) { list.push_back(item.to_value()); });
      return Value(std::move(list));
    }
    case Kind::Map: {
      Value::Record record;
      record.reserve(size());
      each_entry([&](YamlValue key, YamlValue value) {
        record.emplace_back(std::string(key.text()), value.to_value());
      });
      return Value(std::move(record));
    }
    case Kind::Scalar:
      break;
  }
  if (const auto flag = boolean()) {
    return Value(*flag);
  }
  if (const auto value = number()) {
    return Value(*value);
  }
  return Value(std::string(text()));
}

}  // namespace dsl
