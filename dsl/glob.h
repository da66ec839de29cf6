#pragma once

// Path patterns: `*` and `?` stay within a name, `**` spans folders, [a-z] and [!a-z] are sets, a
// backslash takes the next byte literally. Matching takes time proportional to pattern times path,
// whatever the pattern. Bytes, not code points. Pure; any thread.

#include <bitset>
#include <string>
#include <string_view>
#include <vector>

namespace dsl {

class Glob {
 public:
  /// Every text is a pattern; an unclosed '[' is taken literally. '/' separates names; `**` that is
  /// not a whole name is `*`.
  explicit Glob(std::string_view pattern);

  /// False: a '[' is not closed or the last byte is a backslash; git lets such patterns match
  /// nothing.
  [[nodiscard]] bool is_well_formed() const { return is_well_formed_; }

  /// The whole path (names with '/' between, none at the ends).
  [[nodiscard]] bool matches(std::string_view path) const;

  /// Whether some path beneath the folder could match: the folder has to be looked into.
  [[nodiscard]] bool may_match_beneath(std::string_view folder) const;

 private:
  struct Token {
    enum class Kind { Byte, AnyByte, AnyBytes, AnyFolders, Anything, Set };
    Kind kind = Kind::Byte;
    char byte = 0;
    std::size_t set = 0;  // place in sets_
  };
  using States = std::vector<char>;  // states[i]: tokens before i have matched

  void add_set(std::string_view pattern, std::size_t& at);
  void add_token(Token::Kind kind, char byte = 0) { tokens_.push_back({kind, byte, 0}); }
  void enter(States& states, std::size_t state, bool at_name_start) const;
  [[nodiscard]] States after(std::string_view text) const;
  [[nodiscard]] bool takes(const Token& token, char byte) const;

  std::vector<Token> tokens_;
  std::vector<std::bitset<256>> sets_;
  std::string literal_;  // the pattern itself, where it has nothing special
  bool is_literal_ = false;
  bool is_well_formed_ = true;
};

/// Several patterns; one that matches a folder matches everything beneath it too. A leading "./" or
/// '/' and a trailing '/' mean nothing.
class GlobSet {
 public:
  GlobSet() = default;
  explicit GlobSet(const std::vector<std::string>& patterns);

  [[nodiscard]] bool empty() const { return globs_.empty(); }
  [[nodiscard]] bool matches(std::string_view path) const;
  [[nodiscard]] bool may_match_beneath(std::string_view folder) const;

 private:
  std::vector<Glob> globs_;
};

}  // namespace dsl
