#pragma once

// A whole run without a machine: a plan made by the test, fakes all round, and the events that came
// of it.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runner/run/event_json.h"
#include "runner/run/run_loop.h"
#include "runner/run/scheduler.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_engine.h"
#include "tests/support/fake_secrets.h"
#include "tests/support/fake_trees.h"

namespace runner::test {

class MemoryJournal final : public Journal {
 public:
  explicit MemoryJournal(FakeClock& clock) : clock_(clock) {}

  void append(std::shared_ptr<const std::vector<Event>> events,
              std::function<void(dsl::Status)> done) override {
    dsl::Status written = dsl::Error{"no space left", "free some space"};
    if (appends_left > 0) {
      --appends_left;
      ++transactions;
      for (const Event& event : *events) {
        lines.push_back(event_to_json(event));
      }
      written = dsl::Ok{};
    }
    clock_.after({0}, [done, written] { done(written); });
  }
  std::vector<std::string> lines;
  std::size_t transactions = 0;
  std::size_t appends_left = 1'000'000;

 private:
  FakeClock& clock_;
};

class MemoryFiles final : public JobFiles {
 public:
  std::string log_name(const dsl::NodeId& node, const std::string& part) override {
    return node.value + "." + part + ".log";
  }
  std::string absolute(const std::string& name) override { return name; }
  LogSummary summarise(const std::string& name) override { return {logs[name], "", 0}; }
  dsl::Result<std::string> head(const std::string& name, std::size_t) override {
    return logs[name];
  }
  dsl::Status write(const std::string& path, const std::string& bytes) override {
    written[path] = bytes;
    return dsl::Ok{};
  }
  dsl::Status check_room() override { return room; }
  std::map<std::string, std::string> logs;
  std::map<std::string, std::string> written;
  dsl::Status room = dsl::Ok{};
};

class MemoryCache final : public ResultCache {
 public:
  dsl::Result<std::optional<CachedResult>> lookup(const std::string& key) override {
    const auto found = results.find(key);
    return found == results.end() ? std::nullopt : std::optional(found->second);
  }
  dsl::Status store(const std::string& key,
                    const std::string& name,
                    const CachedResult& result) override {
    results[key] = result;
    names.push_back(name);
    return dsl::Ok{};
  }
  bool knows(const std::string& name) override {
    return std::find(names.begin(), names.end(), name) != names.end();
  }
  std::map<std::string, CachedResult> results;
  std::vector<std::string> names;
};

/// A task node whose command's last word is `word`.
inline dsl::PlanNode task(const std::string& id,
                          std::vector<dsl::NodeIndex> needs,
                          const std::string& word) {
  dsl::PlanNode node;
  node.id = dsl::NodeId(id);
  node.task = id;
  node.phase = "main";
  node.needs = std::move(needs);
  node.command.argv = {
      dsl::Template("/bin/sh"), dsl::Template("-e"), dsl::Template("-c"), dsl::Template(word)};
  return node;
}

inline dsl::PlanNode gate(const std::string& id, std::vector<dsl::NodeIndex> needs) {
  dsl::PlanNode node;
  node.id = dsl::NodeId(id);
  node.kind = dsl::NodeKind::PhaseGate;
  node.phase = id;
  node.needs = std::move(needs);
  return node;
}

inline dsl::Criterion run_criterion(const std::string& text, const std::string& word) {
  dsl::Criterion criterion;
  criterion.text = text;
  dsl::RunCheck check;
  check.command.argv = {
      dsl::Template("/bin/sh"), dsl::Template("-e"), dsl::Template("-c"), dsl::Template(word)};
  criterion.check = check;
  return criterion;
}

class RunHarness {
 public:
  explicit RunHarness(std::vector<dsl::PlanNode> nodes) {
    plan.name = "test";
    plan.nodes = std::move(nodes);
  }

  dsl::Plan plan;
  FakeClock clock;
  FakeEngine engine{clock};
  FakeTrees trees{clock};
  MemoryJournal journal{clock};
  MemoryFiles files;
  MemoryCache cache;
  FakeSecrets secrets;
  Egress* egress = nullptr;  // null: no node has a firewall
  MakeAgentReader agents;
  std::size_t slots = 2;
  bool reuse = true;
  std::optional<RunEnd> end;
  std::unique_ptr<RunState> state;
  std::unique_ptr<RunLoop> loop;

  /// Starts the run and does all that needs no time to pass.
  void start() {
    make_loop();
    RunStarted how;
    how.run = dsl::RunId("calm-otter-0001");
    how.input = trees.add({});
    loop->start(how);
    clock.run_due();
  }

  /// A second runner over the same journal, as after a crash of the first.
  void restart() {
    end.reset();
    loop.reset();
    make_loop();
    for (const std::string& line : journal.lines) {
      const dsl::Result<Event> event = event_from_json(line);
      if (!event || !state->apply(*event)) {
        end = RunEnd{RunEnd::How::Broken, {"replay: " + line, ""}};
        return;
      }
    }
    loop->resume();
    clock.run_due();
  }

  /// What a person says while no loop runs.
  [[nodiscard]] bool record(decltype(Event::what) what) {
    bool written = false;
    loop->record(std::move(what), [&](const dsl::Status& status) { written = bool(status); });
    clock.run_due();
    return written;
  }

  void run_to_end() {
    for (int i = 0; i < 100'000 && !end && !clock.idle(); ++i) {
      clock.advance({1'000});
    }
  }

  [[nodiscard]] const NodeState& node(const std::string& id) const {
    return state->nodes().at(state->find(dsl::NodeId(id)).value());
  }
  [[nodiscard]] std::vector<std::string> started_words() const {
    std::vector<std::string> words;
    for (const Job& job : engine.started) {
      words.push_back(job.argv.back());
    }
    return words;
  }

 private:
  void make_loop() {
    state = std::make_unique<RunState>(plan);
    RunParts parts{trees, journal, clock, files, &cache, {}, {}, {}};
    parts.agents = agents;
    parts.engines.assign(plan.nodes.size(), &engine);
    parts.images.assign(plan.nodes.size(), "sha256:fake");
    parts.secrets = &secrets;
    parts.egress = egress;
    RunLoopOptions options;
    options.slots = slots;
    options.reuse = reuse;
    loop = std::make_unique<RunLoop>(
        *state, std::move(parts), options, [this](RunEnd how) { end = std::move(how); });
  }
};

}  // namespace runner::test
