#pragma once

// The contract of runner/run/engine.h as one suite that every engine has to pass. An engine joins
// with one INSTANTIATE_TEST_SUITE_P over a ContractEngine (contract_sandbox.cpp is an example).
//
// An engine that is not there is one skipped test, `ContractPresence`, that says why; where the
// environment variable PIPE_REQUIRE_ENGINES names it ("sandbox,host,docker,podman"), a failure.

#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dsl/result.h"
#include "runner/engine/options.h"
#include "runner/run/engine.h"
#include "runner/sys/event_loop.h"

namespace runner::contract {

struct ContractEngine {
  std::string name;  // "sandbox"
  /// An Error where the engine cannot be used on this machine.
  std::function<dsl::Result<std::unique_ptr<Engine>>(EventLoop&, const EngineOptions&)> make;
  /// What jobs run in; any Linux root will do, nothing of it is used.
  std::function<dsl::Image()> image = [] { return dsl::Image{}; };
  Variables image_env = {};  // what that image declares
  int parallel = 8;          // how many jobs the suite starts at once where it needs many
};

inline void PrintTo(const ContractEngine& engine, std::ostream* out) {
  *out << engine.name;
}
inline std::string name_of(const testing::TestParamInfo<ContractEngine>& info) {
  return info.param.name;
}

/// Whether PIPE_REQUIRE_ENGINES names it.
bool is_required(const std::string& engine);

/// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// A FIFO by which one sees, without asking the process table, whether anybody lives who opened it
/// for writing (`contract-probe linger`).
class Lifeline {
 public:
  explicit Lifeline(std::string path);
  Lifeline(const Lifeline&) = delete;
  Lifeline& operator=(const Lifeline&) = delete;
  ~Lifeline();
  [[nodiscard]] bool is_held() const;

 private:
  int fd_;
};

class EngineContract : public testing::TestWithParam<ContractEngine> {
 protected:
  void SetUp() override;

  Engine& engine() { return *engine_; }
  EventLoop& loop() { return *loop_; }

  /// A job of its own name that runs the probe with these arguments in `workspace`.
  Job probe_job(const std::vector<std::string>& arguments);
  /// The probe's path as a job sees it.
  [[nodiscard]] std::string probe() const;
  /// A path beneath the workspace as a job sees it.
  [[nodiscard]] std::string inside(const std::string& name) const;
  /// A path beneath the workspace as the test sees it.
  [[nodiscard]] std::string outside(const std::string& name) const { return workspace_ / name; }
  static const std::string& state_dir();

  /// Starts it; the end is found in `ends` when `wait_for_end` has returned.
  void start(const Job& job);
  JobEnd wait_for_end(const JobName& job);
  JobEnd run(const Job& job);
  JobEnd run_probe(const std::vector<std::string>& arguments) { return run(probe_job(arguments)); }
  /// Starts all, at most ContractEngine::parallel at once, and waits for all ends, in order.
  std::vector<JobEnd> run_all(const std::vector<Job>& jobs);

  /// Lets the loop run until the log holds the text; fails the test at the deadline.
  void wait_for_log(const Job& job, const std::string& text);
  static std::string log_of(const Job& job);

  dsl::Status open_network(const std::string& network);
  dsl::Status remove_leftovers(const dsl::RunId& run);

  /// Makes an engine of the tested kind, for a second runner.
  std::unique_ptr<Engine> make_engine(EventLoop& loop) const;

  static const dsl::RunId kRun;

 private:
  [[nodiscard]] EngineOptions options() const;

  TemporaryFolder workspace_;
  TemporaryFolder logs_;
  std::unique_ptr<EventLoop> loop_ = std::make_unique<EventLoop>();
  std::unique_ptr<Engine> engine_;
  std::map<JobName, JobEnd> ends_;
  int next_ = 0;
};

/// One test per engine that is skipped with the reason where it is not there.
class ContractPresence : public testing::TestWithParam<ContractEngine> {};

/// "exit 3", "killed by …": what an end says, for comparing in tests.
inline std::string text_of(const JobEnd& end) {
  return to_text(end);
}

}  // namespace runner::contract
