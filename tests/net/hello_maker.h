#pragma once

// TLS hellos, whole and broken, made by hand.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace net_test {

struct HelloText {
  std::optional<std::string> name;                     // absent: no such extension
  std::vector<std::pair<unsigned, std::string>> more;  // further extensions
};

/// The handshake message.
std::string hello_message(const HelloText& text);

/// A message in records of at most `most` bytes each.
std::string in_records(const std::string& message, std::size_t most = 1 << 14);

/// One record.
std::string record(unsigned kind, const std::string& bytes);

/// The records of a hello for this name.
std::string hello_for(const std::string& name);

/// An extension with a list of names, as given.
std::string name_extension(const std::vector<std::string>& names);

std::string number(std::size_t value, std::size_t size);

}  // namespace net_test
