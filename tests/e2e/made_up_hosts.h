#pragma once

// Hosts that are made up in /etc/hosts (in a mount namespace of the test's own, hence as root) and
// listen on this machine's loopback, for tests of what leaves a node.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "tests/e2e/pipe_command.h"
#include "tests/support/loopback_server.h"

namespace e2e {

/// Answers every HTTP request at 127.7.7.9 with "hello", counts who came and keeps what they said.
class WebServer {
 public:
  explicit WebServer(std::uint16_t wanted = 0);

  [[nodiscard]] std::string port() const { return std::to_string(server_.port()); }
  [[nodiscard]] int visitors() const { return visitors_; }
  [[nodiscard]] std::string seen() const;

 private:
  void serve(int client);

  std::atomic<int> visitors_ = 0;
  mutable std::mutex mutex_;  // of seen_
  std::string seen_;
  runner::test::LoopbackServer server_;  // last: its thread sees all of the above
};

/// The command, started where good.test, other.test and artifacts.internal are 127.7.7.9, and
/// tls.test is 127.7.7.7; with a uid as that user. `folder` keeps the file of hosts.
Start where_hosts_are_made_up(Start start, const TempFolder& folder, const std::string& uid = "");

}  // namespace e2e
