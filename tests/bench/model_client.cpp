// An agent as its model's provider sees it, for bench_ratios: requests of the size that agents send
// and streams for answers, with the time that each waits for its first byte.
//
//   bench_model_client URL first-byte N   prints "new MS kept MS": medians of N requests, each on a
//                                         connection of its own, and all on one
//   bench_model_client URL streams N      N requests at once, until all are answered to their end

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include "runner/sys/fd.h"

namespace {

using runner::Fd;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kPrompt = 60'000;  // bytes: a conversation that has begun, and its tools
constexpr std::chrono::milliseconds kWork{20};  // an agent does something between its requests
constexpr const char* kEnd = "\r\n0\r\n\r\n";

struct Url {
  std::string host;
  std::string port = "80";
};

Url parse(std::string text) {
  Url url;
  text.erase(0, std::string("http://").size());
  text = text.substr(0, text.find('/'));
  const std::size_t colon = text.find(':');
  url.host = text.substr(0, colon);
  if (colon != std::string::npos) {
    url.port = text.substr(colon + 1);
  }
  return url;
}

Fd connect_to(const addrinfo& place) {
  Fd client(socket(place.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!client || connect(client.get(), place.ai_addr, place.ai_addrlen) != 0) {
    throw std::runtime_error("cannot connect");
  }
  const int on = 1;
  setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return client;
}

std::string request_for(const Url& url) {
  const char* const key = std::getenv("ANTHROPIC_API_KEY");
  const std::string body =
      R"({"model":"claude-sonnet-4-5","max_tokens":1000,"stream":true,"messages":[)"
      R"({"role":"user","content":")" +
      std::string(kPrompt, 'x') + "\"}]}";
  return "POST /v1/messages HTTP/1.1\r\nHost: " + url.host +
         "\r\nx-api-key: " + (key == nullptr ? "none" : key) +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

void send_all(const Fd& client, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t put = send(client.get(), text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (put <= 0) {
      throw std::runtime_error("cannot send");
    }
    at += static_cast<std::size_t>(put);
  }
}

/// What came is added; false: it is the end of the answer.
bool hear(const Fd& client, std::string& answer) {
  std::array<char, 16'384> buffer{};
  const ssize_t got = recv(client.get(), buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    throw std::runtime_error("the answer broke off: " + answer.substr(0, 500));
  }
  answer.append(buffer.data(), static_cast<std::size_t>(got));
  if (!answer.starts_with("HTTP/1.1 200") && answer.size() > 12) {
    throw std::runtime_error("refused: " + answer);
  }
  return !answer.ends_with(kEnd);
}

/// Milliseconds from `begin` to the first byte; the rest is read too.
double first_byte(const Fd& client, const std::string& request, Clock::time_point begin) {
  send_all(client, request);
  std::string answer;
  bool more = hear(client, answer);
  const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
  while (more) {
    more = hear(client, answer);
  }
  return took.count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void measure_first_byte(const addrinfo& place, const std::string& request, int count) {
  std::vector<double> fresh;
  std::vector<double> kept;
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_for(kWork);
    const Clock::time_point begin = Clock::now();
    fresh.push_back(first_byte(connect_to(place), request, begin));
  }
  const Fd client = connect_to(place);
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_for(kWork);
    kept.push_back(first_byte(client, request, Clock::now()));
  }
  std::printf("new %.3f kept %.3f\n", median(fresh), median(kept));
}

void hear_all(const addrinfo& place, const std::string& request, int count) {
  std::vector<Fd> clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(connect_to(place));
    send_all(clients.back(), request);
  }
  std::vector<std::string> answers(clients.size());
  std::vector<pollfd> waits;
  for (const Fd& client : clients) {
    waits.push_back({client.get(), POLLIN, 0});
  }
  for (std::size_t left = clients.size(); left > 0;) {
    poll(waits.data(), waits.size(), -1);
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].revents != 0 && !hear(clients[i], answers[i])) {
        waits[i].fd = -1;
        --left;
      }
    }
  }
  std::printf("streams %d\n", count);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    return 2;
  }
  try {
    const Url url = parse(argv[1]);
    addrinfo* place = nullptr;
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &place) != 0) {
      throw std::runtime_error("no address of " + url.host);
    }
    const std::string request = request_for(url);
    const int count = std::atoi(argv[3]);
    if (std::string(argv[2]) == "streams") {
      hear_all(*place, request, count);
    } else {
      measure_first_byte(*place, request, count);
    }
    freeaddrinfo(place);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_model_client: %s\n", error.what());
    return 1;
  }
  return 0;
}
