// Secrets that the gateway puts into requests, with real sockets in a real network namespace.

#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/net/inside.h"
#include "tests/net/tls_server.h"
#include "tests/support/fake_secrets.h"

namespace runner {
namespace {

using net_test::Inside;
using net_test::receive;
using net_test::receive_all;
using net_test::Received;
using net_test::run_until;
using net_test::send_all;
using net_test::Server;
using net_test::TlsServer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

[[maybe_unused]] const bool kBelieved = [] {
  net_test::believe_test_authority();
  return true;
}();

constexpr const char* kValue = "real-value-0123456789";

std::string at(const std::string& host, std::uint16_t port) {
  return host + ":" + std::to_string(port);
}

std::string get(const std::string& host, const std::string& token = "token-1") {
  return "GET / HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + token + "\r\n\r\n";
}

/// A node with one secret, TOKEN, for `hosts`; it holds "token-1" in its place.
class Injecting {
 public:
  Injecting(std::vector<std::string> allow,
            std::vector<std::string> hosts,
            const std::string& header = "")
      : inside(std::move(allow), {"127.7.7.7"}, &secrets) {
    for (const char* const name : {"good.test", "other.test"}) {
      inside.resolver.known[name] = {"127.7.7.7"};
    }
    secrets.know("TOKEN", kValue);
    LentSecret lent;
    lent.secret.name = "TOKEN";
    lent.secret.hosts = std::move(hosts);
    lent.secret.header = header;
    lent.token = "token-1";
    inside.gateway.lend("net", {lent});
  }

  /// What comes back for a request, until the end.
  Received ask(const std::string& name, std::uint16_t port, const std::string& request) {
    const Fd client = inside.connect(name, port);
    send_all(inside.loop, client, request);
    return receive_all(inside.loop, client);
  }

  test::FakeSecrets secrets;
  Inside inside;
};

TEST(Injection, SwapsTheTokenInClearWhereTheHostIsNamedSo) {
  Server server;
  Injecting node({at("good.test", server.port)}, {"http://" + at("good.test", server.port)});
  const Fd client = node.inside.connect("good.test", server.port);
  const std::string host = at("good.test", server.port);
  send_all(node.inside.loop, client, get(host).substr(0, 30));
  send_all(node.inside.loop, client, get(host).substr(30) + get(host, "other"));
  const Fd accepted = server.accept(node.inside.loop);
  const std::string expected = get(host, kValue) + get(host, "other");
  EXPECT_EQ(receive(node.inside.loop, accepted, expected.size()), expected);
  send_all(node.inside.loop, accepted, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(receive(node.inside.loop, client, 27).size(), 27U);
  // Bodies are passed as they are, and the next request is looked at again.
  const std::string post =
      "POST / HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 7\r\n\r\ntoken-1" + get(host);
  send_all(node.inside.loop, client, post);
  const std::string changed = post.substr(0, post.size() - get(host).size()) + get(host, kValue);
  EXPECT_EQ(receive(node.inside.loop, accepted, changed.size()), changed);
  EXPECT_THAT(node.inside.refusals(), IsEmpty());
}

TEST(Injection, SendsAValueToNoOtherHost) {
  Server server;
  Injecting node({at("good.test", server.port), at("other.test", server.port)},
                 {"http://" + at("good.test", server.port)});
  const std::string host = at("other.test", server.port);
  const Fd client = node.inside.connect("other.test", server.port);
  send_all(node.inside.loop, client, get(host));
  const Fd accepted = server.accept(node.inside.loop);
  EXPECT_EQ(receive(node.inside.loop, accepted, get(host).size()), get(host));
  // Nor under the name of the good one to another server, nor with another Host.
  const Fd liar = node.inside.connect("good.test", server.port);
  send_all(node.inside.loop, liar, get(host));
  EXPECT_TRUE(receive_all(node.inside.loop, liar).reset);
  EXPECT_THAT(node.inside.refusals(), ElementsAre(at("good.test", server.port) + " host"));
  EXPECT_THAT(node.secrets.asked, IsEmpty());
}

// A rule for every host lets any Host through, but not where a value would go with it.
TEST(Injection, KeepsToTheNameUnderARuleForEveryHost) {
  Server server;
  const std::string all = "*:" + std::to_string(server.port);
  Injecting node({all}, {"http://" + at("good.test", server.port)});
  EXPECT_TRUE(node.ask("good.test", server.port, get(at("other.test", server.port))).reset);
  EXPECT_THAT(node.inside.refusals(), ElementsAre(at("good.test", server.port) + " host"));
  EXPECT_FALSE(server.has_visitor());
  EXPECT_THAT(node.secrets.asked, IsEmpty());
}

TEST(Injection, AsksNoHostToSayWhatItGot) {
  Server server;
  Injecting node({at("good.test", server.port)}, {"http://" + at("good.test", server.port)});
  const std::string trace = "TRACE" + get(at("good.test", server.port)).substr(3);
  EXPECT_TRUE(node.ask("good.test", server.port, trace).reset);
  EXPECT_THAT(node.inside.refusals(), ElementsAre(at("good.test", server.port) + " http"));
  EXPECT_FALSE(server.has_visitor());
}

TEST(Injection, TakesNothingButHttpAndTlsWhereASecretIsFor) {
  Server server;
  Injecting node({at("good.test", server.port)}, {"http://" + at("good.test", server.port)});
  EXPECT_TRUE(node.ask("good.test", server.port, "SSH-2.0-token-1\r\n").reset);
  EXPECT_THAT(node.inside.refusals(), ElementsAre(at("good.test", server.port) + " protocol"));
  EXPECT_FALSE(server.has_visitor());
}

TEST(Injection, SpeaksTlsToTheHostForANodeThatDoesNot) {
  TlsServer server("good.test");
  Injecting node({at("good.test", server.port)}, {at("good.test", server.port)});
  const std::string host = at("good.test", server.port);
  const Received received = node.ask("good.test", server.port, get(host));
  EXPECT_EQ(received.bytes, server.answer);
  EXPECT_TRUE(received.ended);
  EXPECT_EQ(server.seen(), get(host, kValue));
  EXPECT_EQ(server.server_name(), "good.test");
  EXPECT_THAT(node.inside.refusals(), IsEmpty());
}

TEST(Injection, SetsAHeaderThatTheNodeDoesNotKnow) {
  TlsServer server("good.test");
  Injecting node(
      {at("good.test", server.port)}, {at("*.test", server.port)}, "X-Api-Key: ${value}");
  const std::string host = at("good.test", server.port);
  const Received received =
      node.ask("good.test", server.port, "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  EXPECT_EQ(received.bytes, server.answer);
  EXPECT_EQ(server.seen(),
            "GET / HTTP/1.1\r\nHost: " + host + "\r\nX-Api-Key: " + kValue + "\r\n\r\n");
}

TEST(Injection, CarriesALongAnswerOfTlsWhole) {
  TlsServer server("good.test");
  std::string body(3 << 20, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) {
    body[i] = static_cast<char>(i * 2'654'435'761U >> 16);
  }
  server.answer = "HTTP/1.1 200 OK\r\n\r\n" + body;
  Injecting node({at("good.test", server.port)}, {at("good.test", server.port)});
  const Received received = node.ask("good.test", server.port, get(at("good.test", server.port)));
  EXPECT_TRUE(received.bytes == server.answer) << received.bytes.size();
  EXPECT_TRUE(received.ended);
}

TEST(Injection, GivesNothingToAHostThatCannotProveItsName) {
  for (const auto& [name, by, why] :
       {std::tuple{"other.test", TlsServer::Signed::ByTheAuthority, "hostname mismatch"},
        std::tuple{"good.test", TlsServer::Signed::ByItself, "self-signed certificate"}}) {
    TlsServer server(name, by);
    Injecting node({at("good.test", server.port)}, {at("good.test", server.port)});
    const Received received = node.ask("good.test", server.port, get(at("good.test", server.port)));
    EXPECT_TRUE(received.reset);
    EXPECT_EQ(received.bytes, "");
    ASSERT_THAT(node.inside.refusals(), ElementsAre(at("good.test", server.port) + " unreachable"));
    EXPECT_THAT(node.inside.denied[0].seen, HasSubstr(why));
    EXPECT_THAT(node.inside.denied[0].seen, Not(HasSubstr(kValue)));
    EXPECT_EQ(server.seen(), "");
  }
}

TEST(Injection, SpeaksNoClearTextToAHostOfTls) {
  Server server;
  Injecting node({at("good.test", server.port)}, {at("good.test", server.port)});
  const Fd client = node.inside.connect("good.test", server.port);
  send_all(node.inside.loop, client, get(at("good.test", server.port)));
  const Fd accepted = server.accept(node.inside.loop);
  EXPECT_EQ(receive(node.inside.loop, accepted, 1).substr(0, 1), "\x16");  // a hello of TLS
  send_all(node.inside.loop, accepted, "HTTP/1.1 400 what?\r\n\r\n");
  EXPECT_TRUE(receive_all(node.inside.loop, client).reset);
  EXPECT_THAT(node.inside.refusals(), ElementsAre(at("good.test", server.port) + " unreachable"));
}

TEST(Injection, DoesNotTakeACutAnswerForAWholeOne) {
  TlsServer server("good.test");
  server.end = TlsServer::End::Cut;
  server.answer = "HTTP/1.1 200 OK\r\n\r\nhalf of it";
  Injecting node({at("good.test", server.port)}, {at("good.test", server.port)});
  const Received received = node.ask("good.test", server.port, get(at("good.test", server.port)));
  EXPECT_TRUE(received.reset);
  EXPECT_FALSE(received.ended);
}

TEST(Injection, PassesTlsOfTheNodesOwnUnseen) {
  TlsServer server("good.test");
  Injecting node({at("good.test", server.port)}, {at("good.test", server.port)});
  const Fd client = node.inside.connect("good.test", server.port);
  send_all(node.inside.loop, client, "\x16\x03\x01");
  send_all(node.inside.loop, client, "nonsense that is no hello");
  EXPECT_TRUE(receive_all(node.inside.loop, client).reset);
  EXPECT_THAT(node.secrets.asked, IsEmpty());
}

TEST(Injection, RefusesWhereTheFirewallDoesNotLeadToTheHostsOwnPort) {
  Server server;
  Injecting node({"good.test:80"}, {"good.test:443"});
  EXPECT_TRUE(node.ask("good.test", 80, get("good.test")).reset);
  EXPECT_THAT(node.inside.refusals(), ElementsAre("good.test:80 port"));
  EXPECT_THAT(node.inside.denied[0].seen, HasSubstr("443"));
  EXPECT_FALSE(server.has_visitor());
}

TEST(Injection, CutsTheConnectionWhereTheValueCannotBeHad) {
  Server server;
  Injecting node({at("good.test", server.port)}, {"http://" + at("good.test", server.port)});
  node.secrets.values.clear();
  EXPECT_TRUE(node.ask("good.test", server.port, get(at("good.test", server.port))).reset);
  EXPECT_THAT(node.inside.refusals(), ElementsAre(at("good.test", server.port) + " unreachable"));
  EXPECT_EQ(node.inside.denied[0].seen, "no value of TOKEN");
  EXPECT_FALSE(server.has_visitor());
}

TEST(InjectionRules, KnowWhereRequestsInClearReallyGo) {
  test::FakeSecrets secrets;
  LentSecret tls;
  tls.secret.hosts = {"api.test:443", "*.below.test:8443"};
  LentSecret clear;
  clear.secret.hosts = {"http://api.test:80", "http://plain.test:8080"};
  const Injection injection(&secrets, {clear, tls});
  const auto text = [&](const char* name, std::uint16_t port) {
    const auto upstream = injection.upstream(name, port);
    return upstream ? (upstream->tls ? "tls " : "clear ") + std::to_string(upstream->port) : "none";
  };
  EXPECT_EQ(text("api.test", 443), "tls 443");
  EXPECT_EQ(text("api.test", 80), "tls 443");  // TLS wins over another secret's clear text
  EXPECT_EQ(text("api.test", 8080), "none");
  EXPECT_EQ(text("x.below.test", 8443), "tls 8443");
  EXPECT_EQ(text("x.below.test", 80), "none");
  EXPECT_EQ(text("below.test", 8443), "none");
  EXPECT_EQ(text("plain.test", 8080), "clear 8080");
  EXPECT_EQ(text("plain.test", 80), "none");
}

}  // namespace
}  // namespace runner
