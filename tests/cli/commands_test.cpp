// The binary itself, where no run is needed: what stands on which stream, and the exit codes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dsl/value.h"
#include "tests/e2e/pipe_command.h"

namespace {

using e2e::Ended;
using testing::HasSubstr;

constexpr const char* kPipeline = R"(version: 1
name: small
tasks:
  build:
    run: echo built
    success_criteria:
      - "[ ] It is built": "true"
)";

class CommandsTest : public testing::Test {
 protected:
  Ended pipe(const std::vector<std::string>& arguments) const {
    return user_.run_pipe(arguments, folder_.path().string());
  }
  e2e::User user_;
  e2e::TempFolder folder_;
};

TEST_F(CommandsTest, WithoutArgumentsTheMainPageIsTheResult) {
  const Ended ended = pipe({});
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.out, HasSubstr("pipe run examples/pipelines/quickstart.yaml"));
  EXPECT_EQ(ended.err, "");
}

TEST_F(CommandsTest, AUsageErrorIsTalkAndExitCode2) {
  const Ended ended = pipe({"rnu", "a.yaml"});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(ended.err, "error: unknown command 'rnu'\n  help: did you mean 'run'?\n");
}

TEST_F(CommandsTest, AValidFileIsToldInALine) {
  folder_.write("small.yaml", kPipeline);
  const Ended ended = pipe({"validate", "small.yaml"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(ended.out, "small.yaml: valid, 1 task in 1 phase, 1 criterion\n");
}

TEST_F(CommandsTest, WhatIsOnlyLookedAtMayComeFromStdin) {
  folder_.write("small.yaml", kPipeline);
  const auto piped = [&](const std::vector<std::string>& arguments) {
    e2e::Start start = user_.pipe(arguments, folder_.path().string());
    start.argv.insert(start.argv.begin(), {"sh", "-c", "exec \"$@\" < small.yaml", "sh"});
    return e2e::run(start);
  };
  EXPECT_EQ(piped({"validate", "-"}).out, "-: valid, 1 task in 1 phase, 1 criterion\n");
  EXPECT_THAT(piped({"plan", "-"}).out, HasSubstr("It is built"));
  EXPECT_THAT(piped({"graph", "-"}).out, HasSubstr("build"));
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"run", "-"}, {"plan", "-", "-o", "plan.json"}}) {
    const Ended refused = piped(command);
    EXPECT_EQ(refused.exit_code, 2) << command.front();
    EXPECT_THAT(refused.err, HasSubstr("what is run or sealed is a file")) << command.front();
  }
}

TEST_F(CommandsTest, MistakesAreTalkWithoutColourAndJsonIsTheResult) {
  folder_.write("bad.yaml", "version: 1\nname: bad\ntasks:\n  build:\n    rnu: true\n");
  const Ended text = pipe({"validate", "bad.yaml"});
  EXPECT_EQ(text.exit_code, 2);
  EXPECT_EQ(text.out, "");
  EXPECT_THAT(text.err, HasSubstr("bad.yaml:5:5"));
  EXPECT_EQ(text.err.find('\x1b'), std::string::npos);

  const Ended json = pipe({"validate", "bad.yaml", "--json"});
  EXPECT_EQ(json.exit_code, 2);
  const auto document = dsl::value_from_json(json.out);
  ASSERT_TRUE(document) << json.out;
  EXPECT_FALSE(std::get<dsl::Value::List>(document->find("diagnostics")->held).empty());
}

TEST_F(CommandsTest, AFileThatIsNoneIsExplained) {
  folder_.write("pipeline.yaml", kPipeline);
  folder_.write("plans/build.yaml", kPipeline);
  folder_.write("binary.yaml",
                std::string("\x7f"
                            "ELF\0\1\2",
                            7));
  EXPECT_EQ(pipe({"run", "pipelin.yaml"}).err,
            "error: no such file: 'pipelin.yaml'\n  help: did you mean 'pipeline.yaml'?\n");
  EXPECT_EQ(
      pipe({"plan", "plans"}).err,
      "error: 'plans' is a folder, not a pipeline file\n  help: for example 'plans/build.yaml'\n");
  EXPECT_THAT(pipe({"graph", "binary.yaml"}).err, HasSubstr("error[P0102]"));
  EXPECT_EQ(pipe({"graph", "binary.yaml"}).exit_code, 2);
  EXPECT_EQ(pipe({"validate", "/dev/null"}).exit_code, 2);
}

TEST_F(CommandsTest, TheFirewallTellsWhichRuleDecidesForEachTask) {
  folder_.write("net.yaml",
                "version: 1\nname: net\nfirewall: {allow: [github, '*.example.org']}\ntasks:\n"
                "  open: {run: 'true'}\n  own: {run: 'true', firewall: {allow: [b.test:22]}}\n"
                "  shut: {run: 'true', firewall: {allow: []}}\n");
  const Ended both = pipe({"firewall", "check", "net.yaml", "GitHub.com:22"});
  EXPECT_EQ(both.exit_code, 1);
  EXPECT_EQ(both.out,
            "open  allowed by 'github.com:[22, 443]'\n"
            "own   refused: no rule allows this host\n"
            "shut  refused: it has no firewall rules, and loopback only\n");
  const Ended one = pipe({"firewall", "check", "net.yaml", "a.example.org", "--task", "open"});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(one.out, "open  allowed by '*.example.org:[80, 443]'\n");
  EXPECT_EQ(pipe({"firewall", "check", "net.yaml", "b.test:443", "--task", "own"}).out,
            "own  refused: no rule allows this port of the host\n");
  EXPECT_EQ(pipe({"firewall", "check", "net.yaml", "10.0.0.1:80"}).exit_code, 1);
  EXPECT_EQ(pipe({"firewall", "check", "net.yaml", "10.0.0.1:0"}).exit_code, 2);
  EXPECT_EQ(pipe({"firewall", "check", "net.yaml", "a.test", "--task", "none"}).exit_code, 2);
}

TEST_F(CommandsTest, InputsAreNamesWithValues) {
  folder_.write("small.yaml", kPipeline);
  EXPECT_THAT(pipe({"plan", "small.yaml", "-i", "x"}).err,
              HasSubstr("--input is NAME=VALUE, not 'x'"));
  EXPECT_THAT(pipe({"plan", "small.yaml", "-i", "x=1", "-i", "x=2"}).err, HasSubstr("given twice"));
}

TEST_F(CommandsTest, ThePlanSaysTheEngineOfTheSettings) {
  folder_.write("small.yaml", kPipeline);
  folder_.write(".pipe/config.yaml", "engine: podman\n");
  const Ended ended = pipe({"plan", "small.yaml", "--json"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const auto plan = dsl::value_from_json(ended.out);
  ASSERT_TRUE(plan);
  EXPECT_EQ(*plan->find("engine"), dsl::Value("podman"));
  EXPECT_THAT(pipe({"plan", "small.yaml", "--engine", "sandbox", "--json"}).out,
              HasSubstr("\"sandbox\""));
}

TEST_F(CommandsTest, WithoutRunsEveryCommandSaysSo) {
  EXPECT_EQ(pipe({"ls"}).exit_code, 0);
  EXPECT_THAT(pipe({"ls"}).err, HasSubstr("no runs in"));
  EXPECT_EQ(pipe({"ls", "--json"}).out, "{\"runs\":[]}\n");
  for (const char* command : {"show", "logs", "attach", "resume"}) {
    const Ended ended = pipe({command});
    EXPECT_EQ(ended.exit_code, 2) << command;
    EXPECT_THAT(ended.err, HasSubstr("`pipe run FILE` makes one")) << command;
  }
  EXPECT_EQ(pipe({"stop"}).err, "note: nothing is running\n");
  EXPECT_EQ(pipe({"clean"}).err, "note: nothing to remove\n");
  EXPECT_EQ(pipe({"stop", "--json"}).out, "{\"runs\":[]}\n");
  EXPECT_EQ(pipe({"clean", "--json"}).out,
            "{\"removed\":[],\"freed_bytes\":0,\"kept\":0,\"problems\":[]}\n");
}

TEST_F(CommandsTest, SettingsAreShownWithTheirOrigin) {
  const Ended ended = pipe({"config"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr(user_.state()));
  EXPECT_THAT(ended.out, HasSubstr("PIPE_STATE"));
  folder_.write(".pipe/config.yaml", "jobz: 3\n");
  const Ended wrong = pipe({"config"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean 'jobs'?"));
}

TEST_F(CommandsTest, SvgWithoutGraphvizSaysWhatToInstall) {
  folder_.write("small.yaml", kPipeline);
  e2e::Start start =
      user_.pipe({"graph", "small.yaml", "--format", "svg"}, folder_.path().string());
  start.env["PATH"] = folder_.path().string();
  const Ended ended = e2e::run(start);
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, HasSubstr("apt-get install graphviz"));
}

TEST_F(CommandsTest, DoctorTellsItsFindingsAsJson) {
  const Ended ended = pipe({"doctor", "--json"});
  const auto document = dsl::value_from_json(ended.out);
  ASSERT_TRUE(document) << ended.out;
  const bool usable = *document->find("usable") == dsl::Value(true);
  EXPECT_EQ(ended.exit_code, usable ? 0 : 3);
}

TEST_F(CommandsTest, DoctorTellsWhichLimitsCanBeEnforcedAndWhatToDoAboutTheRest) {
  const auto document = dsl::value_from_json(pipe({"doctor", "--json"}).out);
  ASSERT_TRUE(document);
  std::vector<std::string> limits;
  for (const dsl::Value& check : std::get<dsl::Value::List>(document->find("checks")->held)) {
    if (*check.find("group") != dsl::Value("limits")) {
      continue;
    }
    limits.push_back(std::get<std::string>(check.find("name")->held));
    const bool good = *check.find("result") == dsl::Value("good");
    EXPECT_EQ(good, check.find("remedy")->is_null()) << dsl::to_json(check);
  }
  EXPECT_THAT(limits, testing::ElementsAre("memory", "cpus", "pids"));
}

}  // namespace
