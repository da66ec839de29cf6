#include "dsl/glob.h"

#include <algorithm>
#include <array>
#include <utility>

namespace dsl {
namespace {

std::size_t index_of(char byte) {
  return static_cast<unsigned char>(byte);
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kClasses{{
    {"alnum", "0-9A-Za-z"},
    {"alpha", "A-Za-z"},
    {"blank", " \t"},
    {"cntrl", "\x01-\x1f\x7f"},
    {"digit", "0-9"},
    {"graph", "!-~"},
    {"lower", "a-z"},
    {"print", " -~"},
    {"punct", "!-/:-@[-`{-~"},
    {"space", " \t\n\v\f\r"},
    {"upper", "A-Z"},
    {"xdigit", "0-9A-Fa-f"},
}};

void add_range(std::bitset<256>& set, char from, char to) {
  for (std::size_t i = index_of(from); i <= index_of(to); ++i) {
    set.set(i);
  }
}

/// Adds the POSIX class that begins at `at` ("[:digit:]") and moves past it; false: there is none.
bool add_class(std::bitset<256>& set, std::string_view pattern, std::size_t& at) {
  if (pattern.substr(at, 2) != "[:") {
    return false;
  }
  const std::size_t end = pattern.find(":]", at + 2);
  if (end == std::string_view::npos) {
    return false;
  }
  const std::string_view name = pattern.substr(at + 2, end - at - 2);
  for (const auto& [known, ranges] : kClasses) {
    if (known != name) {
      continue;
    }
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      if (i + 2 < ranges.size() && ranges[i + 1] == '-') {
        add_range(set, ranges[i], ranges[i + 2]);
        i += 2;
      } else {
        set.set(index_of(ranges[i]));
      }
    }
    at = end + 2;
    return true;
  }
  return false;
}

}  // namespace

Glob::Glob(std::string_view pattern) {
  is_literal_ = pattern.find_first_of("*?[\\") == std::string_view::npos;
  if (is_literal_) {
    literal_ = pattern;
  }
  std::size_t at = 0;
  while (at < pattern.size()) {
    const char c = pattern[at];
    const bool name_start = at == 0 || pattern[at - 1] == '/';
    if (c == '*') {
      std::size_t end = at;
      while (end < pattern.size() && pattern[end] == '*') {
        ++end;
      }
      const bool whole_name = name_start && (end == pattern.size() || pattern[end] == '/');
      if (end - at >= 2 && whole_name && end < pattern.size()) {
        add_token(Token::Kind::AnyFolders);
        ++end;  // its '/' belongs to the token
      } else if (end - at >= 2 && whole_name) {
        add_token(Token::Kind::AnyByte);  // "a/**" is what is beneath a, not a itself
        add_token(Token::Kind::Anything);
      } else {
        add_token(Token::Kind::AnyBytes);
      }
      at = end;
    } else if (c == '?') {
      add_token(Token::Kind::AnyByte);
      ++at;
    } else if (c == '[') {
      add_set(pattern, at);
    } else if (c == '\\' && at + 1 < pattern.size()) {
      add_token(Token::Kind::Byte, pattern[at + 1]);
      at += 2;
    } else {
      is_well_formed_ = is_well_formed_ && c != '\\';
      add_token(Token::Kind::Byte, c);
      ++at;
    }
  }
}

void Glob::add_set(std::string_view pattern, std::size_t& at) {
  std::bitset<256> set;
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  i += negated ? 1 : 0;
  bool first = true;
  bool closed = false;
  while (i < pattern.size() && !closed) {
    if (pattern[i] == ']' && !first) {
      closed = true;
      ++i;
      continue;
    }
    first = false;
    if (add_class(set, pattern, i)) {
      continue;
    }
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      ++i;
    }
    const char from = pattern[i++];
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      i += pattern[i + 1] == '\\' && i + 2 < pattern.size() ? 2U : 1U;
      add_range(set, from, pattern[i++]);
    } else {
      set.set(index_of(from));
    }
  }
  if (!closed) {
    is_well_formed_ = false;
    add_token(Token::Kind::Byte, '[');
    ++at;
    return;
  }
  if (negated) {
    set.flip();
  }
  set.reset(index_of('/'));
  tokens_.push_back({Token::Kind::Set, 0, sets_.size()});
  sets_.push_back(set);
  at = i;
}

bool Glob::takes(const Token& token, char byte) const {
  switch (token.kind) {
    case Token::Kind::Byte:
      return token.byte == byte;
    case Token::Kind::AnyByte:
    case Token::Kind::AnyBytes:
      return byte != '/';
    case Token::Kind::AnyFolders:
    case Token::Kind::Anything:
      return true;
    case Token::Kind::Set:
      return sets_[token.set].test(index_of(byte));
  }
  return false;
}

// Marks `state` and every state that is reached from it without a byte.
void Glob::enter(States& states, std::size_t state, bool at_name_start) const {
  while (true) {
    states[state] = 1;
    if (state == tokens_.size()) {
      return;
    }
    const Token::Kind kind = tokens_[state].kind;
    const bool may_be_empty = kind == Token::Kind::AnyBytes || kind == Token::Kind::Anything ||
                              (kind == Token::Kind::AnyFolders && at_name_start);
    if (!may_be_empty) {
      return;
    }
    ++state;
  }
}

Glob::States Glob::after(std::string_view text) const {
  States now(tokens_.size() + 1, 0);
  enter(now, 0, true);
  States next(tokens_.size() + 1, 0);
  for (const char byte : text) {
    std::fill(next.begin(), next.end(), 0);
    bool alive = false;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (now[i] == 0 || !takes(tokens_[i], byte)) {
        continue;
      }
      alive = true;
      const Token::Kind kind = tokens_[i].kind;
      const bool repeats = kind == Token::Kind::AnyBytes || kind == Token::Kind::AnyFolders ||
                           kind == Token::Kind::Anything;
      enter(next, repeats ? i : i + 1, byte == '/');
    }
    now.swap(next);
    if (!alive) {
      break;
    }
  }
  return now;
}

bool Glob::matches(std::string_view path) const {
  if (is_literal_) {
    return path == literal_;
  }
  return after(path).back() != 0;
}

bool Glob::may_match_beneath(std::string_view folder) const {
  if (folder.empty()) {
    return true;
  }
  const States states = after(std::string(folder) + "/");
  return std::find(states.begin(), states.end() - 1, 1) != states.end() - 1 || states.back() != 0;
}

GlobSet::GlobSet(const std::vector<std::string>& patterns) {
  for (std::string_view pattern : patterns) {
    while (pattern.starts_with("./") || pattern.starts_with('/')) {
      pattern.remove_prefix(pattern.starts_with('/') ? 1 : 2);
    }
    while (pattern.ends_with('/')) {
      pattern.remove_suffix(1);
    }
    if (pattern == "." || pattern.empty()) {
      pattern = "**";
    }
    globs_.emplace_back(pattern);
  }
}

bool GlobSet::matches(std::string_view path) const {
  return std::any_of(globs_.begin(), globs_.end(), [&](const Glob& glob) {
    for (std::size_t end = path.find('/'); end != std::string_view::npos;
         end = path.find('/', end + 1)) {
      if (glob.matches(path.substr(0, end))) {
        return true;
      }
    }
    return glob.matches(path);
  });
}

bool GlobSet::may_match_beneath(std::string_view folder) const {
  return std::any_of(globs_.begin(),
                     globs_.end(),
                     [&](const Glob& glob) { return glob.may_match_beneath(folder); }) ||
         (!folder.empty() && matches(folder));
}

}  // namespace dsl
