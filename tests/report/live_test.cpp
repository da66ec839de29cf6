#include <deque>
#include <functional>

#include "runner/report/columns.h"
#include "runner/report/console_live.h"
#include "runner/report/console_plain.h"
#include "runner/report/estimate.h"
#include "runner/report/jsonl.h"
#include "runner/report/live_frame.h"
#include "runner/run/event_json.h"
#include "tests/report/story.h"

namespace runner::report {
namespace {

dsl::Plan three_tasks() {
  PlanMaker make;
  make.phase("implement");
  make.task("refresh").criteria = {PlanMaker::criterion("Refreshes")};
  make.task("limits");
  make.task("docs", {0});
  make.gate({1, 2});
  return make.plan();
}

std::string joined(const std::vector<std::string>& frame) {
  std::string text = "\n";
  for (const std::string& line : frame) {
    text += line + "\n";
  }
  return text;
}

LiveView view_at(std::int64_t ms) {
  LiveView view;
  view.now_ms = Story::kStart + ms;
  view.jobs = 2;
  return view;
}

TEST(LiveFrame, ShowsTheBarAndWhatIsUnderWay) {
  Story story(three_tasks());
  story.start().begin("limits").at(1000).run_task("refresh").at(61'000);
  CheckStarted check;
  check.node = dsl::NodeId("refresh");
  story.tell(check);
  const std::unordered_map<std::string, std::string> last = {
      {"limits", "compiling \x1b[32mlimits.c\x1b[0m"}};
  LiveView view = view_at(65'000);
  view.last_lines = &last;
  EXPECT_EQ(joined(live_frame(story.state(), view)), R"(
  implement / limits    1m05s  compiling limits.c
  implement / refresh   1m04s  checking: Refreshes
calm-otter-3f2a  [>                             ]  0/3  1m05s
)");
}

TEST(LiveFrame, TellsRetriesFailuresAndTheTimeLeft) {
  Story story(three_tasks());
  story.start().run_task("limits").at(20'000).finish("limits", Outcome::Failed, "exit 1");
  story.run_task("refresh").at(30'000);
  story.tell(RetryScheduled{dsl::NodeId("refresh"), 1, Story::kStart + 35'000, "exit 1"});
  EXPECT_EQ(joined(live_frame(story.state(), view_at(31'000))), R"(
  implement / refresh   11.0s  tries again in 4.0s  exit 1
calm-otter-3f2a  [==========>                   ]  1/3  1 failed  31.0s
)") << joined(live_frame(story.state(), view_at(31'000)));
}

TEST(LiveFrame, SaysThatTheRunIsBeingStopped) {
  Story story(three_tasks());
  story.start().begin("limits");
  LiveView view = view_at(1000);
  view.stopping = StopHow::InGrace;
  EXPECT_NE(joined(live_frame(story.state(), view)).find("stopping; Ctrl-C again kills at once"),
            std::string::npos);
}

TEST(LiveFrame, NoLineIsWiderAndTheFrameNoHigherThanTheTerminal) {
  PlanMaker make;
  make.phase("main");
  for (int i = 0; i < 50; ++i) {
    make.task("a-task-with-a-rather-long-name-" + std::to_string(i));
  }
  make.gate({0});
  Story story(make.plan());
  story.start(50);
  for (int i = 0; i < 50; ++i) {
    story.begin("a-task-with-a-rather-long-name-" + std::to_string(i));
  }
  for (const std::size_t width : {1U, 10U, 20U, 40U, 79U, 200U}) {
    for (const std::size_t height : {2U, 5U, 24U}) {
      LiveView view = view_at(1000);
      view.width = width;
      view.height = height;
      view.colour = Colour::Always;
      const auto frame = live_frame(story.state(), view);
      EXPECT_LE(frame.size(), std::max<std::size_t>(height, 2));
      for (const std::string& line : frame) {
        EXPECT_LE(columns(line), width) << line;
      }
    }
  }
  LiveView view = view_at(1000);
  view.height = 8;
  EXPECT_NE(joined(live_frame(story.state(), view)).find("and 46 more"), std::string::npos);
}

TEST(Estimate, FollowsTheLongestPathAndTheWork) {
  PlanMaker make;
  make.phase("main");
  make.task("a").expect = dsl::Duration{60'000};
  make.task("b", {0}).expect = dsl::Duration{30'000};
  make.task("c").expect = dsl::Duration{10'000};
  make.gate({1, 2});
  Story story(make.plan());
  story.start();
  EXPECT_EQ(time_left(story.state(), 2, Story::kStart), 90'000);
  EXPECT_EQ(time_left(story.state(), 1, Story::kStart), 100'000);
  story.begin("a");
  EXPECT_EQ(time_left(story.state(), 2, Story::kStart + 20'000), 70'000);
}

TEST(Estimate, GoesByEarlierRunsWhereTheAuthorExpectsNothing) {
  PlanMaker make;
  make.phase("main");
  make.task("a").expect = dsl::Duration{60'000};
  make.task("b", {0});
  make.gate({1});
  Story story(make.plan(), {5'000, 7'000, 0});
  story.start();
  EXPECT_EQ(time_left(story.state(), 2, Story::kStart), 67'000);
}

TEST(Estimate, SaysNothingBeforeAnythingIsKnown) {
  Story story(three_tasks());
  story.start().begin("limits");
  EXPECT_EQ(time_left(story.state(), 2, Story::kStart + 1000), std::nullopt);
  story.at(4000);
  AttemptEnded ended;
  ended.node = dsl::NodeId("limits");
  story.tell(ended).finish("limits");
  EXPECT_EQ(time_left(story.state(), 2, Story::kStart + 4000), 8000);
}

/// Time by hand; `due` runs what waits.
class HandClock final : public Clock {
 public:
  std::int64_t now = 0;
  std::deque<std::function<void()>> waiting;

  std::int64_t monotonic_ms() const override { return now; }
  std::int64_t wall_ms() const override { return Story::kStart + now; }
  void after(dsl::Duration, std::function<void()> then) override {
    waiting.push_back(std::move(then));
  }
  void pass(std::int64_t ms) {
    now += ms;
    for (std::size_t count = waiting.size(); count > 0; --count) {
      const auto then = std::move(waiting.front());
      waiting.pop_front();
      then();
    }
  }
};

struct Screen {
  std::vector<std::string> writes;
  TerminalSize size;
  Sink sink() {
    return [this](std::string_view text) { writes.emplace_back(text); };
  }
  std::function<TerminalSize()> asked() {
    return [this] { return size; };
  }
};

TEST(ConsoleLive, DrawsAtMostOncePerTickHoweverMuchHappens) {
  Story story(three_tasks());
  Screen screen;
  HandClock clock;
  ConsoleLive live(screen.sink(), screen.asked(), clock, Colour::Never);
  story.start();
  live.on_events(story.state(), story.last_event());
  ASSERT_EQ(screen.writes.size(), 1U);
  for (int i = 0; i < 1000; ++i) {
    live.on_line(dsl::NodeId("limits"), "line");
  }
  EXPECT_EQ(screen.writes.size(), 1U);
  clock.pass(100);
  EXPECT_EQ(screen.writes.size(), 2U);
}

TEST(ConsoleLive, GoesOnDrawingOnceASecondWhileNothingHappens) {
  Story story(three_tasks());
  Screen screen;
  HandClock clock;
  ConsoleLive live(screen.sink(), screen.asked(), clock, Colour::Never);
  story.start();
  live.on_events(story.state(), story.last_event());
  for (int i = 0; i < 30; ++i) {
    clock.pass(100);
  }
  EXPECT_EQ(screen.writes.size(), 4U);
  EXPECT_NE(screen.writes.back().find("3.0s"), std::string::npos);
}

TEST(ConsoleLive, ErasesAllRowsThatANarrowedTerminalWrappedTheFrameInto) {
  Story story(three_tasks());
  Screen screen;
  HandClock clock;
  ConsoleLive live(screen.sink(), screen.asked(), clock, Colour::Never);
  story.start().begin("limits");
  live.on_events(story.state(), story.events());
  live.on_line(dsl::NodeId("limits"), std::string(60, 'x'));
  clock.pass(100);  // two lines on the screen, one of 79 columns
  screen.size.columns = 40;
  clock.pass(1000);
  EXPECT_NE(screen.writes.back().find("\x1b[3A\x1b[J"), std::string::npos) << screen.writes.back();
}

TEST(ConsoleLive, KeepsWhatEndedAboveTheFrameAndRemovesTheFrameAtTheEnd) {
  Story story(three_tasks());
  Screen screen;
  HandClock clock;
  {
    ConsoleLive live(screen.sink(), screen.asked(), clock, Colour::Never);
    story.start().run_task("limits").at(2000).finish("limits");
    live.on_events(story.state(), story.events());
    EXPECT_NE(screen.writes.back().find("implement / limits  passed in 2.0s\n"), std::string::npos);
  }
  EXPECT_EQ(screen.writes.back(), "\r\x1b[J");
  clock.pass(100);  // a timer that outlived the display does nothing
  EXPECT_EQ(screen.writes.size(), 2U);
}

TEST(ConsolePlain, SaysEachNotableEventOnALineOfItsOwn) {
  setenv("TZ", "UTC0", 1);
  tzset();
  Story story(three_tasks());
  Screen screen;
  ConsolePlain plain(screen.sink(), Colour::Never);
  story.start().run_task("refresh").at(1500);
  const std::string address = "GET http://localhost:8080/accounts/2/transactions?from=2026-01-01";
  story.check("refresh", 0, Verdict::NotMet, evidence(address, "status 500", 10));
  story.tell(
      RetryScheduled{dsl::NodeId("refresh"), 1, Story::kStart + 3500, "1 of 1 criteria not met"});
  story.at(3500).begin("refresh", 2);
  story.tell(NodeSkipped{dsl::NodeId("docs"), "its if: is false"});
  plain.on_events(story.state(), story.events());
  EXPECT_EQ("\n" + screen.writes.at(0),
            R"(
22:13:20  run calm-otter-3f2a of 'build' started: 3 tasks, 2 at once
22:13:20  implement / refresh  started
22:13:21  implement / refresh  [ ] Refreshes: )" +
                address + R"( … status 500
22:13:21  implement / refresh  tries again in 2.0s: 1 of 1 criteria not met
22:13:23  implement / refresh  started, attempt 2
22:13:23  implement / docs  skipped: its if: is false
)");
}

TEST(ConsolePlain, SaysWhatASecondSignalWouldDo) {
  Screen screen;
  ConsolePlain plain(screen.sink(), Colour::Never);
  plain.on_stopping("SIGINT", StopHow::InGrace);
  plain.on_stopping("SIGINT", StopHow::AtOnce);
  EXPECT_EQ(screen.writes.at(0), "stopping on SIGINT; once more kills what is under way at once\n");
  EXPECT_EQ(screen.writes.at(1), "killing on SIGINT\n");
}

TEST(JsonLinesReport, WritesEveryEventAsALineThatReadsBack) {
  Story story(three_tasks());
  Screen screen;
  JsonLines json(screen.sink());
  story.start().begin("limits");
  json.on_events(story.state(), story.events());
  std::string text = screen.writes.at(0);
  std::size_t count = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    const auto event = event_from_json(text.substr(0, end));
    ASSERT_TRUE(event);
    EXPECT_EQ(event->sequence, story.events()[count].sequence);
    EXPECT_EQ(event->what.index(), story.events()[count].what.index());
    text.erase(0, end + 1);
    ++count;
  }
  EXPECT_EQ(count, story.events().size());
  EXPECT_EQ(text, "");
}

}  // namespace
}  // namespace runner::report
