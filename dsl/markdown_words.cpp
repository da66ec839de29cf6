#include "dsl/markdown_words.h"

#include <algorithm>
#include <array>

#include "dsl/ip_address.h"

namespace dsl::markdown_words {

namespace {

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

constexpr std::array<std::string_view, 5> kPhaseWords = {
    "phase", "step", "stage", "milestone", "part"};

std::optional<std::int64_t> number_at(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && end < 6 && text[end] >= '0' && text[end] <= '9') {
    ++end;
  }
  return end == 0 ? std::nullopt : std::optional(std::stoll(std::string(text.substr(0, end))));
}

/// "localhost:8080" of "http://localhost:8080/x".
std::string_view authority_of(std::string_view url) {
  const std::string_view rest = url.substr(url.find("://") + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

std::string slug_of(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  std::string slug;
  for (const char c : lower_case(text)) {
    if (is_word_byte(c)) {
      slug += c;
    } else if (!slug.empty() && slug.back() != '-') {
      slug += '-';
    }
  }
  if (slug.size() > kLongest) {
    slug.resize(slug.rfind('-', kLongest) == std::string::npos || slug.rfind('-', kLongest) == 0
                    ? kLongest
                    : slug.rfind('-', kLongest));
  }
  while (slug.ends_with('-')) {
    slug.pop_back();
  }
  return slug;
}

std::optional<std::int64_t> phase_number(std::string_view heading) {
  const std::string lower = lower_case(heading);
  for (const std::string_view word : kPhaseWords) {
    if (lower.starts_with(std::string(word) + " ")) {
      return number_at(std::string_view(lower).substr(word.size() + 1));
    }
  }
  return std::nullopt;
}

bool is_about_criteria(std::string_view heading) {
  const std::string lower = lower_case(heading);
  for (const char* words : {"success criteria",
                            "acceptance criteria",
                            "exit criteria",
                            "definition of done",
                            "done when",
                            "checklist"}) {
    if (lower.find(words) != std::string::npos) {
      return true;
    }
  }
  return false;
}

bool is_about_prerequisites(std::string_view heading) {
  const std::string lower = lower_case(heading);
  return lower.starts_with("prerequisite") || lower.starts_with("dependencies") ||
         lower.starts_with("depends on");
}

std::optional<std::string> prerequisites_in(std::string_view text) {
  const std::string lower = lower_case(text);
  for (const std::string_view words :
       {"prerequisites", "prerequisite", "depends on", "dependencies", "requires", "needs"}) {
    if (!lower.starts_with(words)) {
      continue;
    }
    const bool is_sentence = words != "requires" && words != "needs";
    const std::size_t behind = words.size();
    const bool is_label = behind < lower.size() && lower[behind] == ':';
    if (is_label || (is_sentence && behind < lower.size())) {
      return std::string(text.substr(behind + (is_label ? 1 : 0)));
    }
  }
  return std::nullopt;
}

std::vector<std::int64_t> phases_in(std::string_view text) {
  const std::string lower = lower_case(text);
  std::vector<std::int64_t> numbers;
  for (const std::string_view word : kPhaseWords) {
    for (std::size_t at = lower.find(word); at != std::string::npos;
         at = lower.find(word, at + 1)) {
      std::size_t next = at + word.size();
      next += next < lower.size() && lower[next] == 's' ? 1U : 0U;
      // Numbers, and what stands between them in a list of such.
      while (next < lower.size()) {
        const auto number = number_at(std::string_view(lower).substr(next));
        if (number) {
          numbers.push_back(*number);
          next += std::to_string(*number).size();
        } else if (lower[next] == ' ' || lower[next] == ',' || lower[next] == '&') {
          ++next;
        } else if (lower.compare(next, 4, "and ") == 0) {
          next += 4;
        } else {
          break;
        }
      }
    }
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

std::string why_not_asked(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) {
    return "an http check speaks no TLS";
  }
  const std::string_view host = authority_of(url).substr(0, authority_of(url).find(':'));
  const auto address = IpAddress::parse(host);
  const bool is_loopback = host == "localhost" || (address && address->is_loopback());
  if (!is_loopback) {
    return "a check reaches its own loopback only (localhost, 127.0.0.1)";
  }
  return port_of(url) == 0 ? "it has no usable port" : "";
}

std::int64_t port_of(std::string_view url) {
  constexpr std::int64_t kMost = 65'535;
  const std::string_view authority = authority_of(url);
  const std::size_t colon = authority.find(':');
  if (colon == std::string_view::npos) {
    return 80;
  }
  const std::string_view digits = authority.substr(colon + 1);
  const auto port = number_at(digits);
  return port && *port <= kMost && std::to_string(*port) == digits ? *port : 0;
}

}  // namespace dsl::markdown_words
