// `mode: routed` with the real binary: the example, against a host and a range that are made up.

#include <algorithm>
#include <array>
#include <filesystem>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/sys/fd.h"
#include "tests/e2e/made_up_hosts.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Listens for UDP at 127.7.7.9.
runner::Fd listen_for_datagrams(std::uint16_t port) {
  runner::Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(0x7f070709);
  const void* const address = &at;
  EXPECT_EQ(bind(fd.get(), static_cast<const sockaddr*>(address), sizeof(at)), 0);
  return fd;
}

TEST(Routed, RunsTheExample) {
  NEEDS_ENGINE(Engine::Sandbox);
  if (geteuid() != 0) {
    GTEST_SKIP() << "only root can make up hosts";
  }
  const runner::Fd counter = listen_for_datagrams(8125);
  const WebServer database(8089);
  const TempFolder folder;
  const TempFolder hosts;
  const User user;
  std::string text =
      read_text(fs::path(PIPE_SOURCE_DIR) / "examples/pipelines/udp-and-ranges.yaml");
  const std::string internal = "allow_private: [";
  // This very machine, which a range alone does not name.
  text.insert(text.find(internal) + internal.size(), "127.7.7.9, ");
  folder.write("udp-and-ranges.yaml", text);
  const Ended ended = run(where_hosts_are_made_up(user.pipe({"run",
                                                             "udp-and-ranges.yaml",
                                                             "--input",
                                                             "metrics=artifacts.internal",
                                                             "--input",
                                                             "databases=127.7.7.0/24",
                                                             "--input",
                                                             "database=127.7.7.9"},
                                                            folder.path().string()),
                                                  hosts));
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(read_text(folder.path() / "answer.txt"), HasSubstr("hello"));
  std::array<char, 64> counted{};
  const ssize_t size = recv(counter.get(), counted.data(), counted.size(), 0);
  EXPECT_EQ(std::string(counted.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))),
            "deploys:1|c");
}

}  // namespace
}  // namespace e2e
