// What a road to the gateway costs to make, and how fast bytes go through it beside the bare
// loopback: bench_egress [MEGABYTES].

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include "runner/engine/init_program.h"
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

/// Median milliseconds of making a network, in `rounds`.
double make_networks(bool with_door, int rounds) {
  runner::EventLoop loop;
  net_test::FakeResolver resolver(loop);
  std::string folder = "/tmp/pipe-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    std::abort();
  }
  runner::Gateway gateway(loop, resolver, {.directory = folder + "/doors", .own_addresses = [] {
                                             return std::vector<dsl::IpAddress>();
                                           }});
  const std::string init = *runner::install_init_program(folder);
  dsl::Firewall firewall;
  firewall.allow = {"a.test:443", "b.test:80", "c.test:22"};
  std::vector<double> took;
  for (int i = 0; i < rounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    std::optional<runner::EgressDoor> door;
    if (with_door) {
      door = *gateway.open("n", dsl::NodeId{"n"}, firewall, nullptr);
    }
    bool made = false;
    auto maker =
        *runner::NetworkMaker::start(loop, init, door ? &*door : nullptr, [&](const auto& network) {
          made = network.has_value();
          loop.stop();
        });
    loop.run();
    const std::chrono::duration<double, std::milli> each = std::chrono::steady_clock::now() - begin;
    took.push_back(made ? each.count() : 1e9);
    gateway.close("n");
  }
  std::filesystem::remove_all(folder);
  std::sort(took.begin(), took.end());
  return took[took.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t megabytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1024;
  const double bare_network = make_networks(false, 50);
  std::printf("a network takes %.1f ms, one that leads to the gateway %.1f ms\n",
              bare_network,
              make_networks(true, 50));
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
