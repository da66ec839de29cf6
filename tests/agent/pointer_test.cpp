#include "runner/agent/pointer.h"

#include <gtest/gtest.h>

namespace runner {
namespace {

std::string found(const std::string& pointer, const std::string& json) {
  const dsl::Value document = *dsl::value_from_json(json);
  std::string all;
  for (const dsl::Value* value : Pointer(pointer).find(document)) {
    all += dsl::to_json(*value) + " ";
  }
  return all;
}

TEST(Pointer, FindsWhatRfc6901Says) {
  const std::string json = R"({"a":{"b/c":1,"m~n":2,"":3},"l":[4,{"x":5}]})";
  EXPECT_EQ(found("/a/b~1c", json), "1 ");
  EXPECT_EQ(found("/a/m~0n", json), "2 ");
  EXPECT_EQ(found("/a/", json), "3 ");
  EXPECT_EQ(found("/l/1/x", json), "5 ");
  EXPECT_EQ(found("", "7"), "7 ");
}

TEST(Pointer, FindsNothingWhereNothingIs) {
  for (const char* pointer : {"/b", "/a/b", "/l/2", "/l/-", "/l/1x", "/l/*/x/y"}) {
    EXPECT_EQ(found(pointer, R"({"a":1,"l":[0,{"x":5}]})"), "") << pointer;
  }
}

TEST(Pointer, AStarStandsForEveryMember) {
  EXPECT_EQ(found("/m/*/n", R"({"m":{"one":{"n":1},"two":{"n":2},"none":{}}})"), "1 2 ");
  EXPECT_EQ(found("/l/*", R"({"l":["a","b"]})"), "\"a\" \"b\" ");
  EXPECT_EQ(found("/l/*", R"({"l":[]})"), "");
  EXPECT_EQ(found("/~0*", R"({"~*":1})"), "1 ");
}

}  // namespace
}  // namespace runner
