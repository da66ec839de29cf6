#include "runner/net/head_rewrite.h"

#include <algorithm>
#include <optional>

#include "dsl/secret_host.h"
#include "runner/net/http_word.h"

namespace runner {
namespace {

constexpr std::string_view kEnd = "\r\n";
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::optional<std::string> from_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') {
    text.remove_suffix(1);
  }
  std::string bytes;
  unsigned held = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t six = kAlphabet.find(c);
    if (six == std::string_view::npos) {
      return std::nullopt;
    }
    held = (held << 6 | static_cast<unsigned>(six)) & 0xffffU;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(held >> bits & 0xffU);
    }
  }
  return bytes;
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  unsigned held = 0;
  int bits = 0;
  for (const char c : bytes) {
    held = (held << 8 | static_cast<unsigned char>(c)) & 0xffffU;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += kAlphabet[held >> bits & 63U];
    }
  }
  if (bits > 0) {
    text += kAlphabet[held << (6 - bits) & 63U];
  }
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

/// False: the token is not in it.
bool swap(std::string& text, const HeadSecret& secret) {
  bool found = false;
  for (std::size_t at = text.find(secret.token); at != std::string::npos;
       at = text.find(secret.token, at + secret.value.size())) {
    text.replace(at, secret.token.size(), secret.value);
    found = true;
  }
  return found;
}

/// What follows "Basic " in a field, decoded; nothing for any other field.
std::optional<std::string> basic_credentials(std::string_view field, std::size_t& begin) {
  const std::size_t colon = field.find(':');
  const std::string_view name = field.substr(0, colon);
  if (!is_same_word(name, "authorization") && !is_same_word(name, "proxy-authorization")) {
    return std::nullopt;
  }
  constexpr std::string_view kScheme = "basic ";
  const std::size_t scheme = field.find_first_not_of(" \t", colon + 1);
  if (scheme == std::string_view::npos ||
      !is_same_word(field.substr(scheme, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  begin = std::min(field.find_first_not_of(' ', scheme + kScheme.size()), field.size());
  const std::size_t end = field.find_last_not_of(" \t") + 1;
  return end > begin ? from_base64(field.substr(begin, end - begin)) : std::nullopt;
}

void swap_in_field(std::string& field, const HeadSecret& secret) {
  std::size_t begin = 0;
  if (auto basic = basic_credentials(field, begin); basic && swap(*basic, secret)) {
    field.replace(begin, std::string::npos, to_base64(*basic));
    return;
  }
  const std::size_t colon = field.find(':');
  std::string value = field.substr(colon + 1);
  if (swap(value, secret)) {
    field.replace(colon + 1, std::string::npos, value);
  }
}

/// The fields of a head, without the request line and the empty line.
std::vector<std::string> fields_of(std::string_view head) {
  std::vector<std::string> fields;
  for (std::size_t at = head.find(kEnd) + kEnd.size(); at < head.size();) {
    const std::size_t end = std::min(head.find(kEnd, at), head.size());
    if (end > at) {
      fields.emplace_back(head.substr(at, end - at));
    }
    at = end + kEnd.size();
  }
  return fields;
}

}  // namespace

bool goes_into(std::string_view head, const HeadSecret& secret) {
  if (!secret.header.empty()) {
    return true;
  }
  const std::vector<std::string> fields = fields_of(head);
  return std::any_of(fields.begin(), fields.end(), [&](const std::string& field) {
    std::size_t begin = 0;
    const auto basic = basic_credentials(field, begin);
    return field.find(secret.token, field.find(':')) != std::string::npos ||
           (basic && basic->find(secret.token) != std::string::npos);
  });
}

std::string rewrite_head(std::string_view head, const std::vector<HeadSecret>& secrets) {
  std::vector<std::string> fields = fields_of(head);
  for (const HeadSecret& secret : secrets) {
    const auto header = dsl::parse_secret_header(secret.header);
    if (secret.header.empty() || !header) {
      for (std::string& field : fields) {
        swap_in_field(field, secret);
      }
      continue;
    }
    std::erase_if(fields, [&](const std::string& field) {
      return is_same_word(std::string_view(field).substr(0, field.find(':')), header->name);
    });
    fields.push_back(header->name + ": " + header->before + secret.value + header->after);
  }
  std::string result(head.substr(0, head.find(kEnd) + kEnd.size()));
  for (const std::string& field : fields) {
    result += field;
    result += kEnd;
  }
  result += kEnd;
  return result;
}

}  // namespace runner
