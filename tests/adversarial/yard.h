#pragma once

// Hosts that are made up for the attacks: a canary in a network namespace of its own, which the
// machine reaches and no rule names; listeners of the machine itself; and the one host that is
// allowed. All of them answer whoever comes, and count. Needs root; one at a time on a machine.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace adversarial {

/// Sockets that answer in a thread of their own.
class Answerer {
 public:
  /// `make` opens the sockets, in the thread: it may enter a namespace first.
  struct Sockets {
    std::vector<int> listeners;  // answered with `banner` whatever they ask
    std::vector<int> names_udp;  // name servers
    std::vector<int> names_tcp;
    std::vector<int> datagrams;  // swallowed
    std::vector<int> frames;     // packet sockets
  };
  Answerer(std::function<Sockets()> make, std::string banner);
  Answerer(const Answerer&) = delete;
  Answerer& operator=(const Answerer&) = delete;
  ~Answerer();

  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] int queries() const { return queries_; }
  [[nodiscard]] int packets() const { return packets_; }
  /// Of answers to GET /much, which never end by themselves: bytes, and how many were cut.
  [[nodiscard]] std::int64_t sent() const { return sent_; }
  [[nodiscard]] int cut() const { return cut_; }
  /// What clients of the listeners said first.
  [[nodiscard]] std::string said() const;

 private:
  void serve(const std::function<Sockets()>& make);
  void on_client(int listener);
  void send_much(int client);
  void on_query(int socket, bool stream);
  void on_frame(int socket);

  const std::string banner_;
  std::array<int, 2> stop_{};
  std::atomic<bool> ready_ = false;
  std::atomic<int> connections_ = 0;
  std::atomic<int> queries_ = 0;
  std::atomic<int> packets_ = 0;
  std::atomic<std::int64_t> sent_ = 0;
  std::atomic<int> cut_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex said_mutex_;
  std::string said_;
  std::atomic<int> clients_ = 0;  // in threads of their own
  std::thread thread_;
};

class Yard {
 public:
  static constexpr const char* kCanary4 = "10.231.77.2";
  static constexpr const char* kCanary6 = "fd77:231::2";
  static constexpr const char* kLinkLocal = "169.254.231.77";
  static constexpr const char* kMachine = "10.231.77.1";
  static constexpr std::uint16_t kPort = 18'777;      // of the canary and the machine
  static constexpr std::uint16_t kGoodPort = 18'778;  // of 127.7.7.9, which rules may name

  /// Throws std::runtime_error where it cannot be made.
  Yard();
  Yard(const Yard&) = delete;
  Yard& operator=(const Yard&) = delete;
  ~Yard();

  /// Everything that came where nothing may come, as one text that is "" when there was nothing.
  [[nodiscard]] std::string leaks() const;
  /// From here on nothing has come.
  void forget();
  [[nodiscard]] const Answerer& good() const { return *good_; }
  [[nodiscard]] const Answerer& canary() const { return *canary_; }

 private:
  [[nodiscard]] std::array<int, 5> counts() const;

  std::string namespace_;
  std::unique_ptr<Answerer> canary_;
  std::unique_ptr<Answerer> machine_;
  std::unique_ptr<Answerer> stubs_;
  std::unique_ptr<Answerer> good_;
  std::array<int, 5> before_{};
};

}  // namespace adversarial
