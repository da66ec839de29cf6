#include "tests/e2e/made_up_hosts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <gtest/gtest.h>

namespace e2e {

WebServer::WebServer(std::uint16_t wanted)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const int on = 1;
  setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_port = htons(wanted);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x7f070709);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(socket_, 16), 0);
  EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port_ = std::to_string(ntohs(address.sin_port));
  EXPECT_EQ(pipe2(stop_.data(), O_CLOEXEC), 0);
  thread_ = std::thread([this] { serve(); });
}

WebServer::~WebServer() {
  close(stop_[1]);
  thread_.join();
  close(stop_[0]);
  close(socket_);
}

std::string WebServer::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void WebServer::serve() {
  for (;;) {
    std::array<pollfd, 2> waits{pollfd{socket_, POLLIN, 0}, pollfd{stop_[0], POLLIN, 0}};
    poll(waits.data(), waits.size(), -1);
    if (waits[1].revents != 0) {
      return;
    }
    const int client = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
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
    close(client);
  }
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
