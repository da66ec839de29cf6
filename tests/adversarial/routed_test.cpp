// `mode: routed`: UDP and addresses, from inside real nodes of each engine. What a rule names gets
// through, everything else of the same kind does not, and the report says what would allow it.

#include <array>
#include <atomic>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/adversarial/attacked.h"

namespace adversarial {
namespace {

using e2e::Ended;
using e2e::run;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint16_t kEchoPort = 18'779;

/// Sends back what comes by UDP to 127.7.7.9, which is good.test.
class Echo {
 public:
  Echo() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(kEchoPort);
    at.sin_addr.s_addr = htonl(0x7f070709);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof(at)), 0);
    thread_ = std::thread([this] { serve(); });
  }
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;
  ~Echo() {
    stop_ = true;
    thread_.join();
    close(socket_);
  }
  [[nodiscard]] int count() const { return count_; }

 private:
  void serve() {
    while (!stop_) {
      pollfd wait{socket_, POLLIN, 0};
      if (poll(&wait, 1, 50) != 1) {
        continue;
      }
      std::array<char, 2048> bytes{};
      sockaddr_in from{};
      socklen_t size = sizeof(from);
      const ssize_t got = recvfrom(
          socket_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      ++count_;
      sendto(socket_,
             bytes.data(),
             static_cast<std::size_t>(got > 0 ? got : 0),
             0,
             reinterpret_cast<const sockaddr*>(&from),
             size);
    }
  }

  int socket_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> count_ = 0;
  std::thread thread_;
};

class Routed : public Attacked {
 protected:
  [[nodiscard]] Ended run_routed(const std::string& task) const {
    std::string env;
    for (const auto& [name, value] : targets()) {
      env += "  " + name + ": '" + value + "'\n";
    }
    return run_plain("firewall:\n  mode: routed\n  allow: ['good.test:" +
                     std::to_string(Yard::kGoodPort) + "', 'good.test:18779/udp', '" +
                     "127.7.7.9:18779/udp', '10.231.77.0/30:" + std::to_string(Yard::kPort) +
                     "']\n  allow_private: [127.7.7.9]\nenv:\n" + env + "tasks:\n  a:\n" + task +
                     "    success_criteria: [{'[ ] ok': 'true'}]\n");
  }
};

TEST_P(Routed, CarriesUdpAndAddressesThatARuleNames) {
  const Echo echo;
  const int before = yard_->canary().connections();
  const Ended ended = run_routed(
      "    run: |\n"
      "      ./attack ask udp good.test 18779 by-name\n"
      "      ./attack ask udp 127.7.7.9 18779 by-address\n"
      "      ./attack ask tcp 10.231.77.2 18777 by-range | grep HTTP\n"
      "      ./attack get good.test 18778\n");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(log("a"), HasSubstr("by-name\nby-address\nHTTP/1.1 200 OK"));
  EXPECT_EQ(echo.count(), 2);
  EXPECT_EQ(yard_->canary().connections(), before + 1);
  EXPECT_THAT(ended.out + ended.err, Not(HasSubstr("refused")));
}

TEST_P(Routed, RefusesTheRestAndTellsTheLine) {
  const Echo echo;
  const Ended ended = run_routed(
      "    run: |\n"
      "      ./attack ask udp 10.231.77.2 18779 x && exit 1\n"
      "      ./attack ask tcp 10.231.77.2 18778 x && exit 1\n"
      "      ./attack ask tcp 10.232.1.1 18777 x && exit 1\n"
      "      ./attack ask tcp 10.231.77.1 18777 x && exit 1\n"     // the machine itself
      "      ./attack ask tcp 169.254.231.77 18777 x && exit 1\n"  // metadata, and its like
      "      ./attack ask udp 10.231.77.2 18777 x && exit 1\n"     // no rule has this port by UDP
      "      ip route 2>/dev/null; true\n");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  for (const char* const told : {
           "refused 10.231.77.2:18779/udp: no rule allows this port of the address",
           "refused 10.231.77.2:18778: no rule allows this port of the address",
           "refused 10.232.1.1:18777: no rule allows this address",
           "refused 10.231.77.1:18777: 10.231.77.1 (own) is not reached",
           "refused 169.254.231.77:18777: no rule allows this address",
       }) {
    EXPECT_THAT(ended.err, HasSubstr(told));
  }
  EXPECT_THAT(ended.out,
              HasSubstr("write `firewall: {mode: routed, allow: [\"10.232.1.1:18777\"]}`"));
  EXPECT_THAT(ended.out,
              HasSubstr("write `firewall: {mode: routed, allow: [\"10.231.77.2:18779/udp\"]}`"));
  EXPECT_EQ(yard_->leaks(), "");
  EXPECT_EQ(echo.count(), 0);
}

// Every attack of the network's list once more: that every address leads to the gateway opens none.
TEST_P(Routed, ReachesNothingThatNoRuleNames) {
  const Ended ended = run_plain(
      "firewall:\n  mode: routed\n  allow: ['good.test:" + std::to_string(Yard::kGoodPort) +
      "', '10.99.0.0/16:[53, 443, " + std::to_string(Yard::kPort) +
      "]', '10.99.0.0/16:" + std::to_string(Yard::kPort) + "/udp', '*.wild.test:443', 'meta.test:" +
      std::to_string(Yard::kPort) + "']\n  allow_private: [127.7.7.9]\nenv:\n" +
      [] {
        std::string env;
        for (const auto& [name, value] : targets()) {
          env += "  " + name + ": '" + value + "'\n";
        }
        return env;
      }() +
      "tasks:\n  a:\n    run: ./attack network\n"
      "    success_criteria: [{'[ ] ok': 'true'}]\n");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(log("a"), HasSubstr("all tried"));
  for (const Line& line : lines_of(log("a"))) {
    // Every address is the node's own here, so that what needs no answer can be sent: to nobody.
    const bool is_lost = line.how == "sent";
    EXPECT_FALSE(line.open && !is_lost) << line.part << ": " << line.how;
    note({line.part,
          engine() + " routed",
          (line.open && !is_lost ? "OPEN: " : "blocked: ") + line.how});
  }
  EXPECT_EQ(yard_->leaks(), "");
}

INSTANTIATE_FOR_ENGINES(Routed);

}  // namespace
}  // namespace adversarial
