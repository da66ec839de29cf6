#include "tests/bench/model_provider.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>

namespace bench {
namespace {

constexpr int kEvents = 100;
constexpr std::chrono::milliseconds kBetween{20};

void say(int client, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = send(client, text.data(), text.size(), MSG_NOSIGNAL);
    if (put <= 0) {
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

std::string chunk(const std::string& json) {
  const std::string event = "data: " + json + "\n\n";
  std::array<char, 16> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", event.size());
  return size.data() + event + "\r\n";
}

}  // namespace

ModelProvider::ModelProvider(int together)
    : together_(together), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&place), sizeof(place)) != 0 ||
      listen(listener_.get(), SOMAXCONN) != 0) {
    throw std::runtime_error("cannot listen on the loopback");
  }
  accepting_ = std::thread([this] { accept_all(); });
}

ModelProvider::~ModelProvider() {
  over_ = true;
  shutdown(listener_.get(), SHUT_RDWR);
  accepting_.join();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

std::string ModelProvider::url() const {
  sockaddr_in place{};
  socklen_t size = sizeof(place);
  getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&place), &size);
  return "http://127.0.0.1:" + std::to_string(ntohs(place.sin_port));
}

void ModelProvider::accept_all() {
  while (!over_) {
    const int client = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) {
      const int on = 1;
      setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      threads_.emplace_back([this, client] { serve(client); });
    }
  }
}

void ModelProvider::serve(int client) {
  const runner::Fd owned(client);
  std::string request;
  for (std::array<char, 65'536> buffer{};;) {
    const ssize_t got = recv(client, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      return;
    }
    request.append(buffer.data(), static_cast<std::size_t>(got));
    const std::size_t head = request.find("\r\n\r\n");
    const std::size_t length = request.find("Content-Length: ");
    if (length < head && head != std::string::npos &&
        request.size() >= head + 4 + std::stoul(request.substr(length + 16))) {
      request.clear();
      answer(client);
    }
  }
}

void ModelProvider::answer(int client) {
  say(client,
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
          chunk(R"({"type":"message_start","message":{"usage":{"input_tokens":15000,)"
                R"("output_tokens":1}}})"));
  {
    std::unique_lock lock(mutex_);
    ++begun_;
    most_ = std::max<int>(most_, ++under_way_);
    all_began_.notify_all();
    all_began_.wait(lock, [this] { return begun_ >= together_; });
  }
  if (together_ > 1) {
    const std::string part = chunk(R"({"type":"content_block_delta","delta":{"text":")" +
                                   std::string(1'000, 'y') + "\"}}");
    for (int i = 0; i < kEvents; ++i) {
      say(client, part);
      std::this_thread::sleep_for(kBetween);
    }
  }
  {
    const std::lock_guard lock(mutex_);
    --under_way_;
  }
  say(client,
      chunk(R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},)"
            R"("usage":{"output_tokens":100}})") +
          chunk(R"({"type":"message_stop"})") + "0\r\n\r\n");
}

}  // namespace bench
