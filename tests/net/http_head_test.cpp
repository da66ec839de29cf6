#include "runner/net/http_head.h"

#include <gtest/gtest.h>

namespace runner {
namespace {

TEST(HttpHead, TellsHostLengthAndFraming) {
  const auto head =
      read_http_head("POST /a?b=c HTTP/1.1\r\nhOsT: Good.Test:8080\r\nContent-Length: 12\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->host, "good.test");
  EXPECT_EQ(head->host_text, "Good.Test:8080");
  EXPECT_EQ(head->port, 8080);
  EXPECT_EQ(head->length, 12U);
  EXPECT_FALSE(head->chunked || head->other_target || head->websocket);

  EXPECT_TRUE(
      read_http_head("PUT / HTTP/1.1\r\nHost: a.b\r\nTransfer-Encoding: Chunked\r\n\r\n")->chunked);
  EXPECT_TRUE(read_http_head("GET / HTTP/1.0\r\nHost: a.b\r\n\r\n"));
  EXPECT_TRUE(read_http_head("OPTIONS * HTTP/1.1\r\nHost: a.b\r\n\r\n"));
  EXPECT_EQ(read_http_head("GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n")->host, "");
}

TEST(HttpHead, ComparesTheTargetOfAProxyRequest) {
  EXPECT_FALSE(read_http_head("GET http://a.b/x HTTP/1.1\r\nHost: a.b\r\n\r\n")->other_target);
  for (const char* const target :
       {"http://evil.b/", "http://a.b:81/", "http://u@a.b/", "HTTP://evil.b"}) {
    const auto head =
        read_http_head("GET " + std::string(target) + " HTTP/1.1\r\nHost: a.b\r\n\r\n");
    EXPECT_TRUE(!head || head->other_target) << target;
  }
}

TEST(HttpHead, KnowsWebSocketAndNoOtherUpgrade) {
  EXPECT_TRUE(read_http_head("GET / HTTP/1.1\r\nHost: a.b\r\nConnection: keep-alive, Upgrade\r\n"
                             "Upgrade: websocket\r\n\r\n")
                  ->websocket);
  EXPECT_FALSE(
      read_http_head("GET / HTTP/1.1\r\nHost: a.b\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                     "Upgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n"));
  EXPECT_FALSE(read_http_head("GET / HTTP/1.1\r\nHost: a.b\r\nConnection: Upgrade\r\n\r\n"));
}

TEST(HttpHead, IsNothingThatTwoServersCouldReadDifferently) {
  for (const std::string& head : {
           std::string("GET / HTTP/1.1\r\n\r\n"),                                        // no host
           std::string("GET / HTTP/1.1\r\nHost: a.b\r\nHost: evil.b\r\n\r\n"),           // two
           std::string("GET / HTTP/1.1\r\nHost : a.b\r\n\r\n"),                          // blank
           std::string("GET / HTTP/1.1\r\nX: y\r\n Host: evil.b\r\nHost: a.b\r\n\r\n"),  // folded
           std::string("GET / HTTP/1.1\nHost: a.b\r\n\r\n"),                             // bare LF
           std::string("GET / HTTP/1.1\r\nX: y\nHost: evil.b\r\nHost: a.b\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nX: y\rHost: evil.b\r\nHost: a.b\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nX: \0\r\nHost: a.b\r\n\r\n", 35),
           std::string(
               "GET / HTTP/1.1\r\nHost: a.b\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a.b\r\nContent-Length: 1, 1\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a.b\r\nContent-Length: +1\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a.b\r\nContent-Length: -1\r\n\r\n"),
           std::string(
               "GET / HTTP/1.1\r\nHost: a.b\r\nContent-Length: 9999999999999999999\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a.b\r\nContent-Length: 1\r\nTransfer-Encoding: "
                       "chunked\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a.b\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a.b\r\nTransfer-Encoding: xchunked\r\n\r\n"),
           std::string("GET / HTTP/1.0\r\nHost: a.b\r\nTransfer-Encoding: chunked\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a.b\r\nConnection: host\r\n\r\n"),
           std::string("GET / HTTP/2.0\r\nHost: a.b\r\n\r\n"),
           std::string("GET  / HTTP/1.1\r\nHost: a.b\r\n\r\n"),
           std::string("GET\t/ HTTP/1.1\r\nHost: a.b\r\n\r\n"),
           std::string("GET /\r\n\r\n"),
           std::string("\r\nGET / HTTP/1.1\r\nHost: a.b\r\n\r\n"),
           std::string("CONNECT evil.b:443 HTTP/1.1\r\nHost: a.b\r\n\r\n"),
           std::string("PRI * HTTP/2.0\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a.b:x\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a.b\r\n\r\nrest"),
       }) {
    EXPECT_FALSE(read_http_head(head)) << head;
  }
}

TEST(HttpChunk, HasAHexadecimalSize) {
  EXPECT_EQ(read_chunk_size("0"), 0U);
  EXPECT_EQ(read_chunk_size("1aF"), 0x1afU);
  EXPECT_EQ(read_chunk_size("a;name=value"), 10U);
  EXPECT_EQ(read_chunk_size("a ;name"), 10U);
  for (const char* const line :
       {"", "-1", "+1", "0x1", "g", " 1", "1 2", "1000000000000000", "1\n", ";x", "1\x7f"}) {
    EXPECT_FALSE(read_chunk_size(line)) << line;
  }
}

}  // namespace
}  // namespace runner
