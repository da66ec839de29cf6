#include "dsl/suggest.h"

#include <algorithm>
#include <cstdlib>

namespace dsl {
namespace {

std::string folded(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    } else if (c == '-') {
      c = '_';
    }
  }
  return text;
}

std::size_t limit_for(std::size_t length) {
  if (length <= 3) {
    return 1;
  }
  return length <= 6 ? 2 : 3 + (length - 7) / 4;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  const std::size_t longer = std::max(a.size(), b.size());
  if (longer - std::min(a.size(), b.size()) > limit) {
    return limit + 1;
  }
  // Three rows of the table: the one before last is for swapped neighbours.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    last[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    if (*std::min_element(row.begin(), row.end()) > limit) {
      return limit + 1;
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return std::min(last[b.size()], limit + 1);
}

std::optional<std::string> nearest_name(std::string_view name,
                                        const std::vector<std::string_view>& candidates) {
  if (name.size() > 200) {
    return std::nullopt;  // no name; the table would cost more than the hint is worth
  }
  const std::string wanted = folded(name);
  std::size_t best = limit_for(wanted.size()) + 1;
  std::optional<std::string> nearest;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > 200 || best == 0) {
      continue;
    }
    const std::size_t distance = edit_distance(wanted, folded(candidate), best - 1);
    // A word that shares no letter's place with the candidate is not a misspelling of it.
    if (distance < best && distance < std::max(wanted.size(), candidate.size())) {
      best = distance;
      nearest = std::string(candidate);
    }
  }
  return nearest;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string_view>& candidates) {
  const auto nearest = nearest_name(name, candidates);
  return nearest ? "did you mean '" + *nearest + "'?" : "";
}

}  // namespace dsl
