#include "dsl/conventional_commit.h"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include "dsl/render.h"
#include "dsl/suggest.h"

namespace dsl {
namespace {

constexpr std::array<std::string_view, 11> kTypes = {
    "build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test"};

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

std::optional<Error> conventional_problem(std::string_view message) {
  const std::string_view line = first_line(message);
  if (line.starts_with("Merge ") || line.starts_with("Revert \"")) {
    return std::nullopt;
  }
  const Error problem{fmt::format("{} is no conventional commit", quoted(line)),
                      "write 'type: what it does' or 'type(scope): what it does', such as "
                      "'fix(api): refresh tokens in time'"};
  const std::size_t end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz");
  if (end == 0 || end == std::string_view::npos) {
    return problem;
  }
  const std::string_view type = line.substr(0, end);
  std::string_view rest = line.substr(end);
  if (rest.front() == '(') {
    const std::size_t close = rest.find(')');
    if (close == std::string_view::npos || close == 1 ||
        rest.substr(1, close - 1).find('(') != std::string_view::npos) {
      return problem;
    }
    rest.remove_prefix(close + 1);
  }
  if (rest.starts_with('!')) {
    rest.remove_prefix(1);
  }
  if (!rest.starts_with(": ") || rest.find_first_not_of(' ', 2) == std::string_view::npos) {
    return problem;
  }
  if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) {
    const std::string meant = did_you_mean(type, {kTypes.begin(), kTypes.end()});
    return Error{fmt::format("{} is no type of a conventional commit", quoted(type)),
                 meant.empty() ? fmt::format("one of {}", fmt::join(kTypes, ", ")) : meant};
  }
  return std::nullopt;
}

}  // namespace dsl
