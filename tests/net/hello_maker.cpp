#include "tests/net/hello_maker.h"

#include <algorithm>

namespace net_test {

std::string number(std::size_t value, std::size_t size) {
  std::string bytes;
  for (std::size_t i = size; i > 0; --i) {
    bytes += static_cast<char>(value >> (8 * (i - 1)) & 0xff);
  }
  return bytes;
}

std::string name_extension(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    list += '\0' + number(name.size(), 2) + name;
  }
  return number(list.size(), 2) + list;
}

std::string hello_message(const HelloText& text) {
  std::string extensions;
  const auto add = [&](unsigned kind, const std::string& bytes) {
    extensions += number(kind, 2) + number(bytes.size(), 2) + bytes;
  };
  add(10, number(2, 2) + number(29, 2));
  if (text.name) {
    add(0, name_extension({*text.name}));
  }
  for (const auto& [kind, bytes] : text.more) {
    add(kind, bytes);
  }
  std::string body = "\x03\x03" + std::string(32, 'r');
  body += '\x20' + std::string(32, 's');
  body += number(2, 2) + "\x13\x01";
  body += number(1, 1) + std::string(1, '\0');
  body += number(extensions.size(), 2) + extensions;
  return '\x01' + number(body.size(), 3) + body;
}

std::string record(unsigned kind, const std::string& bytes) {
  return static_cast<char>(kind) + std::string("\x03\x01") + number(bytes.size(), 2) + bytes;
}

std::string in_records(const std::string& message, std::size_t most) {
  std::string records;
  for (std::size_t at = 0; at < message.size(); at += most) {
    records += record(22, message.substr(at, most));
  }
  return records;
}

std::string hello_for(const std::string& name) {
  return in_records(hello_message({name, {}}));
}

}  // namespace net_test
