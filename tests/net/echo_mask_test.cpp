#include "runner/net/echo_mask.h"

#include <gtest/gtest.h>

namespace runner {
namespace {

const std::string kKey = "sk-ant-0123456789abcdef";
const std::string kStars(kKey.size(), '*');

std::string all(EchoMask& mask, std::string_view bytes) {
  std::string out;
  mask.add(bytes, out);
  mask.finish(out);
  return out;
}

TEST(EchoMask, FindsAValueHoweverItIsCut) {
  const std::set<std::string> values = {kKey};
  const std::string text = "key: " + kKey + ", again " + kKey + kKey + " sk-ant-012";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EchoMask mask(values);
    std::string out;
    mask.add(std::string_view(text).substr(0, cut), out);
    mask.add(std::string_view(text).substr(cut), out);
    mask.finish(out);
    EXPECT_EQ(out, "key: " + kStars + ", again " + kStars + kStars + " sk-ant-012") << cut;
  }
}

TEST(EchoMask, HoldsBackNoMoreThanTheBeginningOfAValue) {
  const std::set<std::string> values = {kKey};
  EchoMask mask(values);
  std::string out;
  mask.add("data: {}\n\n", out);
  EXPECT_EQ(out, "data: {}\n\n");
  mask.add("task", out);
  EXPECT_EQ(out, "data: {}\n\nta") << "the rest may become a key";
  mask.add("s", out);
  EXPECT_EQ(out, "data: {}\n\ntask");
  mask.finish(out);
  EXPECT_EQ(out, "data: {}\n\ntasks");
}

TEST(EchoMask, LeavesWordsAlone) {
  const std::set<std::string> values = {"test", "", "exactly16letters"};
  EchoMask mask(values);
  EXPECT_EQ(all(mask, "this is a test of exactly16letters"), "this is a test of ****************");
}

TEST(EchoMask, TakesInAValueThatComesMidway) {
  std::set<std::string> values;
  EchoMask mask(values);
  EXPECT_EQ(all(mask, kKey), kKey);
  values.insert(kKey);
  EXPECT_EQ(all(mask, kKey), kStars);
}

}  // namespace
}  // namespace runner
