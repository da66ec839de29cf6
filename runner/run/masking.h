#pragma once

// Keeps the values of secrets out of what is written down: logs, events, reports, errors. A value
// is found as it is, and as it is written by those who do not mean to hide it: all in small or in
// capital letters, in base64 (at every alignment, both alphabets), percent-encoded, escaped for
// JSON, and each line of a value that has several; all of these also over lines that were wrapped.
// Each place becomes "***". Pure; loop thread.
//
// A second line only: whoever means to get a value out can write it in a way that nobody looks for.
// What no node holds cannot be written by one.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace runner {

inline constexpr std::string_view kMask = "***";

/// Shorter values (and lines of values) are not looked for: they are in every text.
inline constexpr std::size_t kLeastMasked = 4;  // bytes

/// What is looked for, as an automaton (Aho-Corasick). Never changes.
class MaskPatterns {
 public:
  explicit MaskPatterns(const std::vector<std::string>& values);

  using State = std::uint32_t;
  [[nodiscard]] State next(State state, char byte) const {
    return next_[state * classes_ + class_of_[static_cast<unsigned char>(byte)]];
  }
  /// So many of the last bytes may be the beginning of something that is looked for.
  [[nodiscard]] std::size_t depth(State state) const { return depth_[state]; }
  /// The longest of what is looked for that ends here, in bytes; 0 none.
  [[nodiscard]] std::size_t found(State state) const { return found_[state]; }

 private:
  std::vector<std::uint8_t> class_of_;  // by byte; 0: in nothing that is looked for
  std::size_t classes_ = 1;
  std::vector<State> next_;
  std::vector<std::uint32_t> depth_;
  std::vector<std::uint32_t> found_;
};

/// All that is to be kept out of a run's records. Grows when a command's value is made again.
class Masking {
 public:
  /// Nothing happens where it is known, or too short to be looked for.
  void add(const std::string& value);
  [[nodiscard]] bool empty() const { return values_.empty(); }
  /// The same object until something is added.
  [[nodiscard]] const std::shared_ptr<const MaskPatterns>& patterns() const { return patterns_; }

  [[nodiscard]] bool is_in(std::string_view text) const;
  /// The whole text with what is looked for masked.
  [[nodiscard]] std::string masked(std::string_view text) const;

 private:
  std::vector<std::string> values_;
  std::shared_ptr<const MaskPatterns> patterns_;
};

/// Masks a stream that comes in pieces of any size. Holds back at most what may be the beginning of
/// something that is looked for.
class MaskStream {
 public:
  /// `masking` outlives this.
  explicit MaskStream(const Masking& masking) : masking_(masking) {}

  /// Adds to `out` what is sure by now.
  void add(std::string_view bytes, std::string& out);
  /// Nothing more will come: adds what was held back.
  void finish(std::string& out);

 private:
  void look_across(char byte, std::uint64_t end, MaskPatterns::State before);
  [[nodiscard]] std::uint64_t begin_across(std::uint64_t end, std::size_t size) const;
  void mark(std::uint64_t begin, std::uint64_t end);
  void release(std::uint64_t until, std::string& out);

  const Masking& masking_;
  std::shared_ptr<const MaskPatterns> patterns_;
  MaskPatterns::State state_ = 0;
  MaskPatterns::State across_ = 0;     // as if there had been no line break
  std::vector<std::uint64_t> breaks_;  // their places, as long as `across_` goes over them
  std::string held_;                   // what may be part of something that is looked for
  std::uint64_t held_from_ = 0;        // its place in the stream
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places_;  // found in it: begin, size
  std::uint64_t masked_to_ = 0;                                  // the end of the last mask
};

}  // namespace runner
