#pragma once

// A provider of models on this machine, that answers whoever asks and says what it bills. As a real
// one it writes no more than it was asked for, counts tokens for nothing, and keeps its own
// account.

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
  enum class Manner { Whole, Streamed, Failing, WithoutUsage };
  explicit BillingProvider(Bill bill)
      : bill_(bill), server_(INADDR_LOOPBACK, 0, [this](int client) { serve(client); }) {}

  /// How it answers from now on.
  void answer(Manner manner) { manner_ = manner; }

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
    if (request.starts_with("POST /v1/messages/count_tokens")) {
      tell(client, R"({"input_tokens":)" + std::to_string(bill_.input) + "}");
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
    const Manner manner = manner_;
    if (manner == Manner::Failing) {
      tell(client, R"({"type":"error","error":{"type":"api_error"}})", "500 Oh");
      return;
    }
    output_tokens_ += output;
    const std::string input = R"("input_tokens":)" + std::to_string(bill_.input);
    const std::string made = R"("output_tokens":)" + std::to_string(output);
    if (manner == Manner::Streamed) {
      tell(client,
           event("message_start", R"("message":{"usage":{)" + input + R"(,"output_tokens":1}})") +
               event("content_block_delta", R"("delta":{"type":"text_delta","text":"well"})") +
               event("message_delta",
                     R"("delta":{"stop_reason":"end_turn"},"usage":{)" + made + "}") +
               event("message_stop", R"("n":1)"),
           "200 OK",
           "text/event-stream");
      return;
    }
    const std::string usage =
        manner == Manner::WithoutUsage ? "{}" : "{" + input + "," + made + "}";
    tell(client,
         R"({"type":"message","content":[{"type":"text","text":"well"}],"stop_reason":"end_turn",)"
         R"("usage":)" +
             usage + "}");
  }

  static std::string event(const std::string& type, const std::string& more) {
    return "event: " + type + "\ndata: {\"type\":\"" + type + "\"," + more + "}\n\n";
  }

  static void tell(int client,
                   const std::string& body,
                   const std::string& status = "200 OK",
                   const std::string& type = "application/json") {
    const std::string answer =
        "HTTP/1.1 " + status + "\r\nContent-Type: " + type +
        "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
        body;
    send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
  }

  const Bill bill_;
  std::mutex mutex_;
  std::string seen_;
  std::atomic<Manner> manner_{Manner::Whole};
  std::atomic<int> answers_{0};
  std::atomic<std::int64_t> output_tokens_{0};
  LoopbackServer server_;
};

}  // namespace runner::test
