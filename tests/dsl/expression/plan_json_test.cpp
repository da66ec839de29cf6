#include "dsl/plan_json.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/dsl/expression/random_plan.h"

namespace dsl {
namespace {

Plan small_plan() {
  Plan plan;
  plan.name = "demo";
  plan.nodes.emplace_back();
  plan.nodes[0].id = NodeId("build");
  plan.nodes[0].criteria.push_back({"it builds", FileCheck{}, "", false, Duration{5}});
  plan.nodes.emplace_back();
  plan.nodes[1].id = NodeId("main");
  plan.nodes[1].kind = NodeKind::PhaseGate;
  plan.nodes[1].needs = {0};
  plan.phases.push_back({"main", "", 1, {}});
  return plan;
}

TEST(PlanJson, GivesEveryPlanBackAsItWas) {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    const Plan plan = random_plan(seed, seed % 12);
    for (const JsonLayout layout : {JsonLayout::Compact, JsonLayout::Indented}) {
      const std::string json = plan_to_json(plan, layout);
      const Result<Plan> again = plan_from_json(json);
      ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().message;
      EXPECT_EQ(*again, plan) << "seed " << seed;
      EXPECT_EQ(plan_to_json(*again, layout), json) << "seed " << seed;
    }
  }
}

TEST(PlanJson, WritesEveryFieldAlways) {
  EXPECT_EQ(plan_to_json(Plan{}, JsonLayout::Indented), R"({
  "version": 1,
  "name": "",
  "description": "",
  "source_digest": "",
  "inputs": [],
  "instructions": "",
  "learnings": "",
  "workspace": {
    "source": ".",
    "mode": "copy",
    "protect": []
  },
  "engine": "auto",
  "budget": {
    "cost_micros": null,
    "time_ms": null,
    "turns": null,
    "tokens": null,
    "cost_per_day_micros": null
  },
  "prices": [],
  "require_approval": false,
  "env_files": [],
  "git": {
    "message": "${task}: ${description}",
    "conventional": false,
    "commits": "one",
    "protected": [
      "main",
      "master",
      "release/*"
    ],
    "push": false,
    "remote": "origin",
    "pull_request": null
  },
  "pools": [],
  "phases": [],
  "nodes": []
})");
}

TEST(PlanJson, WritesANodeAsItStandsInThePlan) {
  const Plan plan = random_plan(7, 1);
  const std::string whole = plan_to_json(plan, JsonLayout::Compact);
  EXPECT_NE(whole.find("\"nodes\":[" + node_to_json(plan.nodes[0]) + "]"), std::string::npos);
}

TEST(PlanJson, ReadsFieldsInAnyOrder) {
  std::string json = plan_to_json(Plan{}, JsonLayout::Compact);
  const std::string_view name = R"("name":"",)";
  json.erase(json.find(name), name.size());
  json.insert(json.size() - 1, R"(,"name":"late")");
  const Result<Plan> plan = plan_from_json(json);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->name, "late");
}

struct Damage {
  const char* from;
  const char* to;
  const char* message;
};

void PrintTo(const Damage& damage, std::ostream* out) {
  *out << damage.to;
}

class Damaged : public testing::TestWithParam<Damage> {};

TEST_P(Damaged, IsRefusedWithItsPlace) {
  std::string json = plan_to_json(small_plan(), JsonLayout::Compact);
  const std::size_t at = json.find(GetParam().from);
  ASSERT_NE(at, std::string::npos);
  json.replace(at, std::string_view(GetParam().from).size(), GetParam().to);
  const Result<Plan> plan = plan_from_json(json);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Plans,
    Damaged,
    testing::Values(
        Damage{"{", "", "the plan is no JSON: something is wrong at byte 10"},
        Damage{"{", "[{", "the plan is no JSON: something is wrong at byte 2861"},
        Damage{"\"version\":1",
               "\"version\":2",
               "the plan is of version 2, this program reads version 1"},
        Damage{"\"version\":1",
               "\"version\":0",
               "the plan does not fit at '/version': there is no version 0"},
        Damage{"\"name\":\"demo\"",
               "\"title\":\"demo\"",
               "the plan does not fit at '': the field 'name' is missing"},
        Damage{"\"name\":\"demo\"",
               "\"name\":\"demo\",\"extra\":1",
               "the plan does not fit at '': the field 'extra' is not known"},
        Damage{"\"name\":\"demo\"",
               "\"name\":\"demo\",\"name\":\"other\"",
               "the plan does not fit at '': the field 'name' stands here twice"},
        Damage{"\"name\":\"demo\"",
               "\"name\":null",
               "the plan does not fit at '/name': expected a string, found null"},
        Damage{
            "\"engine\":\"auto\"",
            "\"engine\":\"lxc\"",
            "the plan does not fit at '/engine': 'lxc' is none of the words that can stand here"},
        Damage{
            "\"timeout_ms\":5",
            "\"timeout_ms\":5.5",
            "the plan does not fit at '/nodes/0/criteria/0/timeout_ms': expected a whole number, "
            "found a number"},
        Damage{
            "\"timeout_ms\":5",
            "\"timeout_ms\":99999999999999999999",
            "the plan does not fit at '/nodes/0/criteria/0/timeout_ms': expected a whole number, "
            "found a number"},
        Damage{"\"timeout_ms\":5",
               "\"timeout_ms\":1e999",
               "the plan is no JSON that can be read: a number in it is too large"},
        Damage{"\"timeout_ms\":5",
               "\"timeout_ms\":9223372036854775808",
               "the plan does not fit at '/nodes/0/criteria/0/timeout_ms': the number is out of "
               "range"},
        Damage{"\"kind\":\"file\"",
               "\"kind\":\"magic\"",
               "the plan does not fit at '/nodes/0/criteria/0/check': 'magic' is no kind of a "
               "check"},
        Damage{"\"kind\":\"file\"",
               "\"kind\":\"manual\"",
               "the plan does not fit at '/nodes/0/criteria/0/check': the field 'question' is "
               "missing"},
        Damage{"\"needs\":[0]",
               "\"needs\":[1]",
               "the plan does not fit at '/nodes/1/needs': node 1 does not come before this one"},
        Damage{"\"needs\":[0]",
               "\"needs\":[0,0]",
               "the plan does not fit at '/nodes/1/needs': a node is needed twice"},
        Damage{"\"needs\":[0]",
               "\"needs\":[-1]",
               "the plan does not fit at '/nodes/1/needs/0': the number is out of range"},
        Damage{"\"id\":\"main\"",
               "\"id\":\"build\"",
               "the plan does not fit at '/nodes/1/id': 'build' is the name of an earlier node"},
        Damage{"\"gate\":1",
               "\"gate\":2",
               "the plan does not fit at '/phases/0/gate': there is no such node"}));

TEST(PlanJson, BoundsTheDepthOfValues) {
  Plan plan;
  plan.inputs.emplace_back("deep", Value());
  std::string json = plan_to_json(plan, JsonLayout::Compact);
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  json.replace(json.find("\"value\":null") + 8, 4, deep);
  const Result<Plan> again = plan_from_json(json);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message, "the plan is nested more than 100 levels deep");
}

}  // namespace
}  // namespace dsl
