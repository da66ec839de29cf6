// Job::permissions: what stands before a job's programs.

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "tests/engine/contract.h"

namespace runner::contract {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Nothing stands before the machine's own programs.
#define NEEDS_PERMISSIONS()                        \
  if (!engine().traits().isolates) {               \
    GTEST_SKIP() << "the engine isolates nothing"; \
  }

/// The job with its probe's arguments, which finds the probe as `tool` in its PATH.
Job as_tool(Job job, const std::string& folder, const dsl::Permissions& permissions) {
  const std::filesystem::path workspace(job.workspace.directory);
  std::filesystem::copy_file(
      PIPE_CONTRACT_PROBE, workspace / "tool", std::filesystem::copy_options::skip_existing);
  job.argv[0] = "tool";
  job.env = {{"PATH", folder}};
  job.permissions = permissions;
  return job;
}

std::string text_in(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST_P(EngineContract, DeniesAnOperationWithTheMessageAndTellsOfIt) {
  NEEDS_PERMISSIONS();
  const Job job = as_tool(
      probe_job({"args", "one", "two"}), inside("."), {{}, {"tool args"}, "Ask Ada.\nShe knows."});
  const JobEnd end = run(job);
  EXPECT_EQ(text_of(end), "exit 126");
  EXPECT_THAT(log_of(job), HasSubstr("denied: this task may not run 'tool'"));
  EXPECT_THAT(log_of(job), HasSubstr("Ask Ada.\nShe knows.\n"));
  EXPECT_THAT(end.denials, ElementsAre(JobEnd::Denial{"tool args one two", "tool args"}));
}

TEST_P(EngineContract, DeniesNothingElseOfAProgram) {
  NEEDS_PERMISSIONS();
  const Job job =
      as_tool(probe_job({"args", "one", "", "t wo"}), inside("."), {{}, {"tool exit"}, ""});
  const JobEnd end = run(job);
  EXPECT_EQ(text_of(end), "exit 0");
  EXPECT_EQ(log_of(job), "[one]\n[]\n[t wo]\n");
  EXPECT_THAT(end.denials, IsEmpty());
}

TEST_P(EngineContract, AllowsAProgramOneThingOnly) {
  NEEDS_PERMISSIONS();
  const dsl::Permissions permissions{{"tool args"}, {}, ""};
  EXPECT_EQ(text_of(run(as_tool(probe_job({"args"}), inside("."), permissions))), "exit 0");
  const JobEnd end = run(as_tool(probe_job({"exit", "0"}), inside("."), permissions));
  EXPECT_EQ(text_of(end), "exit 126");
  EXPECT_THAT(end.denials, ElementsAre(JobEnd::Denial{"tool exit 0", ""}));
}

TEST_P(EngineContract, DeniesAFileWithoutChangingIt) {
  NEEDS_PERMISSIONS();
  std::ofstream(outside("release")) << text_in(PIPE_CONTRACT_PROBE);
  std::filesystem::permissions(outside("release"), std::filesystem::perms(0755));
  Job job = as_tool(probe_job({}), inside("."), {{}, {"./release"}, "People release."});
  job.argv = {inside("release"), "exit", "0"};
  job.denied_files = {"release"};
  const JobEnd end = run(job);
  EXPECT_EQ(text_of(end), "exit 126");
  EXPECT_THAT(log_of(job), HasSubstr("People release.\n"));
  EXPECT_THAT(end.denials, ElementsAre(JobEnd::Denial{"./release exit 0", "./release"}));
  EXPECT_EQ(text_in(outside("release")), text_in(PIPE_CONTRACT_PROBE));
}

TEST_P(EngineContract, LetsNoJobChangeItsPermissions) {
  NEEDS_PERMISSIONS();
  for (const char* const path : {"/.pipe-permissions/rules", "/.pipe-permissions/bin/tool"}) {
    const Job job = as_tool(probe_job({"write", path, "x"}), inside("."), {{}, {"tool exit"}, ""});
    EXPECT_NE(text_of(run(job)), "exit 0") << path;
  }
  EXPECT_EQ(text_of(run(as_tool(probe_job({"exit", "0"}), inside("."), {{}, {"tool exit"}, ""}))),
            "exit 126");
}

}  // namespace
}  // namespace runner::contract
