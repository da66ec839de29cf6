#include "runner/net/client_hello.h"

#include <optional>

namespace runner {
namespace {

constexpr unsigned kHandshake = 22;
constexpr unsigned kClientHello = 1;
constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kMostRecord = 1 << 14;
constexpr std::size_t kMostHello = 1 << 16;
constexpr unsigned kServerName = 0;
constexpr unsigned kEarlyData = 42;
constexpr unsigned kEncryptedHello = 0xfe0d;

/// Takes fields off the front; once something is missing everything after it is, too.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  unsigned number(std::size_t size) {
    unsigned value = 0;
    for (const char byte : take(size)) {
      value = value << 8 | static_cast<unsigned char>(byte);
    }
    return value;
  }
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      broken_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  /// A vector that stands behind its length of `size` bytes.
  std::string_view vector(std::size_t size) { return take(number(size)); }

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  std::string_view rest_;
  bool broken_ = false;
};

/// The one host name of the extension; nothing where it breaks the rules.
std::optional<std::string> read_server_name(std::string_view extension) {
  Fields outer(extension);
  Fields list(outer.vector(2));
  const unsigned kind = list.number(1);
  const std::string_view name = list.vector(2);
  if (outer.broken() || !outer.empty() || list.broken() || !list.empty() || kind != 0 ||
      name.empty()) {
    return std::nullopt;
  }
  return std::string(name);
}

bool read_extensions(std::string_view bytes, ClientHello& hello) {
  Fields fields(bytes);
  while (!fields.empty()) {
    const unsigned kind = fields.number(2);
    const std::string_view extension = fields.vector(2);
    if (fields.broken()) {
      return false;
    }
    if (kind == kServerName) {
      auto name = read_server_name(extension);
      if (!name || !hello.server_name.empty()) {
        return false;
      }
      hello.server_name = *std::move(name);
    }
    hello.encrypted = hello.encrypted || kind == kEncryptedHello;
    hello.early_data = hello.early_data || kind == kEarlyData;
  }
  return true;
}

bool read_body(std::string_view body, ClientHello& hello) {
  Fields fields(body);
  fields.take(2 + 32);  // version, random
  fields.vector(1);     // session
  fields.vector(2);     // ciphers
  fields.vector(1);     // compressions
  if (fields.broken()) {
    return false;
  }
  if (fields.empty()) {
    return true;  // no extensions, and so no name
  }
  const std::string_view extensions = fields.vector(2);
  return !fields.broken() && fields.empty() && read_extensions(extensions, hello);
}

}  // namespace

ClientHello read_client_hello(std::string_view bytes) {
  ClientHello hello;
  const auto broken = [&] {
    hello.state = ClientHello::State::Broken;
    return hello;
  };
  std::string message;  // the records put together
  std::size_t wanted = 4;
  std::size_t at = 0;
  while (message.size() < wanted) {
    Fields header(bytes.substr(at));
    const unsigned kind = header.number(1);
    const unsigned major = header.number(1);
    header.number(1);
    const std::size_t size = header.number(2);
    if (bytes.size() - at >= 1 && kind != kHandshake) {
      return broken();
    }
    if (bytes.size() - at >= 2 && major != 3) {
      return broken();
    }
    if (header.broken()) {
      return hello;
    }
    if (size == 0 || size > kMostRecord) {
      return broken();
    }
    const std::string_view fragment = bytes.substr(at + kRecordHeader, size);
    message += fragment;
    at += kRecordHeader + size;
    if (!message.empty() && static_cast<unsigned char>(message[0]) != kClientHello) {
      return broken();
    }
    if (message.size() >= 4) {
      Fields length(std::string_view(message).substr(1));
      wanted = 4 + length.number(3);
    }
    if (wanted > kMostHello) {
      return broken();
    }
    if (fragment.size() < size) {
      return hello;
    }
  }
  // Nothing may stand behind the hello in its last record.
  if (message.size() != wanted || !read_body(std::string_view(message).substr(4), hello)) {
    return broken();
  }
  hello.state = ClientHello::State::Whole;
  hello.size = at;
  return hello;
}

}  // namespace runner
