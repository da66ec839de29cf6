#include "runner/engine/cgroup.h"

#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/sys/files.h"

namespace runner {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// A folder that looks like cgroup file systems. What the kernel would put into a new cgroup is not
/// there: `make_settings` does that, as the job's folder appears.
class CgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = (fs::temp_directory_path() / "pipe-cgroup-XXXXXX").string();
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    folder_ = path;
    options_.state_dir = (folder_ / "state").string();
    options_.cgroup_root = (folder_ / "fs").string();
    options_.own_cgroups = (folder_ / "own").string();
  }
  void TearDown() override { EXPECT_TRUE(files::remove_tree(folder_.string())); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path) << text;
  }
  std::string read(const std::string& path) {
    std::ifstream in(folder_ / path);
    std::string text;
    std::getline(in, text);
    return text;
  }

  static dsl::Resources all_limits() {
    dsl::Resources limits;
    limits.memory = dsl::Bytes{64 << 20};
    limits.pids = 100;
    limits.cpus = dsl::Cpus{1500};
    return limits;
  }

  const JobName kJob{"pipe-calm-otter-3f2a-0123456789ab-1"};
  fs::path folder_;
  EngineOptions options_;
};

TEST_F(CgroupTest, NoLimitAskedForIsNoCgroup) {
  Cgroups cgroups(options_);
  EXPECT_THAT(cgroups.unsupported({}), IsEmpty());
  const auto made = cgroups.make(kJob, {}, 2);
  ASSERT_TRUE(made);
  EXPECT_THAT(made->folders(), IsEmpty());
}

TEST_F(CgroupTest, SetsTheLimitsOfVersionOneEachInItsHierarchy) {
  write("own", "4:memory:/user/x\n3:pids:/\n2:cpu,cpuacct:/gone\n1:name=systemd:/\n0::/\n");
  const std::string job = kJob.value;
  for (const std::string& folder : {"fs/memory/user/x/" + job, "fs/pids/" + job, "fs/cpu/" + job}) {
    for (const char* const name : {"memory.limit_in_bytes",
                                   "memory.memsw.limit_in_bytes",
                                   "pids.max",
                                   "cpu.cfs_period_us",
                                   "cpu.cfs_quota_us"}) {
      write(folder + "/" + name, "");
    }
  }
  Cgroups cgroups(options_);
  EXPECT_THAT(cgroups.unsupported(all_limits()), IsEmpty());
  const auto made = cgroups.make(kJob, all_limits(), 2);
  ASSERT_TRUE(made) << made.error().message;
  const std::string root = (folder_ / "fs").string();
  EXPECT_THAT(
      made->folders(),
      ElementsAre(root + "/memory/user/x/" + job, root + "/pids/" + job, root + "/cpu/" + job));
  EXPECT_EQ(read("fs/memory/user/x/" + job + "/memory.limit_in_bytes"), "67108864");
  EXPECT_EQ(read("fs/memory/user/x/" + job + "/memory.memsw.limit_in_bytes"), "67108864");
  EXPECT_EQ(read("fs/pids/" + job + "/pids.max"), "102");
  EXPECT_EQ(read("fs/cpu/" + job + "/cpu.cfs_quota_us"), "150000");
}

TEST_F(CgroupTest, KnowsItsOwnFromThoseOfOtherStores) {
  write("own", "3:pids:/\n");
  write("fs/pids/x", "");
  fs::create_directories(folder_ / "fs/pids" / (kJob.value + ".theirs"));
  fs::create_directories(folder_ / "fs/pids" / (kJob.value + ".ours"));
  options_.store_id = "ours";
  write("fs/pids/" + kJob.value + ".ours/pids.max", "");
  dsl::Resources wanted;
  wanted.pids = 5;
  Cgroups cgroups(options_);
  const auto made = cgroups.make(kJob, wanted, 0);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(made->folders(),
              ElementsAre((folder_ / "fs/pids" / (kJob.value + ".ours")).string()));
  // A real one goes as an empty folder does.
  fs::remove(folder_ / "fs/pids" / (kJob.value + ".ours") / "pids.max");
  EXPECT_TRUE(cgroups.remove_leftovers(dsl::RunId()));
  EXPECT_FALSE(fs::exists(folder_ / "fs/pids" / (kJob.value + ".ours")));
  EXPECT_TRUE(fs::exists(folder_ / "fs/pids" / (kJob.value + ".theirs")));
}

TEST_F(CgroupTest, SetsTheLimitsOfVersionTwoInADelegatedCgroup) {
  write("own", "0::/user.slice/pipe.scope\n");
  write("fs/cgroup.controllers", "cpu memory pids\n");
  const std::string scope = "fs/user.slice/pipe.scope";
  write(scope + "/cgroup.controllers", "cpu memory pids\n");
  write(scope + "/cgroup.subtree_control", "");
  write(scope + "/cgroup.procs", std::to_string(getpid()) + "\n");
  write(scope + "/pipe-runner/cgroup.procs", "");
  const std::string job = scope + "/" + kJob.value;
  for (const char* const name : {"memory.max", "memory.swap.max", "pids.max", "cpu.max"}) {
    write(job + "/" + name, "");
  }
  Cgroups cgroups(options_);
  EXPECT_THAT(cgroups.unsupported(all_limits()), IsEmpty());
  EXPECT_EQ(read(scope + "/pipe-runner/cgroup.procs"), "") << "moved before it was needed";
  const auto made = cgroups.make(kJob, all_limits(), 2);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(made->folders(), ElementsAre((folder_ / job).string()));
  EXPECT_EQ(read(scope + "/pipe-runner/cgroup.procs"), "0");
  EXPECT_EQ(read(job + "/memory.max"), "67108864");
  EXPECT_EQ(read(job + "/memory.swap.max"), "0");
  EXPECT_EQ(read(job + "/pids.max"), "102");
  EXPECT_EQ(read(job + "/cpu.max"), "150000 100000");
}

TEST_F(CgroupTest, RefusesWhatOthersShareOrNobodyDelegated) {
  write("own", "0::/user.slice/session.scope\n");
  write("fs/cgroup.controllers", "cpu memory pids\n");
  write("fs/cgroup.type", "domain\n");
  write("fs/user.slice/session.scope/cgroup.controllers", "memory pids\n");
  write("fs/user.slice/session.scope/cgroup.subtree_control", "");
  write("fs/user.slice/session.scope/cgroup.procs", "1\n" + std::to_string(getpid()) + "\n");
  Cgroups cgroups(options_);
  const auto errors = cgroups.unsupported(all_limits());
  ASSERT_THAT(errors, SizeIs(3));
  EXPECT_EQ(errors[0].message,
            "a limit of memory cannot be enforced: the cgroup controller 'memory' is not ours to "
            "use");
  EXPECT_THAT(errors[0].remedy, HasSubstr("systemd-run --user --scope -p Delegate=yes"));
  EXPECT_THAT(errors[2].remedy, HasSubstr("leave out `cpus`"));
  EXPECT_FALSE(cgroups.make(kJob, all_limits(), 2));
}

TEST_F(CgroupTest, TellsOfMemoryThatRanOutInBothVersions) {
  const std::vector<std::pair<std::string, std::string>> kernels = {
      {"memory.events", "low 0\noom 1\noom_kill 1\n"},
      {"memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"}};
  for (const auto& [file, text] : kernels) {
    write("own", "4:memory:/\n");
    const std::string job = "fs/memory/" + kJob.value;
    write(job + "/memory.limit_in_bytes", "");
    write(job + "/memory.max_usage_in_bytes", "60000000\n");
    write(job + "/" + file, text);
    Cgroups cgroups(options_);
    dsl::Resources limits;
    limits.memory = dsl::Bytes{64 << 20};
    const auto made = cgroups.make(kJob, limits, 0);
    ASSERT_TRUE(made) << made.error().message;

    JobEnd killed;
    killed.how = JobEnd::How::Signalled;
    killed.code = 9;
    made->conclude(killed);
    EXPECT_EQ(killed.how, JobEnd::How::OutOfMemory);
    EXPECT_EQ(killed.peak_memory, dsl::Bytes{60'000'000});

    JobEnd fine;  // one of its children was killed, and it coped
    made->conclude(fine);
    EXPECT_EQ(fine.how, JobEnd::How::Exited);

    JobEnd late;
    late.how = JobEnd::How::TimedOut;
    made->conclude(late);
    EXPECT_EQ(late.how, JobEnd::How::TimedOut);
    fs::remove_all(folder_ / job);
  }
}

TEST_F(CgroupTest, RemovesTheCgroupsOfADeadRunFromWhereverTheyWere) {
  const std::string mine = "fs/elsewhere/" + kJob.value;
  const std::string other = "fs/elsewhere/pipe-other-run-0000-0123456789ab-1";
  fs::create_directories(folder_ / mine);
  fs::create_directories(folder_ / other);
  write("state/engine/cgroups", "/no/longer/there\n" + (folder_ / "fs/elsewhere").string() + "\n");
  const Cgroups cgroups(options_);
  EXPECT_TRUE(cgroups.remove_leftovers(dsl::RunId("calm-otter-3f2a")));
  EXPECT_FALSE(fs::exists(folder_ / mine));
  EXPECT_TRUE(fs::exists(folder_ / other));
}

TEST(JobNames, BelongToARunByItsWholeName) {
  const dsl::RunId run("calm-otter");
  EXPECT_TRUE(is_job_of("pipe-calm-otter-0123456789ab-1", run));
  EXPECT_TRUE(is_job_of("pipe-calm-otter-0123456789ab-1-c2", run));
  EXPECT_FALSE(is_job_of("pipe-calm-otter-2-0123456789ab-1", run));
  EXPECT_FALSE(is_job_of("pipe-calm-otter", run));
  EXPECT_FALSE(is_job_of("calm-otter-0123456789ab-1", run));
  EXPECT_TRUE(is_job_of("pipe-anything", dsl::RunId()));
  EXPECT_FALSE(is_job_of("user.slice", dsl::RunId()));
}

}  // namespace
}  // namespace runner
