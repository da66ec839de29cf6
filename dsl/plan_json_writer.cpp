// Plan -> JSON.

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "dsl/plan_fields.h"
#include "dsl/plan_json.h"
#include "dsl/plan_words.h"

namespace dsl {
namespace {

using plan_fields::describe;

/// Appends JSON to one string. Each `put` writes one value, operator() one field of a record.
class Writer {
 public:
  explicit Writer(JsonLayout layout) : indented_(layout == JsonLayout::Indented) {}

  template <class T>
  void operator()(std::string_view name, const T& member) {
    next();
    out_ += '"';
    out_ += name;
    out_ += indented_ ? "\": " : "\":";
    put(member);
  }

  template <class T>
  void put(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      put(word_of(value));
    } else {
      open('{');
      describe(*this, value);
      close('}');
    }
  }

  void put(bool flag) { out_ += flag ? "true" : "false"; }
  void put(int number) { fmt::format_to(std::back_inserter(out_), "{}", number); }
  void put(std::int64_t number) { fmt::format_to(std::back_inserter(out_), "{}", number); }
  void put(std::size_t number) { fmt::format_to(std::back_inserter(out_), "{}", number); }
  void put(Duration duration) { put(duration.ms); }
  void put(Bytes bytes) { put(bytes.count); }
  void put(Money money) { put(money.micros); }
  void put(Cpus cpus) { put(cpus.millis); }
  void put(Tokens tokens) { put(tokens.count); }
  void put(const NodeId& id) { put(std::string_view(id.value)); }
  void put(const std::string& text) { put(std::string_view(text)); }
  void put(const Value& value) { out_ += to_json(value); }
  void put(const Template& text) { put(text.pieces); }

  void put(std::string_view text) {
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
      return c >= ' ' && c < '\x7f' && c != '"' && c != '\\';
    });
    if (plain) {
      out_ += '"';
      out_ += text;
      out_ += '"';
    } else {
      out_ += to_json(Value(std::string(text)));
    }
  }

  template <class T>
  void put(const std::optional<T>& value) {
    put_if_there(value);
  }
  template <class T>
  void put(const Boxed<T>& value) {
    put_if_there(value);
  }

  template <class T>
  void put(const std::vector<T>& list) {
    put_list(list, [this](const T& item) { put(item); });
  }

  void put(const Value::Record& record) { put_named(record); }
  void put(const std::vector<std::pair<std::string, std::string>>& named) { put_named(named); }

  void put(const std::map<std::string, std::int64_t>& pools) {
    put_list(pools, [this](const auto& pool) {
      open('{');
      (*this)("name", pool.first);
      (*this)("limit", pool.second);
      close('}');
    });
  }

  template <class... Kinds>
  void put(const std::variant<Kinds...>& check) {
    open('{');
    (*this)("kind", plan_fields::kCheckKinds.at(check.index()));
    std::visit([this](const auto& kind) { describe(*this, kind); }, check);
    close('}');
  }

  std::string take() { return std::move(out_); }

 private:
  template <class Optional>
  void put_if_there(const Optional& value) {
    if (value) {
      put(*value);
    } else {
      out_ += "null";
    }
  }

  template <class List, class Put>
  void put_list(const List& list, const Put& put_item) {
    open('[');
    for (const auto& item : list) {
      next();
      put_item(item);
    }
    close(']');
  }

  template <class List>
  void put_named(const List& list) {
    put_list(list, [this](const auto& entry) {
      open('{');
      (*this)("name", entry.first);
      (*this)("value", entry.second);
      close('}');
    });
  }

  void open(char bracket) {
    out_ += bracket;
    ++depth_;
    empty_ = true;
  }

  /// Before each field or item.
  void next() {
    if (!empty_) {
      out_ += ',';
    }
    empty_ = false;
    new_line();
  }

  void close(char bracket) {
    --depth_;
    if (!empty_) {
      new_line();
    }
    empty_ = false;
    out_ += bracket;
  }

  void new_line() {
    if (indented_) {
      out_ += '\n';
      out_.append(2 * depth_, ' ');
    }
  }

  std::string out_;
  const bool indented_;
  std::size_t depth_ = 0;
  bool empty_ = true;  // nothing is in the innermost bracket yet
};

}  // namespace

std::string plan_to_json(const Plan& plan, JsonLayout layout) {
  Writer writer(layout);
  writer.put(plan);
  return writer.take();
}

std::string node_to_json(const PlanNode& node) {
  Writer writer(JsonLayout::Compact);
  writer.put(node);
  return writer.take();
}

}  // namespace dsl
