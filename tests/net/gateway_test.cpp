// The gateway with real sockets in a real network namespace; only the resolver is made up.

#include "runner/net/gateway.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/net/dns_message.h"
#include "runner/sys/unix_socket.h"
#include "tests/net/hello_maker.h"
#include "tests/net/inside.h"

namespace runner {
namespace {

using net_test::Inside;
using net_test::receive;
using net_test::receive_all;
using net_test::Received;
using net_test::run_until;
using net_test::send_all;
using net_test::Server;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint16_t kWebPort = 8080;

std::string rule(const std::string& host, std::uint16_t port) {
  return host + ":" + std::to_string(port);
}

std::string get(const std::string& host) {
  return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

/// A node that may reach good.test on the server's port, at the server's address.
struct Reaching : Inside {
  explicit Reaching(const Server& server)
      : Inside({rule("good.test", server.port)}, {"127.7.7.7"}) {
    resolver.known["good.test"] = {"127.7.7.7"};
  }
};

int code_of(const std::string& answer) {
  return answer.size() < 12 ? -1 : answer[3] & 0x0f;
}

TEST(Gateway, AnswersNamesThatARuleAllowsAndRefusesAllOthers) {
  Inside inside({"good.test:443", "*.wild.test:443"}, {});
  EXPECT_EQ(inside.look_up("good.test")->text(), "198.18.1.0");
  EXPECT_EQ(inside.look_up("a.wild.test")->text(), "198.18.1.1");
  EXPECT_EQ(inside.look_up("GOOD.test")->text(), "198.18.1.0");
  const std::string aaaa = inside.ask(dns_query(9, "good.test", kDnsTypeAaaa));
  EXPECT_EQ(code_of(aaaa), 0);
  EXPECT_EQ(aaaa[7], 0);
  for (const char* const name : {"evil.test", "good.test.evil.test", "xgood.test", "wild.test"}) {
    EXPECT_EQ(code_of(inside.ask(dns_query(9, name, kDnsTypeA))), 5) << name;
    EXPECT_EQ(code_of(inside.ask(dns_query(9, name, 16))), 5) << name;
  }
  inside.ask(dns_query(9, "evil.test", kDnsTypeA));
  inside.ask(dns_query(9, "canary.pipe.invalid", kDnsTypeA));
  EXPECT_THAT(inside.refusals(),
              ElementsAre("evil.test:0 name",
                          "good.test.evil.test:0 name",
                          "xgood.test:0 name",
                          "wild.test:0 name"));
  EXPECT_THAT(inside.resolver.asked, IsEmpty());  // nothing was ever asked of anyone
}

TEST(Gateway, AnswersNamesOverTcp) {
  Inside inside({"good.test:443"}, {});
  const Fd client = inside.connect(*dsl::IpAddress::parse("127.0.0.1"), 53);
  const std::string good = dns_query(1, "good.test", kDnsTypeA);
  const std::string evil = dns_query(2, "evil.test", kDnsTypeA);
  send_all(inside.loop, client, net_test::number(good.size(), 2) + good.substr(0, 5));
  send_all(inside.loop, client, good.substr(5) + net_test::number(evil.size(), 2) + evil);
  const std::string answers = receive(inside.loop, client, 2 * good.size() + 4 + 16);
  ASSERT_EQ(answers.size(), 2 * good.size() + 4 + 16);
  EXPECT_EQ(code_of(answers.substr(2)), 0);
  EXPECT_EQ(code_of(answers.substr(2 + good.size() + 16 + 2)), 5);
}

TEST(Gateway, CarriesBytesBothWaysAndKeepsHalfAnEnd) {
  Server server;
  Reaching inside(server);
  const Fd client = inside.connect("good.test", server.port);
  send_all(inside.loop, client, "\x01ping");
  const Fd accepted = server.accept(inside.loop);
  EXPECT_EQ(receive(inside.loop, accepted, 5), "\x01ping");
  shutdown(client.get(), SHUT_WR);
  EXPECT_TRUE(receive_all(inside.loop, accepted).ended);
  send_all(inside.loop, accepted, "late answer");
  shutdown(accepted.get(), SHUT_WR);
  const Received received = receive_all(inside.loop, client);
  EXPECT_EQ(received.bytes, "late answer");
  EXPECT_TRUE(received.ended);
  EXPECT_THAT(inside.resolver.asked, ElementsAre("good.test"));
  EXPECT_THAT(inside.refusals(), IsEmpty());
}

TEST(Gateway, LetsAServerSpeakFirst) {
  Server server;
  Reaching inside(server);
  const Fd client = inside.connect("good.test", server.port);
  const Fd accepted = server.accept(inside.loop);
  send_all(inside.loop, accepted, "220 ready\r\n");
  EXPECT_EQ(receive(inside.loop, client, 11), "220 ready\r\n");
}

TEST(Gateway, CarriesMuchWithoutLosingAByte) {
  Server server;
  Reaching inside(server);
  const Fd client = inside.connect("good.test", server.port);
  std::string sent(32 << 20, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) {
    sent[i] = static_cast<char>(i * 2'654'435'761U >> 16);
  }
  const Fd accepted = server.accept(inside.loop);
  for (const bool up : {false, true}) {
    const Fd& from = up ? client : accepted;
    const Fd& to = up ? accepted : client;
    std::string received;
    std::size_t at = 0;
    std::vector<char> bytes(1 << 16);
    ASSERT_TRUE(run_until(inside.loop, [&] {
      ssize_t put = 0;
      while (at < sent.size() &&
             (put = send(from.get(), sent.data() + at, sent.size() - at, MSG_NOSIGNAL)) > 0) {
        at += static_cast<std::size_t>(put);
      }
      ssize_t got = 0;
      while ((got = recv(to.get(), bytes.data(), bytes.size(), 0)) > 0) {
        received.append(bytes.data(), static_cast<std::size_t>(got));
      }
      return received.size() == sent.size();
    })) << received.size();
    EXPECT_TRUE(received == sent);
  }
}

TEST(Gateway, ResetsAConnectionThatItsServerCut) {
  Server server;
  Reaching inside(server);
  const Fd client = inside.connect("good.test", server.port);
  Fd accepted = server.accept(inside.loop);
  send_all(inside.loop, accepted, "half of it");
  EXPECT_EQ(receive(inside.loop, client, 10), "half of it");
  const linger at_once{1, 0};
  setsockopt(accepted.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  accepted.reset();
  EXPECT_TRUE(receive_all(inside.loop, client).reset);
}

TEST(Gateway, KeepsPortsOfNamesApart) {
  Server server;
  Inside inside({rule("good.test", server.port), "other.test:2222"}, {"127.7.7.7"});
  inside.resolver.known["other.test"] = {"127.7.7.7"};
  const Fd client = inside.connect("other.test", server.port);
  EXPECT_TRUE(receive_all(inside.loop, client).reset);
  EXPECT_THAT(inside.refusals(),
              ElementsAre("other.test:" + std::to_string(server.port) + " port"));
  EXPECT_THAT(inside.resolver.asked, IsEmpty());
}

TEST(Gateway, IsNothingAtAddressesThatStandForNoName) {
  Server server;
  Reaching inside(server);
  for (const char* const address : {"127.0.0.1", "198.18.0.1", "198.19.1.1"}) {
    const Fd client = inside.connect(*dsl::IpAddress::parse(address), server.port);
    EXPECT_TRUE(receive_all(inside.loop, client).reset) << address;
  }
  // Everything else has no route at all.
  for (const char* const address : {"127.7.7.7", "192.0.2.1", "169.254.169.254", "10.0.0.1"}) {
    const Fd client = inside.connect(*dsl::IpAddress::parse(address), server.port + 1);
    EXPECT_TRUE(!client || receive_all(inside.loop, client).reset) << address;
  }
  EXPECT_FALSE(server.has_visitor());
}

TEST(Gateway, ReachesNoPrivateAddressUnderAnAllowedName) {
  Server server;
  for (const char* const address : {"127.7.7.7",
                                    "10.1.2.3",
                                    "169.254.169.254",
                                    "192.168.1.1",
                                    "::1",
                                    "::ffff:127.7.7.7",
                                    "64:ff9b::7f07:707",
                                    "fd00:ec2::254",
                                    "93.184.215.14"}) {
    Inside inside({rule("good.test", server.port)}, {"good.test", "10.9.0.0/16"});
    inside.resolver.known["good.test"] = {address};
    inside.own = {*dsl::IpAddress::parse("93.184.215.14"),
                  *dsl::IpAddress::parse("10.1.2.3"),
                  *dsl::IpAddress::parse("192.168.1.1")};
    const Fd client = inside.connect("good.test", server.port);
    EXPECT_TRUE(receive_all(inside.loop, client).reset) << address;
    ASSERT_THAT(inside.refusals(),
                ElementsAre("good.test:" + std::to_string(server.port) + " address"))
        << address;
    EXPECT_THAT(inside.denied[0].seen, testing::StartsWith(std::string(address).substr(0, 4)));
    EXPECT_EQ(inside.denied[0].rule, rule("good.test", server.port));
    EXPECT_EQ(inside.denied[0].node.value, "node");
  }
  EXPECT_FALSE(server.has_visitor());
}

TEST(Gateway, DialsTheAddressesThatItChecked) {
  Server server;
  Reaching inside(server);
  inside.resolver.known["good.test"] = {"10.1.2.3", "127.7.7.8", "127.7.7.7"};
  const Fd client = inside.connect("good.test", server.port);
  EXPECT_TRUE(server.accept(inside.loop));  // the first two were left out
  EXPECT_THAT(inside.resolver.asked, ElementsAre("good.test"));
}

TEST(Gateway, TellsWhereAnAllowedNameLedNowhere) {
  std::uint16_t port = 0;
  {
    const Server gone;
    port = gone.port;
  }
  Inside inside({rule("good.test", port), rule("unknown.test", port)}, {"127.7.7.7"});
  inside.resolver.known["good.test"] = {"127.7.7.7"};
  EXPECT_TRUE(receive_all(inside.loop, inside.connect("good.test", port)).reset);
  EXPECT_TRUE(receive_all(inside.loop, inside.connect("unknown.test", port)).reset);
  const std::string at = std::to_string(port);
  EXPECT_THAT(
      inside.refusals(),
      ElementsAre("good.test:" + at + " unreachable", "unknown.test:" + at + " unresolved"));
  EXPECT_EQ(inside.denied[0].seen, "127.7.7.7: Connection refused");
}

TEST(Gateway, LetsNoByteOfAnotherHostsRequestOut) {
  Server server(kWebPort);
  Reaching inside(server);
  for (const std::string& bytes :
       {get("other.test"), net_test::hello_for("other.test"), std::string("SSH-2.0-x\r\n")}) {
    const Fd client = inside.connect("good.test", kWebPort);
    send_all(inside.loop, client, bytes);
    EXPECT_TRUE(receive_all(inside.loop, client).reset);
  }
  EXPECT_THAT(inside.refusals(),
              ElementsAre("good.test:8080 host", "good.test:8080 sni", "good.test:8080 protocol"));
  EXPECT_FALSE(server.has_visitor());
  EXPECT_THAT(inside.resolver.asked, IsEmpty());
}

TEST(Gateway, LooksAtEveryRequestOfAConnection) {
  Server server(kWebPort);
  Reaching inside(server);
  const Fd client = inside.connect("good.test", kWebPort);
  send_all(inside.loop, client, get("good.test"));
  const Fd accepted = server.accept(inside.loop);
  EXPECT_EQ(receive(inside.loop, accepted, get("good.test").size()), get("good.test"));
  send_all(inside.loop, accepted, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(receive(inside.loop, client, 27).size(), 27U);
  send_all(inside.loop, client, get("good.test:8080") + get("other.test"));
  const Received received = receive_all(inside.loop, accepted);
  EXPECT_TRUE(get("good.test:8080").compare(0, received.bytes.size(), received.bytes) == 0);
  EXPECT_TRUE(received.reset);
  EXPECT_THAT(inside.refusals(), ElementsAre("good.test:8080 host"));
}

TEST(Gateway, OpensAWebSocketOnlyWhenTheServerHasSwitched) {
  const std::string upgrade =
      "GET / HTTP/1.1\r\nHost: good.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  const std::string yes = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
  const std::string no = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  Server server(kWebPort);
  Reaching inside(server);
  for (const std::string& answer : {yes, no}) {
    const Fd client = inside.connect("good.test", kWebPort);
    send_all(inside.loop, client, upgrade + get("other.test"));
    const Fd accepted = server.accept(inside.loop);
    EXPECT_EQ(receive(inside.loop, accepted, upgrade.size()), upgrade);
    send_all(inside.loop, accepted, answer.substr(0, 6));
    send_all(inside.loop, accepted, answer.substr(6));
    if (answer == yes) {
      EXPECT_EQ(receive(inside.loop, accepted, 1), get("other.test"));
      EXPECT_EQ(receive(inside.loop, client, yes.size()), yes);
    } else {
      EXPECT_TRUE(receive_all(inside.loop, accepted).reset);
    }
  }
  EXPECT_THAT(inside.refusals(), ElementsAre("good.test:8080 host"));
}

TEST(Gateway, DoesNotWaitForAHelloForEver) {
  Server server(kWebPort);
  Reaching inside(server);
  for (const std::string& begin : {std::string(), std::string("GET / HT")}) {
    const Fd client = inside.connect("good.test", kWebPort);
    send_all(inside.loop, client, begin);
    EXPECT_TRUE(receive_all(inside.loop, client).reset);
  }
  EXPECT_THAT(inside.refusals(), ElementsAre("good.test:8080 no_hello"));
  EXPECT_FALSE(server.has_visitor());
}

TEST(Gateway, CutsEverythingWithItsDoor) {
  Server server;
  Reaching inside(server);
  const dsl::IpAddress address = *inside.look_up("good.test");
  const Fd client = inside.connect(address, server.port);
  const Fd accepted = server.accept(inside.loop);
  inside.close_door();
  EXPECT_TRUE(receive_all(inside.loop, client).reset);
  EXPECT_TRUE(receive_all(inside.loop, accepted).reset);
  const Fd next = inside.connect(address, server.port);
  EXPECT_TRUE(!next || receive_all(inside.loop, next).reset);
  EXPECT_EQ(inside.ask(dns_query(1, "good.test", kDnsTypeA)), "");
  EXPECT_FALSE(server.has_visitor());
}

// As when the runner dies: the node and its network live on.
TEST(Gateway, GoneInMidTransferItCutsTheNodeOffAndOpensNothingElse) {
  Server server;
  Reaching inside(server);
  const dsl::IpAddress address = *inside.look_up("good.test");
  const Fd client = inside.connect(address, server.port);
  const Fd accepted = server.accept(inside.loop);
  const std::string much(64 << 20, 'x');
  const ssize_t sent = send(accepted.get(), much.data(), much.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ASSERT_GT(sent, 0);
  ASSERT_GE(receive(inside.loop, client, 100'000).size(), 100'000U) << "it is under way";
  inside.close_door();
  const Received rest = receive_all(inside.loop, client);
  EXPECT_TRUE(rest.reset || rest.ended);
  EXPECT_LT(rest.bytes.size(), much.size());
  EXPECT_EQ(inside.ask(dns_query(1, "good.test", kDnsTypeA)), "");
  EXPECT_EQ(inside.ask(dns_query(1, "other.test", kDnsTypeA)), "");
  for (const char* const other : {"127.7.7.7", "198.18.1.0", "10.0.0.1"}) {
    const Fd next = inside.connect(*dsl::IpAddress::parse(other), server.port);
    EXPECT_TRUE(!next || receive_all(inside.loop, next).bytes.empty()) << other;
  }
  EXPECT_FALSE(server.has_visitor());
}

TEST(Gateway, CarriesNoMoreConnectionsThanANodeMayHave) {
  Server server;
  Reaching inside(server);
  const dsl::IpAddress address = *inside.look_up("good.test");
  std::vector<Fd> clients;
  std::vector<Fd> accepted;
  for (std::size_t i = 0; i < Door::kMostConnections; ++i) {
    clients.push_back(inside.connect(address, server.port));
    accepted.push_back(server.accept(inside.loop));
    ASSERT_TRUE(accepted.back()) << i;
  }
  EXPECT_TRUE(receive_all(inside.loop, inside.connect(address, server.port)).reset);
  EXPECT_THAT(inside.refusals(), ElementsAre("good.test:" + std::to_string(server.port) + " busy"));
  clients.front().reset();
  EXPECT_TRUE(receive_all(inside.loop, accepted.front()).ended);
  accepted.front().reset();
  inside.loop.run_for({5});
  const Fd next = inside.connect(address, server.port);
  EXPECT_TRUE(server.accept(inside.loop));
}

TEST(Gateway, TakesOneNetworkOnlyAndNothingElse) {
  EventLoop loop;
  net_test::FakeResolver resolver(loop);
  std::string folder = "/tmp/pipe-gateway-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  {
    Gateway gateway(loop, resolver, {.directory = folder, .own_addresses = [] {
                                       return std::vector<dsl::IpAddress>();
                                     }});
    dsl::Firewall firewall;
    firewall.allow = {"good.test:443"};
    const auto door = gateway.open("n", dsl::NodeId{"node"}, firewall, nullptr);
    ASSERT_TRUE(door);
    EXPECT_THAT(door->ports, ElementsAre(443));
    EXPECT_THAT(door->proof, ElementsAre("good.test"));
    struct stat status {};
    ASSERT_EQ(stat(door->socket.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);

    const auto first = connect_unix(door->socket);
    ASSERT_TRUE(first);
    fcntl(first->get(), F_SETFL, O_NONBLOCK);
    send_all(loop, *first, "this is no network");
    EXPECT_TRUE(receive_all(loop, *first).ended);  // without the word that it is served
    EXPECT_FALSE(connect_unix(door->socket));
  }
  EXPECT_EQ(rmdir(folder.c_str()), 0);  // nothing was left
}

}  // namespace
}  // namespace runner
