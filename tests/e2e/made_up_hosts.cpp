#include "tests/e2e/made_up_hosts.h"

#include <array>
#include <sys/socket.h>
#include <utility>

namespace e2e {

WebServer::WebServer(std::uint16_t wanted)
    : server_(0x7f070709, wanted, [this](int client) { serve(client); }) {}

std::string WebServer::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void WebServer::serve(int client) {
  ++visitors_;
  std::array<char, 4096> request{};
  const ssize_t got = recv(client, request.data(), request.size(), 0);
  {
    const std::lock_guard lock(mutex_);
    seen_.append(request.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  }
  const std::string answer =
      "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
  static_cast<void>(send(client, answer.data(), answer.size(), MSG_NOSIGNAL));
  shutdown(client, SHUT_WR);
  static_cast<void>(recv(client, request.data(), request.size(), 0));
}

Start where_hosts_are_made_up(Start start, const TempFolder& folder, const std::string& uid) {
  const std::string hosts = folder.write("hosts",
                                         "127.0.0.1 localhost\n127.7.7.7 tls.test\n"
                                         "127.7.7.9 good.test other.test artifacts.internal\n");
  // Whoever it is, he has subordinate ids here, which rootless Podman wants.
  const std::string ids = folder.write("ids", "1000:200000:65536\n");
  std::vector<std::string> argv = {
      "unshare",
      "--mount",
      "sh",
      "-c",
      "mount --bind \"$0\" /etc/hosts && "
      "mount --bind \"$1\" /etc/subuid && mount --bind \"$1\" /etc/subgid && "
      "shift && exec \"$@\"",
      hosts,
      ids};
  if (!uid.empty()) {
    const std::vector<std::string> as{"setpriv", "--reuid", uid, "--regid", uid, "--clear-groups"};
    argv.insert(argv.end(), as.begin(), as.end());
  }
  argv.insert(argv.end(), start.argv.begin(), start.argv.end());
  start.argv = std::move(argv);
  return start;
}

}  // namespace e2e
