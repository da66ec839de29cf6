#include "runner/run/run_state.h"

#include "tests/report/story.h"

namespace runner {
namespace {

TEST(RunState, AddsUpWhatAgentsTellOfTheirCostInAllAttempts) {
  PlanMaker make;
  make.phase("main");
  make.task("build");
  make.gate({0});
  Story story(make.plan());
  story.start();
  AttemptEnded ended;
  ended.node = dsl::NodeId("build");
  ended.agent.emplace().cost = dsl::Money{1'500'000};
  story.begin("build").tell(ended);
  EXPECT_EQ(story.state().nodes()[0].told_cost, dsl::Money{1'500'000});

  story.tell(RetryScheduled{ended.node, 1, 0, "exit 1"});
  story.begin("build", 2).tell(ended);
  EXPECT_EQ(story.state().nodes()[0].told_cost, dsl::Money{3'000'000});
}

}  // namespace
}  // namespace runner
