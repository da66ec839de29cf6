#pragma once

// Takes the values that the gateway put into a request out of its answer: some servers, and proxies
// that are asked to say more, answer with what they were sent. Each becomes as many asterisks, so
// that no length in the answer changes. As it was sent only: what a server makes of a value, it
// could hide anyway. Pure.

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

namespace runner {

class EchoMask {
 public:
  /// Shorter values are left: they may be words, and an answer is for reading. Keys are longer.
  static constexpr std::size_t kLeast = 16;  // bytes

  /// `values` outlives this, and may grow.
  explicit EchoMask(const std::set<std::string>& values) : values_(values) {}

  /// Adds to `out` what is sure by now: all but what may be the beginning of a value.
  void add(std::string_view bytes, std::string& out);
  /// The answer has ended: adds what was held back.
  void finish(std::string& out);

 private:
  const std::set<std::string>& values_;
  std::string held_;
};

}  // namespace runner
