// What a provider said, written down, says the same again: in every dialect, streamed or not.

#include <gtest/gtest.h>

#include "dsl/render.h"
#include "runner/rehearsal/answer.h"
#include "runner/rehearsal/answer_reader.h"
#include "runner/rehearsal/recorder.h"
#include "runner/rehearsal/script_writer.h"
#include "runner/run/run_state.h"

namespace runner {
namespace {

constexpr ModelApi kApis[] = {
    ModelApi::Messages, ModelApi::Responses, ModelApi::ChatCompletions, ModelApi::GenerateContent};

ScriptTurn some_turn() {
  ScriptTurn turn;
  turn.thinking = "Hm: \"quoted\", # and\n\ttwo lines, \xC3\xBC.";
  turn.text = "I begin: 'yes' {not} [a list]\n";
  turn.tools = {{"Bash", *dsl::value_from_json(R"({"command":"make -j2","env":{"A":1},"l":[]})")},
                {"Read", *dsl::value_from_json(R"({"path":"a b"})")}};
  turn.usage = {700, 80, 20, 300, 0};
  return turn;
}

ProviderRequest request_in(ModelApi api, bool streamed) {
  ProviderRequest request;
  request.kind = ProviderRequest::Kind::Generate;
  request.api = api;
  request.model = "m";
  request.streamed = streamed;
  return request;
}

HeardAnswer heard(const Answer& answer, std::size_t parts) {
  HeardAnswer heard;
  heard.status = answer.status;
  for (const auto& [name, value] : answer.fields) {
    if (name == "Retry-After") {
      heard.retry_after = value;
    }
  }
  for (std::size_t i = 0; i < parts; ++i) {
    heard.body += answer.parts[i];
  }
  heard.whole = parts == answer.parts.size();
  return heard;
}

std::string yaml_of(const ScriptTurn& turn) {
  Script script;
  script.tasks.push_back({"t", {{turn}}, ""});
  return script_to_yaml(script, "");
}

TEST(Recording, SaysTheSameAgain) {
  for (const ModelApi api : kApis) {
    for (const bool streamed : {false, true}) {
      ScriptTurn turn = some_turn();
      ScriptTurn expected = turn;
      if (api == ModelApi::ChatCompletions) {
        expected.thinking = "";  // it has no words for it, but counts it
      }
      if (api == ModelApi::Messages) {
        expected.usage.output += expected.usage.thinking;  // it does not tell them apart
        expected.usage.thinking = 0;
      }
      const Answer answer = answer_of(turn, request_in(api, streamed), 1, 0);
      EXPECT_EQ(yaml_of(turn_of(heard(answer, answer.parts.size()), api)), yaml_of(expected))
          << static_cast<int>(api) << streamed;
    }
  }
}

TEST(Recording, KnowsWhereAnAnswerWasCut) {
  for (const ModelApi api : kApis) {
    const Answer answer = answer_of(some_turn(), request_in(api, true), 1, 0);
    EXPECT_EQ(turn_of(heard(answer, answer.parts.size() - answer.closing), api).cut,
              ScriptCut::Unfinished);
    EXPECT_EQ(turn_of(heard(answer, answer.opening), api).cut, ScriptCut::Begun);
    EXPECT_EQ(turn_of({}, api).cut, ScriptCut::Unanswered);
  }
}

TEST(Recording, KeepsErrors) {
  ScriptTurn turn;
  turn.error = {429, "later", dsl::Duration{30'000}, std::nullopt};
  for (const ModelApi api : kApis) {
    const Answer answer = answer_of(turn, request_in(api, true), 1, 0);
    EXPECT_EQ(turn_of(heard(answer, 1), api).error, turn.error);
  }
}

TEST(Recording, IsAScriptThatCanBeRead) {
  Script script;
  ScriptTurn failing;
  failing.error = {529, "", std::nullopt, dsl::Duration{7'200'000}};
  ScriptTurn special = some_turn();
  special.cut = ScriptCut::Unfinished;
  special.delay = dsl::Duration{1'500};
  special.times = 3;
  special.expects = "a \"box\"";
  special.tools.push_back({"apply_patch", dsl::Value("*** Begin\n")});
  ScriptTurn begun;
  begun.cut = ScriptCut::Begun;
  ScriptTurn lost;
  lost.cut = ScriptCut::Unanswered;
  script.tasks.push_back(
      {"test[os=linux]", {{failing, special}, {some_turn(), begun, lost, ScriptTurn{}}}, ""});
  const std::string yaml = script_to_yaml(script, "of a run\nand redacted");
  ReadScript read = read_script("s.yaml", yaml, nullptr);
  ASSERT_TRUE(read.script) << dsl::render_text(read.diagnostics, read.sources, dsl::Colour::Never)
                           << yaml;
  EXPECT_EQ(script_to_yaml(*read.script, "of a run\nand redacted"), yaml);
  EXPECT_EQ(read.script->tasks[0].attempts[0][1].tools, special.tools);
}

ScriptTurn says(const std::string& text) {
  ScriptTurn turn;
  turn.text = text;
  return turn;
}

TEST(Recorder, OrdersTurnsByTheirRequestsAndAttemptsByTheirNumber) {
  const dsl::Plan plan;
  const RunState state(plan, {});
  ModelRecorder recorder;
  const auto start = [&](const char* node, std::int64_t attempt, const char* job) {
    AttemptStarted started;
    started.node = dsl::NodeId(node);
    started.attempt = attempt;
    started.job = JobName(job);
    recorder.on_events(state, {Event{1, 0, started}});
  };
  start("b", 2, "b-2");
  start("b", 1, "b-1");
  start("a", 1, "a-1");
  start("plain", 1, "plain-1");
  const std::size_t first = recorder.ask("b-1");
  const std::size_t second = recorder.ask("b-1");
  recorder.hear("b-1", second, says("later, but told first"));
  recorder.hear("b-1", first, says("first"));
  recorder.ask("a-1");  // nothing is ever heard
  recorder.hear("b-2", recorder.ask("b-2"), says("again"));
  recorder.hear("a-criterion", recorder.ask("a-criterion"), says("nobody"));

  const Script script = recorder.script();
  ASSERT_EQ(script.tasks.size(), 2u);
  EXPECT_EQ(script.tasks[0].name, "a");
  EXPECT_EQ(script.tasks[0].attempts[0][0].cut, ScriptCut::Unanswered);
  EXPECT_EQ(script.tasks[1].name, "b");
  ASSERT_EQ(script.tasks[1].attempts.size(), 2u);
  EXPECT_EQ(script.tasks[1].attempts[0][0].text, "first");
  EXPECT_EQ(script.tasks[1].attempts[0][1].text, "later, but told first");
  EXPECT_EQ(script.tasks[1].attempts[1][0].text, "again");
}

// Whatever a provider says, a recording is made of what can be read of it.
TEST(Recording, PassesOverWhatItDoesNotKnow) {
  for (const ModelApi api : kApis) {
    for (const char* const body : {"",
                                   "null",
                                   "[]",
                                   "[1]",
                                   "{\"choices\":7}",
                                   "{\"candidates\":[]}",
                                   "data: {\"type\":1}\n",
                                   "{\"type\":\"message\",\"content\":\"text\",\"usage\":null}",
                                   "data: [DONE]\n\n"}) {
      EXPECT_EQ(turn_of({200, "", std::nullopt, body, true}, api).text, "") << body;
      EXPECT_EQ(turn_of({500, "x", std::nullopt, body, true}, api).error->status, 500) << body;
    }
  }
}

TEST(Recorder, LearnsWhatAnotherOneLearntAndForgetsWhatIsDoneAgain) {
  const dsl::Plan plan;
  const RunState state(plan, {});
  std::vector<std::string> lines;
  ModelRecorder first({[](const std::string& text) { return text; },
                       [&](const std::string& line) { lines.push_back(line); }});
  const auto start = [&](ModelRecorder& recorder, const char* node, const char* job) {
    AttemptStarted started;
    started.node = dsl::NodeId(node);
    started.job = JobName(job);
    recorder.on_events(state, {Event{1, 0, started}});
  };
  start(first, "a", "a-1");
  start(first, "b", "b-1");
  EXPECT_EQ(first.ask("a-1"), 0U);
  EXPECT_EQ(first.ask("a-1"), 1U);
  first.hear("a-1", 1, some_turn());  // the other one is never answered
  AttemptEnded ended;
  ended.node = dsl::NodeId("a");
  ended.attempt = 1;
  first.on_events(state, {Event{2, 0, ended}});
  EXPECT_EQ(first.ask("b-1"), 0U);
  EXPECT_EQ(first.ask("b-1"), 1U);
  first.hear("b-1", 0, says("forgotten"));
  first.hear("b-1", 1, says("too"));

  ModelRecorder second;
  for (const std::string& line : lines) {
    EXPECT_TRUE(second.learn(line)) << line;
  }
  EXPECT_EQ(script_to_yaml(second.script(), ""), script_to_yaml(first.script(), ""));
  AttemptStarted anew;
  anew.node = dsl::NodeId("b");
  anew.attempt = 2;
  anew.job = JobName("b-2");
  second.on_events(state, {Event{2, 0, RunResumed{}}, Event{3, 0, anew}});
  EXPECT_EQ(second.ask("b-2"), 0U);
  second.hear("b-2", 0, says("anew"));
  const Script script = second.script();
  ASSERT_EQ(script.tasks.size(), 2U);
  ASSERT_EQ(script.tasks[0].attempts[0].size(), 2U);
  EXPECT_EQ(script.tasks[0].attempts[0][0].cut, ScriptCut::Unanswered);
  EXPECT_EQ(yaml_of(script.tasks[0].attempts[0][1]), yaml_of(some_turn()));
  ASSERT_EQ(script.tasks[1].attempts[0].size(), 1U);
  EXPECT_EQ(script.tasks[1].attempts[0][0].text, "anew");
  for (const char* broken : {"",
                             "{",
                             "[]",
                             R"({"file":"x"})",
                             R"({"job":"a-1","turn":7})",
                             R"({"job":"c-1","turn":0,"said":"version: 1"})"}) {
    EXPECT_FALSE(second.learn(broken)) << broken;
  }
}

}  // namespace
}  // namespace runner
