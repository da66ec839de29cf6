#include "runner/model/content_decoder.h"

#include <gtest/gtest.h>

namespace runner {
namespace {

// printf 'hello' | gzip -n
constexpr std::string_view kHello(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00"
    "\x00\x00",
    25);

TEST(ContentDecoder, LeavesWhatIsNotEncodedAsItIs) {
  for (const char* encoding : {"", "identity"}) {
    ContentDecoder decoder(encoding);
    std::string out;
    EXPECT_TRUE(decoder.decode("plain", out));
    EXPECT_EQ(out, "plain");
  }
}

TEST(ContentDecoder, JoinsTheMembersOfAGzipFile) {
  ContentDecoder decoder("gzip");
  std::string out;
  EXPECT_TRUE(decoder.decode(kHello.substr(0, 9), out));
  EXPECT_TRUE(decoder.decode(kHello.substr(9), out));
  EXPECT_TRUE(decoder.decode(kHello, out));
  EXPECT_EQ(out, "hellohello");
}

TEST(ContentDecoder, StaysFailedOnceSomethingWasWrong) {
  ContentDecoder decoder("gzip");
  std::string out;
  EXPECT_FALSE(decoder.decode("no gzip at all", out));
  EXPECT_FALSE(decoder.decode(kHello, out));
  EXPECT_EQ(out, "");
  EXPECT_FALSE(ContentDecoder("br").decode("x", out));
}

}  // namespace
}  // namespace runner
