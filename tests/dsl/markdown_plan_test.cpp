// Plans that people wrote in Markdown: what is understood, and what is left to a person.

#include "dsl/markdown_plan.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dsl/compile.h"
#include "dsl/markdown_ticks.h"

namespace dsl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = MarkdownCriterion::Kind;

std::string plan_text(const std::string& name) {
  std::ifstream file(std::string(PIPE_SOURCE_DIR) + "/tests/dsl/plans/" + name + ".md");
  EXPECT_TRUE(file) << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

MarkdownCriterion only_box(const std::string& box, const std::string& base_url = "") {
  MarkdownOptions options;
  options.base_url = base_url;
  options.serve = "./server";
  MarkdownPlan plan = read_markdown_plan("## Phase 1\n\n- [ ] " + box + "\n", options);
  return plan.phases.at(0).criteria.at(0);
}

std::vector<std::string> notes_of(const MarkdownPlan& plan) {
  std::vector<std::string> all;
  for (const MarkdownNote& note : plan.notes) {
    all.push_back(std::to_string(note.line) + ": " + note.text);
  }
  return all;
}

std::vector<std::string> names_of(const MarkdownPlan& plan) {
  std::vector<std::string> names;
  for (const MarkdownPhase& phase : plan.phases) {
    names.push_back(phase.name);
  }
  return names;
}

TEST(MarkdownPlan, ACommandInBackticksIsRun) {
  EXPECT_EQ(only_box("`make check` passes").command, "make check");
  EXPECT_EQ(only_box("All is well (`go test ./...`)").command, "go test ./...");
  EXPECT_EQ(only_box("`./verify` succeeds").command, "./verify");
  EXPECT_EQ(only_box("`make` passes").command, "make");
  EXPECT_EQ(only_box("`grep -q secret log` exits with 1").exit_code, 1);
  EXPECT_EQ(only_box("`diff a b` has exit code 2").exit_code, 2);
}

TEST(MarkdownPlan, ACommandThatIsNotAllThatIsAskedIsLeftToAPerson) {
  for (const char* box : {"`rm -rf build` must not be run",
                          "`test -f README.md` fails",
                          "`make check` does not exit with 0",
                          "`grep -q later README.md` finds nothing",
                          "`ls nothing-here` returns non-zero",
                          "`echo hi` outputs `bye`",
                          "`test -f README.md` and `test -f NOTICE` pass",
                          "`echo '${{ secrets.X }}'` passes"}) {
    EXPECT_EQ(only_box(box).kind, Kind::Manual) << box;
  }
  EXPECT_EQ(only_box("`grep -q secret log` fails with exit code 1").exit_code, 1);
}

TEST(MarkdownPlan, ANameInBackticksIsNoCommand) {
  for (const char* box : {"`TokenService` is used everywhere",
                          "`make` is not needed any more",
                          "The value of `a = b` is kept",
                          "`Foo bar` is shown"}) {
    EXPECT_EQ(only_box(box).kind, Kind::Manual) << box;
  }
}

TEST(MarkdownPlan, AnAddressWithAStatusIsRequested) {
  MarkdownCriterion criterion = only_box("http://localhost:8080/tx/2 gives 403.");
  EXPECT_EQ(criterion.kind, Kind::Http);
  EXPECT_EQ(criterion.url, "http://localhost:8080/tx/2");
  EXPECT_EQ(criterion.status, 403);
  criterion = only_box("`POST http://localhost:8080/login` triggers 429 on abuse");
  EXPECT_EQ(criterion.method, "POST");
  EXPECT_EQ(criterion.status, 429);
  EXPECT_EQ(only_box("`GET /api/tx` returns 403").kind, Kind::Manual) << "of which host?";
  EXPECT_EQ(only_box("`GET /api/tx` returns 403", "http://localhost:8080").url,
            "http://localhost:8080/api/tx");
  EXPECT_EQ(read_markdown_plan("## Phase 1\n- [ ] http://localhost/ gives 200", {})
                .phases[0]
                .criteria[0]
                .kind,
            Kind::Manual)
      << "nothing is served there";
  EXPECT_EQ(only_box("Users cannot see others' data (403)").kind, Kind::Manual);
  EXPECT_EQ(only_box("http://localhost:8080/ answers").kind, Kind::Manual) << "with what?";
}

TEST(MarkdownPlan, AnAddressThatNoCheckCanAskIsLeftToAPerson) {
  for (const char* url : {"https://localhost:8443/x",
                          "https://example.org/x",
                          "http://example.org/x",
                          "http://127.0.0.1.example.org/",
                          "http://localhost:0/",
                          "http://localhost:99999/",
                          "http://localhost:http/",
                          "http://user@localhost/",
                          "http://[::1]/"}) {
    MarkdownOptions options;
    options.serve = "./server";
    MarkdownPlan plan =
        read_markdown_plan(std::string("## Phase 1\n\n- [ ] ") + url + " gives 200\n", options);
    EXPECT_EQ(plan.phases.at(0).criteria.at(0).kind, Kind::Manual) << url;
    ASSERT_EQ(plan.notes.size(), 1U) << url;
    EXPECT_NE(plan.notes[0].text.find(url), std::string::npos) << plan.notes[0].text;
  }
  EXPECT_EQ(only_box("http://127.0.0.2/x gives 200").kind, Kind::Http);
  EXPECT_EQ(only_box("http://localhost:65535?x gives 200").kind, Kind::Http);
}

TEST(MarkdownPlan, APathThatExistsIsLookedFor) {
  EXPECT_EQ(only_box("`docs/guide.md` exists").path, "docs/guide.md");
  EXPECT_EQ(only_box("`../up` exists").kind, Kind::Manual);
  EXPECT_EQ(only_box("`/etc/x` exists").kind, Kind::Manual);
}

TEST(MarkdownPlan, CriteriaMayStandApartFromTheirPhases) {
  const MarkdownPlan plan = read_markdown_plan(plan_text("session-hardening"), {});
  EXPECT_EQ(plan.name, "session-hardening");
  EXPECT_THAT(names_of(plan),
              ElementsAre("phase-1-record-how-it-is", "phase-2-refresh-early", "phase-3-prove-it"));
  EXPECT_EQ(plan.phases[0].criteria.size(), 2U);
  EXPECT_EQ(plan.phases[1].criteria.size(), 3U);
  EXPECT_EQ(plan.phases[2].criteria.size(), 2U);
  EXPECT_THAT(plan.criteria, IsEmpty());
  EXPECT_THAT(*plan.phases[1].needs, ElementsAre("phase-1-record-how-it-is"));
  EXPECT_THAT(*plan.phases[2].needs,
              ElementsAre("phase-1-record-how-it-is", "phase-2-refresh-early"));
  EXPECT_THAT(plan.phases[1].prose, HasSubstr("refreshed before they expire"));
  EXPECT_THAT(notes_of(plan),
              ElementsAre("8: before the run: A checkout of the gateway",
                          "50: a person answers: Users understand the message that they get"));
}

TEST(MarkdownPlan, PrerequisitesOrderPhases) {
  const MarkdownPlan plan = read_markdown_plan(plan_text("ledger-export"), {});
  EXPECT_THAT(names_of(plan), ElementsAre("step-1-schema", "step-2-sample", "step-3-join"));
  EXPECT_THAT(*plan.phases[0].needs, IsEmpty());
  EXPECT_THAT(*plan.phases[1].needs, IsEmpty());
  EXPECT_THAT(*plan.phases[2].needs, ElementsAre("step-1-schema", "step-2-sample"));
  EXPECT_EQ(plan.phases[1].criteria[0].command, "./check-rows sample.csv");
  ASSERT_EQ(plan.criteria.size(), 1U) << "of the whole plan";
  EXPECT_THAT(notes_of(plan),
              ElementsAre("39: a person answers: `LedgerWriter` keeps the order of rows"));
}

TEST(MarkdownPlan, AHeadingWithBoxesIsAPhase) {
  const MarkdownPlan plan = read_markdown_plan(plan_text("front-page"), {});
  EXPECT_THAT(names_of(plan), ElementsAre("page", "review"));
  EXPECT_THAT(*plan.phases[1].needs, ElementsAre("page"));
  EXPECT_EQ(plan.phases[1].criteria.size(), 2U);
}

TEST(MarkdownPlan, EveryPipelineCompiles) {
  for (const char* name : {"session-hardening", "ledger-export", "front-page"}) {
    for (const bool run_code : {false, true}) {
      for (const char* command : {"", "my-agent --go \"x\""}) {
        MarkdownOptions options;
        options.run_code = run_code;
        options.agent_command = command;
        options.serve = run_code ? "./server" : "";
        const std::string text = pipeline_of(read_markdown_plan(plan_text(name), options), options);
        CompileRequest request;
        request.path = "pipeline.yaml";
        request.read_file = [&](const std::string&) { return Result<std::string>(text); };
        const Compilation compilation = compile(request);
        EXPECT_TRUE(compilation.plan) << text << compilation.diagnostics.at(0).message;
      }
    }
  }
}

TEST(MarkdownPlan, WhatLooksLikeAnExpressionStaysText) {
  const MarkdownPlan plan = read_markdown_plan(
      "# P\n## Phase 1\nUse ${{ secrets.KEY }}.\n- [ ] `echo ${{ x }}` passes\n", {});
  const std::string text = pipeline_of(plan, {});
  CompileRequest request;
  request.path = "pipeline.yaml";
  request.read_file = [&](const std::string&) { return Result<std::string>(text); };
  const Compilation compilation = compile(request);
  ASSERT_TRUE(compilation.plan) << text << compilation.diagnostics.at(0).message;
}

// YAML takes no more than 1,024 bytes for a key before its ':'.
TEST(MarkdownPlan, ABoxMayBeLong) {
  const std::string words(1'100, 'x');
  const MarkdownPlan plan = read_markdown_plan(
      "# P\n## Phase 1\nWork.\n- [ ] `test -d /` " + words + "\n- [ ] `true` short\n", {});
  const std::string text = pipeline_of(plan, {});
  CompileRequest request;
  request.path = "pipeline.yaml";
  request.read_file = [&](const std::string&) { return Result<std::string>(text); };
  const Compilation compilation = compile(request);
  ASSERT_TRUE(compilation.plan) << text << compilation.diagnostics.at(0).message;
  EXPECT_THAT(text, HasSubstr(words));
}

TEST(MarkdownPlan, ADocumentWithoutPhasesHasNone) {
  EXPECT_THAT(read_markdown_plan("", {}).phases, IsEmpty());
  EXPECT_THAT(read_markdown_plan("# Notes\n\nText.\n\n- item\n", {}).phases, IsEmpty());
}

// ---- ticks -------------------------------------------------------------------------------------

TEST(MarkdownTicks, TickWhatWasMetAndSayWhy) {
  const std::string plan =
      "## Phase 1\n\n- [ ] One\n  goes on\n- [x] Two\n- [ ] Three\n  - [ ] One\n";
  const TickedMarkdown ticked = tick_boxes(plan,
                                           {{"One goes on", true, true, "make … exit 0"},
                                            {"Two", false, true, "not met: exit `1`"},
                                            {"One", false, false, ""}});
  EXPECT_EQ(ticked.text,
            "## Phase 1\n\n- [x] One\n  goes on\n  - `make … exit 0` <!-- pipe -->\n- [ ] Two\n"
            "  - `not met: exit '1'` <!-- pipe -->\n- [ ] Three\n  - [ ] One\n");
  EXPECT_EQ(ticked.boxes, 4U);
  EXPECT_EQ(ticked.ticked, 1U);
  EXPECT_THAT(ticked.unknown, ElementsAre("Three"));
}

TEST(MarkdownTicks, KeepTheLineEndsOfThePlan) {
  const std::vector<BoxResult> results = {{"A", true, true, "x"}, {"B", true, true, "y"}};
  const std::string once = tick_boxes("- [ ] A\r\n- [ ] B", results).text;
  EXPECT_EQ(once, "- [x] A\r\n  - `x` <!-- pipe -->\r\n- [x] B\r\n  - `y` <!-- pipe -->\r\n");
  EXPECT_EQ(tick_boxes(once, results).text, once);
}

TEST(MarkdownTicks, AreTheSameTheSecondTime) {
  const std::vector<BoxResult> results = {{"A", true, true, "x"}, {"B", true, true, "y"}};
  const std::string once = tick_boxes("* [ ] A\n* [ ] B", results).text;
  EXPECT_EQ(tick_boxes(once, results).text, once);
}

TEST(MarkdownTicks, BoxesOfTheSameTextAreMatchedInOrder) {
  EXPECT_EQ(tick_boxes("## 1\n- [ ] A\n\n## 2\n- [ ] A\n",
                       {{"A", true, true, ""}, {"A", false, true, ""}})
                .text,
            "## 1\n- [x] A\n\n## 2\n- [ ] A\n");
}

}  // namespace
}  // namespace dsl
