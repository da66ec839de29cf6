// pipe-init by its command line, as containers and people start it.

#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/engine/init_program.h"
#include "runner/init/protocol.h"
#include "runner/sys/files.h"
#include "runner/sys/process.h"

namespace runner {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Accepts once on a loopback port of either family, reads a request, answers with given bytes and
/// closes (or, with nothing to say, waits for the client to go).
class OneAnswer {
 public:
  OneAnswer(int family, std::string answer) : answer_(std::move(answer)) {
    server_ = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    const bool is_v4 = family == AF_INET;
    auto* const address =
        is_v4 ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
    socklen_t size = is_v4 ? sizeof(v4) : sizeof(v6);
    EXPECT_EQ(bind(server_, address, size), 0);
    EXPECT_EQ(listen(server_, 4), 0);
    EXPECT_EQ(getsockname(server_, address, &size), 0);
    port_ = std::to_string(ntohs(is_v4 ? v4.sin_port : v6.sin6_port));
    thread_ = std::thread([this] { serve(); });
  }
  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;
  ~OneAnswer() {
    shutdown(server_, SHUT_RDWR);  // ends an accept that nobody came for
    join();
    close(server_);
  }
  [[nodiscard]] const std::string& port() const { return port_; }
  const std::string& request() {
    join();
    return request_;
  }

 private:
  void join() {
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  void serve() {
    const int client = accept4(server_, nullptr, nullptr, SOCK_CLOEXEC);
    std::array<char, 4096> bytes{};
    while (client >= 0 && request_.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = read(client, bytes.data(), bytes.size());
      if (got <= 0) {
        break;
      }
      request_.append(bytes.data(), static_cast<std::size_t>(got));
    }
    if (answer_.empty()) {
      static_cast<void>(read(client, bytes.data(), bytes.size()));
    } else {
      static_cast<void>(send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL));
    }
    close(client);
  }

  const std::string answer_;
  int server_ = -1;
  std::string port_;
  std::string request_;
  std::thread thread_;
};

class PipeInit : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = (fs::temp_directory_path() / "pipe-init-XXXXXX").string();
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    folder_ = path;
    const auto installed = install_init_program(folder_);
    ASSERT_TRUE(installed) << installed.error().message;
    init_ = *installed;
  }
  void TearDown() override { EXPECT_TRUE(files::remove_tree(folder_)); }

  struct Answer {
    int status = -1;
    std::string out;
    std::string err;
  };

  Answer init(std::vector<std::string> arguments) const {
    EventLoop loop;
    std::optional<dsl::Result<Finished>> finished;
    SpawnRequest request;
    request.argv = std::move(arguments);
    request.argv.insert(request.argv.begin(), init_);
    request.env = {{"PATH", "/usr/bin:/bin"}, {"A", "1"}};
    run_to_end(loop, request, {60'000}, 4 << 20, [&](dsl::Result<Finished> result) {
      finished = std::move(result);
      loop.stop();
    });
    loop.run();
    if (!*finished) {
      ADD_FAILURE() << finished->error().message;
      return {};
    }
    const Finished& end = **finished;
    return {WIFEXITED(end.wait_status) ? WEXITSTATUS(end.wait_status) : -1, end.out, end.err};
  }

  Answer get(const OneAnswer& server, const std::string& method = "GET") const {
    return init({"http", method, "http://localhost:" + server.port() + "/a?b=c#d", "30000"});
  }

  std::string folder_;
  std::string init_;
};

// ---- The program itself
// ---------------------------------------------------------------------------

TEST_F(PipeInit, IsInstalledOnceUnderANameThatTellsItsContent) {
  const fs::path path = init_;
  EXPECT_EQ(path.parent_path(), fs::path(folder_) / "bin");
  EXPECT_TRUE(path.filename().string().starts_with("pipe-init-"));
  const auto before = fs::last_write_time(path);
  const auto again = install_init_program(folder_);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, init_);
  EXPECT_EQ(fs::last_write_time(path), before);
}

TEST_F(PipeInit, IsWrittenAgainWhereItWasCutOff) {
  fs::permissions(init_, fs::perms::owner_all);
  fs::resize_file(init_, 10);
  ASSERT_TRUE(install_init_program(folder_));
  EXPECT_EQ(init({"nothing"}).status, 0);
}

// ---- run ----------------------------------------------------------------------------------------

TEST_F(PipeInit, MirrorsTheEndOfItsCommand) {
  EXPECT_EQ(init({"run", "--", "sh", "-c", "exit 7"}).status, 7);
  EXPECT_EQ(init({"run", "--", "sh", "-c", "kill -KILL $$"}).status, 128 + SIGKILL);
  EXPECT_EQ(init({"run", "--", "no-such-program"}).status, init::kExitMissing);
  EXPECT_EQ(init({"run", "--", "/etc/passwd"}).status, init::kExitNotExecutable);
}

TEST_F(PipeInit, ReportsToAFile) {
  const std::string status = folder_ + "/status";
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"sh", "-c", "exit 137"}, "exited 137\n"},
      {{"sh", "-c", "kill -KILL $$"}, "signalled 9\n"},
      {{"no-such-program"}, "exec-failed 2 no-such-program\n"},
      {{"/etc/passwd"}, "exec-failed 13 /etc/passwd\n"},
  };
  for (const auto& [command, expected] : cases) {
    std::vector<std::string> arguments = {"run", "--status-file", status, "--"};
    arguments.insert(arguments.end(), command.begin(), command.end());
    init(arguments);
    std::ifstream in(status);
    EXPECT_EQ((std::string{std::istreambuf_iterator<char>(in), {}}), expected);
  }
}

TEST_F(PipeInit, SaysWhatItDoesNotUnderstand) {
  const Answer unknown = init({"run", "--no-such-option", "--", "true"});
  EXPECT_EQ(unknown.status, init::kExitBroken);
  EXPECT_EQ(unknown.err, "pipe-init: unknown option '--no-such-option'\n");
  EXPECT_EQ(init({"run"}).status, init::kExitBroken);
  EXPECT_EQ(init({"run", "--control"}).err, "pipe-init: no value after option '--control'\n");
  EXPECT_THAT(init({"fly"}).err, HasSubstr("usage"));
}

TEST_F(PipeInit, EndsWhatItsCommandLeftEvenWhereItIsNotProcessOne) {
  const Answer answer = init({"run", "--", "sh", "-c", "setsid sleep 1000 & echo $!"});
  EXPECT_EQ(answer.status, 0);
  EXPECT_NE(kill(std::stoi(answer.out), 0), 0);
}

TEST_F(PipeInit, KillsItsCommandWhenTheControlStreamEnds) {
  // Standard input of `init` is /dev/null: at its end from the start.
  EXPECT_EQ(init({"run", "--control", "0", "--", "sleep", "1000"}).status, 128 + SIGKILL);
}

TEST_F(PipeInit, RunsItsOwnToolsByTheirName) {
  const OneAnswer server(AF_INET, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  const Answer answer = init({"run",
                              "--",
                              std::string(kInitPath),
                              "http",
                              "GET",
                              "http://127.0.0.1:" + server.port(),
                              "30000"});
  EXPECT_EQ(answer.status, 0) << answer.err;
  EXPECT_EQ(answer.out, "status 200\nhi");
}

// ---- http and wait-tcp
// ----------------------------------------------------------------------------

TEST_F(PipeInit, AsksAsHttpWantsIt) {
  OneAnswer server(AF_INET, "HTTP/1.1 204 Fine\r\n\r\n");
  const std::string port = server.port();
  const Answer answer = init({"http",
                              "DELETE",
                              "http://localhost:" + port + "/a?b=c#d",
                              "30000",
                              "-H",
                              "X-One: 1",
                              "-H",
                              "Accept: text/plain"});
  EXPECT_EQ(answer.status, init::kHttpAnswered) << answer.err;
  EXPECT_EQ(answer.out, "status 204\n");
  EXPECT_THAT(server.request(), testing::StartsWith("DELETE /a?b=c HTTP/1.1\r\n"));
  EXPECT_THAT(server.request(), HasSubstr("\r\nHost: localhost:" + port + "\r\n"));
  EXPECT_THAT(server.request(), HasSubstr("\r\nX-One: 1\r\n"));
  EXPECT_THAT(server.request(), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(PipeInit, TakesABodyOfEachFraming) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"Content-Length: 3\r\n\r\nabcdef", "abc"},
      {"\r\nuntil the end", "until the end"},
      {"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n", "abcdefg"},
      {"Content-Length: 0\r\n\r\n", ""},
  };
  for (const auto& [rest, body] : cases) {
    const OneAnswer server(AF_INET, "HTTP/1.1 403 No\r\n" + rest);
    const Answer answer = get(server);
    EXPECT_EQ(answer.status, init::kHttpAnswered) << rest << answer.err;
    EXPECT_EQ(answer.out, "status 403\n" + body);
  }
}

TEST_F(PipeInit, SaysThatABodyWasCutOff) {
  for (const std::string rest : {"Content-Length: 10\r\n\r\nabc",
                                 "Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
                                 "Transfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    const OneAnswer server(AF_INET, "HTTP/1.1 200 OK\r\n" + rest);
    const Answer answer = get(server);
    EXPECT_EQ(answer.status, init::kHttpNoAnswer) << rest;
    EXPECT_THAT(answer.err, HasSubstr("its body was cut off"));
  }
}

TEST_F(PipeInit, PrintsNoMoreOfABodyThanItsCap) {
  const std::string body(init::kHttpBodyCap + 5000, 'x');
  const OneAnswer server(
      AF_INET,
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  const Answer answer = get(server);
  EXPECT_EQ(answer.status, init::kHttpAnswered);
  EXPECT_EQ(answer.out.size(), sizeof("status 200\n") - 1 + init::kHttpBodyCap);
}

TEST_F(PipeInit, WaitsForTheAnswerBehindAnInterimOne) {
  const OneAnswer server(
      AF_INET, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_EQ(get(server).out, "status 201\nx");
}

TEST_F(PipeInit, ExpectsNoBodyAfterHead) {
  const OneAnswer server(AF_INET, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
  const Answer answer = get(server, "HEAD");
  EXPECT_EQ(answer.status, init::kHttpAnswered);
  EXPECT_EQ(answer.out, "status 200\n");
}

TEST_F(PipeInit, ReachesAServerThatListensOnIpv6Only) {
  const OneAnswer by_name(AF_INET6, "HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(get(by_name).out, "status 200\n");
  const OneAnswer by_number(AF_INET6, "HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(init({"http", "GET", "http://[::1]:" + by_number.port(), "30000"}).out, "status 200\n");
}

TEST_F(PipeInit, GivesUpOnAServerThatSaysNothing) {
  const OneAnswer server(AF_INET, "");
  const Answer answer = init({"http", "GET", "http://localhost:" + server.port(), "100"});
  EXPECT_EQ(answer.status, init::kHttpNoAnswer);
  EXPECT_THAT(answer.err, HasSubstr("it sent no HTTP status, or none in time"));
}

TEST_F(PipeInit, TellsNoConnectionFromNoAnswer) {
  const Answer answer = init({"http", "GET", "http://localhost:1/", "1000"});
  EXPECT_EQ(answer.status, init::kHttpNotConnected);
  EXPECT_EQ(answer.err, "could not connect to localhost port 1\n");
  const OneAnswer garbage(AF_INET, "SSH-2.0-OpenSSH\r\n\r\n");
  EXPECT_EQ(get(garbage).status, init::kHttpNoAnswer);
}

TEST_F(PipeInit, RefusesAddressesThatItCannotAsk) {
  for (const std::string url : {"https://localhost/",
                                "localhost:80",
                                "http://",
                                "http://localhost:0/",
                                "http://localhost:99999/",
                                "http://user@localhost/",
                                "http://localhost/a b",
                                "http://localhost/\r\nX: y",
                                "http://localhost:80x/"}) {
    EXPECT_EQ(init({"http", "GET", url, "100"}).status, init::kHttpUsage) << url;
  }
  EXPECT_EQ(init({"http", "GET", "http://localhost/", "100", "-H", "A: b\r\nC: d"}).status,
            init::kHttpUsage);
}

TEST_F(PipeInit, WaitsForAPort) {
  const OneAnswer server(AF_INET, "x");
  EXPECT_EQ(init({"wait-tcp", server.port(), "30000"}).status, 0);
  const Answer late = init({"wait-tcp", "1", "50"});
  EXPECT_EQ(late.status, init::kHttpNotConnected);
  EXPECT_EQ(late.err, "nothing accepted on port 1 within 50 ms\n");
  EXPECT_EQ(init({"wait-tcp", "0", "50"}).status, init::kHttpUsage);
}

}  // namespace
}  // namespace runner
