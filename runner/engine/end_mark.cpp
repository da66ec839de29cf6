#include "runner/engine/end_mark.h"

#include <algorithm>
#include <random>
#include <utility>

namespace runner {

std::string make_end_mark() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr int kLength = 32;  // 128 bits
  std::random_device random;
  std::uniform_int_distribution<std::size_t> any(0, kDigits.size() - 1);
  std::string mark;
  for (int i = 0; i < kLength; ++i) {
    mark += kDigits[any(random)];
  }
  return mark;
}

void EndMark::add(std::string_view bytes, const std::function<void(std::string_view)>& pass) {
  // Where the end of all that came so far begins a mark, as early as it can be.
  const std::size_t all = held_.size() + bytes.size();
  const auto is_at = [&](std::size_t at) {
    for (std::size_t i = at; i < all; ++i) {
      if (i - at >= mark_.size() ||
          (i < held_.size() ? held_[i] : bytes[i - held_.size()]) != mark_[i - at]) {
        return false;
      }
    }
    return true;
  };
  std::size_t begins = all - std::min(all, mark_.size());
  while (begins < all && !is_at(begins)) {
    ++begins;
  }
  const std::size_t of_held = std::min(begins, held_.size());
  if (of_held > 0) {
    pass(std::string_view(held_).substr(0, of_held));
  }
  if (begins > held_.size()) {
    pass(bytes.substr(0, begins - held_.size()));
  }
  held_ = mark_.substr(0, all - begins);
}

void EndMark::finish(const std::function<void(std::string_view)>& pass) {
  if (!held_.empty() && !found()) {
    pass(held_);
    held_.clear();
  }
}

}  // namespace runner
