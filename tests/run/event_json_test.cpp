#include "runner/run/event_json.h"

#include <gtest/gtest.h>

namespace runner {
namespace {

TEST(EventJson, WritesEveryMemberInOneLine) {
  Event event{
      7, 1'700'000'000'123, NodeFinished{dsl::NodeId("build"), Outcome::Passed, "", {"abc", ""}}};
  EXPECT_EQ(
      event_to_json(event),
      R"({"version":1,"sequence":7,"at_ms":1700000000123,"after_ms":-1,"kind":"node_finished",)"
      R"("node":"build","outcome":"passed","reason":"",)"
      R"("tree":{"commit":"abc","artifacts":""},"out_of_time":false})");
}

TEST(EventJson, KeepsWhatAnAttemptLeft) {
  AttemptEnded ended;
  ended.node = dsl::NodeId("t");
  ended.attempt = 2;
  ended.end.how = JobEnd::How::OutOfMemory;
  ended.end.peak_memory = dsl::Bytes{64 << 20};
  ended.outputs = {{"list", dsl::Value(dsl::Value::List{dsl::Value(1.0), dsl::Value("x")})}};
  ended.notes = {"a\nb: a device"};
  ended.problem = "p";
  const std::string text = event_to_json({1, 2, ended});
  const auto back = event_from_json(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(event_to_json(*back), text);
  const auto& read = std::get<AttemptEnded>(back->what);
  EXPECT_EQ(read.end.peak_memory->count, 64 << 20);
  EXPECT_EQ(dsl::to_json(dsl::Value(read.outputs)), R"({"list":[1,"x"]})");
}

TEST(EventJson, KeepsWhatAnAgentSaid) {
  AttemptEnded ended;
  ended.node = dsl::NodeId("t");
  ended.end.how = JobEnd::How::Idle;
  AgentOutcome& agent = ended.agent.emplace();
  agent.reason = dsl::AgentReason::RateWindow;
  agent.session = "s";
  agent.turns = 41;
  agent.cost = dsl::Money{1'840'000};
  agent.errors = {"e"};
  agent.denials = {"Write"};
  agent.resets_at_s = 1'795'300'000;
  const auto back = event_from_json(event_to_json({1, 2, ended}));
  ASSERT_TRUE(back) << back.error().message;
  const auto& read = std::get<AttemptEnded>(back->what);
  EXPECT_EQ(read.end.how, JobEnd::How::Idle);
  EXPECT_EQ(read.agent, ended.agent);
}

TEST(EventJson, AnAttemptOfAnOldJournalHasNoAgent) {
  const auto event = event_from_json(
      R"({"version":1,"kind":"attempt_ended","node":"t","end":{"how":"exited","code":0}})");
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<AttemptEnded>(event->what).agent, std::nullopt);
}

TEST(EventJson, BytesThatAreNoUtf8BecomeReplacementCharacters) {
  const std::string text = event_to_json({1, 2, NodeSkipped{dsl::NodeId("n"), "bad \xff byte"}});
  const auto back = event_from_json(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<NodeSkipped>(back->what).reason, "bad \xEF\xBF\xBD byte");
}

TEST(EventJson, RefusesWhatIsNoEventOfOurs) {
  const auto message = [](const char* text) {
    const auto event = event_from_json(text);
    return event ? std::string("taken") : event.error().message;
  };
  EXPECT_EQ(message("[]"), "event: no JSON object");
  EXPECT_EQ(message(R"({"version":1,"kind":"party"})"), "event: unknown kind 'party'");
  EXPECT_EQ(message(R"({"version":2,"kind":"run_resumed"})"),
            "event: version 2 is newer than this pipe");
  EXPECT_EQ(message(R"({"version":1,"kind":"node_skipped","node":5})"),
            "event: member 'node' has the wrong type");
  EXPECT_EQ(message(R"({"version":1,"kind":"node_finished","outcome":"great"})"),
            "event: unknown word 'great'");
  EXPECT_EQ(message(R"({"version":1,"kind":"attempt_started","attempt":-5})"),
            "event: a number is negative");
}

TEST(EventJson, AMemberThatAnOldJournalLacksKeepsItsDefault) {
  const auto event = event_from_json(R"({"version":1,"kind":"run_finished","outcome":"failed"})");
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<RunFinished>(event->what).reason, "");
}

}  // namespace
}  // namespace runner
