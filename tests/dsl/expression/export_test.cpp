// What a person sees of a plan. The expected texts are files in tests/golden/exports; after a
// change of wording, run with PIPE_ACCEPT_GOLDEN=1 and read the difference.

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "dsl/export_dot.h"
#include "dsl/export_mermaid.h"
#include "dsl/export_text.h"

namespace dsl {
namespace {

void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(PIPE_SOURCE_DIR) + "/tests/golden/exports/" + name;
  if (std::getenv("PIPE_ACCEPT_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    std::ofstream(path) << text;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  std::ostringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(text, expected.str()) << path;
}

Template expression(const char* text) {
  Template result;
  result.pieces.push_back({Template::Piece::Kind::Expression, text});
  return result;
}

Command script(const char* text) {
  return {{Template("/bin/sh"), Template("-e"), Template("-c"), Template(text)}};
}

NodeIndex add(Plan& plan, const char* phase, const char* id, std::vector<NodeIndex> needs) {
  PlanNode& node = plan.nodes.emplace_back();
  node.id = NodeId(id);
  node.phase = phase;
  node.task = id;
  node.needs = std::move(needs);
  return plan.nodes.size() - 1;
}

void add_gate(Plan& plan, const char* phase, std::vector<NodeIndex> needs) {
  const NodeIndex gate = add(plan, phase, phase, std::move(needs));
  plan.nodes[gate].kind = NodeKind::PhaseGate;
  plan.nodes[gate].task = "";
  plan.phases.push_back({phase, "", gate, {}});
}

Criterion criterion(const char* text, decltype(Criterion::check) check) {
  Criterion result;
  result.text = text;
  result.check = std::move(check);
  return result;
}

/// Two matrix instances, a gate, a busy agent task, a for_each, a task that may reach the host, and
/// an approval.
Plan demo() {
  Plan plan;
  plan.name = "auth-hardening";
  plan.description = "Token refresh and rate limits";
  plan.inputs = {{"service", Value("session-gateway")}, {"debug", Value(true)}};
  plan.workspace.protect = {"tests/contract/", "Makefile"};
  plan.budget.cost = Money{20'000'000};
  plan.budget.time = Duration{10'800'000};
  plan.budget.cost_per_day = Money{100'000'000};
  plan.require_approval = true;
  plan.env_files = {".env"};
  plan.pools = {{"db", 1}};

  for (const char* id : {"build[cc=gcc]", "build[cc=\"clang\"]"}) {
    PlanNode& build = plan.nodes[add(plan, "baseline", id, {})];
    build.command = script("# compile\n\nmake CC=\"${PIPE_EXPR_1}\" -j2\nmake check\n");
    build.env = {{"PIPE_EXPR_1", Template("gcc")}};
    build.image = {Image::Kind::Reference, "debian:bookworm-slim", ""};
    build.resources = {Cpus{2000}, Bytes{4LL << 30}, 512, std::nullopt};
    build.expect = Duration{90'000};
  }
  add_gate(plan, "baseline", {0, 1});

  PlanNode& refresh = plan.nodes[add(plan, "implement", "refresh", {2})];
  refresh.description = "Refreshes tokens before they expire";
  refresh.command = {{Template("claude"), Template("-p"), Template("Refresh \"all\" tokens")}};
  refresh.retry = {3, Duration{1000}, Duration{}, true};
  refresh.timeout = Duration{2'700'000};
  refresh.expect = Duration{1'200'000};
  refresh.pool = "db";
  refresh.budget.cost = Money{5'000'000};
  refresh.budget.turns = 80;
  refresh.firewall.allow = {"api.example.org:443", "*.example.org:443"};
  refresh.secrets.resize(3);
  refresh.secrets[0].name = "ANTHROPIC_API_KEY";
  refresh.secrets[0].hosts = {"api.anthropic.com:443"};
  refresh.secrets[1].name = "TOKEN";
  refresh.secrets[1].expose = Secret::Expose::Variable;
  refresh.secrets[2].name = "GITHUB_TOKEN";
  refresh.secrets[2].command = {"gh", "auth", "token"};
  refresh.secrets[2].expires = Duration{3'600'000};
  refresh.secrets[2].hosts = {"api.github.com:443"};
  refresh.secrets[2].header = "Authorization: Bearer ${value}";
  refresh.permissions = {{"openssl x509"}, {"mkcert", "openssl"}, "Certificates are made by hand."};
  refresh.outputs = {{"ports", "", ValueType::Json}};
  refresh.artifacts = {{"binary", {"out/*"}}};
  refresh.caches = {{expression("hashFiles('go.sum')"), {"~/.cache/go"}}};
  refresh.services = {{"app",
                       script("./serve --port 8080"),
                       {Image::Kind::RootFs, "images/app", ""},
                       {},
                       8080,
                       Duration{30'000},
                       true}};
  refresh.criteria = {
      criterion("Token refresh happens before expiry",
                RunCheck{script("go test ./session -run \"${PIPE_EXPR_1}\""),
                         {{"PIPE_EXPR_1", expression("env.TEST")}},
                         0}),
      criterion("Users cannot read other users' data",
                HttpCheck{"GET", Template("http://localhost:8080/2"), 403, "denied", {}}),
      criterion("A report is there", FileCheck{"report.md", true, "passed", std::nullopt, {}}),
      criterion("No debug file", FileCheck{"debug", false, std::nullopt, std::nullopt, {}}),
      criterion("Coverage is high",
                JsonCheck{"cov.json",
                          "/total",
                          JsonCheck::Comparison::GreaterOrEqual,
                          Value(80.0),
                          std::nullopt}),
      criterion(
          "Nothing went wrong",
          JsonCheck{
              "cov.json", "/error", JsonCheck::Comparison::Exists, Value(false), std::nullopt}),
      criterion("Only sources changed", DiffCheck{{"src/**"}, {"*.lock"}, {}}),
      criterion("It reads well", ManualCheck{"Does it?"})};
  refresh.criteria[0].red_first = true;
  refresh.criteria[1].service = "app";
  refresh.criteria[1].timeout = Duration{5000};

  PlanNode& port = plan.nodes[add(plan, "implement", "port", {3})];
  port.for_each = "needs.refresh.outputs.ports";
  port.condition = "success() && (env.CI == '1')";
  port.command = script("./open \"${PIPE_EXPR_1}\"");
  port.env = {{"PIPE_EXPR_1", expression("item")}};
  port.allow_failure = true;
  port.workspace.mode = Workspace::Mode::ReadOnly;

  PlanNode& images = plan.nodes[add(plan, "implement", "images\x1b[31m", {2})];
  images.engine = EngineName::Host;
  images.docker = DockerAccess::Socket;
  images.firewall.allow_private = {"10.0.0.0/8"};
  images.reuse = false;
  images.command = script("docker build .");
  add_gate(plan, "implement", {3, 4, 5});
  plan.nodes.back().criteria = {criterion("All tests pass", RunCheck{script("make check"), {}, 0})};
  plan.phases.back().description = "What the plan is about";
  plan.phases.back().budget.tokens = Tokens{5'000'000};

  PlanNode& review = plan.nodes[add(plan, "release", "review", {6})];
  review.kind = NodeKind::Approval;
  review.approval = "Do both diffs read well?";
  add_gate(plan, "release", {7});
  return plan;
}

TEST(ExportText, TellsEverythingThatARunMayDo) {
  TextOptions options;
  options.warnings = {"'refresh' wants a budget; this version keeps none"};
  expect_golden("demo.txt", export_text(demo(), options));
}

TEST(ExportText, KeepsToItsWidth) {
  TextOptions options;
  options.width = 40;
  std::istringstream lines(export_text(demo(), options));
  for (std::string line; std::getline(lines, line);) {
    std::size_t columns = 0;
    for (const char c : line) {
      columns += (static_cast<unsigned char>(c) & 0xC0U) != 0x80 ? 1 : 0;
    }
    EXPECT_LE(columns, 40u) << line;
  }
}

TEST(ExportText, AddsNothingButColour) {
  TextOptions options;
  options.colour = Colour::Always;
  std::string painted = export_text(demo(), options);
  EXPECT_NE(painted.find("\x1b[33m! holds the Docker socket"), std::string::npos);
  for (const std::string escape : {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[33m"}) {
    for (std::size_t at = painted.find(escape); at != std::string::npos;
         at = painted.find(escape)) {
      painted.erase(at, escape.size());
    }
  }
  EXPECT_EQ(painted, export_text(demo(), TextOptions{}));
}

TEST(ExportText, CountsNodesWhereNothingIsExpected) {
  Plan plan = demo();
  for (PlanNode& node : plan.nodes) {
    node.expect = Duration{};
  }
  EXPECT_NE(export_text(plan, TextOptions{})
                .find("longest path: 4 nodes: build[cc=gcc] > refresh > port > review\n"),
            std::string::npos);
}

TEST(ExportDot, DrawsPhasesGatesAndNeeds) {
  expect_golden("demo.dot", export_dot(demo()));
}

TEST(ExportMermaid, DrawsPhasesGatesAndNeeds) {
  expect_golden("demo.mermaid", export_mermaid(demo()));
}

TEST(Export, EndsALongLadderInNoTime) {
  Plan plan;
  std::vector<NodeIndex> below;
  for (int level = 0; level < 60; ++level) {
    std::vector<NodeIndex> here;
    for (int side = 0; side < 2; ++side) {
      const std::string id = std::to_string(level) + (side == 0 ? "a" : "b");
      here.push_back(add(plan, "main", id.c_str(), below));
    }
    below = here;
  }
  add_gate(plan, "main", below);
  EXPECT_NE(export_text(plan, TextOptions{}).find("longest path: 60 nodes: 0a > 1a > 2a"),
            std::string::npos);
}

}  // namespace
}  // namespace dsl
