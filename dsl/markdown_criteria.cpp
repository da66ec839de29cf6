// What a box's text gives a program to do.

#include <algorithm>
#include <cctype>
#include <string_view>

#include "dsl/markdown.h"
#include "dsl/markdown_words.h"

namespace dsl::markdown_words {

namespace {

using Kind = MarkdownCriterion::Kind;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// A status of HTTP that stands by itself in the text.
std::optional<std::int64_t> status_in(std::string_view text) {
  for (std::size_t i = 0; i + 3 <= text.size(); ++i) {
    const bool starts = i == 0 || (!std::isalnum(static_cast<unsigned char>(text[i - 1])) &&
                                   text[i - 1] != ':' && text[i - 1] != '.');
    const bool ends =
        i + 3 == text.size() || !std::isalnum(static_cast<unsigned char>(text[i + 3]));
    const bool digits = is_digit(text[i]) && is_digit(text[i + 1]) && is_digit(text[i + 2]);
    if (starts && ends && digits && text[i] >= '1' && text[i] <= '5') {
      return std::stoll(std::string(text.substr(i, 3)));
    }
  }
  return std::nullopt;
}

bool is_method(std::string_view word) {
  return word == "GET" || word == "POST" || word == "PUT" || word == "DELETE" || word == "HEAD" ||
         word == "PATCH" || word == "OPTIONS";
}

struct Request {
  std::string method = "GET";
  std::string target;  // an address, or the path of one
};

/// "GET /api/x", "http://localhost:8080/x".
std::optional<Request> request_of(std::string_view text) {
  Request request;
  const std::size_t blank = text.find(' ');
  if (blank != std::string_view::npos && is_method(text.substr(0, blank))) {
    request.method = text.substr(0, blank);
    text.remove_prefix(blank + 1);
  } else if (!text.starts_with("http://") && !text.starts_with("https://")) {
    return std::nullopt;
  }
  request.target = text.substr(0, text.find(' '));
  const bool is_target = request.target.starts_with("http://") ||
                         request.target.starts_with("https://") || request.target.starts_with('/');
  return is_target ? std::optional(request) : std::nullopt;
}

/// Addresses also stand outside of backticks.
std::optional<Request> request_in(const MarkdownBlock& box) {
  for (const std::string& span : box.spans) {
    if (auto request = request_of(span)) {
      return request;
    }
  }
  for (const char* scheme : {"http://", "https://"}) {
    const std::size_t at = box.text.find(scheme);
    if (at == std::string::npos) {
      continue;
    }
    std::string target = box.text.substr(at, box.text.find_first_of(" `)>,;", at) - at);
    while (target.ends_with('.')) {
      target.pop_back();
    }
    const std::string before = box.text.substr(0, at);
    for (const char* method : {"POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"}) {
      if (before.find(std::string(method) + " ") != std::string::npos) {
        return Request{method, target};
      }
    }
    return Request{"GET", target};
  }
  return std::nullopt;
}

bool says_any(const std::string& lower, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return lower.find(word) != std::string::npos;
  });
}

/// A line for a shell: several words of which the first is a program's name, or a script's path; a
/// single name only where the text says that it runs.
bool is_command(std::string_view span, const std::string& lower_text) {
  const std::size_t blank = span.find(' ');
  const std::string_view first = span.substr(0, blank);
  if (first.empty() || first.find_first_of("(){}=:\"'") != std::string_view::npos) {
    return false;
  }
  for (const char* sign : {" = ", " == ", " -> ", " => "}) {
    if (span.find(sign) != std::string_view::npos) {
      return false;
    }
  }
  const bool is_lower = std::none_of(first.begin(), first.end(), [](char c) {
    return std::isupper(static_cast<unsigned char>(c));
  });
  if (blank != std::string_view::npos) {
    return is_lower;
  }
  const bool is_script = first.starts_with("./");
  return is_lower &&
         says_any(
             lower_text,
             {"passes", "succeed", "exits", "exit code", "runs clean", "is green", "returns 0"}) &&
         (is_script || first.find('/') == std::string_view::npos);
}

bool is_path(std::string_view span) {
  return !span.empty() && span.find(' ') == std::string_view::npos && !span.starts_with('/') &&
         span.find("..") == std::string_view::npos &&
         (span.find('/') != std::string_view::npos || span.find('.') != std::string_view::npos) &&
         span.find_first_of("(){}*<>:") == std::string_view::npos;
}

/// "exits with 2", "exit code 2", "fails with exit status 3".
std::int64_t exit_code_in(const std::string& lower) {
  for (const std::string_view words : {"exits with code ",
                                       "exit code ",
                                       "exits with status ",
                                       "exit status ",
                                       "exits with ",
                                       "exits "}) {
    const std::size_t at = lower.find(words);
    if (at != std::string::npos && at + words.size() < lower.size() &&
        is_digit(lower[at + words.size()])) {
      return std::stoll(lower.substr(at + words.size(), 3));
    }
  }
  return 0;
}

/// The text around what stands in backticks, in lower case.
std::string words_around(const std::string& lower) {
  std::string words = " ";
  bool is_code = false;
  for (const char c : lower) {
    is_code = c == '`' ? !is_code : is_code;
    if (!is_code) {
      words += c == '`' ? ' ' : c;
    }
  }
  return words + " ";
}

/// Why a command that stands in a box is not the whole of what the box asks: "" it is.
std::string why_not_checked(const MarkdownBlock& box,
                            const std::string& command,
                            const std::string& lower) {
  if (command.find("${{") != std::string::npos) {
    return "'" + command + "' has an expression";
  }
  if (std::count_if(box.spans.begin(), box.spans.end(), [&](const std::string& span) {
        return is_command(span, lower);
      }) > 1) {
    return "it has more than one command";
  }
  const std::string words = words_around(lower);
  if (says_any(words, {" not ", "n't ", " never ", " finds nothing", " outputs ", " prints "})) {
    return "it asks for more than that the command succeeds";
  }
  const bool names_code = exit_code_in(lower) != 0;
  return !names_code && says_any(words, {" fail", "non-zero", "nonzero"})
             ? "it says that the command fails, and not with which exit code"
             : "";
}

}  // namespace

MarkdownCriterion criterion_of(const MarkdownBlock& box,
                               const MarkdownOptions& options,
                               std::vector<MarkdownNote>& notes) {
  MarkdownCriterion criterion;
  criterion.text = box.text;
  criterion.line = box.line;
  const std::string lower = lower_case(box.text);
  const auto request = request_in(box);
  const auto status = status_in(box.text);
  if (request && status) {
    const bool is_whole = !request->target.starts_with('/');
    const std::string url = is_whole ? request->target : options.base_url + request->target;
    if (!is_whole && options.base_url.empty()) {
      notes.push_back({box.line,
                       "a person answers: at which host is '" + request->target +
                           "'? (--base-url makes it a check)"});
      return criterion;
    }
    if (const std::string why = why_not_asked(url); !why.empty()) {
      notes.push_back({box.line, "a person answers: " + url + ": " + why});
      return criterion;
    }
    if (options.serve.empty()) {
      notes.push_back(
          {box.line, "a person answers: what serves " + url + "? (--serve makes it a check)"});
      return criterion;
    }
    criterion.kind = Kind::Http;
    criterion.method = request->method;
    criterion.url = url;
    criterion.status = *status;
    return criterion;
  }
  for (const std::string& span : box.spans) {
    if (is_command(span, lower)) {
      if (const std::string why = why_not_checked(box, span, lower); !why.empty()) {
        notes.push_back({box.line, "a person answers: " + box.text + " (" + why + ")"});
        return criterion;
      }
      criterion.kind = Kind::Run;
      criterion.command = span;
      criterion.exit_code = exit_code_in(lower);
      return criterion;
    }
  }
  for (const std::string& span : box.spans) {
    if (is_path(span) && says_any(lower, {" exists", " is there", " is present"})) {
      criterion.kind = Kind::File;
      criterion.path = span;
      return criterion;
    }
  }
  notes.push_back({box.line, "a person answers: " + box.text});
  return criterion;
}

}  // namespace dsl::markdown_words
