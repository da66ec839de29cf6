#include "runner/engine/end_mark.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace runner {
namespace {

struct Output {
  std::string text;
  bool marked = false;
};

Output read(const std::string& mark, const std::vector<std::string>& pieces) {
  EndMark end(mark);
  Output output;
  const auto pass = [&](std::string_view bytes) { output.text += bytes; };
  for (const std::string& piece : pieces) {
    end.add(piece, pass);
  }
  output.marked = end.found();
  end.finish(pass);
  return output;
}

TEST(EndMark, IsTakenOffWhereverThePiecesEnd) {
  const std::string whole = "one two aab aabaab aabaac";
  const std::string mark = "aabaac";
  for (std::size_t first = 0; first <= whole.size(); ++first) {
    for (std::size_t second = first; second <= whole.size(); ++second) {
      const Output output =
          read(mark,
               {whole.substr(0, first), whole.substr(first, second - first), whole.substr(second)});
      EXPECT_EQ(output.text, "one two aab aabaab ") << first << " " << second;
      EXPECT_TRUE(output.marked);
    }
  }
}

TEST(EndMark, LetsThroughWhatOnlyLooksLikeIt) {
  const std::string whole = "aabaab aabaac, said the job, and: aabaa";
  for (std::size_t first = 0; first <= whole.size(); ++first) {
    const Output output = read("aabaac", {whole.substr(0, first), whole.substr(first)});
    EXPECT_EQ(output.text, whole) << first;
    EXPECT_FALSE(output.marked);
  }
}

TEST(EndMark, OfOneByteAtATime) {
  std::vector<std::string> bytes;
  for (const char c : std::string("aaaaaaab")) {
    bytes.emplace_back(1, c);
  }
  const Output output = read("aaab", bytes);
  EXPECT_EQ(output.text, "aaaa");
  EXPECT_TRUE(output.marked);
}

TEST(EndMark, IsAnotherOneForEachJob) {
  const std::string one = make_end_mark();
  EXPECT_EQ(one.size(), 32U);
  EXPECT_NE(one, make_end_mark());
}

}  // namespace
}  // namespace runner
