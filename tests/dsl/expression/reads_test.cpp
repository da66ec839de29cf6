#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dsl/expression.h"

namespace dsl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(TasksRead, AreThoseWhoseOutputsAreLookedAt) {
  EXPECT_THAT(tasks_read("needs.build.outputs.version"), ElementsAre("build"));
  EXPECT_THAT(tasks_read("needs['build-all'].outputs['version']"), ElementsAre("build-all"));
  EXPECT_THAT(tasks_read("needs.a['outputs'].x == 'y' && !contains(needs.b.outputs.l, item)"),
              ElementsAre("a", "b"));
  EXPECT_THAT(tasks_read("toJSON(needs.a.outputs)"), ElementsAre("a")) << "all of them";
  EXPECT_THAT(tasks_read("needs.a.outputs.x || needs.a.outputs.y"), ElementsAre("a"));
}

TEST(TasksRead, AreNotThoseWhoseResultIs) {
  EXPECT_THAT(tasks_read("needs.build.result == 'success'"), IsEmpty());
  EXPECT_THAT(tasks_read("inputs.outputs"), IsEmpty());
  EXPECT_THAT(tasks_read("item.needs.build.outputs"), IsEmpty());
  EXPECT_THAT(tasks_read("'needs.build.outputs.x'"), IsEmpty());
  EXPECT_THAT(tasks_read("needs.outputs.outputs"), ElementsAre("outputs"));
  EXPECT_THAT(tasks_read("needs.("), IsEmpty());
}

TEST(TasksNamed, AreThoseOfAnyMember) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(tasks_named("needs.a.result == 'success' && needs['b'].outputs.x != needs.a.result"),
            (Names{"a", "b"}));
  EXPECT_EQ(tasks_named("inputs.needs || matrix.os"), Names{});
  EXPECT_EQ(tasks_named("needs.("), Names{});
}

TEST(TasksNamed, AreAllWhereTheWholeIsLookedAt) {
  EXPECT_EQ(tasks_named("toJSON(needs)"), std::nullopt);
  EXPECT_EQ(tasks_named("needs[item].result"), std::nullopt);
  EXPECT_EQ(tasks_named("needs.a.result == needs[item].result"), std::nullopt);
}

}  // namespace
}  // namespace dsl
