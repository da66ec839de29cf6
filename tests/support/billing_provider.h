#pragma once

// A provider of models on this machine, that answers whoever asks and says what it bills. As a real
// one it writes no more than it was asked for, and keeps its own account.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <sys/socket.h>

#include "tests/support/loopback_server.h"

namespace runner::test {

class BillingProvider {
 public:
  struct Bill {
    std::int64_t input = 0;  // tokens, for each answer
    std::int64_t output = 0;
  };
  explicit BillingProvider(Bill bill)
      : bill_(bill), server_(INADDR_LOOPBACK, 0, [this](int client) { serve(client); }) {}

  [[nodiscard]] std::string port() const { return std::to_string(server_.port()); }
  [[nodiscard]] int answers() const { return answers_; }
  /// All that was billed so far, of the output.
  [[nodiscard]] std::int64_t output_tokens() const { return output_tokens_; }
  std::string seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  static std::string read_request(int client) {
    std::string request;
    std::array<char, 4096> buffer{};
    for (std::size_t wanted = 1; request.size() < wanted;) {
      const ssize_t got = recv(client, buffer.data(), buffer.size(), 0);
      if (got <= 0) {
        return "";
      }
      request.append(buffer.data(), static_cast<std::size_t>(got));
      const std::size_t head = request.find("\r\n\r\n");
      const std::size_t length = request.find("Content-Length: ");
      wanted = head == std::string::npos ? request.size() + 1
               : length < head           ? head + 4 + std::stoul(request.substr(length + 16))
                                         : head + 4;
    }
    return request;
  }

  void serve(int client) {
    const std::string request = read_request(client);
    if (request.empty()) {
      return;
    }
    const std::size_t most = request.find("\"max_tokens\":");
    const std::int64_t output =
        most == std::string::npos
            ? bill_.output
            : std::min<std::int64_t>(bill_.output, std::stoll(request.substr(most + 13)));
    {
      const std::lock_guard lock(mutex_);
      seen_ += request;
    }
    ++answers_;
    output_tokens_ += output;
    const std::string body =
        R"({"type":"message","content":[{"type":"text","text":"well"}],"stop_reason":"end_turn",)"
        R"("usage":{"input_tokens":)" +
        std::to_string(bill_.input) + R"(,"output_tokens":)" + std::to_string(output) + "}}";
    const std::string answer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: "
        "close\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
  }

  const Bill bill_;
  std::mutex mutex_;
  std::string seen_;
  std::atomic<int> answers_{0};
  std::atomic<std::int64_t> output_tokens_{0};
  LoopbackServer server_;
};

}  // namespace runner::test
