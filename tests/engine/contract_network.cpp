// Loopback, and nothing else.

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include "runner/net/gateway.h"
#include "tests/engine/contract.h"

namespace runner::contract {
namespace {

using testing::HasSubstr;

/// Accepts on the machine's own loopback.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd_, 4), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = std::to_string(ntohs(address.sin_port));
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { close(fd_); }
  [[nodiscard]] const std::string& port() const { return port_; }
  [[nodiscard]] bool is_reached_soon() const {
    pollfd wait{fd_, POLLIN, 0};
    return poll(&wait, 1, 10'000) == 1;
  }
  [[nodiscard]] bool was_reached() const {
    return accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC) >= 0;
  }

 private:
  int fd_;
  std::string port_;
};

TEST_P(EngineContract, HasNoWayToTheMachinesNetwork) {
  if (!engine().traits().isolates) {
    GTEST_SKIP() << "the engine does not isolate";
  }
  const Listener listener;
  EXPECT_EQ(text_of(run_probe({"dial", "127.0.0.1", listener.port()})), "exit 1");
  const Job outward = probe_job({"dial", "192.0.2.1", "80"});
  EXPECT_EQ(text_of(run(outward)), "exit 1");
  EXPECT_EQ(log_of(outward), "Network is unreachable\n");
  EXPECT_FALSE(listener.was_reached());
}

TEST_P(EngineContract, JobsOfOneNetworkReachEachOtherAndOthersDoNot) {
  constexpr const char* kPort = "18231";
  ASSERT_TRUE(open_network("pipe-net-one"));
  ASSERT_TRUE(open_network("pipe-net-two"));
  const auto in_network = [&](const std::string& network, std::vector<std::string> arguments) {
    Job job = probe_job(arguments);
    job.network = network;
    return job;
  };
  const Job server = in_network("pipe-net-one", {"serve", kPort});
  start(server);
  wait_for_log(server, "serving");

  EXPECT_EQ(text_of(run(in_network("pipe-net-one", {"dial", "127.0.0.1", kPort}))), "exit 0");
  if (engine().traits().isolates) {
    EXPECT_EQ(text_of(run(in_network("pipe-net-two", {"dial", "127.0.0.1", kPort}))), "exit 1");
    EXPECT_EQ(text_of(run_probe({"dial", "127.0.0.1", kPort})), "exit 1");
  }

  const std::string init = engine().traits().init_path;
  Job ready = in_network("pipe-net-one", {});
  ready.argv = {init, "wait-tcp", kPort, "10000"};
  EXPECT_EQ(text_of(run(ready)), "exit 0");
  Job ask = in_network("pipe-net-one", {});
  ask.argv = {init, "http", "GET", std::string("http://localhost:") + kPort + "/x", "10000"};
  EXPECT_EQ(text_of(run(ask)), "exit 0");
  EXPECT_EQ(log_of(ask), "status 203\nhello\n");

  engine().stop(server.name, {0});
  EXPECT_EQ(text_of(wait_for_end(server.name)), "stopped");
  Job refused = in_network("pipe-net-one", {});
  refused.argv = {init, "http", "GET", std::string("http://localhost:") + kPort + "/", "1000"};
  EXPECT_EQ(text_of(run(refused)), "exit 7");
  engine().close_network("pipe-net-one");
  engine().close_network("pipe-net-two");
}

TEST_P(EngineContract, RefusesAJobWhoseNetworkIsNotOpen) {
  if (!engine().traits().isolates) {
    GTEST_SKIP() << "the engine does not isolate";
  }
  Job job = probe_job({"exit", "0"});
  job.network = "pipe-net-closed";
  const JobEnd end = run(job);
  EXPECT_EQ(end.how, JobEnd::How::Lost) << text_of(end);
  EXPECT_THAT(end.detail, HasSubstr("pipe-net-closed"));
}

/// Knows where good.test is, and nothing else.
class OneName final : public Resolver {
 public:
  explicit OneName(EventLoop& loop) : loop_(loop) {}
  void resolve(const std::string& /*name*/, Done done) override {
    loop_.post([done = std::move(done)] {
      done(std::vector<dsl::IpAddress>{*dsl::IpAddress::parse("127.0.0.1")});
    });
  }

 private:
  EventLoop& loop_;
};

// One job in a network of its own, and several in one that somebody holds.
TEST_P(EngineContract, LeadsANetworkToTheGatewayBeforeAnythingStartsThere) {
  if (!engine().traits().egress) {
    GTEST_SKIP() << "the engine leads no network to a gateway";
  }
  const Listener listener;
  OneName resolver(loop());
  Gateway gateway(loop(), resolver, {.directory = state_dir() + "/doors", .own_addresses = [] {
                                       return std::vector<dsl::IpAddress>();
                                     }});
  dsl::Firewall rules;
  rules.allow = {"good.test:" + listener.port()};
  rules.allow_private = {"127.0.0.1"};
  for (const NetworkUse use : {NetworkUse::OneJob, NetworkUse::Group}) {
    const std::string network = use == NetworkUse::OneJob ? "pipe-net-alone" : "pipe-net-group";
    const auto door = gateway.open(network, dsl::NodeId("node"), rules, nullptr);
    ASSERT_TRUE(door);
    std::optional<dsl::Status> opened;
    engine().open_network_to(network, *door, use, [&](dsl::Status status) {
      opened = std::move(status);
      loop().stop();
    });
    loop().run();
    ASSERT_TRUE(opened);
    EXPECT_TRUE(*opened);
    for (int i = 0; i < (use == NetworkUse::OneJob ? 1 : 2); ++i) {
      // The first name that is asked for has the first address; the proof asks for it.
      Job job = probe_job({"dial", "198.18.1.0", listener.port()});
      job.network = network;
      job.egress_proof = door->proof;
      EXPECT_EQ(text_of(run(job)), "exit 0") << log_of(job);
    }
    if (use == NetworkUse::Group) {
      Job elsewhere = probe_job({"dial", "192.0.2.1", listener.port()});
      elsewhere.network = network;
      elsewhere.egress_proof = door->proof;
      EXPECT_EQ(text_of(run(elsewhere)), "exit 1");
      EXPECT_EQ(log_of(elsewhere), "Network is unreachable\n");
    }
    engine().close_network(network);
    gateway.close(network);
  }
  // The connection of a probe that has ended may still be under way.
  EXPECT_TRUE(listener.is_reached_soon());
}

// The firewall fails closed: no proof, no start.
TEST_P(EngineContract, StartsNothingInANetworkThatCannotBeProven) {
  if (!engine().traits().egress) {
    GTEST_SKIP() << "the engine leads no network to a gateway";
  }
  ASSERT_TRUE(open_network("pipe-net-closed"));  // a loopback, where no gateway answers
  Job job = probe_job({"exit", "0"});
  job.network = "pipe-net-closed";
  job.egress_proof = {"good.test"};
  const JobEnd end = run(job);
  EXPECT_EQ(end.how, JobEnd::How::Lost) << text_of(end);
  EXPECT_THAT(end.detail, HasSubstr("the firewall could not be proven"));

  EgressDoor door;
  door.socket = outside("nobody-listens-here");
  door.ports = {443};
  std::optional<dsl::Status> opened;
  engine().open_network_to("pipe-net-nowhere", door, NetworkUse::OneJob, [&](dsl::Status status) {
    opened = std::move(status);
    loop().stop();
  });
  loop().run();
  ASSERT_TRUE(opened);
  EXPECT_FALSE(*opened);
  engine().close_network("pipe-net-closed");
}

}  // namespace
}  // namespace runner::contract
