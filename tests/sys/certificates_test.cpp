#include "runner/sys/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace runner {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// That they verify each other is seen where Docker's client and daemon use them: tests/e2e.
TEST(Certificates, AreMadeAnewForWhomThereAreKeys) {
  const auto first = make_tls_identities({"DNS:localhost", "IP:127.0.0.1"}, dsl::Duration{60'000});
  const auto second = make_tls_identities({"DNS:localhost"}, dsl::Duration{60'000});
  ASSERT_TRUE(first && second);
  for (const Certificate* const one : {&first->server, &first->client}) {
    EXPECT_THAT(one->certificate, StartsWith("-----BEGIN CERTIFICATE-----\n"));
    EXPECT_THAT(one->key, StartsWith("-----BEGIN PRIVATE KEY-----\n"));
  }
  EXPECT_THAT(first->authority, HasSubstr("-----END CERTIFICATE-----"));
  EXPECT_NE(first->authority, second->authority);
  EXPECT_NE(first->server.key, first->client.key);
  EXPECT_NE(first->server.key, second->server.key);
}

TEST(Certificates, AreNotMadeForANameThatIsNone) {
  const auto made = make_tls_identities({"nonsense"}, dsl::Duration{60'000});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, StartsWith("make TLS certificates: "));
}

}  // namespace
}  // namespace runner
