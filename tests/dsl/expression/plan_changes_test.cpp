// What pipe diff-plan says, and what of it it calls wider.

#include "dsl/plan_changes.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dsl/plan_json.h"
#include "tests/dsl/expression/random_plan.h"

namespace dsl {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

Criterion box(const std::string& text, const std::string& script) {
  Criterion criterion;
  criterion.text = text;
  RunCheck check;
  check.command.argv = {Template(script)};
  criterion.check = check;
  return criterion;
}

/// work -> review -> main
SealedPlan base() {
  SealedPlan sealed;
  sealed.origin.file = "p.yaml";
  sealed.taken = "commit 1";
  sealed.input_tree = "aa";
  sealed.files = {{"p.yaml", SealedFile::Role::Source, "1"},
                  {"check.sh", SealedFile::Role::Check, "2"},
                  {"tests/", SealedFile::Role::Protected, "3"},
                  {"./token", SealedFile::Role::Program, "4"}};
  sealed.places = {{"work", "sandbox", "sha256:1", {}}};
  Plan& plan = sealed.plan;
  plan.name = "p";
  plan.require_approval = true;
  plan.budget.cost = Money{20'000'000};
  plan.prices = {{"own-model", {{3'000, 9'000, 3'000, 3'000, 3'000}, 0, {}}}};
  plan.pools["one"] = 1;
  plan.workspace.protect = {"tests/"};
  PlanNode work;
  work.id = NodeId("work");
  work.phase = work.task = "work";
  work.phase = "main";
  work.command.argv = {Template("make")};
  work.firewall.allow = {"api.test:443"};
  work.secrets.resize(1);
  work.secrets[0].name = "KEY";
  work.secrets[0].hosts = {"api.test:443"};
  work.mounts = {{"/srv/data", "/data"}};
  work.services.resize(1);
  work.services[0].name = "app";
  work.services[0].command.argv = {Template("serve")};
  work.permissions.allow = {"make"};
  work.permissions.deny = {"git push"};
  work.budget.turns = 10;
  work.resources.memory = Bytes{1 << 30};
  work.timeout = Duration{60'000};
  work.retry.attempts = 2;
  work.workspace = plan.workspace;
  work.criteria = {box("It works", "make check"), box("It is small", "test -s a")};
  work.criteria[0].red_first = true;
  PlanNode review;
  review.id = NodeId("review");
  review.kind = NodeKind::Approval;
  review.phase = "main";
  review.approval = "Good?";
  review.needs = {0};
  review.workspace = plan.workspace;
  PlanNode gate;
  gate.id = NodeId("main");
  gate.kind = NodeKind::PhaseGate;
  gate.phase = "main";
  gate.needs = {1};
  gate.workspace = plan.workspace;
  plan.nodes = {work, review, gate};
  plan.phases = {{"main", "", 2, {}}};
  return sealed;
}

std::vector<std::string> told(const SealedPlan& before, const SealedPlan& after) {
  std::vector<std::string> all;
  for (const PlanChange& change : plan_changes(before, after)) {
    all.push_back((change.widens ? "+ " : "  ") + change.part + ": " + change.text);
  }
  return all;
}

using Change = std::function<void(SealedPlan&)>;

/// What is said of one change, and of the way back.
struct Case {
  Change change;
  std::string there;
  std::string back;
};

TEST(PlanChanges, SaysWhatChangedAndWhatOfItIsWider) {
  const Case cases[] = {
      {[](SealedPlan& p) { p.plan.nodes[0].firewall.allow.push_back("evil.test:443"); },
       "+ task 'work': firewall allow evil.test:443 is new",
       "  task 'work': firewall allow evil.test:443 is gone"},
      {[](SealedPlan& p) { p.plan.nodes[0].firewall.allow_private = {"10.0.0.0/8"}; },
       "+ task 'work': firewall allow private 10.0.0.0/8 is new",
       "  task 'work': firewall allow private 10.0.0.0/8 is gone"},
      {[](SealedPlan& p) { p.plan.nodes[0].secrets[0].expose = Secret::Expose::Variable; },
       "+ task 'work': secrets KEY expose: \"no\" -> \"variable\"",
       "  task 'work': secrets KEY expose: \"variable\" -> \"no\""},
      {[](SealedPlan& p) { p.plan.nodes[0].secrets[0].hosts = {}; },
       "  task 'work': secrets KEY hosts api.test:443 is gone",
       "+ task 'work': secrets KEY hosts api.test:443 is new"},
      {[](SealedPlan& p) { p.plan.nodes[0].secrets.clear(); },
       "  task 'work': secrets KEY is gone",
       "+ task 'work': secrets KEY is new"},
      {[](SealedPlan& p) { p.plan.budget.cost = Money{30'000'000}; },
       "+ the pipeline: budget cost: $20 -> $30",
       "  the pipeline: budget cost: $30 -> $20"},
      {[](SealedPlan& p) { p.plan.prices[0].price.usual.output = 4'000; },
       "+ the pipeline: prices own-model usual output nanos: 9000 -> 4000",
       "  the pipeline: prices own-model usual output nanos: 4000 -> 9000"},
      {[](SealedPlan& p) {
         p.plan.prices.push_back({"other", {}});
       },
       "+ the pipeline: prices other is new",
       "+ the pipeline: prices other is gone"},
      {[](SealedPlan& p) { p.plan.git.push = true; },
       "+ the pipeline: git push: false -> true",
       "  the pipeline: git push: true -> false"},
      {[](SealedPlan& p) { p.plan.git.protected_branches.pop_back(); },
       "+ the pipeline: git protected release/* is gone",
       "  the pipeline: git protected release/* is new"},
      {[](SealedPlan& p) { p.plan.git.remote = "fork"; },
       "+ the pipeline: git remote: \"origin\" -> \"fork\"",
       "+ the pipeline: git remote: \"fork\" -> \"origin\""},
      {[](SealedPlan& p) { p.plan.git.commits = Commits::Own; },
       "+ the pipeline: git commits: \"one\" -> \"own\"",
       "  the pipeline: git commits: \"own\" -> \"one\""},
      {[](SealedPlan& p) { p.plan.git.conventional = true; },
       "  the pipeline: git conventional: false -> true",
       "+ the pipeline: git conventional: true -> false"},
      {[](SealedPlan& p) { p.plan.nodes[0].budget.turns.reset(); },
       "+ task 'work': budget turns: 10 -> none",
       "  task 'work': budget turns: none -> 10"},
      {[](SealedPlan& p) {
         p.plan.nodes[0].mounts.push_back({"/home/ada/.ssh", "/keys"});
       },
       "+ task 'work': mounts /keys is new",
       "  task 'work': mounts /keys is gone"},
      {[](SealedPlan& p) { p.plan.nodes[0].mounts[0].writable = true; },
       "+ task 'work': mounts /data writable: false -> true",
       "  task 'work': mounts /data writable: true -> false"},
      {[](SealedPlan& p) { p.plan.nodes[0].mounts[0].source = "/srv/other"; },
       "+ task 'work': mounts /data source: \"/srv/data\" -> \"/srv/other\"",
       "+ task 'work': mounts /data source: \"/srv/other\" -> \"/srv/data\""},
      {[](SealedPlan& p) { p.plan.nodes[0].permissions.allow.push_back("sudo"); },
       "+ task 'work': permissions allow sudo is new",
       "+ task 'work': permissions allow sudo is gone"},  // nothing says anything of it then
      {[](SealedPlan& p) { p.plan.nodes[0].permissions.deny.clear(); },
       "+ task 'work': permissions deny git push is gone",
       "  task 'work': permissions deny git push is new"},
      {[](SealedPlan& p) { p.plan.nodes[0].docker = DockerAccess::Socket; },
       "+ task 'work': docker: \"none\" -> \"socket\"",
       "  task 'work': docker: \"socket\" -> \"none\""},
      {[](SealedPlan& p) { p.plan.nodes[0].resources.memory.reset(); },
       "+ task 'work': resources memory: 1GiB -> none",
       "  task 'work': resources memory: none -> 1GiB"},
      {[](SealedPlan& p) { p.plan.nodes[0].timeout = Duration{0}; },
       "+ task 'work': timeout: 1m -> none",
       "  task 'work': timeout: none -> 1m"},
      {[](SealedPlan& p) { p.plan.nodes[0].retry.attempts = 9; },
       "+ task 'work': retry attempts: 2 -> 9",
       "  task 'work': retry attempts: 9 -> 2"},
      {[](SealedPlan& p) { p.plan.nodes[0].criteria.pop_back(); },
       "+ task 'work': criteria It is small is gone",
       "  task 'work': criteria It is small is new"},
      {[](SealedPlan& p) { p.plan.nodes[0].criteria[0].red_first = false; },
       "+ task 'work': criteria It works red first: true -> false",
       "  task 'work': criteria It works red first: false -> true"},
      {[](SealedPlan& p) { p.plan.nodes[0].allow_failure = true; },
       "+ task 'work': allow failure: false -> true",
       "  task 'work': allow failure: true -> false"},
      {[](SealedPlan& p) { p.plan.nodes[0].user = "root"; },
       "+ task 'work': user: \"\" -> \"root\"",
       "+ task 'work': user: \"root\" -> \"\""},
      {[](SealedPlan& p) { p.places[0].engine = "host"; },
       "+ task 'work': engine: \"sandbox\" -> \"host\"",
       "  task 'work': engine: \"host\" -> \"sandbox\""},
      {[](SealedPlan& p) { p.places[0].image = "sha256:2"; },
       "  task 'work': image: \"sha256:1\" -> \"sha256:2\"",
       "  task 'work': image: \"sha256:2\" -> \"sha256:1\""},
      {[](SealedPlan& p) { p.plan.require_approval = false; },
       "+ the pipeline: require approval: true -> false",
       "  the pipeline: require approval: false -> true"},
      {[](SealedPlan& p) { p.plan.pools["one"] = 4; },
       "+ the pipeline: pools one limit: 1 -> 4",
       "  the pipeline: pools one limit: 4 -> 1"},
      {[](SealedPlan& p) { p.plan.nodes[0].command.argv = {Template("rm")}; },
       "  task 'work': runs make -> runs rm",
       "  task 'work': runs rm -> runs make"},
      {[](SealedPlan& p) { p.files[1].digest = "9"; },
       "+ check script 'check.sh': has another content",
       "+ check script 'check.sh': has another content"},
      {[](SealedPlan& p) { p.files[2].digest = "9"; },
       "+ protected file 'tests/': has another content",
       "+ protected file 'tests/': has another content"},
      {[](SealedPlan& p) { p.files[0].digest = "9"; },
       "  file 'p.yaml': has another content",
       "  file 'p.yaml': has another content"},
      {[](SealedPlan& p) {
         p.input_tree = "bb";
         p.taken = "commit 2";
       },
       "  the input: other files: commit 1 -> commit 2",
       "  the input: other files: commit 2 -> commit 1"},
      {[](SealedPlan& p) { p.origin.env_files = {".env"}; },
       "+ how it was asked for: env files .env is new",
       "  how it was asked for: env files .env is gone"},
      {[](SealedPlan& p) { p.files[3].digest = "9"; },
       "+ program of a secret './token': has another content",
       "+ program of a secret './token': has another content"},
      {[](SealedPlan& p) { p.remote = "https://example.org/a.git"; },
       "+ the remote 'origin': address: \"\" -> \"https://example.org/a.git\"",
       "  the remote 'origin': address: \"https://example.org/a.git\" -> \"\""},
      {[](SealedPlan& p) { p.plan.nodes[0].permissions.allow.clear(); },
       "+ task 'work': permissions allow make is gone",
       "+ task 'work': permissions allow make is new"},
      {[](SealedPlan& p) { p.plan.nodes[0].user = "host"; },
       "+ task 'work': user: \"\" -> \"host\"",
       "+ task 'work': user: \"host\" -> \"\""},
      {[](SealedPlan& p) { p.plan.nodes[0].user = "1000"; },
       "  task 'work': user: \"\" -> \"1000\"",
       "+ task 'work': user: \"1000\" -> \"\""},
      {[](SealedPlan& p) {
         p.plan.nodes[0].env = {{"PATH", Template("./bin")}};
       },
       "+ task 'work': env PATH is new",
       "+ task 'work': env PATH is gone"},
      {[](SealedPlan& p) {
         p.plan.nodes[0].env = {{"LD_PRELOAD", Template("./x.so")}};
       },
       "+ task 'work': env LD_PRELOAD is new",
       "+ task 'work': env LD_PRELOAD is gone"},
      {[](SealedPlan& p) {
         p.plan.nodes[0].env = {{"NODE_ENV", Template("test")}};
       },
       "  task 'work': env NODE_ENV is new",
       "  task 'work': env NODE_ENV is gone"},
      {[](SealedPlan& p) { p.plan.nodes[0].setup = "umask 0"; },
       "+ task 'work': setup: \"\" -> \"umask 0\"",
       "+ task 'work': setup: \"umask 0\" -> \"\""},
      {[](SealedPlan& p) {
         p.plan.nodes[0].services[0].image = {Image::Kind::Reference, "b", ""};
       },
       R"(+ task 'work': services app image: {"kind":"host","reference":"","context":""} -> {"kind":"reference","reference":"b","context":""})",
       R"(+ task 'work': services app image: {"kind":"reference","reference":"b","context":""} -> {"kind":"host","reference":"","context":""})"},
      {[](SealedPlan& p) { p.plan.nodes[0].services[0].ready_timeout = Duration{1000}; },
       "  task 'work': services app ready timeout: 30s -> 1s",
       "  task 'work': services app ready timeout: 1s -> 30s"},
      {[](SealedPlan& p) { p.plan.nodes[0].own_commits = true; },
       "+ task 'work': own commits: false -> true",
       "  task 'work': own commits: true -> false"},
      {[](SealedPlan& p) { p.plan.nodes[1].approval = "Fine?"; },
       "+ approval 'review': approval: \"Good?\" -> \"Fine?\"",
       "+ approval 'review': approval: \"Fine?\" -> \"Good?\""},
      {[](SealedPlan& p) { p.plan.nodes[1].condition = "inputs.ask"; },
       "+ approval 'review': condition: none -> \"inputs.ask\"",
       "+ approval 'review': condition: \"inputs.ask\" -> none"},
  };
  for (const Case& one : cases) {
    SealedPlan changed = base();
    one.change(changed);
    EXPECT_THAT(told(base(), changed), ElementsAre(one.there));
    EXPECT_THAT(told(changed, base()), ElementsAre(one.back));
  }
}

TEST(PlanChanges, AProtectionThatIsGoneIsToldOnce) {
  SealedPlan changed = base();
  changed.plan.workspace.protect.clear();
  for (PlanNode& node : changed.plan.nodes) {
    node.workspace = changed.plan.workspace;
  }
  EXPECT_THAT(told(base(), changed),
              ElementsAre("+ the pipeline: workspace protect tests/ is gone"));
}

TEST(PlanChanges, ATaskThatIsNewIsWiderForWhatItMayDo) {
  SealedPlan changed = base();
  PlanNode more = changed.plan.nodes[0];
  more.id = NodeId("more");
  more.needs = {};
  more.setup = "umask 0";
  changed.plan.nodes.push_back(more);
  EXPECT_THAT(told(base(), changed),
              ElementsAre("  task 'more': is new: runs make",
                          "+ task 'more': mounts /data is new",
                          "+ task 'more': setup: \"\" -> \"umask 0\"",
                          "+ task 'more': firewall allow api.test:443 is new",
                          "+ task 'more': secrets KEY is new"));
  EXPECT_THAT(told(changed, base()), ElementsAre("+ task 'more': is gone, with what it checks"));
}

TEST(PlanChanges, APullRequestIsWiderForWhereItGoesAndWhatItSetsOff) {
  SealedPlan before = base();
  before.plan.git.pull_request = PullRequest{"t", "b", "main", true, {"docs"}};
  SealedPlan after = before;
  after.plan.git.pull_request = PullRequest{"u", "c", "release", false, {"docs", "automerge"}};
  EXPECT_THAT(told(before, after),
              ElementsAre("  the pipeline: git pull request title: \"t\" -> \"u\"",
                          "  the pipeline: git pull request body: \"b\" -> \"c\"",
                          "+ the pipeline: git pull request base: \"main\" -> \"release\"",
                          "+ the pipeline: git pull request draft: true -> false",
                          "+ the pipeline: git pull request labels automerge is new"));
}

TEST(PlanChanges, AnExceptionThatIsGoneIsWiderOnlyWhereItsProgramIsFreeThen) {
  SealedPlan before = base();
  before.plan.nodes[0].permissions.allow = {"openssl x509", "openssl verify"};
  SealedPlan after = before;
  after.plan.nodes[0].permissions.allow = {"openssl verify"};
  EXPECT_THAT(told(before, after),
              ElementsAre("  task 'work': permissions allow openssl x509 is gone"));
  after.plan.nodes[0].permissions.allow = {};
  EXPECT_THAT(told(before, after),
              ElementsAre("+ task 'work': permissions allow openssl x509 is gone",
                          "+ task 'work': permissions allow openssl verify is gone"));
  before.plan.nodes[0].permissions.deny = {"openssl"};
  after.plan.nodes[0].permissions.deny = {"openssl"};
  EXPECT_THAT(told(before, after),
              ElementsAre("  task 'work': permissions allow openssl x509 is gone",
                          "  task 'work': permissions allow openssl verify is gone"));
}

TEST(PlanChanges, WhatNoLongerWaitsForAPersonIsWider) {
  SealedPlan changed = base();
  changed.plan.nodes[2].needs = {0};
  EXPECT_THAT(told(base(), changed),
              Contains("+ task 'main': does not wait for 'review' any more"));
}

// Whatever differs is told: nothing that is sealed can drift unseen.
TEST(PlanChanges, AreNoneExactlyWherePlansAreEqual) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    SealedPlan one = base();
    SealedPlan other = base();
    one.plan = random_plan(seed, 3);
    other.plan = random_plan(seed + 1, 3);
    EXPECT_THAT(plan_changes(one, one), IsEmpty());
    one.plan.source_digest = other.plan.source_digest;
    EXPECT_EQ(plan_changes(one, other).empty(), one.plan == other.plan) << seed;
  }
}

}  // namespace
}  // namespace dsl
