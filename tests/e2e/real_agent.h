#pragma once

// The real programs of the agents in real containers, with a project of their own: the examples'
// pipelines in a repository. What differs from the examples is the image alone: scripts/test-images
// makes one with all of them.

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json_fwd.hpp>

#include "tests/e2e/pipe_command.h"

namespace e2e {

struct AgentCase {
  const char* name;
  const char* example;
  const char* step;   // of stdlib/agent
  const char* shell;  // a call of its tool for commands, as a script has it; "$" is the command
  Engine engine;
};

class RealAgent : public testing::TestWithParam<AgentCase> {
 protected:
  void SetUp() override;

  [[nodiscard]] std::string folder() const { return folder_.path().string(); }
  [[nodiscard]] std::string pipeline() const { return GetParam().example + std::string(".yaml"); }
  [[nodiscard]] std::string script() const {
    return GetParam().example + std::string(".rehearsal.yaml");
  }
  [[nodiscard]] std::string branch_of(const std::string& run) const {
    return std::string("pipe/") + GetParam().example + "/" + run;
  }

  /// `pipe rehearse` of the example, as the run `name`.
  [[nodiscard]] Start rehearsal(const std::string& name, std::vector<std::string> more = {}) const;
  [[nodiscard]] Ended rehearse(std::vector<std::string> more = {}) const {
    return run(rehearsal("once", std::move(more)));
  }
  /// Once, in a file of the project.
  void change(const std::string& file, const std::string& from, const std::string& to) const;
  /// A call of the agent's tool for commands.
  [[nodiscard]] std::string call_of(const std::string& command) const;
  /// What the agent said of itself, attempt by attempt.
  [[nodiscard]] std::vector<nlohmann::json> outcomes_of(const std::string& run) const;

  TempFolder folder_;
  User user_;
};

/// What is the same in every engine: in the sandbox alone.
class RealAgentInSandbox : public RealAgent {};

/// What pipe does and no agent: with the one that starts the fastest, in the sandbox alone.
class AnyRealAgent : public RealAgent {};

}  // namespace e2e
