// Where a remote leads, as a sealed plan may say it.

#include "runner/app/remote_address.h"

#include <gtest/gtest.h>

namespace runner {
namespace {

TEST(RemoteAddress, HasNoCredentials) {
  EXPECT_EQ(without_credentials("https://me:key@example.org/a.git"), "https://example.org/a.git");
  EXPECT_EQ(without_credentials("https://key@example.org:8443/a.git?token=1"),
            "https://example.org:8443/a.git");
  EXPECT_EQ(without_credentials("http://a@b:c@example.org"), "http://example.org");
  EXPECT_EQ(without_credentials("ssh://git:key@example.org:22/a.git"),
            "ssh://git@example.org:22/a.git");
}

TEST(RemoteAddress, IsElseAsItIs) {
  for (const char* address : {"git@example.org:a/b.git",
                              "ssh://git@example.org/a.git",
                              "https://example.org/a@b.git",
                              "/srv/git/a.git",
                              "../a.git",
                              ""}) {
    EXPECT_EQ(without_credentials(address), address);
  }
}

}  // namespace
}  // namespace runner
