#include "runner/model/event_stream.h"

#include <vector>

#include <gtest/gtest.h>

namespace runner {
namespace {

std::vector<std::string> events_of(const std::string& text, std::size_t step) {
  std::vector<std::string> events;
  EventStream stream([&events](std::string_view data) { events.emplace_back(data); });
  for (std::size_t at = 0; at < text.size(); at += step) {
    stream.read(std::string_view(text).substr(at, step));
  }
  return events;
}

TEST(EventStream, EndsLinesInEveryWayThatTheStandardHas) {
  const std::vector<std::string> expected{"a", "b\nc", "", "d"};
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    std::string text;
    for (const char* line : {": a comment",
                             "event: x",
                             "data: a",
                             "",
                             "data:b",
                             "data: c",
                             "id: 1",
                             "",
                             "data:",
                             "",
                             "event: no data",
                             "",
                             "data: d",
                             "",
                             "data: half"}) {
      text += line + end;
    }
    for (std::size_t step = 1; step < 9; ++step) {
      EXPECT_EQ(events_of(text, step), expected) << step;
    }
  }
}

TEST(EventStream, PassesOverAnEventThatIsTooLongAndSaysSo) {
  std::vector<std::string> events;
  EventStream stream([&events](std::string_view data) { events.emplace_back(data); });
  const std::string block(1U << 20U, 'x');
  stream.read("data: a\n\ndata: ");
  for (int i = 0; i < 20; ++i) {
    stream.read(block);
  }
  EXPECT_FALSE(stream.has_missed());
  stream.read("\ndata: more of it\n\ndata: b\n\n");
  EXPECT_EQ(events, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(stream.has_missed());
}

}  // namespace
}  // namespace runner
