#include "runner/net/dns_message.h"

#include "dsl/egress.h"

namespace runner {
namespace {

constexpr std::size_t kHeaderSize = 12;
constexpr std::size_t kLongestLabel = 63;
constexpr std::uint16_t kClassInternet = 1;
constexpr std::uint32_t kTimeToLive = 60;  // seconds
constexpr unsigned kResponse = 0x80;
constexpr unsigned kOpcodeMask = 0x78;
constexpr unsigned kRecursionDesired = 0x01;
constexpr unsigned kAuthoritative = 0x04;
constexpr unsigned kRecursionAvailable = 0x80;

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

std::uint16_t number_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

void add_number(std::string& to, unsigned number) {
  to += static_cast<char>(number >> 8 & 0xff);
  to += static_cast<char>(number & 0xff);
}

/// Where the name at `at` ends, and the name with dots between its labels. Compression is never
/// needed in a first question, and so never followed.
struct NameRead {
  std::size_t end = 0;
  std::string name;
  bool has_dot = false;  // inside a label, so that it would look like two
};

std::optional<NameRead> read_name(std::string_view message, std::size_t at) {
  NameRead read;
  while (at < message.size()) {
    const unsigned size = byte_at(message, at);
    ++at;
    if (size == 0) {
      read.end = at;
      return read;
    }
    if (size > kLongestLabel || message.size() - at < size) {
      return std::nullopt;
    }
    const std::string_view label = message.substr(at, size);
    read.has_dot = read.has_dot || label.find('.') != std::string_view::npos;
    if (!read.name.empty()) {
      read.name += '.';
    }
    read.name += label;
    at += size;
  }
  return std::nullopt;
}

}  // namespace

std::optional<DnsQuery> parse_dns_query(std::string_view message) {
  if (message.size() < kHeaderSize || (byte_at(message, 2) & kResponse) != 0) {
    return std::nullopt;
  }
  DnsQuery query;
  query.id = number_at(message, 0);
  query.flags = static_cast<std::uint8_t>(byte_at(message, 2) & (kOpcodeMask | kRecursionDesired));
  if ((query.flags & kOpcodeMask) != 0) {
    query.problem = DnsCode::NotImplemented;
    return query;
  }
  const auto name = number_at(message, 4) == 1 ? read_name(message, kHeaderSize) : std::nullopt;
  if (!name || message.size() - name->end < 4) {
    query.problem = DnsCode::FormatError;
    return query;
  }
  query.question = message.substr(kHeaderSize, name->end + 4 - kHeaderSize);
  query.type = number_at(message, name->end);
  const bool internet = number_at(message, name->end + 2) == kClassInternet;
  if (internet && !name->has_dot) {
    query.name = dsl::canonical_host(name->name).value_or("");
  }
  return query;
}

std::string dns_answer(const DnsQuery& query,
                       DnsCode code,
                       const std::optional<dsl::IpAddress>& address) {
  std::string answer;
  add_number(answer, query.id);
  answer += static_cast<char>(kResponse | kAuthoritative | query.flags);
  answer += static_cast<char>(kRecursionAvailable | static_cast<unsigned>(code));
  add_number(answer, query.question.empty() ? 0 : 1);
  add_number(answer, address ? 1 : 0);
  add_number(answer, 0);
  add_number(answer, 0);
  answer += query.question;
  if (address) {
    add_number(answer, 0xc000 | kHeaderSize);  // the name of the question
    add_number(answer, kDnsTypeA);
    add_number(answer, kClassInternet);
    add_number(answer, kTimeToLive >> 16);
    add_number(answer, kTimeToLive & 0xffff);
    add_number(answer, 4);
    answer.append(address->bytes.begin(), address->bytes.begin() + 4);
  }
  return answer;
}

std::string dns_query(std::uint16_t id, std::string_view name, std::uint16_t type) {
  std::string query;
  add_number(query, id);
  query += static_cast<char>(kRecursionDesired);
  query += '\0';
  add_number(query, 1);
  query.append(6, '\0');
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t dot = std::min(name.find('.', begin), name.size());
    query += static_cast<char>(dot - begin);
    query += name.substr(begin, dot - begin);
    begin = dot + 1;
  }
  query += '\0';
  add_number(query, type);
  add_number(query, kClassInternet);
  return query;
}

}  // namespace runner
