#include "runner/app/remote_address.h"

#include <algorithm>
#include <string_view>

#include "runner/sys/event_loop.h"

namespace runner {

std::string without_credentials(const std::string& address) {
  const std::size_t scheme = address.find("://");
  if (scheme == std::string::npos) {
    return address;  // a path, or USER@HOST:PATH, which has no password
  }
  const std::size_t host = scheme + 3;
  const std::size_t path = std::min(address.find('/', host), address.size());
  const std::size_t at = address.rfind('@', path);
  std::string text = address;
  const bool is_web = address.starts_with("http");
  if (is_web) {
    text.erase(std::min(text.find('?', path), text.size()));
  }
  if (at != std::string::npos && at >= host) {
    const std::size_t colon = address.find(':', host);
    const std::size_t from = is_web ? host : std::min(colon, at);
    text.erase(from, (is_web ? at + 1 : at) - from);
  }
  return text;
}

dsl::Result<std::string> push_address(UserProgram& program, const std::string& remote) {
  const auto told = program.run({"git", "remote", "get-url", "--push", "--all", "--", remote},
                                UserProgram::kShortTime);
  if (!told) {
    return told;
  }
  std::string addresses;
  std::string_view rest = *told;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string one = without_credentials(std::string(rest.substr(0, end)));
    addresses += (addresses.empty() ? "" : "\n") + one;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return addresses;
}

dsl::Result<std::string> push_address(const std::string& folder, const std::string& remote) {
  EventLoop loop;  // gone at the end, with what it does on a signal
  UserProgram program(loop, folder);
  return push_address(program, remote);
}

}  // namespace runner
