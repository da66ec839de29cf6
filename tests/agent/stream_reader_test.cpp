// The shipped steps read what the real programs wrote: each file of streams/ was recorded with
// Claude Code 2.1.197, Codex 0.169.0 or Gemini 0.61.0 against a provider on loopback (paths and
// ports made neutral).

#include "runner/agent/stream_reader.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "dsl/plan_words.h"
#include "tests/dsl/compile_file.h"

namespace runner {
namespace {

using dsl::AgentReason;

/// As the step of stdlib/agent describes it.
dsl::Agent agent_of(const std::string& step) {
  const dsl::Compilation compilation =
      dsl_test::compile_text("tasks: {t: {uses: std/agent/" + step + ", with: {prompt: x" +
                             (step == "command" ? ", command: cat" : "") +
                             "}, success_criteria: [{'[ ] ok': 'true'}]}}\n");
  EXPECT_EQ(dsl_test::messages(compilation), "");
  return *dsl_test::node(compilation, "t").agent;
}

std::string stream(const std::string& name) {
  std::ifstream file(std::string(PIPE_SOURCE_DIR) + "/tests/agent/streams/" + name + ".jsonl");
  EXPECT_TRUE(file) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

JobEnd exited(int code) {
  JobEnd end;
  end.code = code;
  return end;
}

JobEnd ended(JobEnd::How how) {
  JobEnd end;
  end.how = how;
  return end;
}

AgentOutcome read(const std::string& step, const std::string& text, const JobEnd& end) {
  const dsl::Agent agent = agent_of(step);
  const auto reader = make_stream_reader(agent);
  reader->read(text);
  return reader->conclude(end);
}

std::string without_last_line(std::string text) {
  text.pop_back();
  return text.substr(0, text.rfind('\n') + 1);
}

struct Recorded {
  const char* step;
  const char* name;
  int exit;
  AgentReason reason;
  const char* problem;
};

const Recorded kRecorded[] = {
    {"claude-code", "claude-done", 0, AgentReason::Done, ""},
    {"claude-code", "claude-resumed", 0, AgentReason::Done, ""},
    {"claude-code",
     "claude-max-turns",
     1,
     AgentReason::Turns,
     "the agent stopped: turns (Reached maximum number of turns (3))"},
    {"claude-code",
     "claude-max-budget",
     1,
     AgentReason::Budget,
     "the agent stopped: budget (Reached maximum budget ($0.05))"},
    {"claude-code",
     "claude-refused",
     1,
     AgentReason::Budget,
     "the agent stopped: budget (API Error: 400 pipe-budget: the budget of task is exhausted "
     "($5.00 "
     "of $5.00))"},
    {"claude-code",
     "claude-no-login",
     1,
     AgentReason::Auth,
     "the agent stopped: auth (Not logged in \xC2\xB7 Please run /login)"},
    {"claude-code",
     "claude-403",
     1,
     AgentReason::Auth,
     "the agent stopped: auth (Failed to authenticate. API Error: 403 no)"},
    {"claude-code",
     "claude-429",
     1,
     AgentReason::RateWindow,
     "the agent stopped: rate_window (API Error: Request rejected (429) \xC2\xB7 slow down)"},
    // It exits with 0 and calls it a success.
    {"claude-code", "claude-denied", 0, AgentReason::Denied, "the agent stopped: denied (Write)"},
    {"claude-code", "claude-sigterm", 143, AgentReason::Crash, "the agent stopped: crash"},
    {"codex", "codex-done", 0, AgentReason::Done, ""},
    {"codex", "codex-resumed", 0, AgentReason::Done, ""},
    {"codex",
     "codex-402",
     1,
     AgentReason::Provider,
     "the agent stopped: provider (unexpected status 402 Payment Required: no money, url: "
     "http://127.0.0.1:8080/v1/responses)"},
    {"codex", "codex-sigterm", 143, AgentReason::Crash, "the agent stopped: crash"},
    {"gemini", "gemini-done", 0, AgentReason::Done, ""},
    {"gemini", "gemini-resumed", 0, AgentReason::Done, ""},
    {"gemini",
     "gemini-turns",
     53,
     AgentReason::Turns,
     "the agent stopped: turns (Reached max session turns for this session. Increase the number of "
     "turns by specifying maxSessionTurns in settings.json.)"},
};

TEST(StreamReader, KnowsWhyEachRealProgramStopped) {
  for (const Recorded& one : kRecorded) {
    const AgentOutcome outcome = read(one.step, stream(one.name), exited(one.exit));
    EXPECT_EQ(dsl::word_of(outcome.reason), dsl::word_of(one.reason)) << one.name;
    EXPECT_EQ(problem_of(outcome), one.problem) << one.name;
    EXPECT_NE(outcome.session, "") << one.name;
    EXPECT_EQ(outcome.unread_lines, 0) << one.name;
  }
}

TEST(StreamReader, KnowsARefusalOfTheGatewayInEveryDialect) {
  EXPECT_EQ(read("claude-code", stream("claude-refused"), exited(1)).reason, AgentReason::Budget);
  EXPECT_EQ(read("codex", stream("codex-refused"), exited(1)).reason, AgentReason::Budget);
  EXPECT_EQ(read("gemini", stream("gemini-refused"), exited(144)).reason, AgentReason::Budget);
}

TEST(StreamReader, KnowsARefusalForWantOfAPriceInEveryDialect) {
  for (const auto& [step, name] : {std::pair("claude-code", "claude-refused"),
                                   {"codex", "codex-refused"},
                                   {"gemini", "gemini-refused"}}) {
    std::string lines = stream(name);
    for (std::size_t at; (at = lines.find("pipe-budget")) != std::string::npos;) {
      lines.replace(at, std::string_view("pipe-budget").size(), "pipe-price");
    }
    EXPECT_EQ(read(step, lines, exited(1)).reason, AgentReason::Unpriced) << step;
  }
}

TEST(StreamReader, AKeyThatMayNotIsAuth) {
  std::string lines = stream("codex-402");
  for (std::size_t at; (at = lines.find("402 Payment Required")) != std::string::npos;) {
    lines.replace(at, std::string_view("402 Payment Required").size(), "403 Forbidden");
  }
  EXPECT_EQ(read("codex", lines, exited(1)).reason, AgentReason::Auth);
}

TEST(StreamReader, TakesTheStatusModulo256OnlyWhereNothingElseSpeaks) {
  EXPECT_EQ(read("gemini", stream("gemini-401"), exited(145)).reason, AgentReason::Auth);
  EXPECT_EQ(read("gemini", stream("gemini-403"), exited(147)).reason, AgentReason::Auth);
  EXPECT_EQ(read("gemini", "", exited(147)).reason, AgentReason::Auth);
  EXPECT_EQ(read("gemini", "", exited(173)).reason, AgentReason::RateWindow);
  EXPECT_EQ(read("gemini", "", exited(41)).reason, AgentReason::Auth);
  EXPECT_EQ(read("gemini", "", exited(1)).reason, AgentReason::Crash);
}

TEST(StreamReader, TellsWhatTheAgentSaysOfItself) {
  const AgentOutcome claude = read("claude-code", stream("claude-done"), exited(0));
  EXPECT_EQ(claude.session, "05234cf1-d418-4874-9351-b72faafd81d7");
  EXPECT_EQ(claude.model, "claude-sonnet-4-5");
  EXPECT_EQ(claude.claim, "Done: a.txt says hello.");
  EXPECT_EQ(claude.turns, 2);
  EXPECT_EQ(claude.cost, dsl::Money{32'760});
  EXPECT_EQ(claude.input_tokens, dsl::Tokens{10'000});
  EXPECT_EQ(claude.output_tokens, dsl::Tokens{184});
  EXPECT_EQ(claude.cached_tokens, dsl::Tokens{0});

  const AgentOutcome codex = read("codex", stream("codex-done"), exited(0));
  EXPECT_EQ(codex.session, "01a1fe2f-53bb-7793-9b84-811d0ce4b133");
  EXPECT_EQ(codex.claim, "Done: a.txt says hello.");
  EXPECT_EQ(codex.turns, std::nullopt);
  EXPECT_EQ(codex.cost, std::nullopt);
  EXPECT_EQ(codex.input_tokens, dsl::Tokens{10'000});
  EXPECT_EQ(codex.cached_tokens, dsl::Tokens{2'000});

  const AgentOutcome gemini = read("gemini", stream("gemini-done"), exited(0));
  EXPECT_EQ(gemini.session, "3d055b19-ecf6-448c-b566-665d574507ee");
  EXPECT_EQ(gemini.model, "gemini-2.5-pro");
  EXPECT_EQ(gemini.claim, "Done: a.txt says hello.");
  EXPECT_EQ(gemini.output_tokens, dsl::Tokens{240});
}

TEST(StreamReader, CountsWhatTheLastAnswerUsedWhereALimitWasReached) {
  // 'usage' says 10000 and 240 there.
  const AgentOutcome outcome = read("claude-code", stream("claude-max-budget"), exited(1));
  EXPECT_EQ(outcome.input_tokens, dsl::Tokens{15'000});
  EXPECT_EQ(outcome.output_tokens, dsl::Tokens{360});
}

TEST(StreamReader, TellsTheSameSessionAfterItWasResumed) {
  for (const auto& [step, name] :
       {std::pair("claude-code", "claude"), {"codex", "codex"}, {"gemini", "gemini"}}) {
    const std::string file = name;
    EXPECT_EQ(read(step, stream(file + "-done"), exited(0)).session,
              read(step, stream(file + "-resumed"), exited(0)).session);
  }
}

TEST(StreamReader, BelievesTheContainerBeforeTheAgent) {
  // After SIGTERM the program can end with 0 and a success.
  const std::string success = stream("claude-done");
  JobEnd timed_out = ended(JobEnd::How::TimedOut);
  EXPECT_EQ(read("claude-code", success, timed_out).reason, AgentReason::Time);
  EXPECT_EQ(read("claude-code", success, ended(JobEnd::How::OutOfMemory)).reason,
            AgentReason::Crash);
  EXPECT_EQ(read("claude-code", success, exited(1)).reason, AgentReason::Crash);
  EXPECT_EQ(read("claude-code", success, exited(143)).reason, AgentReason::Crash);
}

TEST(StreamReader, ASuccessWithoutALastWordIsNone) {
  for (const auto& [step, name] : {std::pair("claude-code", "claude-done"),
                                   {"codex", "codex-done"},
                                   {"gemini", "gemini-done"}}) {
    const AgentOutcome outcome = read(step, without_last_line(stream(name)), exited(0));
    EXPECT_EQ(outcome.reason, AgentReason::Crash) << name;
    EXPECT_NE(outcome.session, "") << name;
  }
}

TEST(StreamReader, HalfALineAtTheEndIsNoLastWord) {
  const std::string whole = stream("claude-done");
  const AgentOutcome outcome = read("claude-code", whole.substr(0, whole.size() - 40), exited(0));
  EXPECT_EQ(outcome.reason, AgentReason::Crash);
  EXPECT_EQ(outcome.unread_lines, 1);
  // The end of a line alone may be missing.
  EXPECT_EQ(read("claude-code", whole.substr(0, whole.size() - 1), exited(0)).reason,
            AgentReason::Done);
}

TEST(StreamReader, ReadsRoundWarningsAndLinesThatAreTooLong) {
  const std::string whole = stream("gemini-done");
  const std::string noise =
      "YOLO mode is enabled. All tool calls will be automatically approved.\n" +
      std::string(9U << 20U, 'x') + "\n{\"type\":\"party\"}\n";
  const std::size_t middle = whole.find('\n') + 1;
  const AgentOutcome outcome =
      read("gemini", whole.substr(0, middle) + noise + whole.substr(middle), exited(0));
  EXPECT_EQ(outcome.reason, AgentReason::Done);
  EXPECT_EQ(outcome.unread_lines, 2);
}

TEST(StreamReader, IsTheSameHoweverTheBytesAreCut) {
  const std::string text = stream("claude-max-turns");
  const AgentOutcome whole = read("claude-code", text, exited(1));
  const dsl::Agent agent = agent_of("claude-code");
  for (const std::size_t size : {1U, 7U, 4096U}) {
    const auto reader = make_stream_reader(agent);
    for (std::size_t at = 0; at < text.size(); at += size) {
      reader->read(std::string_view(text).substr(at, size));
    }
    EXPECT_EQ(reader->conclude(exited(1)), whole) << size;
  }
}

TEST(StreamReader, OneThatHangsAfterItsLastWordIsDone) {
  const dsl::Agent agent = agent_of("claude-code");
  const auto reader = make_stream_reader(agent);
  const std::string text = stream("claude-done");
  reader->read(without_last_line(text));
  EXPECT_FALSE(reader->has_ended());
  reader->read(std::string_view(text).substr(without_last_line(text).size()));
  EXPECT_TRUE(reader->has_ended());
  EXPECT_EQ(reader->conclude(ended(JobEnd::How::Idle)).reason, AgentReason::Done);
}

TEST(StreamReader, OneThatHangsBeforeItIsIdle) {
  EXPECT_EQ(read("claude-code", without_last_line(stream("claude-done")), ended(JobEnd::How::Idle))
                .reason,
            AgentReason::Idle);
  EXPECT_EQ(read("command", "", ended(JobEnd::How::Idle)).reason, AgentReason::Idle);
}

TEST(StreamReader, FiguresThatAreMissingOrImpossibleAreAbsent) {
  const std::string line =
      R"({"type":"result","subtype":"success","is_error":false,"num_turns":"two",)"
      R"("total_cost_usd":-1,"modelUsage":{"m":{"inputTokens":1e300}},"session_id":5})"
      "\n";
  const AgentOutcome outcome = read("claude-code", line, exited(0));
  EXPECT_EQ(outcome.reason, AgentReason::Done);
  EXPECT_EQ(outcome.turns, std::nullopt);
  EXPECT_EQ(outcome.cost, std::nullopt);
  EXPECT_EQ(outcome.input_tokens, std::nullopt);
  EXPECT_EQ(outcome.session, "");
}

TEST(StreamReader, TextsAreBoundedAndNotCutInsideOfACharacter) {
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    text += "\xC3\xA4";
  }
  const std::string line = R"({"type":"turn.failed","error":{"message":")" + text + "\"}}\n" +
                           R"({"type":"item.completed","item":{"type":"agent_message",)" +
                           R"("text":"x)" + text + "\"}}\n";
  const AgentOutcome outcome = read("codex", line, exited(1));
  ASSERT_EQ(outcome.errors.size(), 1U);
  EXPECT_EQ(outcome.errors[0].size(), 1024U);
  EXPECT_EQ(outcome.claim.size(), 4096U);
  EXPECT_EQ(outcome.claim.substr(0, 2), "\xC3\xA4");
}

TEST(StreamReader, AnAgentWithoutAStreamIsJudgedByItsExitStatus) {
  EXPECT_EQ(read("command", "{\"type\":\"result\"}\nwords\n", exited(0)).reason, AgentReason::Done);
  EXPECT_EQ(read("command", "", exited(1)).reason, AgentReason::Crash);
  EXPECT_EQ(read("command", "", ended(JobEnd::How::Signalled)).reason, AgentReason::Crash);
}

TEST(StreamReader, ARateLimitTellsWhenItIsOver) {
  const std::string line =
      R"({"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1795300000,)"
      R"("rateLimitType":"five_hour"}})"
      "\n";
  const AgentOutcome outcome = read("claude-code", line + stream("claude-429"), exited(1));
  EXPECT_EQ(outcome.reason, AgentReason::RateWindow);
  EXPECT_EQ(outcome.resets_at_s, 1'795'300'000);
}

}  // namespace
}  // namespace runner
