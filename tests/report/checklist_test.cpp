#include "runner/report/checklist.h"

#include "tests/report/story.h"

namespace runner::report {
namespace {

dsl::Plan two_phases() {
  PlanMaker make;
  make.phase("implement");
  auto& refresh = make.task("refresh");
  refresh.criteria = {PlanMaker::criterion("Token refresh happens before expiry"),
                      PlanMaker::criterion("Users cannot read other users' data")};
  make.task("limits").criteria = {PlanMaker::criterion("Rate limit triggers 429")};
  make.gate({0, 1}).criteria = {PlanMaker::criterion("All tests pass on the combined tree")};
  make.phase("release");
  make.task("publish", {0, 1, 2});
  make.gate({3});
  return make.plan();
}

std::string shown(const Story& story, ChecklistOptions options = {}) {
  return "\n" + checklist(story.state(), options);
}

Evidence red(Evidence evidence) {
  evidence.was_red = true;
  return evidence;
}

JobEnd exited(int code) {
  JobEnd end;
  end.code = code;
  return end;
}

TEST(Checklist, AnAgentsFiguresAreMarkedAsItsOwn) {
  Story story(two_phases());
  story.start();
  AttemptEnded ended;
  ended.node = dsl::NodeId("refresh");
  AgentOutcome& agent = ended.agent.emplace();
  agent.reason = dsl::AgentReason::Done;
  agent.turns = 41;
  agent.cost = dsl::Money{1'840'000};
  story.tell(InputReady{dsl::NodeId("refresh"), {}, "", ""});
  story.tell(AttemptStarted{dsl::NodeId("refresh"), 1, {}, {}}).tell(ended);
  const std::string text = shown(story);
  EXPECT_NE(text.find("41 turns · $1.84 (agent's own figure) · done"), std::string::npos) << text;
}

TEST(Checklist, APassedRunHasALineATaskAndABoxACriterion) {
  Story story(two_phases());
  story.start().run_task("refresh").at(192'000);
  story.check("refresh",
              0,
              Verdict::Met,
              red(evidence("go test ./session -run TestRefresh", "exit 0", 2100)));
  story.check(
      "refresh", 1, Verdict::Met, evidence("GET http://localhost:8080/transactions/2", "403", 100));
  story.finish("refresh");
  story.tell(InputReady{dsl::NodeId("limits"), {}, "k", "same key"});
  story.tell(NodeReused{dsl::NodeId("limits"),
                        dsl::RunId("old-fox-1a2b"),
                        {},
                        {},
                        {evidence("./scripts/abuse.sh", "exit 0", 900)},
                        {}});
  story.tell(InputReady{dsl::NodeId("implement"), {}, "", ""});
  story.check("implement", 0, Verdict::Met, evidence("make check", "exit 0", 61'000)).at(260'000);
  story.finish("implement").run_task("publish").finish("publish");
  story.tell(InputReady{dsl::NodeId("release"), {}, "", ""}).finish("release");
  story.tell(RunFinished{Outcome::Passed, {}, ""})
      .tell(ResultDelivered{"branch pipe/build/calm-otter-3f2a"});

  EXPECT_EQ(shown(story), R"(
implement / refresh   passed    3m12s
  [x] Token refresh happens before expiry  go test ./session -run TestRe… exit 0 (was red)     2.1s
  [x] Users cannot read other users' data  GET http://localhost:8080/transactions/2 … 403      0.1s
implement / limits    passed   from cache (run old-fox-1a2b)
  [x] Rate limit triggers 429              ./scripts/abuse.sh … exit 0                         0.9s
implement (phase)     passed    1m08s
  [x] All tests pass on the combined tree  make check … exit 0                                1m01s
release / publish     passed     0.0s

passed: calm-otter-3f2a, 3 tasks (1 from cache), 4 of 4 criteria met, 4m20s
  result: branch pipe/build/calm-otter-3f2a
)");
}

TEST(Checklist, AFailedCriterionSaysWhatWasDoneWhatCameOutAndWhereTheRestIs) {
  Story story(two_phases());
  story.start().run_task("limits");
  Evidence seen = evidence("./scripts/abuse.sh", "exit 1", 3000);
  seen.excerpt = "one\ntwo\nthree: got 200, \x1b[31mwanted 429\x1b[0m\n";
  seen.log = "logs/limits-check-0.log";
  story.at(5000)
      .check("limits", 0, Verdict::NotMet, seen)
      .finish("limits", Outcome::Failed, "1 of 1 criteria not met");
  story.run_task("refresh");
  story.check("refresh", 0, Verdict::Met, evidence("true", "exit 0", 100));
  Evidence unsure = evidence("GET /", "connection refused", 100);
  story.check("refresh", 1, Verdict::Unverified, unsure);
  story.finish("refresh", Outcome::Failed, "1 of 2 criteria could not be verified");
  story.tell(NodeSkipped{dsl::NodeId("implement"), "'limits' failed"});
  story.tell(NodeSkipped{dsl::NodeId("publish"), "'implement' was skipped"});
  story.at(9000).tell(RunFinished{Outcome::Failed, {}, ""});

  ChecklistOptions options;
  options.run_folder = "/store/runs/calm-otter-3f2a";
  options.excerpt_lines = 2;
  EXPECT_EQ(shown(story, options), R"(
implement / refresh   failed      0.0s
  [x] Token refresh happens before expiry  true … exit 0                  0.1s
  [?] Users cannot read other users' data  GET / … connection refused     0.1s
  1 of 2 criteria could not be verified
      log: /store/runs/calm-otter-3f2a/logs/refresh-1.log
implement / limits    failed      5.0s
  [ ] Rate limit triggers 429              ./scripts/abuse.sh … exit 1    3.0s
      | two
      | three: got 200, wanted 429
      log: /store/runs/calm-otter-3f2a/logs/limits-check-0.log
  1 of 1 criteria not met
implement (phase)     skipped   'limits' failed
release / publish     skipped   'implement' was skipped

failed: calm-otter-3f2a, 3 tasks (2 failed, 1 skipped), 1 of 4 criteria met, 9.0s
  nothing was delivered; your files are as they were
  next: pipe logs calm-otter-3f2a refresh   (what it wrote)
)");
}

TEST(Checklist, AFailedCommandShowsItsLastLines) {
  PlanMaker make;
  make.phase("main");
  make.task("build").criteria = {PlanMaker::criterion("It is built")};
  make.gate({0});
  Story story(make.plan());
  story.start().run_task("build", exited(2), "cc main.c\nmain.c:1: error: no\n").at(1000);
  story.finish("build", Outcome::Failed, "exit 2");
  story.tell(NodeSkipped{dsl::NodeId("main"), "'build' failed"})
      .tell(RunFinished{Outcome::Failed, {}, ""});

  EXPECT_EQ(shown(story), R"(
build          failed     1.0s
  [-] It is built           not checked
  exit 2
      | cc main.c
      | main.c:1: error: no

failed: calm-otter-3f2a, 1 task (1 failed), 0 of 1 criterion met, 1.0s
  nothing was delivered; your files are as they were
  next: pipe logs calm-otter-3f2a build   (what it wrote)
)");
}

TEST(Checklist, WhatMayFailIsNotTheNextThingToRead) {
  PlanMaker make;
  make.phase("main");
  make.task("flaky").allow_failure = true;
  make.task("build");
  make.gate({0, 1});
  Story story(make.plan());
  story.start().run_task("flaky", exited(2)).finish("flaky", Outcome::Failed, "exit 2");
  story.run_task("build", exited(1)).finish("build", Outcome::Failed, "exit 1");
  story.tell(NodeSkipped{dsl::NodeId("main"), "'build' failed"})
      .tell(RunFinished{Outcome::Failed, {}, ""});

  EXPECT_NE(shown(story).find("  next: pipe logs calm-otter-3f2a build "), std::string::npos)
      << shown(story);
}

TEST(Checklist, WhatWasNotTakenIsAWarning) {
  PlanMaker make;
  make.phase("main");
  make.task("build");
  make.gate({0});
  Story story(make.plan());
  story.start().begin("build").at(1000);
  AttemptEnded ended;
  ended.node = dsl::NodeId("build");
  ended.notes = {
      "changes to protected 'checks/a' were not taken", "pipe: a FIFO", "3", "4", "5", "6", "7"};
  story.tell(ended).finish("build").tell(RunFinished{Outcome::Passed, {}, ""});
  story.tell(ResultDelivered{"folder '/p'"});

  EXPECT_EQ(shown(story), R"(
build          passed     1.0s
  warning: changes to protected 'checks/a' were not taken
  warning: pipe: a FIFO
  warning: 3
  warning: 4
  warning: 5
  warning: 2 more, in `pipe show --json`

passed: calm-otter-3f2a, 1 task, 1.0s
  result: folder '/p'
)");
}

TEST(Checklist, WhatPassedAndDidNotReachTheProjectSaysSo) {
  PlanMaker make;
  make.phase("main");
  make.task("build");
  make.gate({0});
  Story story(make.plan());
  story.start().run_task("build").at(1000).finish("build");
  story.tell(RunFinished{Outcome::Passed, {}, ""});

  EXPECT_EQ(shown(story), R"(
build          passed     1.0s

passed, not delivered: calm-otter-3f2a, 1 task, 1.0s
  the project has not taken the result, or not all of it; it is kept
  next: pipe resume calm-otter-3f2a   (deliver it once that is mended; nothing is run again)
)");
}

TEST(Checklist, ABranchIsToldWithHowToLookAtItAndTakeIt) {
  PlanMaker make;
  make.phase("main");
  make.task("build");
  make.gate({0});
  Story story(make.plan());
  story.start().run_task("build").finish("build").tell(RunFinished{Outcome::Passed, {}, ""});
  story.tell(ResultDelivered{"branch 'pipe/build/calm-otter-3f2a'"});
  EXPECT_NE(shown(story).find("  next: git diff HEAD...pipe/build/calm-otter-3f2a   (look at it; "
                              "`git merge pipe/build/calm-otter-3f2a` takes it)\n"),
            std::string::npos)
      << shown(story);
}

TEST(Checklist, WhatGoesToAFileIsNotCut) {
  PlanMaker make;
  make.phase("main");
  make.task("build").criteria = {PlanMaker::criterion("It answers")};
  make.gate({0});
  Story story(make.plan());
  const std::string address = "GET http://localhost:8080/accounts/2/transactions?from=2026-01-01";
  story.start().run_task("build");
  story.check("build", 0, Verdict::Unverified, evidence(address, "no answer within 1s", 100));
  ChecklistOptions options;
  options.width = 60;
  EXPECT_EQ(shown(story, options).find(address), std::string::npos) << shown(story, options);
  options.cut = false;
  EXPECT_NE(shown(story, options).find(address + " … no answer within 1s"), std::string::npos)
      << shown(story, options);
}

TEST(Checklist, APhaseThatFailsIsNoTask) {
  PlanMaker make;
  make.phase("main");
  make.task("build");
  make.gate({0});
  Story story(make.plan());
  story.start().run_task("build").finish("build");
  story.tell(NodeFinished{dsl::NodeId("main"), Outcome::Failed, "the work does not merge", {}});
  story.tell(RunFinished{Outcome::Failed, {}, ""});
  EXPECT_NE(shown(story).find("failed: calm-otter-3f2a, 1 task (1 passed, 1 phase failed)"),
            std::string::npos)
      << shown(story);
}

/// Two tasks with a box each whose work meets in a third, checked again on the merge.
class Meeting {
 public:
  Meeting() : story_(plan()) {
    story_.start();
    for (const char* task : {"refresh", "limits"}) {
      InputReady ready;
      ready.node = dsl::NodeId(task);
      ready.input = {"c0", ""};
      AttemptEnded ended;
      ended.node = dsl::NodeId(task);
      ended.produced = {task, ""};
      AttemptStarted started;
      started.node = dsl::NodeId(task);
      story_.tell(ready).tell(started).tell(ended);
      story_.check(task, 0, Verdict::Met, evidence("make check", "exit 0", 0));
      story_.tell(NodeFinished{dsl::NodeId(task), Outcome::Passed, "", {task, ""}});
    }
    story_.tell(InputRequested{dsl::NodeId("release")});
    story_.tell(FanInOpened{1, dsl::NodeId("release"), {"merged", ""}, both(), both()});
  }

  Story& look_again(const char* task, Verdict verdict, Evidence found) {
    story_.tell(FanInCheckStarted{1, dsl::NodeId(task), 0, {}, {}});
    return story_.tell(FanInCheckEnded{1, dsl::NodeId(task), 0, {}, verdict, std::move(found), {}});
  }
  Story& story() { return story_; }

 private:
  static std::vector<dsl::NodeId> both() { return {dsl::NodeId("refresh"), dsl::NodeId("limits")}; }
  static dsl::Plan plan() {
    PlanMaker make;
    make.phase("main");
    make.task("refresh").criteria = {PlanMaker::criterion("Tokens are refreshed")};
    make.task("limits").criteria = {PlanMaker::criterion("Clients are limited")};
    make.task("release", {0, 1});
    make.gate({0, 1, 2});
    return make.plan();
  }
  Story story_;
};

TEST(Checklist, WhatWasVerifiedAgainOnAMergeIsALine) {
  Meeting meeting;
  EXPECT_NE(shown(meeting.story())
                .find("  [-] merge of 'refresh' and 'limits': 0 of 2 criteria verified again\n"),
            std::string::npos)
      << shown(meeting.story());
  meeting.look_again("refresh", Verdict::Met, evidence("make check", "exit 0", 100));
  meeting.look_again("limits", Verdict::Met, evidence("make check", "exit 0", 100));
  EXPECT_NE(shown(meeting.story())
                .find("  [x] merge of 'refresh' and 'limits': 2 criteria verified again\n"),
            std::string::npos)
      << shown(meeting.story());
}

TEST(Checklist, WhatBrokeOnAMergeIsShownWithWhatItWrote) {
  Meeting meeting;
  meeting.look_again("refresh", Verdict::Met, evidence("make check", "exit 0", 100));
  Evidence broken = evidence("make check", "exit 2", 100);
  broken.excerpt = "TTL: not set\n";
  broken.log = "logs/limits.1.merge-1.criterion-1.log";
  meeting.look_again("limits", Verdict::NotMet, broken);
  meeting.story().finish("release", Outcome::Failed, "they do not go together");
  ChecklistOptions options;
  options.run_folder = "/state/runs/r";
  EXPECT_NE(shown(meeting.story(), options).find(R"(
  [ ] merge of 'refresh' and 'limits': 1 of 2 criteria verified again
  [ ] limits: Clients are limited
      make check … exit 2
      | TTL: not set
      log: /state/runs/r/logs/limits.1.merge-1.criterion-1.log
  they do not go together
)"),
            std::string::npos)
      << shown(meeting.story(), options);
}

TEST(Checklist, ARunThatNeverBeganIsNamed) {
  PlanMaker make;
  make.phase("main");
  make.task("build");
  make.gate({0});
  const Story story(make.plan());
  ChecklistOptions options;
  options.run = "calm-otter-3f2a";

  EXPECT_EQ(shown(story, options), R"(
build          waiting

not started: calm-otter-3f2a, 1 task (1 not done)
  next: pipe resume calm-otter-3f2a   (start it)
)");
}

TEST(Checklist, ARunThatWaitsForAPersonSaysHowToAnswer) {
  PlanMaker make;
  make.phase("main");
  auto& review = make.task("review");
  review.kind = dsl::NodeKind::Approval;
  review.command.argv.clear();
  review.approval = "Do both diffs read well?";
  make.gate({0});
  Story story(make.plan());
  story.start().tell(InputReady{dsl::NodeId("review"), {}, "", ""});
  story.tell(PersonAsked{dsl::NodeId("review"), -1, "Do both diffs read well?"});

  EXPECT_EQ(shown(story), R"(
review         waits for a person     0.0s

waiting for a person: calm-otter-3f2a, 1 task (1 not done), 0.0s
  review: Do both diffs read well?
  next: pipe approve calm-otter-3f2a review   (or `pipe reject … --because`, to have it done again)
  next: pipe resume calm-otter-3f2a   (go on with the answer)
)");
}

TEST(Checklist, ARunWhoseRunnerWasKilledSaysHowToGoOn) {
  Story story(two_phases());
  story.start().begin("refresh").at(2000).begin("limits");
  EXPECT_NE(shown(story).find("unfinished: calm-otter-3f2a, 3 tasks (3 not done)"),
            std::string::npos);
  EXPECT_NE(shown(story).find("pipe resume calm-otter-3f2a"), std::string::npos);
  EXPECT_NE(shown(story).find("implement / refresh   cut short"), std::string::npos);

  ChecklistOptions alive;
  alive.runner = Runner::Alive;
  alive.until_ms = Story::kStart + 3'600'000;
  EXPECT_NE(shown(story, alive)
                .find("running: calm-otter-3f2a, 3 tasks (3 not done), 0 of 4 criteria met, 1h00m"),
            std::string::npos)
      << shown(story, alive);
  EXPECT_NE(shown(story, alive).find("implement / refresh   running    1h00m"), std::string::npos)
      << shown(story, alive);
  EXPECT_NE(shown(story, alive).find("pipe attach calm-otter-3f2a"), std::string::npos);
}

TEST(Checklist, NamesFromTheFileCannotControlTheTerminal) {
  PlanMaker make;
  make.phase("main");
  make.task("build").criteria = {PlanMaker::criterion("It is \x1b[2Jbuilt\x07")};
  make.gate({0});
  Story story(make.plan());
  story.start().run_task("build");
  story.check("build", 0, Verdict::NotMet, evidence("printf '\x1b]0;x\x07'", "exit \x1b[1A1", 0));
  const std::string text = shown(story);
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
  EXPECT_EQ(text.find('\x07'), std::string::npos) << text;
}

TEST(Checklist, ANarrowTerminalPutsEvidenceBelowLongTexts) {
  Story story(two_phases());
  story.start().run_task("refresh");
  story.check("refresh", 0, Verdict::Met, evidence("go test ./session", "exit 0", 2100));
  ChecklistOptions narrow;
  narrow.width = 50;
  EXPECT_NE(shown(story, narrow)
                .find("  [x] Token refresh happens before expiry\n"
                      "      go test ./session … exit 0"),
            std::string::npos)
      << shown(story, narrow);
}

TEST(Checklist, ATaskForEachOfNoItemsHasNothingToMeet) {
  PlanMaker make;
  make.phase("main");
  auto& port = make.task("port");
  port.for_each = "needs.list.outputs.files";
  port.criteria = {PlanMaker::criterion("It opens")};
  make.gate({0});
  Story story(make.plan());
  story.start().tell(NodeExpanded{dsl::NodeId("port"), {}}).finish("port");
  story.tell(RunFinished{Outcome::Passed, {}, ""}).tell(ResultDelivered{"folder '/p'"});
  EXPECT_NE(shown(story).find("passed: calm-otter-3f2a, 1 task, 0.0s"), std::string::npos)
      << shown(story);
  EXPECT_EQ(shown(story).find("not checked"), std::string::npos) << shown(story);
  EXPECT_NE(shown(story).find("port           passed   no items, nothing was run\n"),
            std::string::npos)
      << shown(story);
}

TEST(Checklist, InstancesOfAForEachStandForTheirTask) {
  PlanMaker make;
  make.phase("main");
  make.task("port").for_each = "needs.list.outputs.files";
  make.gate({0});
  Story story(make.plan());
  story.start().tell(NodeExpanded{dsl::NodeId("port"), {dsl::Value("a"), dsl::Value("b")}});
  story.run_task("port[0]").finish("port[0]").run_task("port[1]").finish("port[1]").finish("port");
  EXPECT_NE(shown(story).find("port[0]        passed"), std::string::npos) << shown(story);
  EXPECT_NE(shown(story).find("port[1]        passed"), std::string::npos);
  EXPECT_EQ(shown(story).find("port  "), std::string::npos);
}

}  // namespace
}  // namespace runner::report
