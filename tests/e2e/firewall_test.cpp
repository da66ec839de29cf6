// `firewall:` from the file to the wire, with the real binary: hosts that are made up in /etc/hosts
// (in a mount namespace of the test's own, hence as root) and listen on this machine's loopback.

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Answers every HTTP request at 127.7.7.9 with "hello", and counts who came.
class WebServer {
 public:
  WebServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(0x7f070709);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket_, 16), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = std::to_string(ntohs(address.sin_port));
    EXPECT_EQ(pipe2(stop_.data(), O_CLOEXEC), 0);
    thread_ = std::thread([this] { serve(); });
  }
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;
  ~WebServer() {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
    close(socket_);
  }

  [[nodiscard]] const std::string& port() const { return port_; }
  [[nodiscard]] int visitors() const { return visitors_; }

 private:
  void serve() {
    for (;;) {
      std::array<pollfd, 2> waits{pollfd{socket_, POLLIN, 0}, pollfd{stop_[0], POLLIN, 0}};
      poll(waits.data(), waits.size(), -1);
      if (waits[1].revents != 0) {
        return;
      }
      const int client = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      ++visitors_;
      std::array<char, 4096> request{};
      static_cast<void>(recv(client, request.data(), request.size(), 0));
      const std::string answer =
          "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
      static_cast<void>(send(client, answer.data(), answer.size(), MSG_NOSIGNAL));
      shutdown(client, SHUT_WR);
      static_cast<void>(recv(client, request.data(), request.size(), 0));
      close(client);
    }
  }

  int socket_;
  std::string port_;
  std::array<int, 2> stop_{};
  std::atomic<int> visitors_ = 0;
  std::thread thread_;
};

class FirewallRun : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_ENGINE(Engine::Sandbox);
    if (geteuid() != 0) {
      GTEST_SKIP() << "only root can make up hosts";
    }
    hosts_ = folder_.write("hosts", "127.0.0.1 localhost\n127.7.7.9 good.test other.test\n");
  }

  /// `pipe ARGUMENTS...` where the made-up hosts are known; with a uid as that user.
  Ended pipe(const std::vector<std::string>& arguments, const std::string& uid = "") {
    Start start = user_.pipe(arguments, folder_.path().string());
    std::vector<std::string> argv = {
        "unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\"", hosts_};
    if (!uid.empty()) {
      const std::vector<std::string> as{
          "setpriv", "--reuid", uid, "--regid", uid, "--clear-groups"};
      argv.insert(argv.end(), as.begin(), as.end());
    }
    argv.insert(argv.end(), start.argv.begin(), start.argv.end());
    start.argv = std::move(argv);
    return run(start);
  }

  /// One task that fetches with curl by these rules.
  void write_pipeline(const std::string& firewall, const std::string& script) {
    folder_.write("p.yaml",
                  "version: 1\nname: net\nengine: sandbox\nfirewall: " + firewall +
                      "\ntasks:\n  a:\n    run: |\n      " + script +
                      "\n    success_criteria: [{'[ ] ok': 'true'}]\n");
  }

  WebServer server_;
  TempFolder folder_;
  User user_;
  std::string hosts_;
};

TEST_F(FirewallRun, ReachesWhatItAllowsAndNothingElse) {
  write_pipeline("{allow: ['good.test:" + server_.port() + "'], allow_private: [127.7.7.9]}",
                 "curl -sS -m 5 http://good.test:" + server_.port() +
                     "/ && ! curl -sS -m 5 http://other.test:" + server_.port() +
                     "/ && ! curl -sS -m 5 http://127.7.7.9:" + server_.port() + "/");
  const Ended ended = pipe({"run", "p.yaml", "--name", "one"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(server_.visitors(), 1);
  EXPECT_THAT(ended.err, HasSubstr("refused other.test: no rule allows this host"));
  EXPECT_THAT(ended.err, HasSubstr("firewall: {allow: [\"other.test:443\"]}"));
  const Ended log = pipe({"logs", "one", "a"});
  EXPECT_THAT(log.out, HasSubstr("hello\n"));
  EXPECT_THAT(log.out, HasSubstr("Could not resolve host: other.test"));
}

TEST_F(FirewallRun, KeepsAnAllowedNameOutOfPrivateNetworks) {
  write_pipeline("{allow: ['good.test:" + server_.port() + "']}",
                 "! curl -sS -m 5 http://good.test:" + server_.port() + "/");
  const Ended ended = pipe({"run", "p.yaml"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(server_.visitors(), 0);
  EXPECT_THAT(ended.err, HasSubstr("the name leads to 127.7.7.9 (loopback)"));
}

TEST_F(FirewallRun, HoldsForChecksAndServicesToo) {
  const std::string url = "http://good.test:" + server_.port() + "/";
  folder_.write("p.yaml",
                "version: 1\nname: net\nengine: sandbox\n"
                "firewall: {allow: ['good.test:" +
                    server_.port() +
                    "'], allow_private: [127.7.7.9]}\n"
                    "tasks:\n  a:\n    run: curl -fsS -m 5 " +
                    url + "\n    services:\n      app: {run: 'curl -fsS -m 5 " + url +
                    " && exec sleep 60'}\n"
                    "    success_criteria:\n      - '[ ] there': curl -fsS -m 5 " +
                    url + "\n      - '[ ] not there': '! curl -fsS -m 5 http://other.test/'\n");
  const Ended ended = pipe({"run", "p.yaml"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_GE(server_.visitors(), 2);
}

TEST_F(FirewallRun, WorksForAnOrdinaryUser) {
  const Start start = user_.pipe({}, folder_.path().string());
  const Start reach{{"setpriv",
                     "--reuid",
                     "1000",
                     "--regid",
                     "1000",
                     "--clear-groups",
                     "test",
                     "-x",
                     start.argv.front()},
                    "",
                    {}};
  if (run(reach).exit_code != 0) {
    GTEST_SKIP() << "uid 1000 cannot reach '" << start.argv.front() << "'";
  }
  write_pipeline("{allow: ['good.test:" + server_.port() + "'], allow_private: [127.7.7.9]}",
                 "curl -sS -m 5 http://good.test:" + server_.port() + "/");
  for (const std::string& path : {folder_.path().string(), user_.home()}) {
    ASSERT_EQ(run({{"chown", "-R", "1000:1000", path}, "", {}}).exit_code, 0);
  }
  const Ended ended = pipe({"run", "p.yaml"}, "1000");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(server_.visitors(), 1);
}

}  // namespace
}  // namespace e2e
