// How fast bytes go through the gateway beside the bare loopback: bench_egress [MEGABYTES].

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include "tests/net/inside.h"

namespace {

using runner::Fd;

void set_blocking(const Fd& socket) {
  fcntl(socket.get(), F_SETFL, 0);
}

/// Megabytes a second from one thread to another.
double carry(const Fd& from, const Fd& to, std::size_t megabytes) {
  const auto begin = std::chrono::steady_clock::now();
  std::thread sender([&] {
    std::vector<char> bytes(1 << 18, 'x');
    for (std::size_t left = megabytes << 20; left > 0;) {
      const ssize_t put =
          send(from.get(), bytes.data(), std::min(left, bytes.size()), MSG_NOSIGNAL);
      if (put <= 0) {
        std::abort();
      }
      left -= static_cast<std::size_t>(put);
    }
  });
  std::vector<char> bytes(1 << 18);
  for (std::size_t left = megabytes << 20; left > 0;) {
    const ssize_t got = recv(to.get(), bytes.data(), bytes.size(), 0);
    if (got <= 0) {
      std::abort();
    }
    left -= static_cast<std::size_t>(got);
  }
  sender.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(megabytes) / took.count();
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t megabytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1024;
  net_test::Server server;
  const std::string rule = "good.test:" + std::to_string(server.port);

  sockaddr_in address{};
  socklen_t size = sizeof(address);
  getsockname(server.socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  const Fd direct(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(direct.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
    return 1;
  }
  net_test::Inside inside({rule}, {"127.7.7.7"});
  inside.resolver.known["good.test"] = {"127.7.7.7"};
  const Fd direct_end = server.accept(inside.loop);
  set_blocking(direct_end);
  const double bare = carry(direct_end, direct, megabytes);

  const Fd client = inside.connect("good.test", server.port);
  const Fd accepted = server.accept(inside.loop);
  set_blocking(client);
  set_blocking(accepted);
  inside.loop.post([&] {
    std::thread([&] {
      const double down = carry(accepted, client, megabytes);
      const double up = carry(client, accepted, megabytes);
      std::printf("bare loopback %.0f MB/s, gateway down %.0f MB/s (%.0f %%), up %.0f MB/s\n",
                  bare,
                  down,
                  100 * down / bare,
                  up);
      inside.loop.post([&] { inside.loop.stop(); });
    }).detach();
  });
  inside.loop.run();
  return 0;
}
