// schemas/plan.schema.json: it names exactly the fields that plan_json writes.

#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "dsl/compile.h"
#include "dsl/plan_fields.h"
#include "dsl/plan_json.h"
#include "tests/dsl/expression/random_plan.h"
#include "tests/schema/schema.h"

namespace schema_test {
namespace {

const Schema& plan_schema() {
  static const Schema schema("plan.schema.json");
  return schema;
}

struct FieldNames {
  template <class T>
  void operator()(std::string_view name, const T& /*member*/) {
    names.emplace(name);
  }
  std::set<std::string> names;
};

template <class T>
std::set<std::string> fields_of(std::set<std::string> more = {}) {
  FieldNames fields{std::move(more)};
  const T record{};
  dsl::plan_fields::describe(fields, record);
  return fields.names;
}

TEST(PlanSchema, NamesTheFieldsThatAreWritten) {
  using namespace dsl;
  const std::set<std::string> kind = {"kind"};
  const std::set<std::string> named = {"name", "value"};
  const std::vector<std::pair<std::string, std::set<std::string>>> records = {
      {"", fields_of<Plan>()},
      {"node", fields_of<PlanNode>()},
      {"phase", fields_of<PlanPhase>()},
      {"piece", fields_of<Template::Piece>()},
      {"image", fields_of<Image>()},
      {"resources", fields_of<Resources>()},
      {"command", fields_of<Command>()},
      {"env_var", fields_of<EnvVar>()},
      {"output", fields_of<OutputDecl>()},
      {"artifact", fields_of<ArtifactDecl>()},
      {"cache", fields_of<CacheDecl>()},
      {"retry", fields_of<Retry>()},
      {"service", fields_of<Service>()},
      {"run_check", fields_of<RunCheck>(kind)},
      {"http_check", fields_of<HttpCheck>(kind)},
      {"file_check", fields_of<FileCheck>(kind)},
      {"json_check", fields_of<JsonCheck>(kind)},
      {"diff_check", fields_of<DiffCheck>(kind)},
      {"manual_check", fields_of<ManualCheck>(kind)},
      {"flagged_check", fields_of<FlaggedCheck>(kind)},
      {"criterion", fields_of<Criterion>()},
      {"budget", fields_of<Budget>()},
      {"firewall", fields_of<Firewall>()},
      {"secret", fields_of<Secret>()},
      {"permissions", fields_of<Permissions>()},
      {"mount", fields_of<HostMount>()},
      {"git", fields_of<Git>()},
      {"pull_request", fields_of<PullRequest>()},
      {"follow_up", fields_of<FollowUp>()},
      {"workspace", fields_of<Workspace>()},
      {"agent", fields_of<Agent>()},
      {"agent_context", fields_of<AgentContext>()},
      {"agent_rule", fields_of<AgentRule>()},
      {"agent_condition", fields_of<AgentCondition>()},
      {"agent_take", fields_of<AgentTake>()},
      {"agent_exit", fields_of<AgentExit>()},
      {"agent_provider", fields_of<AgentProvider>()},
      {"priced_model", fields_of<PricedModel>()},
      {"token_prices", fields_of<TokenPrices>()},
      {"named_text", named},
      {"named_value", named},
      {"pool", {"name", "limit"}},
  };
  std::set<std::string> known;
  for (const auto& [record, fields] : records) {
    EXPECT_EQ(plan_schema().properties(record), fields) << record;
    EXPECT_EQ(plan_schema().required(record), fields) << record;
    known.insert(record);
  }
  known.erase("");
  EXPECT_EQ(plan_schema().closed_records(), known);
}

TEST(PlanSchema, TakesThePlanOfEveryExample) {
  for (const std::string& file : example_pipelines()) {
    dsl::CompileRequest request;
    request.path = std::string(PIPE_SOURCE_DIR) + "/" + file;
    request.read_file = [](const std::string& path) -> dsl::Result<std::string> {
      return read_source_file(path.substr(std::string_view(PIPE_SOURCE_DIR).size() + 1));
    };
    const dsl::Compilation compilation = dsl::compile(request);
    ASSERT_TRUE(compilation.plan) << file << ": " << compilation.diagnostics.at(0).message;
    const std::string json = plan_to_json(*compilation.plan, dsl::JsonLayout::Compact);
    EXPECT_EQ(plan_schema().judge(json), "") << file;
    const dsl::Result<dsl::Plan> again = dsl::plan_from_json(json);
    ASSERT_TRUE(again) << file << ": " << again.error().message;
    EXPECT_EQ(*again, *compilation.plan) << file;
  }
}

TEST(PlanSchema, TakesAnyPlan) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(
        plan_schema().judge(plan_to_json(dsl::random_plan(seed, 5), dsl::JsonLayout::Compact)), "")
        << "seed " << seed;
  }
}

TEST(PlanSchema, RefusesWhatIsNoPlan) {
  EXPECT_NE(plan_schema().judge("{}"), "");
  std::string json = plan_to_json(dsl::Plan{}, dsl::JsonLayout::Compact);
  EXPECT_EQ(plan_schema().judge(json), "");
  json.insert(1, R"("extra":1,)");
  EXPECT_NE(plan_schema().judge(json), "");
}

}  // namespace
}  // namespace schema_test
