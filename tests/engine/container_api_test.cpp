#include "runner/engine/container_api.h"

#include <cstring>
#include <optional>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/engine/attached_stream.h"
#include "runner/engine/container_socket.h"
#include "runner/sys/fd.h"

namespace runner {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// A daemon that takes one connection, reads a request's head, sends a text in pieces and hangs up.
class FakeDaemon {
 public:
  FakeDaemon(std::string reply, std::size_t piece) {
    std::string pattern = testing::TempDir() + "daemon-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path().c_str());
    listener_ = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const void* raw = &address;
    EXPECT_EQ(bind(listener_.get(), static_cast<const sockaddr*>(raw), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_.get(), 1), 0);
    thread_ = std::thread([this, reply = std::move(reply), piece] { serve(reply, piece); });
  }
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;
  ~FakeDaemon() {
    thread_.join();
    unlink(path().c_str());
    rmdir(folder_.c_str());
  }

  [[nodiscard]] std::string path() const { return folder_ + "/s"; }
  /// What came, once the connection has ended.
  std::string request;

 private:
  void serve(const std::string& reply, std::size_t piece) {
    const Fd connection(accept(listener_.get(), nullptr, nullptr));
    char buffer[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = read(connection.get(), buffer, sizeof(buffer));
      if (got <= 0)
        return;
      request.append(buffer, static_cast<std::size_t>(got));
    }
    for (std::size_t at = 0; at < reply.size(); at += piece)
      send(connection.get(), reply.data() + at, std::min(piece, reply.size() - at), MSG_NOSIGNAL);
  }

  std::string folder_;
  Fd listener_;
  std::thread thread_;
};

dsl::Result<ApiReply> call(const std::string& socket, const ApiCall& what) {
  EventLoop loop;
  ContainerApi api(loop, socket);
  std::optional<dsl::Result<ApiReply>> result;
  api.call(what, [&](dsl::Result<ApiReply> reply) {
    result = std::move(reply);
    loop.stop();
  });
  loop.run();
  return *result;
}

TEST(ContainerApi, ReadsARereplyOfKnownLengthHoweverItIsCut) {
  for (const std::size_t piece : {1UL, 7UL, 1000UL}) {
    FakeDaemon daemon("HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{\"Id\":\"abc\"}", piece);
    const auto reply = call(daemon.path(), {"POST", "/containers/create?name=x", "{}", {5'000}});
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, 201U);
    EXPECT_EQ(reply->body, R"({"Id":"abc"})");
  }
}

TEST(ContainerApi, ReadsChunksAndRepliesThatEndWithTheConnection) {
  FakeDaemon chunked(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n",
      2);
  EXPECT_EQ(call(chunked.path(), {"GET", "/info", "", {5'000}})->body, "abcdefgh");
  FakeDaemon ending("HTTP/1.0 200 OK\r\n\r\nall of it", 4);
  EXPECT_EQ(call(ending.path(), {"GET", "/info", "", {5'000}})->body, "all of it");
}

TEST(ContainerApi, SendsWhatItWasGiven) {
  FakeDaemon daemon("HTTP/1.1 204 No Content\r\n\r\n", 100);
  ASSERT_TRUE(call(daemon.path(), {"POST", "/x", R"({"a":1})", {5'000}}));
  EXPECT_THAT(daemon.request, StartsWith("POST /x HTTP/1.1\r\n"));
  EXPECT_THAT(daemon.request, HasSubstr("Content-Length: 7\r\n\r\n{\"a\":1}"));
}

TEST(ContainerApi, TellsThatTheReplyWasCutOff) {
  FakeDaemon daemon("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", 100);
  const auto reply = call(daemon.path(), {"GET", "/info", "", {5'000}});
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, HasSubstr("before the reply was complete"));
}

TEST(ContainerApi, TellsThatNothingCameBack) {
  FakeDaemon daemon("", 1);
  const auto reply = call(daemon.path(), {"GET", "/info", "", {5'000}});
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, HasSubstr("before the reply was complete"));
}

TEST(ContainerApi, TellsThatNobodyListens) {
  const auto reply = call(testing::TempDir() + "nobody.sock", {"GET", "/info", "", {5'000}});
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, HasSubstr("No such file"));
  EXPECT_NE(reply.error().remedy, "");
  EXPECT_EQ(check_socket(testing::TempDir() + "nobody.sock").down.reason,
            ApiDown::Reason::NoSocket);
}

TEST(ContainerApi, FindsTheDaemonsOwnWords) {
  EXPECT_EQ((ApiReply{404, R"({"message": "no such container"})"}.message()), "no such container");
  EXPECT_EQ((ApiReply{500, "plain\nmore"}.message()), "plain");
  EXPECT_EQ((ApiReply{500, ""}.message()), "HTTP status 500");
}

TEST(ContainerApiRequest, APathCannotEndItsLine) {
  ApiCall call;
  call.path = "/images/x HTTP/1.1\r\nX: y/json";
  EXPECT_THAT(request_text(call, After::Close),
              testing::StartsWith("GET /images/x%20HTTP/1.1%0D%0AX:%20y/json HTTP/1.1\r\nHost: "));
}

TEST(ContainerApi, EncodesWhatAPathCannotHold) {
  EXPECT_EQ(encode_query(R"({"label":["pipe.run=a b"]})"),
            "%7B%22label%22%3A%5B%22pipe.run%3Da%20b%22%5D%7D");
}

std::string frame(char channel, const std::string& text) {
  return std::string{channel, 0, 0, 0, 0, 0, 0, static_cast<char>(text.size())} + text;
}

struct Attached {
  std::string out;
  std::string err;
  bool opened = false;
  dsl::Status end = dsl::Ok{};
};

Attached attach(const std::string& reply, std::size_t piece) {
  FakeDaemon daemon(reply, piece);
  EventLoop loop;
  Attached seen;
  AttachedStream::Events events;
  events.opened = [&] { seen.opened = true; };
  events.data = [&](AttachedStream::Channel channel, std::string_view bytes) {
    (channel == AttachedStream::Channel::Errors ? seen.err : seen.out) += bytes;
  };
  events.closed = [&](dsl::Status status) {
    seen.end = std::move(status);
    loop.stop();
  };
  const AttachedStream stream(loop, daemon.path(), "abc", std::move(events));
  loop.run();
  return seen;
}

TEST(AttachedStream, CutsTheStreamIntoChannelsHoweverItComes) {
  const std::string reply = "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n" + frame(1, "one ") +
                            frame(2, "exited 0\n") + frame(1, "") + frame(1, "two");
  for (std::size_t piece = 1; piece <= reply.size(); ++piece) {
    const Attached seen = attach(reply, piece);
    EXPECT_TRUE(seen.opened);
    EXPECT_TRUE(seen.end);
    EXPECT_EQ(seen.out, "one two");
    EXPECT_EQ(seen.err, "exited 0\n");
  }
}

TEST(AttachedStream, TellsWhyItWasNotOpened) {
  const Attached seen = attach(
      "HTTP/1.1 404 Not Found\r\nContent-Length: 26\r\n\r\n{\"message\":\"no such thing\"}", 1000);
  EXPECT_FALSE(seen.opened);
  ASSERT_FALSE(seen.end);
  EXPECT_THAT(seen.end.error().message, HasSubstr("no such thing"));
}

}  // namespace
}  // namespace runner
