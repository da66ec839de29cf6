#include "dsl/expression_wording.h"

#include <fmt/format.h>

#include "dsl/suggest.h"

namespace dsl {

std::string list_names(const std::vector<std::string_view>& names) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t k = 0; k < names.size() && k < kShown; ++k) {
    const bool last = k + 1 == names.size();
    text += fmt::format("{}'{}'", k == 0 ? "" : (last ? " and " : ", "), names[k]);
  }
  return names.size() > kShown ? text + ", …" : text;
}

std::string suggest_name(std::string_view name,
                         const std::vector<std::string_view>& candidates,
                         std::string_view none) {
  if (candidates.empty()) {
    return std::string(none);
  }
  std::string nearest = did_you_mean(name, candidates);
  return nearest.empty() ? "there is " + list_names(candidates) : nearest;
}

std::string_view with_article(ExpressionType type) {
  switch (type) {
    case ExpressionType::Null:
      return "null";
    case ExpressionType::Boolean:
      return "a boolean";
    case ExpressionType::Number:
      return "a number";
    case ExpressionType::String:
      return "a string";
    case ExpressionType::Json:
      return "a list or record";
  }
  return "";
}

}  // namespace dsl
