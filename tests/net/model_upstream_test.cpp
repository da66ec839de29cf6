#include "runner/net/model_upstream.h"

#include <gtest/gtest.h>

namespace runner {
namespace {

TEST(ModelUpstream, IsAUrl) {
  EXPECT_EQ(*parse_model_upstream("http://127.0.0.1:8080"),
            (ModelUpstream{false, "127.0.0.1", 8080, ""}));
  EXPECT_EQ(*parse_model_upstream("https://Proxy.Example.org/anthropic/"),
            (ModelUpstream{true, "proxy.example.org", 443, "/anthropic"}));
  EXPECT_EQ(*parse_model_upstream("http://localhost"), (ModelUpstream{false, "localhost", 80, ""}));
}

TEST(ModelUpstream, IsNothingElse) {
  for (const char* text : {"",
                           "localhost:80",
                           "ftp://x",
                           "https://",
                           "http://x:0",
                           "http://x:70000",
                           "http://x:8080x",
                           "http://a b",
                           "http://x/a?b",
                           "http://x/a b",
                           "https://127.0.0.1",
                           "http://user@x"}) {
    const auto parsed = parse_model_upstream(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().remedy, "");
  }
}

}  // namespace
}  // namespace runner
