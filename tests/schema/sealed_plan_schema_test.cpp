// schemas/sealed_plan.schema.json: it takes what is written, with every part filled in.

#include <gtest/gtest.h>

#include "dsl/sealed_plan.h"
#include "tests/dsl/expression/random_plan.h"
#include "tests/schema/schema.h"

namespace schema_test {
namespace {

const Schema& sealed_schema() {
  static const Schema schema("sealed_plan.schema.json");
  return schema;
}

TEST(SealedPlanSchema, TakesEveryPart) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    dsl::SealedPlan sealed;
    sealed.origin = {
        "p.yaml", {{"service", "api"}}, "host", {".env"}, "/home/a/.env", true, "r", "t", "more"};
    sealed.input_tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    sealed.files = {{"p.yaml", dsl::SealedFile::Role::Source, "ab"},
                    {"check", dsl::SealedFile::Role::Check, "cd"},
                    {"tests/", dsl::SealedFile::Role::Protected, "ef"},
                    {"./token", dsl::SealedFile::Role::Program, "ab"}};
    sealed.remote = "https://example.org/a.git";
    sealed.places = {{"build", "sandbox", "sha256:1", {"sha256:2"}}};
    sealed.plan = dsl::random_plan(seed, 5);
    sealed.forecast.nodes = {{"build", dsl::Duration{5}, "never passed before", false},
                             {"b", {}, "", true}};
    sealed.forecast.path = {"build"};
    sealed.forecast.worst_cost = dsl::Money{5};
    sealed.approvals = {
        {"ann", "root", "2026-11-21T16:00:00Z", std::string(64, 'a'), "-----BEGIN"}};
    EXPECT_EQ(sealed_schema().judge(dsl::sealed_plan_to_json(sealed)), "") << "seed " << seed;
  }
}

TEST(SealedPlanSchema, RefusesWhatIsNone) {
  EXPECT_NE(sealed_schema().judge("{}"), "");
  std::string json = dsl::sealed_plan_to_json({});
  json.insert(1, R"("extra":1,)");
  EXPECT_NE(sealed_schema().judge(json), "");
}

}  // namespace
}  // namespace schema_test
