#include "dsl/sealed_plan.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "dsl/plan_changes.h"
#include "tests/dsl/expression/random_plan.h"

namespace dsl {
namespace {

SealedPlan some_plan(std::uint32_t seed) {
  SealedPlan sealed;
  sealed.origin = {
      "p.yaml", {{"b", "2"}, {"a", "1"}}, "host", {".env"}, "", true, "r", "t", "more"};
  sealed.taken = "commit 1234 on main";
  sealed.input_tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
  sealed.files = {{"./token", SealedFile::Role::Program, "ab"},
                  {"check.sh", SealedFile::Role::Check, "cd"}};
  sealed.remote = "https://example.org/a.git";
  sealed.places = {{"build", "sandbox", "sha256:1", {"sha256:2"}}};
  sealed.plan = random_plan(seed, 4);
  sealed.forecast.nodes = {{"build", Duration{5}, "why", true}, {"b", {}, "", false}};
  sealed.forecast.worst_time = Duration{7};
  return sealed;
}

TEST(SealedPlan, IsReadAsItWasWritten) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const SealedPlan sealed = some_plan(seed);
    const std::string json = sealed_plan_to_json(sealed);
    const Result<SealedPlan> back = sealed_plan_from_json(json);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(sealed_plan_to_json(*back), json);
    EXPECT_EQ(back->digest, digest_of(sealed));
    EXPECT_TRUE(plan_changes(sealed, *back).empty());
  }
}

// The digest is over the content, whatever the layout and the order of keys.
TEST(SealedPlan, HasADigestOfItsContentAlone) {
  const SealedPlan sealed = some_plan(1);
  const auto document = nlohmann::ordered_json::parse(sealed_plan_to_json(sealed));
  nlohmann::ordered_json turned = nlohmann::ordered_json::object();
  for (auto member = document.rbegin(); member != document.rend(); ++member) {
    turned[member.key()] = member.value();
  }
  const Result<SealedPlan> back = sealed_plan_from_json(turned.dump());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->digest, digest_of(sealed));
}

TEST(SealedPlan, ApprovalsAreNoPartOfTheDigest) {
  SealedPlan sealed = some_plan(1);
  const std::string before = digest_of(sealed);
  sealed.approvals.push_back({"ann", "root", "2026-11-21T16:00:00Z", before, ""});
  EXPECT_EQ(digest_of(sealed), before);
  EXPECT_TRUE(sealed_plan_from_json(sealed_plan_to_json(sealed)));
}

TEST(SealedPlan, IsRefusedWhereItWasChangedAfterwards) {
  const std::string json = sealed_plan_to_json(some_plan(1));
  for (const auto& [old_text, new_text] : {std::pair("commit 1234", "commit 1235"),
                                           std::pair("\"check.sh\"", "\"check.py\""),
                                           std::pair("sha256:1", "sha256:3"),
                                           std::pair("example.org/a", "example.org/b"),
                                           std::pair("\"dirty\": true", "\"dirty\": false")}) {
    std::string tampered = json;
    const std::size_t at = tampered.find(old_text);
    ASSERT_NE(at, std::string::npos) << old_text;
    tampered.replace(at, std::string_view(old_text).size(), new_text);
    const Result<SealedPlan> back = sealed_plan_from_json(tampered);
    ASSERT_FALSE(back) << old_text;
    EXPECT_NE(back.error().message.find("was changed after it was sealed"), std::string::npos);
  }
}

TEST(SealedPlan, SaysWhatADocumentIsNot) {
  const auto message = [](const char* text) { return sealed_plan_from_json(text).error().message; };
  EXPECT_EQ(message("["), "this is no sealed plan");
  EXPECT_EQ(message("{}"), "this is no sealed plan");
  EXPECT_EQ(message(R"({"format":"pipe/sealed-plan","version":1})"),
            "this sealed plan is of another version of pipe");
  EXPECT_EQ(
      message(R"({"format":"pipe/sealed-plan","version":2})"),
      "the sealed plan was changed after it was sealed: its digest is not that of its content");
}

TEST(SealedPlan, AStatementNamesDigestPersonAndTime) {
  EXPECT_EQ(statement_of({"ann\nby bob", "root", "2026-11-21T16:00:00Z", "abc", ""}),
            "pipe approves plan abc\nby \"ann\\nby bob\"\nat 2026-11-21T16:00:00Z\n");
}

}  // namespace
}  // namespace dsl
