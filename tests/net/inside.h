#pragma once

// A network that leads to a gateway, and sockets in it, for tests that play the node themselves: a
// socket stays in the namespace that it was made in, whoever uses it.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dsl/ip_address.h"
#include "runner/engine/network_namespace.h"
#include "runner/net/gateway.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace net_test {

/// Knows what the test tells it, and counts.
class FakeResolver final : public runner::Resolver {
 public:
  explicit FakeResolver(runner::EventLoop& loop) : loop_(loop) {}
  void resolve(const std::string& name, Done done) override;

  std::map<std::string, std::vector<std::string>> known;
  std::vector<std::string> asked;

 private:
  runner::EventLoop& loop_;
};

/// Runs the loop until `done` says so; false after ten seconds.
bool run_until(runner::EventLoop& loop, const std::function<bool()>& done);

/// A listening socket of the machine's own, at 127.7.7.7.
struct Server {
  explicit Server(std::uint16_t wanted = 0);
  /// The next connection, or none after a moment.
  runner::Fd accept(runner::EventLoop& loop);
  /// Whether someone has connected and was not accepted.
  [[nodiscard]] bool has_visitor() const;

  runner::Fd socket;
  std::uint16_t port = 0;
};

class Inside {
 public:
  /// Opens a door by these rules and makes a network that leads to it.
  Inside(std::vector<std::string> allow,
         std::vector<std::string> allow_private,
         runner::Secrets* secrets = nullptr,
         dsl::Firewall::Mode mode = dsl::Firewall::Mode::Gateway);
  ~Inside();

  /// A socket in the network.
  runner::Fd socket(int kind);
  /// The answer to a query, by UDP.
  std::string ask(const std::string& query);
  /// The address that the name stands for, or nothing.
  std::optional<dsl::IpAddress> look_up(const std::string& name);
  /// A connection to this name, begun; REQUIRES: the name is answered.
  runner::Fd connect(const std::string& name, std::uint16_t port);
  runner::Fd connect(const dsl::IpAddress& address, std::uint16_t port);

  void close_door() { gateway.close("net"); }
  [[nodiscard]] std::vector<std::string> refusals() const;

  runner::EventLoop loop;
  FakeResolver resolver{loop};
  std::vector<dsl::IpAddress> own;
  std::vector<runner::EgressDenied> denied;
  std::string folder;
  runner::Gateway gateway;
  runner::EgressDoor door;

 private:
  runner::NetworkNamespace network_;
};

/// What comes until the end; `reset` is told apart from an end.
struct Received {
  std::string bytes;
  bool ended = false;
  bool reset = false;
};
Received receive_all(runner::EventLoop& loop, const runner::Fd& socket);
/// What comes until there are so many bytes, or an end.
std::string receive(runner::EventLoop& loop, const runner::Fd& socket, std::size_t count);
void send_all(runner::EventLoop& loop, const runner::Fd& socket, const std::string& bytes);

}  // namespace net_test
