#include "runner/run/masking.h"

#include <algorithm>
#include <array>
#include <deque>
#include <set>
#include <utility>

namespace runner {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kLeastCore = 4;  // base64 characters
/// Of what is longer a part may stand alone.
constexpr std::size_t kLongCore = 48;
constexpr std::size_t kPart = 8;
/// Shorter ones are not looked for across a line break: by chance they would be there.
constexpr std::size_t kLeastAcross = 8;
/// What is held back for the sake of one that may go on behind a line break. A line is not held
/// back because it ends with a letter that many a secret begins with.
constexpr std::size_t kLeastHeldAcross = 4;

/// The characters that only the value decides, where `before` bytes (0, 1, 2) of something else are
/// encoded with its first ones; and the last one, where the value is the end of what is encoded.
struct Core {
  std::string text;
  std::string last;
};
Core base64_core(std::string_view value, std::size_t before, std::string_view alphabet) {
  Core core;
  std::size_t bits = 0;
  unsigned held = 0;
  const std::size_t skip = before == 0 ? 0 : 6 - (before * 8) % 6;  // bits shared with those bytes
  std::size_t skipped = 0;
  for (const char byte : value) {
    for (int bit = 7; bit >= 0; --bit) {
      if (skipped < skip) {
        ++skipped;
        continue;
      }
      held = held << 1 | ((static_cast<unsigned char>(byte) >> bit) & 1U);
      if (++bits == 6) {
        core.text += alphabet[held];
        bits = 0;
        held = 0;
      }
    }
  }
  if (bits > 0) {
    core.last = alphabet[held << (6 - bits) & 63U];
  }
  return core;
}

template <class Keep>
std::string percent_encoded(std::string_view value, std::string_view digits, Keep keep) {
  std::string text;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || keep.find(c) != std::string_view::npos) {
      text += c;
    } else {
      text += '%';
      text += digits[byte >> 4U];
      text += digits[byte & 15U];
    }
  }
  return text;
}

std::string with_plus(std::string text) {
  for (std::size_t at = text.find("%20"); at != std::string::npos; at = text.find("%20", at)) {
    text.replace(at, 3, "+");
  }
  return text;
}

/// As JSON writers escape: `extra` are bytes that only some of them do.
std::string json_escaped(std::string_view value, std::string_view extra, bool slash) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    constexpr std::string_view kPlain = "\"\\\b\f\n\r\t";
    constexpr std::string_view kWritten = "\"\\bfnrt";
    if (const std::size_t at = kPlain.find(c); at != std::string_view::npos) {
      text += '\\';
      text += kWritten[at];
    } else if (byte < 0x20 || extra.find(c) != std::string_view::npos) {
      text += "\\u00";
      text += kDigits[byte >> 4U];
      text += kDigits[byte & 15U];
    } else if (c == '/' && slash) {
      text += "\\/";
    } else {
      text += c;
    }
  }
  return text;
}

char to_small(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char to_capital(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// The value, and how it is written by those who do not mean to hide it.
void add_forms(std::string_view value, std::set<std::string>& forms) {
  forms.emplace(value);
  // As a host's name is, whoever put it there.
  std::string small(value);
  std::string capital(value);
  for (std::size_t i = 0; i < value.size(); ++i) {
    small[i] = to_small(value[i]);
    capital[i] = to_capital(value[i]);
  }
  forms.insert({small, capital});
  for (const std::string_view alphabet : {kBase64, kBase64Url}) {
    for (std::size_t before = 0; before < 3; ++before) {
      const auto [core, last] = base64_core(value, before, alphabet);
      if (core.size() < kLeastCore) {
        continue;
      }
      forms.insert(core);
      forms.insert(core + last);
      for (std::size_t at = 0; core.size() > kLongCore && at + kPart <= core.size(); at += kPart) {
        forms.insert(core.substr(at, kPart));
      }
    }
  }
  for (const std::string_view digits : {"0123456789ABCDEF", "0123456789abcdef"}) {
    for (const std::string_view keep : {"-._~", "-._~/", "-._~!*'()", "-._*", ""}) {
      const std::string text = percent_encoded(value, digits, keep);
      forms.insert(with_plus(text));
      forms.insert(text);
    }
  }
  for (const std::string_view extra : {"", "<>&"}) {
    forms.insert(json_escaped(value, extra, false));
    forms.insert(json_escaped(value, extra, true));
  }
}

std::vector<std::string_view> lines_of(std::string_view value) {
  std::vector<std::string_view> lines;
  for (std::size_t begin = 0; begin <= value.size();) {
    const std::size_t end = std::min(value.find_first_of("\r\n", begin), value.size());
    if (end - begin >= kLeastMasked) {
      lines.push_back(value.substr(begin, end - begin));
    }
    begin = end + 1;
  }
  return lines;
}

std::set<std::string> all_forms(const std::vector<std::string>& values) {
  std::set<std::string> forms;
  for (const std::string& value : values) {
    if (value.size() >= kLeastMasked) {
      add_forms(value, forms);
    }
    const std::vector<std::string_view> lines = lines_of(value);
    for (const std::string_view line : lines) {
      if (line.size() != value.size()) {
        add_forms(line, forms);
      }
    }
  }
  return forms;
}

}  // namespace

// ---- the automaton ---------------------------------------------------------------------------

MaskPatterns::MaskPatterns(const std::vector<std::string>& values) : class_of_(256, 0) {
  const std::set<std::string> forms = all_forms(values);
  for (const std::string& form : forms) {
    for (const char c : form) {
      std::uint8_t& known = class_of_[static_cast<unsigned char>(c)];
      if (known == 0 && classes_ < 256) {
        known = static_cast<std::uint8_t>(classes_++);
      }
    }
  }
  static constexpr auto kNone = static_cast<State>(-1);
  const auto add_state = [this](std::uint32_t depth) {
    next_.resize(next_.size() + classes_, kNone);
    depth_.push_back(depth);
    found_.push_back(0);
    return static_cast<State>(depth_.size() - 1);
  };
  add_state(0);
  for (const std::string& form : forms) {
    State state = 0;
    for (const char c : form) {
      const std::size_t edge = state * classes_ + class_of_[static_cast<unsigned char>(c)];
      if (next_[edge] == kNone) {
        const State made = add_state(depth_[state] + 1);
        next_[edge] = made;  // after add_state: the table may have moved
      }
      state = next_[edge];
    }
    found_[state] = depth_[state];
  }
  // Breadth first: where nothing goes on, what the longest shorter ending would do.
  std::vector<State> ending(depth_.size(), 0);
  std::deque<State> due;
  for (std::size_t c = 0; c < classes_; ++c) {
    State& to = next_[c];
    if (to == kNone) {
      to = 0;
    } else {
      due.push_back(to);
    }
  }
  while (!due.empty()) {
    const State state = due.front();
    due.pop_front();
    found_[state] = std::max(found_[state], found_[ending[state]]);
    for (std::size_t c = 0; c < classes_; ++c) {
      State& to = next_[state * classes_ + c];
      const State shorter = next_[ending[state] * classes_ + c];
      if (to == kNone) {
        to = shorter;
      } else {
        ending[to] = shorter;
        due.push_back(to);
      }
    }
  }
}

// ---- texts and streams -----------------------------------------------------------------------

void Masking::add(const std::string& value) {
  const bool known = std::find(values_.begin(), values_.end(), value) != values_.end();
  if (value.size() >= kLeastMasked && !known) {
    values_.push_back(value);
    patterns_ = std::make_shared<const MaskPatterns>(values_);
  }
}

bool Masking::is_in(std::string_view text) const {
  MaskPatterns::State state = 0;
  return patterns_ != nullptr && std::any_of(text.begin(), text.end(), [&](char byte) {
           state = patterns_->next(state, byte);
           return patterns_->found(state) > 0;
         });
}

std::string Masking::masked(std::string_view text) const {
  std::string out;
  MaskStream stream(*this);
  stream.add(text, out);
  stream.finish(out);
  return out;
}

void MaskStream::add(std::string_view bytes, std::string& out) {
  std::string again;
  if (patterns_ != masking_.patterns()) {  // what was held back is looked at again
    patterns_ = masking_.patterns();
    again = std::exchange(held_, {});
    again += bytes;
    bytes = again;
    places_.clear();
    breaks_.clear();
    state_ = across_ = 0;
  }
  if (patterns_ == nullptr) {
    out += bytes;
    return;
  }
  std::uint64_t end = held_from_ + held_.size();
  held_ += bytes;
  for (const char byte : bytes) {
    const MaskPatterns::State before = state_;
    state_ = patterns_->next(state_, byte);
    ++end;
    if (const std::size_t size = patterns_->found(state_); size > 0) {
      mark(end - size, end);
    }
    look_across(byte, end, before);
  }
  std::uint64_t until = end - patterns_->depth(state_);
  if (const std::size_t depth = patterns_->depth(across_);
      !breaks_.empty() && depth >= kLeastHeldAcross) {
    until = std::min(until, std::max(begin_across(end, depth), held_from_));
  }
  release(until, out);
}

/// Follows what was under way at a line break as if it went on behind it, until nothing of it does.
/// `before`: the state before `byte`, whose end is at `end`.
void MaskStream::look_across(char byte, std::uint64_t end, MaskPatterns::State before) {
  if (byte == '\n' || byte == '\r') {
    across_ = breaks_.empty() ? before : across_;
    if (patterns_->depth(across_) > 0) {
      breaks_.push_back(end - 1);
    }
    return;
  }
  if (breaks_.empty()) {
    return;
  }
  across_ = patterns_->next(across_, byte);
  if (const std::size_t size = patterns_->found(across_); size >= kLeastAcross) {
    mark(begin_across(end, size), end);
  }
  if (patterns_->depth(across_) <= end - 1 - breaks_.back()) {
    breaks_.clear();  // it is what `state_` follows
  }
}

/// Where the last `size` bytes before `end` begin, line breaks not counted.
std::uint64_t MaskStream::begin_across(std::uint64_t end, std::size_t size) const {
  for (auto at = breaks_.rbegin(); at != breaks_.rend() && end - *at <= size; ++at) {
    size -= end - *at - 1;
    end = *at;
  }
  return end - size;
}

/// What overlaps is one place.
void MaskStream::mark(std::uint64_t begin, std::uint64_t end) {
  while (!places_.empty() && places_.back().first + places_.back().second > begin) {
    begin = std::min(begin, places_.back().first);
    places_.pop_back();
  }
  if (begin < masked_to_) {
    masked_to_ = end;  // goes on from a place whose mask is out
  } else {
    begin = std::max(begin, held_from_);
    places_.emplace_back(begin, end - begin);
  }
}

/// Everything before `until` goes out, but for the masked places. Nothing that is found later
/// begins before it.
void MaskStream::release(std::uint64_t until, std::string& out) {
  std::uint64_t at = std::max(masked_to_, held_from_);
  const auto copy_to = [&](std::uint64_t to) {
    if (to > at) {
      out.append(held_, at - held_from_, to - at);
    }
  };
  std::size_t over = 0;
  for (; over < places_.size() && places_[over].first < until; ++over) {
    const auto& [begin, size] = places_[over];
    copy_to(begin);
    out += kMask;
    at = masked_to_ = begin + size;
  }
  places_.erase(places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(over));
  copy_to(until);
  held_.erase(0, until - held_from_);
  held_from_ = until;
}

void MaskStream::finish(std::string& out) {
  release(held_from_ + held_.size(), out);
  breaks_.clear();
  state_ = across_ = 0;
}

}  // namespace runner
