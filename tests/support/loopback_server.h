#pragma once

// Listens at an address of this machine's loopback and answers one connection after the other on a
// thread of its own, until it goes.

#include <array>
#include <cstdint>
#include <fcntl.h>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <gtest/gtest.h>

namespace runner::test {

class LoopbackServer {
 public:
  /// `address` in the machine's byte order; `wanted` 0: any port. `serve` has the connection, which
  /// is closed behind it, on the server's thread.
  LoopbackServer(std::uint32_t address, std::uint16_t wanted, std::function<void(int client)> serve)
      : serve_(std::move(serve)), socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(wanted);
    place.sin_addr.s_addr = htonl(address);
    socklen_t size = sizeof(place);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&place), size), 0);
    EXPECT_EQ(listen(socket_, 16), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&place), &size), 0);
    port_ = ntohs(place.sin_port);
    EXPECT_EQ(pipe2(stop_.data(), O_CLOEXEC), 0);
    thread_ = std::thread([this] { serve_all(); });
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;
  ~LoopbackServer() {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
    close(socket_);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void serve_all() {
    for (;;) {
      std::array<pollfd, 2> waits{pollfd{socket_, POLLIN, 0}, pollfd{stop_[0], POLLIN, 0}};
      poll(waits.data(), waits.size(), -1);
      if (waits[1].revents != 0) {
        return;
      }
      const int client = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      serve_(client);
      close(client);
    }
  }

  const std::function<void(int client)> serve_;
  const int socket_;
  std::uint16_t port_ = 0;
  std::array<int, 2> stop_{};
  std::thread thread_;
};

}  // namespace runner::test
