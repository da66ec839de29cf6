#include "runner/run/event_masking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/run/event_json.h"

namespace runner {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kValue = "tok-12345678";

Masking known() {
  Masking masking;
  masking.add(kValue);
  masking.add("20261121");
  return masking;
}

std::string masked_json(decltype(Event::what) what) {
  Event event;
  event.sequence = 20261121;
  event.at_ms = 20261121;
  event.what = std::move(what);
  const Event result = masked(event, known());
  EXPECT_EQ(result.sequence, event.sequence);
  EXPECT_EQ(result.at_ms, event.at_ms);
  EXPECT_EQ(result.what.index(), event.what.index());
  return event_to_json(result);
}

TEST(EventMasking, LeavesNoValueInWhatAJobSaid) {
  const std::string said = std::string("it says ") + kValue;
  AttemptEnded attempt;
  attempt.node = dsl::NodeId("build");
  attempt.end.how = JobEnd::How::NotStarted;
  attempt.end.detail = said;
  attempt.problem = said;
  attempt.excerpt = said;
  attempt.notes = {said, "plain"};
  attempt.outputs = {{"text", dsl::Value(said)},
                     {"number", dsl::Value(20261121.0)},
                     {"list", dsl::Value(dsl::Value::List{dsl::Value(said)})},
                     {"record", dsl::Value(dsl::Value::Record{{kValue, dsl::Value(true)}})}};
  const std::string json = masked_json(attempt);
  EXPECT_THAT(json, Not(HasSubstr("12345678")));
  EXPECT_THAT(json, HasSubstr("it says ***"));
  EXPECT_THAT(json, HasSubstr("\"number\":\"***\""));

  CheckEnded check;
  check.evidence.what = said;
  check.evidence.result = said;
  check.evidence.excerpt = said;
  EXPECT_THAT(masked_json(check), Not(HasSubstr("12345678")));

  EgressDenied denied;
  denied.name = std::string(kValue) + ".example.org";
  denied.seen = said;
  denied.reason = EgressDenied::Reason::Host;
  const std::string refusal = masked_json(denied);
  EXPECT_THAT(refusal, Not(HasSubstr("12345678")));
  EXPECT_THAT(refusal, HasSubstr("\"reason\":\"host\""));

  for (const decltype(Event::what)& what :
       {decltype(Event::what)(NodeSkipped{{}, said}),
        decltype(Event::what)(RetryScheduled{{}, 1, 0, said}),
        decltype(Event::what)(PersonAnswered{{}, -1, true, said, said}),
        decltype(Event::what)(PersonAsked{{}, -1, said}),
        decltype(Event::what)(NodeFinished{{}, Outcome::Failed, said, {}}),
        decltype(Event::what)(RunFinished{Outcome::Failed, {}, said}),
        decltype(Event::what)(ResultDelivered{said}),
        decltype(Event::what)(NodeExpanded{{}, {dsl::Value(said)}})}) {
    EXPECT_THAT(masked_json(what), Not(HasSubstr("12345678")));
  }
}

// A value that is also a name or a word of ours must not take a run apart.
TEST(EventMasking, LeavesTheRunnersOwnWordsAlone) {
  Masking masking;
  for (const char* const word : {"build", "attempt_ended", "exited", "passed", "abcdef01"}) {
    masking.add(word);
  }
  Event event;
  AttemptEnded attempt;
  attempt.node = dsl::NodeId("build");
  attempt.produced.commit = "abcdef01";
  attempt.log = "logs/build.1.log";
  attempt.excerpt = "passed build";
  event.what = attempt;
  const Event result = masked(event, masking);
  const auto& ended = std::get<AttemptEnded>(result.what);
  EXPECT_EQ(ended.node.value, "build");
  EXPECT_EQ(ended.produced.commit, "abcdef01");
  EXPECT_EQ(ended.log, "logs/build.1.log");
  EXPECT_EQ(ended.excerpt, "*** ***");
}

// Why an agent stopped is a word among texts: with it masked there would be no event.
TEST(EventMasking, LeavesAnAgentsReasonAloneAndNothingElse) {
  Masking masking;
  masking.add("done");
  masking.add("hush-hush");
  Event event;
  AttemptEnded attempt;
  attempt.node = dsl::NodeId("done");
  attempt.excerpt = "hush-hush";
  attempt.agent.emplace();
  attempt.agent->reason = dsl::AgentReason::Done;
  attempt.agent->claim = "all done with hush-hush";
  attempt.agent->errors = {"hush-hush"};
  event.what = attempt;
  const Event result = masked(event, masking);
  const auto& ended = std::get<AttemptEnded>(result.what);
  EXPECT_EQ(ended.node.value, "done");
  EXPECT_EQ(ended.agent->reason, dsl::AgentReason::Done);
  EXPECT_EQ(ended.agent->claim, "all *** with ***");
  EXPECT_EQ(ended.agent->errors, std::vector<std::string>{"***"});
  EXPECT_EQ(ended.excerpt, "***");
}

}  // namespace
}  // namespace runner
