#pragma once

// What the cases of list A share: an engine to run hostile nodes on, hosts that are made up around
// it, and the table of what became of each case. One case at a time; needs root.

#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/adversarial/yard.h"
#include "tests/e2e/pipe_command.h"

namespace adversarial {

/// How a case came out on one engine ("sandbox"), or where nothing isolates ("no engine").
struct Result {
  std::string part;    // "A21 a FIFO as a declared output"; the number first
  std::string column;  // who was attacked
  std::string how;     // "blocked: …" or "gets through: …"
};

/// For the table that is printed at the end of all tests.
void note(const Result& result);
/// The same for a case that the engine of the test blocked, and how.
void note_blocked(const std::string& part, e2e::Engine engine, const std::string& how);

/// What the attacks print.
struct Line {
  std::string part;
  bool open = false;
  std::string how;
};
std::vector<Line> lines_of(const std::string& text);

/// Every process below this one.
std::vector<pid_t> processes_below(pid_t top);

/// The column of what is done on the machine itself, so that it is known that the attack works.
inline constexpr const char* kNoEngine = "no engine";

class Attacked : public testing::TestWithParam<e2e::Engine> {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;

  /// Where the made-up hosts are known, and every other name is asked of the canary.
  [[nodiscard]] e2e::Start among_hosts(e2e::Start start) const;
  [[nodiscard]] e2e::Start pipe(const std::vector<std::string>& arguments) const;
  /// A shell command on the machine itself, in `folder` ("": the project), with the targets.
  [[nodiscard]] e2e::Ended on_the_machine(const std::string& script,
                                          const std::string& folder = "") const;

  static std::map<std::string, std::string> targets();
  static std::string image();
  [[nodiscard]] std::string engine() const { return e2e::name_of(GetParam()); }

  using Tasks = std::vector<std::pair<std::string, std::string>>;
  /// Tasks under one firewall; each is its lines beneath its name, with a box that is always met.
  void write_pipeline(const Tasks& tasks) const;
  /// The head of a pipeline without a firewall, then `text`.
  void write_plain(const std::string& text) const;
  /// write_plain, and a run of it.
  [[nodiscard]] e2e::Ended run_plain(const std::string& text,
                                     const std::string& name = "one") const;

  [[nodiscard]] std::string log(const std::string& task) const;
  /// `pipe show --json` of the run "one".
  [[nodiscard]] std::string shown() const;

  static std::unique_ptr<Yard> yard_;
  e2e::TempFolder folder_;
  e2e::TempFolder around_;  // what the node does not see
  e2e::User user_;
  std::string hosts_;
  std::string resolver_;
};

/// Sandbox, Docker and Podman, by name.
#define INSTANTIATE_FOR_ENGINES(suite)                                                 \
  INSTANTIATE_TEST_SUITE_P(                                                            \
      Engines,                                                                         \
      suite,                                                                           \
      testing::Values(e2e::Engine::Sandbox, e2e::Engine::Docker, e2e::Engine::Podman), \
      [](const auto& each) { return e2e::name_of(each.param); })

}  // namespace adversarial
