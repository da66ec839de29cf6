// What a job sees and may do.

#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include "runner/engine/init_program.h"
#include "runner/init/protocol.h"
#include "tests/engine/contract.h"

namespace runner::contract {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

TEST_P(EngineContract, ReadsNothingFromStandardInput) {
  const Job job = probe_job({"stdin"});
  EXPECT_EQ(text_of(run(job)), "exit 0");
  EXPECT_EQ(log_of(job), "read 0\n");
}

/// As the probe prints them.
std::string lines_of(const Variables& env) {
  std::string lines;
  for (const auto& [name, value] : env) {
    lines += name + "=" + value + "\n";
  }
  return lines;
}

TEST_P(EngineContract, HasExactlyTheDeclaredEnvironmentAboveItsImages) {
  Job job = probe_job({"env"});
  job.env = {{"PATH", "/sbin"}, {"B", "two words"}, {"A", ""}, {"LD_PRELOAD", ""}};
  EXPECT_EQ(text_of(run(job)), "exit 0");
  EXPECT_EQ(log_of(job), lines_of(layered(GetParam().image_env, job.env)));
}

TEST_P(EngineContract, HasDefaultsBelowItsImagesEnvironmentAndItsOwn) {
  Job job = probe_job({"env"});
  job.default_env = {{"PATH", "/no/such"}, {"LANG", "C.UTF-8"}, {"A", "default"}};
  job.env = {{"A", "own"}};
  EXPECT_EQ(text_of(run(job)), "exit 0");
  EXPECT_EQ(log_of(job),
            lines_of(layered(layered(job.default_env, GetParam().image_env), job.env)));
}

TEST_P(EngineContract, TakesAnEnvironmentLargerThanAPipe) {
  Job job = probe_job({"env"});
  const std::string large(100'000, 'v');
  job.env = {{"ONE", large}, {"TWO", large}, {"THREE", large}};
  EXPECT_EQ(text_of(run(job)), "exit 0");
  EXPECT_EQ(log_of(job), lines_of(layered(GetParam().image_env, job.env)));
}

TEST_P(EngineContract, PassesArgumentsAsTheyAre) {
  const Job job =
      probe_job({"args", "", " a  b ", "new\nline", "'\"$(id)`*", "--", "ä€😀", "\x1b["});
  EXPECT_EQ(text_of(run(job)), "exit 0");
  EXPECT_EQ(log_of(job), "[]\n[ a  b ]\n[new\nline]\n['\"$(id)`*]\n[--]\n[ä€😀]\n[\x1b[]\n");
}

TEST_P(EngineContract, RunsInItsWorkingDirectoryInASessionOfItsOwn) {
  ASSERT_EQ(mkdir(outside("deep er").c_str(), 0755), 0);
  Job job = probe_job({"whereami"});
  job.working_directory = inside("deep er");
  EXPECT_EQ(text_of(run(job)), "exit 0");
  EXPECT_THAT(log_of(job), HasSubstr("cwd " + inside("deep er") + "\n"));
  EXPECT_THAT(log_of(job), HasSubstr("session 1\n"));
}

TEST_P(EngineContract, LeavesFilesThatBelongToTheCallingUser) {
  EXPECT_EQ(text_of(run_probe({"write", inside("made by job"), "hello"})), "exit 0");
  struct stat status {};
  ASSERT_EQ(stat(outside("made by job").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, geteuid());
  EXPECT_EQ(status.st_gid, getegid());
  EXPECT_EQ(status.st_mode & 0777, 0644u);
}

TEST_P(EngineContract, ReadsFilesOfTheWorkspaceWhateverTheirNames) {
  const std::string name = "od d\n\"name'$(x),:\\;\t*.txt";
  std::ofstream(outside(name)) << "content";
  const Job job = probe_job({"read", inside(name)});
  EXPECT_EQ(text_of(run(job)), "exit 0");
  EXPECT_EQ(log_of(job), "content");
}

TEST_P(EngineContract, CannotWriteAReadOnlyWorkspace) {
  if (!engine().traits().isolates) {
    GTEST_SKIP() << "the engine does not isolate";
  }
  std::ofstream(outside("input")) << "given";
  Job job = probe_job({"write", inside("input"), "changed"});
  job.workspace.read_only = true;
  EXPECT_EQ(text_of(run(job)), "exit 1");
  EXPECT_EQ(log_of(job), "Read-only file system\n");
}

TEST_P(EngineContract, SeesMountsReadOnlyUnlessAsked) {
  if (!engine().traits().own_paths) {
    GTEST_SKIP() << "the engine shows nothing at other paths";
  }
  const TemporaryFolder shared;
  std::ofstream(shared / "note") << "given";
  Job job = probe_job({"read", "/mounted/at/note"});
  job.mounts.push_back({shared.path(), "/mounted/at", true});
  EXPECT_EQ(text_of(run(job)), "exit 0");
  EXPECT_EQ(log_of(job), "given");

  Job writer = probe_job({"write", "/mounted/at/note", "changed"});
  writer.mounts = job.mounts;
  EXPECT_EQ(text_of(run(writer)), "exit 1");
  EXPECT_EQ(log_of(writer), "Read-only file system\n");

  Job allowed = probe_job({"write", "/mounted/at/note", "changed"});
  allowed.mounts = job.mounts;
  allowed.mounts.back().read_only = false;
  EXPECT_EQ(text_of(run(allowed)), "exit 0");
  std::string text;
  std::ifstream(shared / "note") >> text;
  EXPECT_EQ(text, "changed");
}

TEST_P(EngineContract, HasATmpThatNobodyElseSees) {
  if (!engine().traits().isolates) {
    GTEST_SKIP() << "the engine does not isolate";
  }
  EXPECT_EQ(text_of(run_probe({"write", "/tmp/secret", "mine"})), "exit 0");
  EXPECT_EQ(text_of(run_probe({"read", "/tmp/secret"})), "exit 1");
  EXPECT_NE(access("/tmp/secret", F_OK), 0);
}

TEST_P(EngineContract, HasSecretFilesInItsOwnMemory) {
  if (!engine().traits().isolates) {
    GTEST_SKIP() << "the engine does not isolate";
  }
  const std::string path = std::string(init::kSecretFolder) + "/KEY";
  Job job = probe_job({"read", path});
  job.secret_files = {{"KEY", "value\nof two lines"}, {"OTHER", ""}};
  EXPECT_EQ(text_of(run(job)), "exit 0");
  EXPECT_EQ(log_of(job), "value\nof two lines");
  EXPECT_EQ(text_of(run_probe({"read", path})), "exit 1");  // gone with its job
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  Job shown = probe_job({"env"});
  shown.secret_files = {{"KEY", "value"}};
  EXPECT_EQ(text_of(run(shown)), "exit 0");
  EXPECT_THAT(log_of(shown), HasSubstr("KEY=" + path + "\n"));
}

TEST_P(EngineContract, MayDoNothingThatReachesOutOfItsContainer) {
  if (!engine().traits().isolates) {
    GTEST_SKIP() << "the engine does not isolate";
  }
  const Job job = probe_job({"forbidden"});
  EXPECT_EQ(text_of(run(job)), "exit 0");
  EXPECT_THAT(log_of(job), Not(HasSubstr(": ok\n")));
}

TEST_P(EngineContract, MayChangeNothingOfTheKernels) {
  if (!engine().traits().isolates) {
    GTEST_SKIP() << "the engine does not isolate";
  }
  for (const char* const folder : {"/proc", "/sys"}) {
    const Job job = probe_job({"kernel-files", folder});
    EXPECT_EQ(text_of(run(job)), "exit 0");
    EXPECT_EQ(log_of(job).substr(0, 500), "") << "can be opened for writing";
  }
}

TEST_P(EngineContract, WorksOnAnOverlayAndLeavesItsLowerFoldersAlone) {
  if (!engine().traits().overlays) {
    GTEST_SKIP() << "the engine takes no overlays";
  }
  const TemporaryFolder folder;
  for (const char* const name : {"target", "top, with: odd", "bottom", "upper", "work"}) {
    ASSERT_EQ(mkdir((folder / name).c_str(), 0755), 0);
  }
  std::ofstream(folder / "top, with: odd" + "/both") << "top";
  std::ofstream(folder / "bottom" + "/both") << "bottom";
  std::ofstream(folder / "bottom" + "/below") << "deep";
  const auto overlay = [&](Job job) {
    job.workspace.directory = folder / "target";
    job.workspace.lower = {folder / "top, with: odd", folder / "bottom"};
    job.workspace.upper = folder / "upper";
    job.workspace.work = folder / "work";
    return job;
  };
  const Job both = overlay(probe_job({"read", "/workspace/both"}));
  EXPECT_EQ(text_of(run(both)), "exit 0") << log_of(both);
  EXPECT_EQ(log_of(both), "top");
  EXPECT_EQ(text_of(run(overlay(probe_job({"write", "/workspace/below", "new"})))), "exit 0");

  const auto content = [](const std::string& path) {
    std::ifstream in(path);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  EXPECT_EQ(content(folder / "bottom" + "/below"), "deep");
  EXPECT_EQ(content(folder / "upper" + "/below"), "new");
  EXPECT_NE(access((folder / "target" + "/below").c_str(), F_OK), 0);  // not mounted out here

  Job reader = overlay(probe_job({"write", "/workspace/below", "x"}));
  reader.workspace.read_only = true;
  EXPECT_EQ(text_of(run(reader)), "exit 1");
  EXPECT_EQ(log_of(reader), "Read-only file system\n");
}

TEST_P(EngineContract, RunsManyJobsAtOnce) {
  std::vector<Job> jobs;
  const Lifeline lifeline(outside("lifeline"));
  for (int i = 0; i < 50; ++i) {
    Job job = probe_job({"linger", inside("lifeline"), "stay"});
    jobs.push_back(job);
    start(job);
  }
  for (const Job& job : jobs) {
    wait_for_log(job, "lingering");
  }
  for (const Job& job : jobs) {
    engine().stop(job.name, {0});
  }
  for (const Job& job : jobs) {
    EXPECT_EQ(text_of(wait_for_end(job.name)), "stopped");
  }
  EXPECT_FALSE(lifeline.is_held());
}

TEST_P(EngineContract, TakesAnyOfItsUsers) {
  for (const std::string user : {"", "host", "root"}) {
    JobNeeds needs;
    needs.image = GetParam().image();
    needs.user = user;
    if (!engine().unsupported(needs).empty()) {
      continue;
    }
    Job job = probe_job({"write", inside("by " + user), "hello"});
    job.user = user;
    EXPECT_EQ(text_of(run(job)), "exit 0") << user << ": " << log_of(job);
    struct stat status {};
    ASSERT_EQ(stat(outside("by " + user).c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, geteuid()) << user;

    Job who = probe_job({"whereami"});
    who.user = user;
    EXPECT_EQ(text_of(run(who)), "exit 0");
    if (user == "root") {
      EXPECT_THAT(log_of(who), HasSubstr("uid 0\n"));
    }
    if (user == "host") {
      EXPECT_THAT(log_of(who), HasSubstr("uid " + std::to_string(geteuid()) + "\n"));
    }
  }
}

}  // namespace
}  // namespace runner::contract
