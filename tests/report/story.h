#pragma once

// A run, told event by event: builds a plan and folds events over it, for tests of what is shown.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runner/run/run_state.h"
#include "runner/run/scheduler.h"

namespace runner {

/// A plan in the making; `gate` closes the current phase.
class PlanMaker {
 public:
  PlanMaker& phase(const std::string& name) {
    plan_.phases.push_back({.name = name, .description = "", .gate = 0, .budget = {}});
    return *this;
  }
  dsl::PlanNode& task(const std::string& id, std::vector<dsl::NodeIndex> needs = {}) {
    dsl::PlanNode& node = add(id, dsl::NodeKind::Task, std::move(needs));
    node.task = id;
    node.command.argv = {dsl::Template("/bin/sh"), dsl::Template("-c"), dsl::Template("true")};
    return node;
  }
  dsl::PlanNode& gate(std::vector<dsl::NodeIndex> needs) {
    plan_.phases.back().gate = plan_.nodes.size();
    return add(plan_.phases.back().name, dsl::NodeKind::PhaseGate, std::move(needs));
  }
  static dsl::Criterion criterion(const std::string& text) {
    dsl::Criterion made;
    made.text = text;
    made.check = dsl::RunCheck{};
    return made;
  }
  dsl::Plan plan() const {
    dsl::Plan made = plan_;
    made.name = "build";
    return made;
  }

 private:
  dsl::PlanNode& add(const std::string& id, dsl::NodeKind kind, std::vector<dsl::NodeIndex> needs) {
    dsl::PlanNode node;
    node.id = dsl::NodeId(id);
    node.kind = kind;
    node.phase = plan_.phases.back().name;
    node.needs = std::move(needs);
    plan_.nodes.push_back(std::move(node));
    return plan_.nodes.back();
  }
  dsl::Plan plan_;
};

/// The fold of events told so far; `at` moves the clock, in milliseconds since the start of the
/// run.
class Story {
 public:
  static constexpr std::int64_t kStart = 1'700'000'000'000;

  explicit Story(dsl::Plan plan, const std::vector<std::int64_t>& usual_ms = {})
      : plan_(std::make_unique<dsl::Plan>(std::move(plan))), state_(*plan_, usual_ms) {}

  Story& at(std::int64_t ms) {
    now_ = kStart + ms;
    return *this;
  }
  Story& tell(decltype(Event::what) what) {
    Event event;
    event.sequence = state_.sequence() + 1;
    event.at_ms = now_;
    event.what = std::move(what);
    const dsl::Status told = state_.apply(event);
    EXPECT_TRUE(told) << (told ? "" : told.error().message);
    events_.push_back(std::move(event));
    return *this;
  }
  Story& start(std::int64_t jobs = 2) {
    RunStarted started;
    started.run = dsl::RunId("calm-otter-3f2a");
    started.pipeline = plan_->name;
    started.jobs = jobs;
    return tell(started);
  }
  Story& run_task(const std::string& id, JobEnd end = {}, const std::string& excerpt = "") {
    begin(id);
    AttemptEnded ended;
    ended.node = dsl::NodeId(id);
    ended.end = std::move(end);
    ended.excerpt = excerpt;
    ended.log = "logs/" + id + "-1.log";
    return tell(ended);
  }
  Story& begin(const std::string& id, std::int64_t attempt = 1) {
    if (attempt == 1) {
      InputReady ready;
      ready.node = dsl::NodeId(id);
      tell(ready);
    }
    AttemptStarted started;
    started.node = dsl::NodeId(id);
    started.attempt = attempt;
    return tell(started);
  }
  Story& check(const std::string& id, std::int64_t criterion, Verdict verdict, Evidence evidence) {
    CheckStarted started;
    started.node = dsl::NodeId(id);
    started.criterion = criterion;
    tell(started);
    CheckEnded ended;
    ended.node = dsl::NodeId(id);
    ended.criterion = criterion;
    ended.verdict = verdict;
    ended.evidence = std::move(evidence);
    return tell(ended);
  }
  Story& finish(const std::string& id,
                Outcome outcome = Outcome::Passed,
                const std::string& reason = "") {
    return tell(NodeFinished{dsl::NodeId(id), outcome, reason, {}});
  }

  const RunState& state() const { return state_; }
  const std::vector<Event>& events() const { return events_; }
  std::vector<Event> last_event() const { return {events_.back()}; }

 private:
  std::unique_ptr<dsl::Plan> plan_;
  RunState state_;
  std::int64_t now_ = kStart;
  std::vector<Event> events_;
};

inline Evidence evidence(const std::string& what, const std::string& result, std::int64_t took_ms) {
  Evidence made;
  made.what = what;
  made.result = result;
  made.took = dsl::Duration{took_ms};
  return made;
}

}  // namespace runner
