// Parallel tasks whose work meets: each passes alone, and what they proved has to hold again on the
// merged tree before anything starts from it.

#include <csignal>
#include <filesystem>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

/// Two agents on one gateway: the first gives a setting another name, the second reads the setting.
/// No line is changed by both.
std::string pipeline(const std::string& engine, const std::string& what_limits_reads) {
  const std::string image = engine == "docker" ? "pipe-test/busybox:1" : "host";
  std::string text = "version: 1\nname: gateway\nengine: " + engine + "\nimage: " + image + R"yaml(
tasks:
  refresh:
    run: |
      echo LIFETIME=60 > settings.sh
      echo '. ./settings.sh; echo "after $LIFETIME s"' > refresh.sh
    success_criteria:
      - "[ ] Tokens are refreshed": test "$(sh -u refresh.sh)" = 'after 60 s'
  limits:
    run: echo '. ./settings.sh; echo "10 in SETTING s"' > limits.sh
    success_criteria:
      - "[ ] Clients are limited": test "$(sh -u limits.sh)" = '10 in 60 s'
      - "[ ] Only the limits were touched": {diff: {only: [limits.sh]}}
  release:
    needs: [refresh, limits]
    run: cat *.sh > released.txt
    success_criteria:
      - "[ ] It was released": test -s released.txt
)yaml";
  text.replace(text.find("SETTING"), 7, what_limits_reads);
  return text;
}

/// A setting that both names lead to is what the second may rely on.
constexpr const char* kBoth = "${LIFETIME:-$TTL}";

class FanIn : public testing::TestWithParam<Engine> {
 protected:
  void write(const std::string& text) {
    project_.write("settings.sh", "TTL=60\n");
    project_.write("gateway.yaml", text);
  }
  Ended run_gateway(const std::string& name, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"run", "gateway.yaml", "-j", "2", "-n", name};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return user_.run_pipe(arguments, folder());
  }
  /// What `pipe show --json` says of the merge that a task starts from.
  Json merge_of(const std::string& run, const std::string& node) {
    const Json shown = Json::parse(user_.run_pipe({"show", "--json", run}, folder()).out);
    for (const Json& one : shown.at("nodes")) {
      if (one.at("node") == node) {
        return one.at("merge");
      }
    }
    return {};
  }
  [[nodiscard]] std::string folder() const { return project_.path().string(); }

  TempFolder project_;
  User user_;
};

TEST_P(FanIn, TwoThatPassAloneAndBreakTogetherStopTheRunAndAreNamed) {
  NEEDS_ENGINE(GetParam());
  write(pipeline(name_of(GetParam()), "$TTL"));
  const Ended ended = run_gateway("broken");
  EXPECT_EQ(ended.exit_code, 1) << ended.out << ended.err;
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("'Clients are limited' of 'limits' is met without the work of "
                              "'refresh', and is not once both are merged"),
                    HasSubstr("[x] Tokens are refreshed"),
                    HasSubstr("[ ] limits: Clients are limited"),
                    HasSubstr("TTL"),  // what the check wrote
                    Not(HasSubstr("[x] It was released"))));
  EXPECT_FALSE(fs::exists(project_.path() / "released.txt"));
  EXPECT_FALSE(fs::exists(project_.path() / "refresh.sh")) << "a failed run wrote its files";

  const Json merge = merge_of("broken", "release");
  EXPECT_EQ(merge.at("sides"), Json({"refresh", "limits"}));
  ASSERT_EQ(merge.at("criteria").size(), 2U);  // that of `diff` is of the task alone
  EXPECT_EQ(merge.at("criteria")[0].at("standing"), "met");
  EXPECT_EQ(merge.at("criteria")[1].at("node"), "limits");
  EXPECT_EQ(merge.at("criteria")[1].at("standing"), "broken");
  EXPECT_EQ(merge.at("criteria")[1].at("against"), "refresh");
  const std::string log = merge.at("criteria")[1].at("log");
  EXPECT_TRUE(fs::exists(fs::path(user_.state()) / "runs/broken" / log)) << log;
}

TEST_P(FanIn, WhatHoldsTogetherGoesOnAndIsNotVerifiedTwice) {
  NEEDS_ENGINE(GetParam());
  write(pipeline(name_of(GetParam()), kBoth));
  const Ended first = run_gateway("first");
  ASSERT_EQ(first.exit_code, 0) << first.out << first.err;
  EXPECT_THAT(first.out,
              HasSubstr("[x] merge of 'refresh' and 'limits': 2 criteria verified again"));
  EXPECT_TRUE(fs::exists(project_.path() / "released.txt"));

  for (const char* made : {"released.txt", "refresh.sh", "limits.sh"}) {
    fs::remove(project_.path() / made);
  }
  write(pipeline(name_of(GetParam()), kBoth));
  const Ended second = run_gateway("second");
  ASSERT_EQ(second.exit_code, 0) << second.out << second.err;
  for (const Json& one : merge_of("second", "release").at("criteria")) {
    EXPECT_EQ(one.at("reused_from"), "first") << one;
  }
  for (const char* made : {"released.txt", "refresh.sh", "limits.sh"}) {
    fs::remove(project_.path() / made);
  }
  write(pipeline(name_of(GetParam()), kBoth));
  ASSERT_EQ(run_gateway("third", {"--no-cache"}).exit_code, 0);
  for (const Json& one : merge_of("third", "release").at("criteria")) {
    EXPECT_EQ(one.at("reused_from"), nullptr) << one;
  }
}

INSTANTIATE_TEST_SUITE_P(Engines,
                         FanIn,
                         testing::Values(Engine::Sandbox, Engine::Host, Engine::Docker),
                         [](const auto& each) { return name_of(each.param); });

/// With the engine host, whose checks can say outside of all trees that they were made.
class FanInWitnessed : public FanIn {
 protected:
  std::size_t lines(const std::string& text) const {
    std::istringstream all(fs::exists(witness_) ? read_text(witness_) : "");
    std::size_t count = 0;
    for (std::string line; std::getline(all, line);) {
      count += line == text ? 1U : 0U;
    }
    return count;
  }
  TempFolder outside_;
  std::string witness_ = (outside_.path() / "witness").string();
};

TEST_F(FanInWitnessed, KilledItGoesOnWithWhatTheMergeHasProvedAndRepeatsNoneOfIt) {
  // The second check of the merge waits until it is killed with the runner; the first is through.
  write("version: 1\nname: gateway\nengine: host\nenv: {W: " + witness_ + "}" + R"yaml(
tasks:
  a:
    run: echo a > a.txt
    success_criteria:
      - "[ ] a": echo "a $(echo *.txt)" >> "$W"
  b:
    run: echo b > b.txt
    success_criteria:
      - "[ ] b": |
          echo "b $(echo *.txt)" >> "$W"
          if test -e a.txt && ! test -e "$W.resumed"; then sleep 300; fi
  c:
    needs: [a, b]
    run: echo "c" >> "$W"
)yaml");
  Running runner(user_.pipe({"run", "gateway.yaml", "-j", "1", "-n", "killed"}, folder()));
  ASSERT_TRUE(eventually([&] { return runner.has_ended() || lines("b a.txt b.txt") > 0; }));
  ASSERT_FALSE(runner.has_ended()) << runner.out_so_far() << runner.err_so_far();
  runner.signal(SIGKILL);
  runner.wait();
  const Json before = merge_of("killed", "c");
  ASSERT_EQ(before.at("criteria")[0].at("standing"), "met") << before;
  ASSERT_EQ(before.at("criteria")[1].at("standing"), "open") << before;
  EXPECT_EQ(lines("c"), 0U);

  outside_.write("witness.resumed", "");
  const Ended resumed = user_.run_pipe({"resume", "killed"}, folder());
  EXPECT_EQ(resumed.exit_code, 0) << resumed.out << resumed.err;
  EXPECT_EQ(lines("a a.txt"), 1U);
  EXPECT_EQ(lines("b b.txt"), 1U);
  EXPECT_EQ(lines("a a.txt b.txt"), 1U) << "what was verified was verified again";
  EXPECT_EQ(lines("b a.txt b.txt"), 2U);
  EXPECT_EQ(lines("c"), 1U);
}

TEST_F(FanInWitnessed, TwoThatLeaveTheSameFilesHaveNothingToProveAgain) {
  write("version: 1\nname: gateway\nengine: host\nenv: {W: " + witness_ + "}\ntasks:\n" + R"(
  a:
    run: echo same > same.txt
    success_criteria:
      - "[ ] a": echo a >> "$W"
  b:
    run: echo same > same.txt
    success_criteria:
      - "[ ] b": echo b >> "$W"
  c:
    needs: [a, b]
    run: echo c >> "$W"
)");
  const Ended ended = run_gateway("same");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(lines("a"), 1U);
  EXPECT_EQ(lines("b"), 1U);
  EXPECT_EQ(merge_of("same", "c"), nullptr);
}

TEST_F(FanInWitnessed, TheResultOfARunWithTwoEndsIsVerifiedBeforeItIsDelivered) {
  write("version: 1\nname: gateway\nengine: host\nphases:\n" + std::string(R"(
  one:
    tasks:
      a:
        run: echo a > a.txt
        success_criteria:
          - "[ ] a is alone": test ! -e b.txt
  two:
    needs: []
    tasks:
      b:
        run: echo b > b.txt
        success_criteria:
          - "[ ] b": test -e b.txt
)"));
  const Ended ended = run_gateway("ends");
  EXPECT_EQ(ended.exit_code, 1) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("'a is alone' of 'a' is met without the work of 'b'"));
  EXPECT_FALSE(fs::exists(project_.path() / "a.txt"));
  const Json shown = Json::parse(user_.run_pipe({"show", "--json", "ends"}, folder()).out);
  EXPECT_EQ(shown.at("merge").at("criteria")[0].at("against"), "b");
}

}  // namespace
}  // namespace e2e
