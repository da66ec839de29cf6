#include "runner/agent/json_lines.h"

#include <gtest/gtest.h>

namespace runner {
namespace {

struct Reading {
  std::vector<std::string> documents;
  JsonLines lines{[this](const dsl::Value& one) { documents.push_back(dsl::to_json(one)); }};
};

TEST(JsonLines, AreWholeHoweverTheBytesAreCut) {
  const std::string text = "{\"a\":1}\r\n\n{\"b\":\"\xC3\xA4\"}\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Reading reading;
    reading.lines.read(std::string_view(text).substr(0, cut));
    reading.lines.read(std::string_view(text).substr(cut));
    reading.lines.finish();
    EXPECT_EQ(reading.documents, (std::vector<std::string>{"{\"a\":1}", "{\"b\":\"\xC3\xA4\"}"}));
    EXPECT_EQ(reading.lines.unread(), 0) << cut;
  }
}

TEST(JsonLines, CountWhatIsNoObjectAndGoOn) {
  Reading reading;
  reading.lines.read("Warning: no colours\n[1]\n\"text\"\n{\"half\":\n{\"a\":1}\n\xff\n");
  reading.lines.finish();
  EXPECT_EQ(reading.documents, std::vector<std::string>{"{\"a\":1}"});
  EXPECT_EQ(reading.lines.unread(), 5);
}

// JSON.stringify of a text that was cut in the middle of an emoji, and bytes of some other program.
TEST(JsonLines, AreReadWhereHalfOfACharacterIsInThem) {
  Reading reading;
  reading.lines.read(
      "{\"cut\":\"a\\ud83d\"}\n{\"low\":\"\\uDE00b\"}\n{\"raw\":\"\xff\xfe\"}\n"
      "{\"whole\":\"\\ud83d\\ude00\\\\ud83d\",\"cut\":\"\\ud83dx\"}\n{\"bad\":\"\\ud83d\n");
  reading.lines.finish();
  EXPECT_EQ(reading.documents,
            (std::vector<std::string>{"{\"cut\":\"a\uFFFD\"}",
                                      "{\"low\":\"\uFFFDb\"}",
                                      "{\"raw\":\"\uFFFD\uFFFD\"}",
                                      "{\"whole\":\"\U0001F600\\\\ud83d\",\"cut\":\"\uFFFDx\"}"}));
  EXPECT_EQ(reading.lines.unread(), 1);
}

TEST(JsonLines, TakeALastLineWithoutAnEndAndPassOverHalfOfOne) {
  Reading whole;
  whole.lines.read("{\"a\":1}");
  whole.lines.finish();
  EXPECT_EQ(whole.documents.size(), 1U);
  Reading half;
  half.lines.read("{\"a\":1}\n{\"type\":\"resu");
  half.lines.finish();
  EXPECT_EQ(half.documents.size(), 1U);
  EXPECT_EQ(half.lines.unread(), 1);
}

TEST(JsonLines, KeepNothingOfALineOfAHundredMegabytes) {
  Reading reading;
  reading.lines.read("{\"a\":\"");
  const std::string block(1U << 20U, 'x');
  for (int i = 0; i < 100; ++i) {
    reading.lines.read(block);
  }
  reading.lines.read("\"}\n{\"b\":1}\n");
  EXPECT_EQ(reading.documents, std::vector<std::string>{"{\"b\":1}"});
  EXPECT_EQ(reading.lines.unread(), 1);
}

}  // namespace
}  // namespace runner
