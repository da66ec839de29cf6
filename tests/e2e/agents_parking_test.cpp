// The real programs of the agents where their provider takes nothing more for a while.

#include <csignal>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/real_agent.h"

namespace e2e {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

/// Before the last words of the first attempt, which then are a later one's.
constexpr const char* kLastWords = "          - text: greet.sh greets whom you name.\n";

std::string limited_before_last_words(const std::string& resets_after) {
  return "          - error: {status: 429, resets_after: " + resets_after + "}\n      - turns:\n" +
         kLastWords;
}

TEST_P(RealAgent, IsParkedUntilTheRateLimitEndsAndGoesOnWithItsSession) {
  change(script(), kLastWords, limited_before_last_words("2s"));
  const Ended ended = rehearse();
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("3 attempts   parked 1 time"));
  EXPECT_THAT(ended.err, HasSubstr("parked, goes on in"));
  EXPECT_THAT(ended.err, HasSubstr("the script answered 5 requests"));
  EXPECT_THAT(ended.err, Not(HasSubstr("warning")));
  const std::vector<json> outcomes = outcomes_of("once");
  ASSERT_EQ(outcomes.size(), 3u);
  EXPECT_EQ(outcomes[0].at("reason"), "rate_window");
  EXPECT_GT(outcomes[0].at("resets_at_s").get<std::int64_t>(), 1'700'000'000);
  EXPECT_EQ(outcomes[0].at("session"), outcomes[1].at("session"));
  EXPECT_EQ(outcomes[0].at("session"), outcomes[2].at("session"));
}

TEST_P(RealAgentInSandbox, IsParkedBeforeItsModelHasSaidAnything) {
  change(script(),
         "    attempts:\n",
         "    attempts:\n"
         "      - turns:\n"
         "          - error: {status: 429, resets_after: 1s}\n");
  const Ended ended = rehearse();
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("3 attempts   parked 1 time"));
  EXPECT_THAT(ended.err, Not(HasSubstr("warning")));
}

TEST_P(AnyRealAgent, StaysParkedWhereItsRunnerIsKilled) {
  change(script(), kLastWords, limited_before_last_words("15s"));
  Running running(rehearsal("once"));
  ASSERT_TRUE(eventually(
      [&] {
        const Ended list = user_.run_pipe({"ls"}, folder());
        return list.out.find("  parked ") != std::string::npos || running.has_ended();
      },
      std::chrono::seconds(120)));
  const Ended shown = user_.run_pipe({"show", "once"}, folder());
  EXPECT_THAT(shown.out, HasSubstr("parked 1 time, goes on in"));
  running.signal(SIGKILL);
  running.wait();
  const json left = json::parse(user_.run_pipe({"show", "once", "--json"}, folder()).out);
  EXPECT_GT(left.at("nodes").at(0).at("goes_on_at_ms").get<std::int64_t>(), 0) << left;
  EXPECT_EQ(left.at("nodes").at(0).at("spent").at("turns"), 1) << left;
  const Ended ended = user_.run_pipe({"resume", "once"}, folder());
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(outcomes_of("once").size(), 3u) << "nothing was done twice";
}

}  // namespace
}  // namespace e2e
