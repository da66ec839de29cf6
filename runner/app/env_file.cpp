#include "runner/app/env_file.h"

#include <algorithm>

#include <fmt/format.h>

namespace runner {
namespace {

using dsl::Error;
using dsl::Result;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

bool is_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && (name.front() < '0' || name.front() > '9') &&
         std::all_of(name.begin(), name.end(), fits);
}

class EnvFileReader {
 public:
  explicit EnvFileReader(std::string_view text) : rest_(text) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (rest_.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
      rest_.remove_prefix(kByteOrderMark.size());
    }
  }

  Result<std::vector<std::pair<std::string, std::string>>> read() {
    std::vector<std::pair<std::string, std::string>> all;
    while (!rest_.empty()) {
      ++line_;
      const std::size_t end = std::min(rest_.find('\n'), rest_.size());
      std::string_view line = trim(rest_.substr(0, end));
      if (line.empty() || line.front() == '#') {
        skip(end);
        continue;
      }
      constexpr std::string_view kExport = "export ";
      if (line.substr(0, kExport.size()) == kExport) {
        line = trim(line.substr(kExport.size()));
      }
      const std::size_t equals = line.find('=');
      const std::string_view name = trim(line.substr(0, equals));
      if (equals == std::string_view::npos || !is_name(name)) {
        return wrong("expected NAME=value");
      }
      std::string_view value = line.substr(equals + 1);
      while (!value.empty() && is_blank(value.front())) {
        value.remove_prefix(1);
      }
      const bool quoted = !value.empty() && (value.front() == '"' || value.front() == '\'');
      if (!quoted) {
        all.emplace_back(name, plain(value));
        skip(end);
        continue;
      }
      rest_.remove_prefix(static_cast<std::size_t>(value.data() - rest_.data()));
      Result<std::string> inner = in_quotes();
      if (!inner) {
        return inner.error();
      }
      all.emplace_back(name, *std::move(inner));
    }
    return all;
  }

 private:
  Error wrong(const std::string& what) const {
    return {fmt::format("line {}: {}", line_, what),
            "write NAME=value, and quotes round a value "
            "with blanks or several lines"};
  }

  void skip(std::size_t end) { rest_.remove_prefix(std::min(end + 1, rest_.size())); }

  /// Up to a comment, which has a blank before it.
  static std::string plain(std::string_view value) {
    for (std::size_t at = value.find('#'); at != std::string_view::npos;
         at = value.find('#', at + 1)) {
      if (at == 0 || is_blank(value[at - 1])) {
        return std::string(trim(value.substr(0, at)));
      }
    }
    return std::string(trim(value));
  }

  Result<std::string> in_quotes() {
    const std::size_t first_line = line_;
    const char quote = rest_.front();
    rest_.remove_prefix(1);
    std::string value;
    for (; !rest_.empty() && rest_.front() != quote; rest_.remove_prefix(1)) {
      char c = rest_.front();
      line_ += c == '\n' ? 1 : 0;
      if (c == '\\' && quote == '"' && rest_.size() > 1) {
        rest_.remove_prefix(1);
        c = rest_.front();
        line_ += c == '\n' ? 1 : 0;
        value += c == 'n' ? "\n" : c == 't' ? "\t" : c == 'r' ? "\r" : std::string(1, c);
        continue;
      }
      value += c;
    }
    if (rest_.empty()) {
      line_ = first_line;
      return wrong("the quote has no end");
    }
    rest_.remove_prefix(1);
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view behind = trim(rest_.substr(0, end));
    if (!behind.empty() && behind.front() != '#') {
      return wrong("something stands behind the closing quote");
    }
    skip(end);
    return value;
  }

  std::string_view rest_;
  std::size_t line_ = 0;
};

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> parse_env_file(std::string_view text) {
  return EnvFileReader(text).read();
}

}  // namespace runner
