#include "runner/net/echo_mask.h"

#include <algorithm>
#include <utility>

namespace runner {
namespace {

/// Of the end of `bytes`, how much may be the beginning of `value`.
std::size_t begun(std::string_view bytes, std::string_view value) {
  for (std::size_t size = std::min(bytes.size(), value.size() - 1); size > 0; --size) {
    if (bytes.substr(bytes.size() - size) == value.substr(0, size)) {
      return size;
    }
  }
  return 0;
}

}  // namespace

void EchoMask::add(std::string_view bytes, std::string& out) {
  held_ += bytes;
  std::size_t kept = 0;
  for (const std::string& value : values_) {
    if (value.size() < kLeast) {
      continue;
    }
    for (std::size_t at = held_.find(value); at != std::string::npos;
         at = held_.find(value, at + value.size())) {
      held_.replace(at, value.size(), value.size(), '*');
    }
    kept = std::max(kept, begun(held_, value));
  }
  out.append(held_, 0, held_.size() - kept);
  held_.erase(0, held_.size() - kept);
}

void EchoMask::finish(std::string& out) {
  out += std::exchange(held_, {});
}

}  // namespace runner
