#include "runner/app/env_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace runner {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(EnvFile, ReadsWhatDotenvAndComposeRead) {
  const auto read = parse_env_file(
      "\xEF\xBB\xBF# the keys\n"
      "\n"
      "PLAIN=value # a comment\r\n"
      "  export SPACED = with blanks inside  \n"
      "HASH=a#b\n"
      "EMPTY=\n"
      "SINGLE='$HOME \\n \"x\"'\n"
      "DOUBLE=\"a\\tb \\\"c\\\" $HOME \\\\\"  # why\n"
      "LINES=\"first\nsecond\"\n"
      "LAST=no newline=behind");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(*read,
              ElementsAre(Pair("PLAIN", "value"),
                          Pair("SPACED", "with blanks inside"),
                          Pair("HASH", "a#b"),
                          Pair("EMPTY", ""),
                          Pair("SINGLE", "$HOME \\n \"x\""),
                          Pair("DOUBLE", "a\tb \"c\" $HOME \\"),
                          Pair("LINES", "first\nsecond"),
                          Pair("LAST", "no newline=behind")));
}

TEST(EnvFile, TellsTheLineAndNeverAValue) {
  const std::pair<const char*, const char*> wrong[] = {
      {"A=1\nsecret-value\n", "line 2: expected NAME=value"},
      {"1A=secret-value", "line 1: expected NAME=value"},
      {"A B=secret-value", "line 1: expected NAME=value"},
      {"A=\"x\ny\"\nB='secret-value\n\n", "line 3: the quote has no end"},
      {"A='secret-value'more", "line 1: something stands behind the closing quote"}};
  for (const auto& [text, message] : wrong) {
    const auto read = parse_env_file(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().message, message);
  }
}

}  // namespace
}  // namespace runner
