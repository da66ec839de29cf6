// A routed network with real sockets in a real namespace: UDP and addresses.

#include <array>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/net/inside.h"

namespace runner {
namespace {

using net_test::Inside;
using net_test::receive;
using net_test::receive_all;
using net_test::run_until;
using net_test::send_all;
using net_test::Server;
using testing::ElementsAre;
using testing::IsEmpty;

struct Routed : Inside {
  Routed(std::vector<std::string> allow, std::vector<std::string> allow_private)
      : Inside(std::move(allow), std::move(allow_private), nullptr, dsl::Firewall::Mode::Routed) {}

  /// A socket of the node that talks to this address and port alone.
  Fd talk(const std::string& address, std::uint16_t port) {
    Fd fd = socket(SOCK_DGRAM);
    const sockaddr_in to = place(address, port);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
    return fd;
  }
  static sockaddr_in place(const std::string& address, std::uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(dsl::IpAddress::parse(address)->number());
    return to;
  }
  void settle() { loop.run_for({100}); }
};

/// UDP of the machine's own, at 127.7.7.7.
struct DatagramServer {
  DatagramServer() : socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in at = Routed::place("127.7.7.7", 0);
    socklen_t size = sizeof(at);
    EXPECT_EQ(bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), size), 0);
    EXPECT_EQ(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    port = ntohs(at.sin_port);
  }
  /// The next datagram, answered with itself twice; "" none came.
  std::string answer(EventLoop& loop) const {
    std::array<char, 2048> bytes{};
    sockaddr_in from{};
    socklen_t size = sizeof(from);
    ssize_t got = -1;
    run_until(loop, [&] {
      got = recvfrom(
          socket.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      return got >= 0;
    });
    const std::string said(bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    const std::string twice = said + said;
    sendto(socket.get(), twice.data(), twice.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    return said;
  }
  Fd socket;
  std::uint16_t port = 0;
};

std::string port_of(std::uint16_t port) {
  return ":" + std::to_string(port);
}

TEST(RoutedNetwork, CarriesDatagramsToANameAndBackFromItsAddress) {
  const DatagramServer server;
  Routed inside({"echo.test" + port_of(server.port) + "/udp"}, {"127.7.7.7"});
  inside.resolver.known["echo.test"] = {"127.7.7.7"};
  const std::string address = inside.look_up("echo.test").value().text();
  // A socket that is connected takes nothing from any other address.
  const Fd one = inside.talk(address, server.port);
  const Fd two = inside.talk(address, server.port);
  send_all(inside.loop, one, "one");
  EXPECT_EQ(server.answer(inside.loop), "one");
  send_all(inside.loop, two, "two");
  EXPECT_EQ(server.answer(inside.loop), "two");
  EXPECT_EQ(receive(inside.loop, two, 6), "twotwo");
  EXPECT_EQ(receive(inside.loop, one, 6), "oneone");
  send_all(inside.loop, one, "more");
  EXPECT_EQ(server.answer(inside.loop), "more");
  EXPECT_EQ(receive(inside.loop, one, 8), "moremore");
  EXPECT_THAT(inside.resolver.asked, ElementsAre("echo.test", "echo.test"));  // once a flow
  EXPECT_THAT(inside.refusals(), IsEmpty());
}

TEST(RoutedNetwork, CarriesToAddressesOfARange) {
  Server tcp;
  const DatagramServer udp;
  Routed inside({"127.7.7.0/24" + port_of(tcp.port), "127.7.7.0/24" + port_of(udp.port) + "/udp"},
                {"127.7.7.0/24"});
  const Fd client = inside.connect(*dsl::IpAddress::parse("127.7.7.7"), tcp.port);
  send_all(inside.loop, client, "GET / HTTP/1.1\r\nHost: whoever\r\n\r\n");
  const Fd accepted = tcp.accept(inside.loop);
  EXPECT_EQ(receive(inside.loop, accepted, 3).substr(0, 3), "GET");  // it has no name to keep to
  const Fd talk = inside.talk("127.7.7.7", udp.port);
  send_all(inside.loop, talk, "x");
  EXPECT_EQ(udp.answer(inside.loop), "x");
  EXPECT_EQ(receive(inside.loop, talk, 2), "xx");
  EXPECT_THAT(inside.refusals(), IsEmpty());
}

// Port 53 is the namespace's own name server only at 127.0.0.1.
TEST(RoutedNetwork, PortsOfNameServersCanBeNamedToo) {
  Inside inside({"10.0.0.0/8:53", "10.0.0.0/8:53/udp", "good.test:53"},
                {},
                nullptr,
                dsl::Firewall::Mode::Routed);
  inside.own = {*dsl::IpAddress::parse("10.1.2.3")};
  EXPECT_EQ(inside.look_up("good.test")->text(), "198.18.1.0");
  const Fd tcp = inside.connect(*dsl::IpAddress::parse("10.1.2.3"), 53);
  EXPECT_TRUE(receive_all(inside.loop, tcp).reset);
  const Fd named = inside.connect("good.test", 53);
  EXPECT_TRUE(receive_all(inside.loop, named).reset);  // nobody knows its address
  const Fd udp = inside.socket(SOCK_DGRAM);
  const sockaddr_in to = Routed::place("10.1.2.3", 53);
  ASSERT_EQ(::connect(udp.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
  send_all(inside.loop, udp, "x");
  inside.loop.run_for({100});
  EXPECT_THAT(
      inside.refusals(),
      ElementsAre("10.1.2.3:53 address", "good.test:53 unresolved", "10.1.2.3:53/udp address"));
}

TEST(RoutedNetwork, RefusesWhatNoRuleNames) {
  const DatagramServer udp;
  Routed inside({"127.7.7.7" + port_of(udp.port) + "/udp", "10.0.0.0/8:5432", "good.test:5433"},
                {"127.7.7.7"});
  inside.own = {*dsl::IpAddress::parse("10.1.2.3")};
  const auto dial = [&](const char* address, std::uint16_t port) {
    const Fd client = inside.connect(*dsl::IpAddress::parse(address), port);
    EXPECT_TRUE(receive_all(inside.loop, client).reset) << address;
  };
  dial("203.0.113.9", 5432);
  dial("10.9.9.9", 5433);
  dial("10.1.2.3", 5432);   // the machine itself
  dial("127.0.0.1", 5432);  // the node itself: nothing to tell of
  for (const char* const address : {"203.0.113.9", "127.7.7.8"}) {
    send_all(inside.loop, inside.talk(address, udp.port), "x");
  }
  inside.settle();
  EXPECT_THAT(inside.refusals(),
              ElementsAre("203.0.113.9:5432 name",
                          "10.9.9.9:5433 port",
                          "10.1.2.3:5432 address",
                          "203.0.113.9" + port_of(udp.port) + "/udp name"));
}

TEST(RoutedNetwork, ANameIsForWhatItsRulesCarry) {
  Server tcp;
  Routed inside({"only-udp.test" + port_of(tcp.port) + "/udp", "good.test" + port_of(tcp.port)},
                {"127.7.7.7"});
  inside.resolver.known["only-udp.test"] = {"127.7.7.7"};
  inside.resolver.known["good.test"] = {"10.0.0.1"};
  const Fd client = inside.connect("only-udp.test", tcp.port);
  EXPECT_TRUE(receive_all(inside.loop, client).reset);
  const Fd talk = inside.talk(inside.look_up("good.test").value().text(), tcp.port);
  send_all(inside.loop, talk, "x");
  inside.settle();
  EXPECT_THAT(inside.refusals(),
              ElementsAre("only-udp.test" + port_of(tcp.port) + " port",
                          "good.test" + port_of(tcp.port) + "/udp port"));
  EXPECT_FALSE(tcp.has_visitor());
}

TEST(RoutedNetwork, ANameThatLeadsInwardsIsRefusedByUdpToo) {
  Routed inside({"bad.test:5353/udp"}, {});
  inside.resolver.known["bad.test"] = {"169.254.169.254"};
  const Fd talk = inside.talk(inside.look_up("bad.test").value().text(), 5353);
  send_all(inside.loop, talk, "x");
  inside.settle();
  EXPECT_THAT(inside.refusals(), ElementsAre("bad.test:5353/udp address"));
}

TEST(RoutedNetwork, NothingGoesOnceTheDoorIsClosed) {
  const DatagramServer server;
  Routed inside({"127.7.7.7" + port_of(server.port) + "/udp"}, {"127.7.7.7"});
  const Fd talk = inside.talk("127.7.7.7", server.port);
  send_all(inside.loop, talk, "x");
  EXPECT_EQ(server.answer(inside.loop), "x");
  EXPECT_EQ(receive(inside.loop, talk, 2), "xx");
  inside.close_door();
  send(talk.get(), "y", 1, MSG_NOSIGNAL);
  inside.settle();
  char byte = 0;
  EXPECT_EQ(recv(server.socket.get(), &byte, 1, 0), -1);
}

}  // namespace
}  // namespace runner
