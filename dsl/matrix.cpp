#include "dsl/matrix.h"

#include <algorithm>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/fields.h"
#include "dsl/render.h"
#include "dsl/suggest.h"

namespace dsl {
namespace {

struct Axis {
  std::string name;
  Value::List values;
};

bool is_plain(const Value& value) {
  return std::holds_alternative<bool>(value.held) || std::holds_alternative<double>(value.held) ||
         std::holds_alternative<std::string>(value.held);
}

class Expansion {
 public:
  Expansion(const MatrixSpec& matrix,
            const std::function<std::optional<Value::List>(const Text&)>& list_of,
            Findings& findings)
      : matrix_(matrix), list_of_(list_of), findings_(findings) {}

  std::vector<Value::Record> expand() {
    if (!read_axes()) {
      return {};
    }
    if (!combine()) {
      return {};
    }
    exclude();
    include();
    if (failed_) {
      return {};
    }
    if (instances_.empty()) {
      findings_.error(kMatrixEmpty,
                      matrix_.span,
                      "the matrix has no instance",
                      "give an axis a value, or exclude less");
    }
    if (instances_.size() > kMaxMatrix) {
      return too_large(instances_.size());
    }
    return std::move(instances_);
  }

 private:
  bool read_axes() {
    for (const MatrixAxis& axis : matrix_.axes) {
      Axis read{std::string(axis.name.value), {}};
      const bool was_sound = !failed_;
      if (axis.values.kind() == YamlValue::Kind::List) {
        axis.values.each_item([&](YamlValue item) { add_value(axis, item, read.values); });
      } else if (const auto list = list_of_({axis.values.text(), axis.values.span()})) {
        read.values = *list;
      } else {
        failed_ = true;
      }
      const bool is_reported = failed_ && was_sound;
      if (read.values.empty() && !is_reported) {
        findings_.error(kMatrixEmpty,
                        axis.name.span,
                        fmt::format("the axis {} has no value", quoted(read.name)),
                        "give it one, or remove it");
        failed_ = true;
      }
      axes_.push_back(std::move(read));
    }
    return !failed_;
  }

  void add_value(const MatrixAxis& axis, YamlValue item, Value::List& values) {
    Value value = item.to_value();
    if (const YamlValue hole = find_expression(item); hole.exists()) {
      findings_.error(kNoExpression,
                      hole.span(),
                      "an expression cannot stand in a list of values",
                      "write the axis itself as one expression that gives a list");
      failed_ = true;
    } else if (!is_plain(value)) {
      findings_.error(
          kMatrixValue,
          item.span(),
          fmt::format("a value of the axis {} is {}", quoted(axis.name.value), item.described()),
          "write texts, numbers or booleans; groups of values are for 'include:'");
      failed_ = true;
    } else if (std::find(values.begin(), values.end(), value) != values.end()) {
      findings_.error(kRepeatedItem,
                      item.span(),
                      fmt::format("the axis {} has this value twice", quoted(axis.name.value)),
                      "remove one of the two");
      failed_ = true;
    } else {
      values.push_back(std::move(value));
    }
  }

  std::vector<Value::Record> too_large(std::size_t count) {
    findings_.error(
        kMatrixTooLarge,
        matrix_.span,
        fmt::format("the matrix has {} instances, at most {} are allowed", count, kMaxMatrix),
        "drop values, or split the task");
    return {};
  }

  bool combine() {
    std::size_t count = axes_.empty() ? 0 : 1;
    for (const Axis& axis : axes_) {
      count *= axis.values.size();
      if (count > 100'000) {  // `exclude` may bring it down, but not from anywhere
        too_large(count);
        return false;
      }
    }
    for (std::size_t number = 0; number < count; ++number) {
      Value::Record instance(axes_.size());
      std::size_t rest = number;
      for (std::size_t i = axes_.size(); i-- > 0;) {
        const Axis& axis = axes_[i];
        instance[i] = {axis.name, axis.values[rest % axis.values.size()]};
        rest /= axis.values.size();
      }
      instances_.push_back(std::move(instance));
    }
    return true;
  }

  [[nodiscard]] bool is_axis(std::string_view name) const {
    return std::any_of(
        axes_.begin(), axes_.end(), [&](const Axis& axis) { return axis.name == name; });
  }

  void exclude() {
    for (const YamlValue& row : matrix_.exclude) {
      const Value unwanted = row.to_value();
      bool is_sound = true;
      row.each_entry([&](YamlValue key, YamlValue /*value*/) {
        if (!is_axis(key.text())) {
          is_sound = false;
          std::vector<std::string_view> names;
          for (const Axis& axis : axes_) {
            names.emplace_back(axis.name);
          }
          std::string remedy = did_you_mean(key.text(), names);
          findings_.error(kMatrixKey,
                          key.span(),
                          fmt::format("the matrix has no axis {}", quoted(key.text())),
                          remedy.empty() ? fmt::format("its axes are {}", fmt::join(names, ", "))
                                         : std::move(remedy));
        }
      });
      const auto fits = [&](const Value::Record& instance) {
        return agrees(instance, std::get<Value::Record>(unwanted.held));
      };
      if (!is_sound) {
        failed_ = true;
      } else if (std::erase_if(instances_, fits) == 0) {
        findings_.error(kMatrixKey,
                        row.span(),
                        "this row of 'exclude' fits no instance",
                        "correct its values, or remove it");
        failed_ = true;
      }
    }
  }

  /// Every value that the row names is the instance's own.
  static bool agrees(const Value::Record& instance, const Value::Record& row) {
    return std::all_of(row.begin(), row.end(), [&](const auto& entry) {
      return std::find(instance.begin(), instance.end(), entry) != instance.end();
    });
  }

  void include() {
    const std::size_t combinations = instances_.size();
    for (const YamlValue& row : matrix_.include) {
      const Value value = row.to_value();
      const auto& wanted = std::get<Value::Record>(value.held);
      row.each_entry([&](YamlValue key, YamlValue given) {
        if (find_expression(given).exists()) {
          refuse_expression({given.text(), given.span()}, "'include'", findings_);
          failed_ = true;
        } else if (!is_plain(given.to_value())) {
          findings_.error(kMatrixValue,
                          given.span(),
                          fmt::format("{} is {}", quoted(key.text()), given.described()),
                          "write a text, a number or a boolean");
          failed_ = true;
        }
      });
      Value::Record on_axes;
      Value::Record further;
      for (const auto& entry : wanted) {
        (is_axis(entry.first) ? on_axes : further).push_back(entry);
      }
      bool added = false;
      for (std::size_t i = 0; i < combinations && !further.empty(); ++i) {
        if (agrees(instances_[i], on_axes)) {
          add_values(instances_[i], further);
          added = true;
        }
      }
      if (!added && std::find(instances_.begin(), instances_.end(), wanted) == instances_.end()) {
        instances_.push_back(wanted);
      }
    }
  }

  static void add_values(Value::Record& instance, const Value::Record& further) {
    for (const auto& [name, value] : further) {
      const auto known =
          std::find_if(instance.begin(), instance.end(), [&name = name](const auto& entry) {
            return entry.first == name;
          });
      if (known == instance.end()) {
        instance.emplace_back(name, value);
      } else {
        known->second = value;
      }
    }
  }

  const MatrixSpec& matrix_;
  const std::function<std::optional<Value::List>(const Text&)>& list_of_;
  Findings& findings_;
  std::vector<Axis> axes_;
  std::vector<Value::Record> instances_;
  bool failed_ = false;
};

/// At most 40 bytes, no character cut in two.
std::string beginning(std::string text) {
  constexpr std::size_t kLongest = 40;
  if (text.size() > kLongest) {
    std::size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
      --end;
    }
    text.resize(end);
  }
  return text;
}

}  // namespace

std::vector<Value::Record> expand_matrix(
    const MatrixSpec& matrix,
    const std::function<std::optional<Value::List>(const Text& expression)>& list_of,
    Findings& findings) {
  return Expansion(matrix, list_of, findings).expand();
}

std::string instance_name(const Value::Record& instance) {
  std::string name;
  for (const auto& [axis, value] : instance) {
    std::string text = beginning(to_text(value));
    for (char& c : text) {
      const bool is_special = std::string_view("[],=").find(c) != std::string_view::npos;
      c = is_special || static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '_' : c;
    }
    name.append(name.empty() ? "" : ",").append(axis).append("=").append(text);
  }
  return name;
}

}  // namespace dsl
