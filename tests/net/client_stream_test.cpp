#include "runner/net/client_stream.h"

#include <gtest/gtest.h>

#include "tests/net/hello_maker.h"

namespace runner {
namespace {

using net_test::hello_for;
using net_test::hello_message;
using net_test::in_records;
using net_test::record;
using Reason = EgressDenied::Reason;
using Then = Looked::Then;

/// What came of a client that sends `bytes`, so many at a time.
struct Outcome {
  std::string went_on;
  Then then = Then::Look;
  Reason reason = Reason::Name;
  std::string seen;
};

Outcome send(ClientStream::Target target, const std::string& bytes, std::size_t step = 1 << 20) {
  ClientStream stream(std::move(target));
  Outcome outcome;
  std::string held;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    held += bytes.substr(at, step);
    const Looked looked = stream.look(held);
    outcome.went_on += held.substr(0, looked.clear);
    held.erase(0, looked.clear);
    outcome.then = looked.then;
    outcome.reason = looked.reason;
    outcome.seen = looked.seen;
    if (looked.then == Then::Refuse || looked.then == Then::Answer) {
      break;
    }
  }
  return outcome;
}

const ClientStream::Target kHttps{"good.test", 443, false};
const ClientStream::Target kHttp{"good.test", 80, false};

std::string get(const std::string& host) {
  return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

/// The same whatever pieces the bytes come in, and never a byte more.
void expect_refused(const ClientStream::Target& target,
                    const std::string& bytes,
                    const std::string& went_on,
                    Reason reason) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
    const Outcome outcome = send(target, bytes, step);
    EXPECT_EQ(outcome.then, Then::Refuse) << step << ": " << bytes;
    EXPECT_EQ(outcome.reason, reason) << step << ": " << to_text(outcome.reason) << bytes;
    EXPECT_TRUE(went_on.compare(0, outcome.went_on.size(), outcome.went_on) == 0)
        << step << ": " << outcome.went_on;
  }
}

void expect_passed(const ClientStream::Target& target, const std::string& bytes) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
    const Outcome outcome = send(target, bytes, step);
    EXPECT_NE(outcome.then, Then::Refuse) << step << ": " << to_text(outcome.reason);
    EXPECT_EQ(outcome.went_on, bytes) << step;
  }
}

TEST(ClientStream, PassesTlsForTheName) {
  expect_passed(kHttps, hello_for("good.test") + record(20, "\x01") + record(23, "data") + "rest");
  expect_passed(kHttps, hello_for("GOOD.test"));
  expect_passed({"good.test", 5432, false},
                hello_for("good.test") + record(22, "\x10key") + "rest");
}

TEST(ClientStream, RefusesTlsForAnotherNameBeforeAnyByte) {
  for (const std::uint16_t port : {std::uint16_t{443}, std::uint16_t{80}, std::uint16_t{5432}}) {
    const ClientStream::Target target{"good.test", port, false};
    expect_refused(target, hello_for("other.test"), "", Reason::Sni);
    expect_refused(target, hello_for("a.good.test"), "", Reason::Sni);
    expect_refused(target, hello_for(std::string("good.test\0.evil.test", 20)), "", Reason::Sni);
    expect_refused(target, in_records(hello_message({std::nullopt, {}})), "", Reason::Sni);
    expect_refused(
        target, in_records(hello_message({"good.test", {{0xfe0d, "e"}}})), "", Reason::Tls);
    expect_refused(target, in_records(hello_message({"other.test", {}}), 3), "", Reason::Sni);
  }
  EXPECT_EQ(send(kHttps, hello_for("other.test")).seen, "other.test");
}

// A server may answer the first hello with "again, please", and would take another name from the
// second.
TEST(ClientStream, LooksAtASecondHello) {
  const std::string first = hello_for("good.test");
  expect_passed(kHttps, first + first + record(23, "data"));
  expect_refused(kHttps, first + hello_for("other.test"), first, Reason::Sni);
  const std::string change = record(20, "\x01");
  expect_refused(kHttps, first + change + hello_for("other.test"), first + change, Reason::Sni);
  expect_refused(
      kHttps, first + in_records(hello_message({"other.test", {}}), 1), first, Reason::Sni);
  const std::string early = in_records(hello_message({"good.test", {{42, ""}}}));
  const std::string data = record(23, "early data");
  expect_refused(kHttps, early + data + hello_for("other.test"), early + data, Reason::Sni);
}

TEST(ClientStream, PassesHttpForTheName) {
  expect_passed(kHttp, get("good.test") + get("Good.test:80") + get("good.test"));
  expect_passed(kHttp,
                "POST / HTTP/1.1\r\nHost: good.test\r\nContent-Length: 30\r\n\r\n"
                "GET / HTTP/1.1\r\nHost: evil\r\n\r\n" +
                    get("good.test"));
  expect_passed(kHttp,
                "POST / HTTP/1.1\r\nHost: good.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nab\r\nc\r\n0a;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n" +
                    get("good.test"));
}

TEST(ClientStream, RefusesEveryRequestForAnotherHost) {
  expect_refused(kHttp, get("other.test"), "", Reason::Host);
  expect_refused(kHttp, get("good.test:81"), "", Reason::Host);
  expect_refused(kHttp, get("good.test") + get("other.test"), get("good.test"), Reason::Host);
  const std::string post = "POST / HTTP/1.1\r\nHost: good.test\r\nContent-Length: 5\r\n\r\nhello";
  expect_refused(kHttp, post + get("other.test"), post, Reason::Host);
  const std::string chunked =
      "POST / HTTP/1.1\r\nHost: good.test\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  expect_refused(kHttp, chunked + get("other.test"), chunked, Reason::Host);
  EXPECT_EQ(send(kHttp, get("other.test")).seen, "other.test");
  // Also where HTTP is not expected, and with a name that a proxy would follow.
  expect_refused({"good.test", 5432, false}, get("other.test"), "", Reason::Host);
  expect_refused(
      kHttp, "GET http://other.test/ HTTP/1.1\r\nHost: good.test\r\n\r\n", "", Reason::Host);
}

TEST(ClientStream, RefusesABrokenChunk) {
  const std::string head =
      "POST / HTTP/1.1\r\nHost: good.test\r\nTransfer-Encoding: chunked\r\n\r\n";
  expect_refused(kHttp, head + "x\r\n", head, Reason::Http);
  expect_refused(kHttp, head + "5\r\nhelloGET ", head + "5\r\nhello", Reason::Http);
  expect_refused(kHttp, head + "0\r\nHost\r\n\r\n", head + "0\r\n", Reason::Http);
}

TEST(ClientStream, HoldsAWebSocketUntilTheServerHasSwitched) {
  const std::string upgrade =
      "GET / HTTP/1.1\r\nHost: good.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  const auto answered = [&](const std::string& answer, const std::string& next) {
    ClientStream stream(kHttp);
    const Looked looked = stream.look(upgrade + next);
    EXPECT_EQ(looked.clear, upgrade.size());
    EXPECT_EQ(looked.then, Then::Answer);
    EXPECT_EQ(stream.look(next).then, Then::Answer);
    stream.answered(answer);
    return stream.look(next);
  };
  EXPECT_EQ(answered("HTTP/1.1 101 Switching", "\x81\x05hello").then, Then::Through);
  EXPECT_EQ(answered("HTTP/1.1 200 OK", get("other.test")).then, Then::Refuse);
  EXPECT_EQ(answered("HTTP/1.1 200 OK", get("good.test")).clear, get("good.test").size());
  EXPECT_EQ(answered("HTTP/1.1 10", get("other.test")).then, Then::Refuse);
}

// What looks like the answer to it could be the body of the answer before.
TEST(ClientStream, SwitchesToAWebSocketInTheFirstRequestOnly) {
  const std::string upgrade =
      "GET / HTTP/1.1\r\nHost: good.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  expect_refused(kHttp, get("good.test") + upgrade, get("good.test"), Reason::Http);
  ClientStream stream(kHttp);
  EXPECT_EQ(stream.look(upgrade).then, Then::Answer);
  stream.answered("HTTP/1.1 200 OK");
  EXPECT_EQ(stream.look(upgrade).then, Then::Refuse) << "the answer may still be coming";
}

// Servers skip empty lines before a request, and some take any method, blank or case.
TEST(ClientStream, KnowsARequestOnAnyPortHoweverItIsWritten) {
  const ClientStream::Target other_port{"good.test", 9000, false};
  const std::string rest = " /x HTTP/1.1\r\nHost: other.test\r\n\r\n";
  for (const char* const blanks : {"", "\r\n", "\n\r\n", " \t", "\r"}) {
    for (const char* const method : {"GET", "M-SEARCH"}) {
      expect_refused(other_port, blanks + (method + rest), blanks, Reason::Host);
    }
    // Of what is no method of HTTP some may have gone on, since its server may have to answer it.
    for (const char* const method : {"get", "X1", "a~b"}) {
      const std::string bytes = blanks + (method + rest);
      const std::string line = bytes.substr(0, bytes.find(" HTTP/1.1\r") + 10);
      for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
        const Outcome outcome = send(other_port, bytes, step);
        EXPECT_EQ(outcome.then, Then::Refuse) << step << ": " << bytes;
        EXPECT_TRUE(line.starts_with(outcome.went_on)) << step << ": " << outcome.went_on;
      }
    }
  }
  const std::string tabs = "GET\t/x\tHTTP/1.1\r";
  expect_refused(other_port, tabs + "\nHost: other.test\r\n\r\n", tabs, Reason::Http);
  expect_refused(other_port, "GET /x http/1.1\r\nHost: other.test\r\n\r\n", "", Reason::Http);
  const std::string connect = "connect good.test:80 HTTP/1.1\r";
  expect_refused(other_port, connect + "\nHost: good.test\r\n\r\n", connect, Reason::Http);
  const std::string odd = std::string("X1 /\0", 5);
  expect_refused(
      other_port, odd + " HTTP/1.1\r\nHost: other.test\r\n\r\n", odd + " HTTP/1.1\r", Reason::Http);
  expect_passed(other_port, "\r\n\r\n" + get("good.test:9000"));
}

TEST(ClientStream, RefusesOtherProtocolsOnAWebPortAtTheirFirstByte) {
  expect_refused(kHttps, "SSH-2.0-OpenSSH\r\n", "", Reason::Protocol);
  expect_refused(kHttps, std::string("\0\0\0\x08", 4), "", Reason::Protocol);
  expect_refused(kHttps, "\x16\x02\x01", "", Reason::Protocol);
  expect_refused(kHttps, "get / HTTP/1.1\r\n", "", Reason::Protocol);
  expect_refused(kHttps, std::string(" \0\n+", 4), "", Reason::Protocol);
  expect_refused(kHttps, "\r\nGET / HTTP/1.1\r\n", "", Reason::Protocol);
  expect_refused(kHttps, "GET /\r\n", "", Reason::Protocol);
  expect_refused(kHttps, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", Reason::Http);
  expect_refused(kHttps, "GET / HTTP/1.1\nHost: other.test\n\n", "", Reason::Http);
}

TEST(ClientStream, LetsOtherProtocolsThroughOnOtherPorts) {
  for (const std::string& bytes : {std::string("SSH-2.0-OpenSSH_9.2p1 Debian\r\n"),
                                   std::string("\0\0\0\x08\x04\xd2\x16\x2f", 8),
                                   std::string("\x16\x04"),
                                   std::string("*1\r\n$4\r\nPING\r\n"),
                                   std::string("EHLO me\r\n"),
                                   std::string("\r\n"),
                                   std::string("x"),
                                   std::string("hello there"),
                                   std::string("0032git-upload-pack /p.git\0host=good.test\0", 42),
                                   std::string("0\x0c\x02\x01\x01\x60", 6),
                                   std::string("AMQP\0\0\x09\x01", 8)}) {
    expect_passed({"good.test", 2222, false}, bytes);
  }
}

TEST(ClientStream, HoldsNoMoreThanItMay) {
  const std::string endless = "GET /" + std::string(ClientStream::kMostHeld, 'a');
  expect_refused(kHttp, endless, "", Reason::LongHello);
  expect_refused(kHttp,
                 "GET / HTTP/1.1\r\nHost: good.test\r\nX: " +
                     std::string(ClientStream::kMostHeld, 'a') + "\r\n\r\n",
                 "",
                 Reason::LongHello);
  std::string padded = hello_message({"good.test", {{21, std::string(20'000, '\0')}}});
  expect_refused(kHttps, in_records(padded), "", Reason::LongHello);
}

TEST(ClientStream, KeepsToNoNameWhereEveryPublicHostIsAllowed) {
  const ClientStream::Target any{"good.test", 443, true};
  expect_passed(any, hello_for("other.test"));
  expect_passed(any, in_records(hello_message({"good.test", {{0xfe0d, "e"}}})));
  expect_passed(any, get("other.test"));
  expect_refused(any, "SSH-2.0-x\r\n", "", Reason::Protocol);
}

}  // namespace
}  // namespace runner
