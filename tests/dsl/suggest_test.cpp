#include "dsl/suggest.h"

#include <gtest/gtest.h>

namespace dsl {
namespace {

TEST(EditDistance, CountsLettersAndSwappedNeighbours) {
  EXPECT_EQ(edit_distance("needs", "needs", 3), 0U);
  EXPECT_EQ(edit_distance("neds", "needs", 3), 1U);
  EXPECT_EQ(edit_distance("nedes", "needs", 3), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting", 3), 3U);
  EXPECT_EQ(edit_distance("", "abc", 3), 3U);
}

TEST(EditDistance, StopsAtTheLimit) {
  EXPECT_EQ(edit_distance("abcdefgh", "stuvwxyz", 2), 3U);
  EXPECT_EQ(edit_distance("a", "abcdefgh", 2), 3U);
}

TEST(NearestName, GrowsItsLimitWithTheLength) {
  EXPECT_EQ(nearest_name("rum", {"run", "env"}), "run");
  EXPECT_EQ(nearest_name("rmu", {"env"}), std::nullopt);
  EXPECT_EQ(nearest_name("timout", {"timeout", "retry"}), "timeout");
  EXPECT_EQ(nearest_name("sucess_critera", {"success_criteria", "services"}), "success_criteria");
}

TEST(NearestName, TakesTheFirstOfEquallyNearOnes) {
  EXPECT_EQ(nearest_name("tast", {"test", "task"}), "test");
}

TEST(NearestName, ForgivesCaseAndDashes) {
  EXPECT_EQ(nearest_name("Working-Directory", {"working_directory"}), "working_directory");
}

TEST(NearestName, SaysNothingWhereNothingIsNear) {
  EXPECT_EQ(nearest_name("x", {"a", "b"}), std::nullopt);
  EXPECT_EQ(nearest_name("whatever", {"run", "needs", "env"}), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(100'000, 'a'), {"run"}), std::nullopt);
  EXPECT_EQ(did_you_mean("x", {}), "");
}

}  // namespace
}  // namespace dsl
