#include "dsl/json_tree.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/src.hpp>
#include <fmt/format.h>

namespace dsl {

/// Takes the events of boost::json::basic_parser; the names of its members are that library's.
class JsonTreeBuilder {
 public:
  using Text = boost::json::string_view;
  using Failure = boost::json::error_code;

  // NOLINTBEGIN(readability-identifier-naming)
  static constexpr std::size_t max_object_size = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;
  // NOLINTEND(readability-identifier-naming)

  explicit JsonTreeBuilder(std::string_view text) {
    tree_.text_ = text;
    tree_.nodes_.reserve(text.size() / 16 + 16);
  }

  JsonTree take() { return std::move(tree_); }

  bool on_document_begin(Failure& /*failure*/) { return true; }
  bool on_document_end(Failure& /*failure*/) { return true; }
  bool on_object_begin(Failure& /*failure*/) { return open(JsonNode::Kind::Record); }
  bool on_object_end(std::size_t size, Failure& /*failure*/) { return close(size); }
  bool on_array_begin(Failure& /*failure*/) { return open(JsonNode::Kind::List); }
  bool on_array_end(std::size_t size, Failure& /*failure*/) { return close(size); }
  bool on_key_part(Text part, std::size_t /*size*/, Failure& /*failure*/) { return part_of(part); }
  bool on_key(Text rest, std::size_t /*size*/, Failure& /*failure*/) { return text(rest); }
  bool on_string_part(Text part, std::size_t /*size*/, Failure& /*failure*/) {
    return part_of(part);
  }
  bool on_string(Text rest, std::size_t /*size*/, Failure& /*failure*/) { return text(rest); }
  bool on_number_part(Text /*part*/, Failure& /*failure*/) { return true; }
  bool on_int64(std::int64_t number, Text /*digits*/, Failure& /*failure*/) {
    return add(JsonNode::Kind::Integer, std::bit_cast<std::uint64_t>(number));
  }
  bool on_uint64(std::uint64_t number, Text /*digits*/, Failure& /*failure*/) {
    return add(JsonNode::Kind::LargeInteger, number);
  }
  bool on_double(double nearly, Text digits, Failure& failure) {
    double exact = nearly;  // the library's own may be off by the last bit
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), exact);
    if (problem == std::errc::result_out_of_range && std::abs(nearly) < 1) {
      exact = nearly;  // too small to tell from 0
    } else if (problem != std::errc{} || !std::isfinite(exact)) {
      failure = boost::json::error::exponent_overflow;
      return false;
    }
    return add(JsonNode::Kind::Number, std::bit_cast<std::uint64_t>(exact));
  }
  bool on_bool(bool flag, Failure& /*failure*/) {
    return add(flag ? JsonNode::Kind::True : JsonNode::Kind::False, 0);
  }
  bool on_null(Failure& /*failure*/) { return add(JsonNode::Kind::Null, 0); }
  bool on_comment_part(Text /*part*/, Failure& /*failure*/) { return true; }
  bool on_comment(Text /*rest*/, Failure& /*failure*/) { return true; }

 private:
  bool add(JsonNode::Kind kind, std::uint64_t bits) {
    const auto next = static_cast<std::uint32_t>(tree_.nodes_.size() + 1);
    tree_.nodes_.push_back({kind, false, next, bits});
    return true;
  }

  bool open(JsonNode::Kind kind) {
    open_.push_back(tree_.nodes_.size());
    return add(kind, 0);
  }

  bool close(std::size_t size) {
    JsonTree::Node& node = tree_.nodes_[open_.back()];
    node.next = static_cast<std::uint32_t>(tree_.nodes_.size());
    node.bits = size;
    open_.pop_back();
    return true;
  }

  /// A text comes in parts where it has escapes.
  bool part_of(Text part) {
    if (!in_parts_) {
      in_parts_ = true;
      begin_ = tree_.decoded_.size();
    }
    tree_.decoded_.append(part.data(), part.size());
    return true;
  }

  bool text(Text rest) {
    const char* const first = tree_.text_.data();
    const bool stands_there = std::greater_equal<>()(rest.data(), first) &&
                              std::less<>()(rest.data(), first + tree_.text_.size());
    if (!in_parts_ && stands_there) {
      return add(JsonNode::Kind::Text,
                 place(static_cast<std::size_t>(rest.data() - first), rest.size()));
    }
    part_of(rest);
    in_parts_ = false;
    add(JsonNode::Kind::Text, place(begin_, tree_.decoded_.size() - begin_));
    tree_.nodes_.back().is_decoded = true;
    return true;
  }

  static std::uint64_t place(std::size_t begin, std::size_t size) {
    return (std::uint64_t{begin} << 32U) | size;
  }

  JsonTree tree_;
  std::vector<std::size_t> open_;  // lists and records that are not closed yet
  bool in_parts_ = false;
  std::size_t begin_ = 0;  // of the text at hand in tree_.decoded_
};

Result<JsonTree> JsonTree::parse(std::string_view text,
                                 std::size_t max_depth,
                                 std::string_view what) {
  if (text.size() >= std::numeric_limits<std::uint32_t>::max()) {
    return Error{fmt::format("{} is larger than 4 GiB", what), ""};
  }
  boost::json::parse_options options;
  options.max_depth = max_depth;
  boost::json::basic_parser<JsonTreeBuilder> parser(options, text);
  boost::json::error_code failure;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), failure);
  if (failure == boost::json::error::too_deep) {
    return Error{fmt::format("{} is nested more than {} levels deep", what, max_depth), ""};
  }
  if (failure == boost::json::error::exponent_overflow) {
    return Error{fmt::format("{} is no JSON that can be read: a number in it is too large", what),
                 ""};
  }
  if (failure || read != text.size()) {
    return Error{fmt::format("{} is no JSON: something is wrong at byte {}", what, read + 1), ""};
  }
  return parser.handler().take();
}

// ---- JsonNode --------------------------------------------------------------------------------

JsonNode::Kind JsonNode::kind() const {
  return tree_->nodes_[number_].kind;
}

std::string_view JsonNode::text() const {
  const JsonTree::Node& node = tree_->nodes_[number_];
  const std::string_view all = node.is_decoded ? std::string_view(tree_->decoded_) : tree_->text_;
  return all.substr(node.bits >> 32U, node.bits & 0xFFFFFFFFU);
}

std::int64_t JsonNode::integer() const {
  return std::bit_cast<std::int64_t>(tree_->nodes_[number_].bits);
}

double JsonNode::number() const {
  const std::uint64_t bits = tree_->nodes_[number_].bits;
  return kind() == Kind::Number         ? std::bit_cast<double>(bits)
         : kind() == Kind::LargeInteger ? static_cast<double>(bits)
                                        : static_cast<double>(integer());
}

std::size_t JsonNode::size() const {
  return tree_->nodes_[number_].bits;
}

std::string_view JsonNode::described() const {
  switch (kind()) {
    case Kind::Null:
      return "null";
    case Kind::False:
    case Kind::True:
      return "true or false";
    case Kind::Integer:
    case Kind::LargeInteger:
    case Kind::Number:
      return "a number";
    case Kind::Text:
      return "a string";
    case Kind::List:
      return "a list";
    case Kind::Record:
      return "a record";
  }
  return "";
}

JsonNode JsonNode::first() const {
  return {tree_, number_ + 1};
}

JsonNode JsonNode::end() const {
  return {tree_, tree_->nodes_[number_].next};
}

}  // namespace dsl
