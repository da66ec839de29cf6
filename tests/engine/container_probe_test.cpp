#include "runner/engine/container_probe.h"

#include <cstdlib>
#include <filesystem>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/engine/container_facts.h"

namespace runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* podman_as_root = R"({
  "host": {"cgroupVersion": "v1", "cgroupControllers": ["cpu", "memory", "pids"],
           "ociRuntime": {"name": "crun"}, "security": {"rootless": false}},
  "version": {"Version": "4.3.1"}})";

constexpr const char* podman_rootless_v1 = R"({
  "host": {"cgroupVersion": "v1", "cgroupControllers": [],
           "ociRuntime": {"name": "runc"}, "security": {"rootless": true}},
  "version": {"Version": "4.9.3"}})";

constexpr const char* podman_rootless_v2 = R"({
  "host": {"cgroupVersion": "v2", "cgroupControllers": ["memory", "pids"],
           "ociRuntime": {"name": "crun"}, "security": {"rootless": true}},
  "version": {"Version": "5.0.0"}})";

TEST(ContainerProbe, TakesRuncInsteadOfCrunOnHybridCgroups) {
  PodmanMachine machine;
  machine.hybrid_cgroups = true;
  machine.has_runc = true;
  ContainerProgram program;
  ASSERT_TRUE(read_podman_info(podman_as_root, machine, program));
  EXPECT_EQ(program.runtime, "runc");
  EXPECT_THAT(program.service_options, ElementsAre("--runtime", "runc"));
}

TEST(ContainerProbe, KeepsCrunWhereItWorks) {
  ContainerProgram program;
  ASSERT_TRUE(read_podman_info(podman_as_root, PodmanMachine{}, program));
  EXPECT_EQ(program.runtime, "crun");
}

TEST(ContainerProbe, SaysToInstallRuncWhereCrunCannotWork) {
  PodmanMachine machine;
  machine.hybrid_cgroups = true;
  ContainerProgram program;
  const dsl::Status status = read_podman_info(podman_as_root, machine, program);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("hybrid cgroups"));
  EXPECT_THAT(status.error().remedy, HasSubstr("apt-get install runc"));
}

TEST(ContainerProbe, GivesUlimitsOnlyWhereTheDefaultsCannotBeSet) {
  PodmanMachine machine;
  machine.may_raise_limits = false;
  machine.hard_files = 20'000;
  machine.hard_processes = 96'365;
  machine.pid_max = 32'768;
  ContainerProgram low;
  ASSERT_TRUE(read_podman_info(podman_as_root, machine, low));
  ASSERT_EQ(low.ulimits.size(), 2U);
  EXPECT_EQ(low.ulimits[0].name, "nofile");
  EXPECT_EQ(low.ulimits[0].value, 20'000);
  EXPECT_EQ(low.ulimits[1].name, "nproc");
  EXPECT_EQ(low.ulimits[1].value, 32'768);

  machine.may_raise_limits = true;
  ContainerProgram free;
  ASSERT_TRUE(read_podman_info(podman_as_root, machine, free));
  EXPECT_THAT(free.ulimits, IsEmpty());
}

TEST(ContainerProbe, LimitsNothingWithoutRootOnCgroupsOfVersionOne) {
  ContainerProgram one;
  ASSERT_TRUE(read_podman_info(podman_rootless_v1, PodmanMachine{}, one));
  EXPECT_FALSE(one.limits_memory);
  EXPECT_FALSE(one.mounts_overlays);

  ContainerProgram two;
  ASSERT_TRUE(read_podman_info(podman_rootless_v2, PodmanMachine{}, two));
  EXPECT_TRUE(two.limits_memory);
  EXPECT_TRUE(two.limits_pids);
  EXPECT_FALSE(two.limits_cpus) << "the cpu controller is not delegated";
}

TEST(ContainerProbe, SaysHowToGetUserIdsForContainersWithoutRoot) {
  const auto info = [](const std::string& ranges) {
    return R"({"version": {"Version": "4.3.1"}, "host": {"security": {"rootless": true},
      "idMappings": {"uidmap": [{"container_id": 0, "host_id": 1000, "size": 1})" +
           ranges + "]}}}";
  };
  ContainerProgram program;
  const dsl::Status status = read_podman_info(info(""), PodmanMachine{}, program);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().remedy, HasSubstr("--add-subuids"));
  EXPECT_TRUE(read_podman_info(info(R"(, {"container_id": 1, "host_id": 200000, "size": 65536})"),
                               PodmanMachine{},
                               program));
}

TEST(ContainerProbe, RefusesAnOldPodman) {
  ContainerProgram program;
  const dsl::Status status = read_podman_info(
      R"({"host": {}, "version": {"Version": "3.0.1"}})", PodmanMachine{}, program);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "podman 3.0.1 is too old");
}

TEST(ContainerProbe, ReadsWhatDockerCanEnforce) {
  ContainerProgram program;
  ASSERT_TRUE(read_docker_info(R"({
    "ServerVersion": "20.10.24", "DefaultRuntime": "runc", "Runtimes": {"runc": {}, "runsc": {}},
    "CgroupVersion": "1", "CgroupDriver": "cgroupfs", "SecurityOptions": ["name=seccomp"],
    "MemoryLimit": true, "SwapLimit": false, "PidsLimit": true, "CpuCfsQuota": true})",
                               program));
  EXPECT_EQ(program.version, "20.10.24");
  EXPECT_THAT(program.runtimes, ElementsAre("runc", "runsc"));
  EXPECT_TRUE(program.limits_memory);
  EXPECT_FALSE(program.limits_swap);
  EXPECT_TRUE(program.mounts_overlays);
  EXPECT_FALSE(program.rootless);
}

TEST(ContainerProbe, DoesNotBelieveLimitsOfARootlessDaemonWithoutCgroups) {
  ContainerProgram program;
  ASSERT_TRUE(read_docker_info(R"({
    "ServerVersion": "26.0.0", "CgroupVersion": "2", "CgroupDriver": "none",
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"],
    "MemoryLimit": true, "PidsLimit": true, "CpuCfsQuota": true})",
                               program));
  EXPECT_TRUE(program.rootless);
  EXPECT_FALSE(program.limits_memory);
  EXPECT_FALSE(program.limits_pids);
  EXPECT_FALSE(program.mounts_overlays);
}

TEST(ContainerProbe, RefusesWhatIsNoDescription) {
  ContainerProgram program;
  EXPECT_FALSE(read_docker_info("<html>", program));
  EXPECT_FALSE(read_podman_info("[]", PodmanMachine{}, program));
}

TEST(ContainerProbe, WantsADaemonOfThisMachine) {
  EXPECT_EQ(*socket_path("unix:///run/docker.sock"), "/run/docker.sock");
  EXPECT_EQ(*socket_path("/run/docker.sock"), "/run/docker.sock");
  for (const char* far : {"tcp://10.0.0.1:2376", "ssh://me@there", ""}) {
    const auto path = socket_path(far);
    ASSERT_FALSE(path) << far;
    EXPECT_THAT(path.error().remedy, HasSubstr("DOCKER_HOST"));
  }
}

dsl::Error probe_error(dsl::EngineName name, const ContainerEnvironment& environment) {
  EventLoop loop;
  std::optional<dsl::Result<ContainerProgram>> result;
  probe_container_program(loop, name, environment, [&](dsl::Result<ContainerProgram> found) {
    result = std::move(found);
    loop.stop();
  });
  loop.run();
  EXPECT_FALSE(result->has_value());
  return result->has_value() ? dsl::Error{} : result->error();
}

/// A folder with programs of these names that do nothing.
class FakePath {
 public:
  explicit FakePath(const std::vector<std::string>& programs) {
    std::string pattern = testing::TempDir() + "fake-path-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    for (const std::string& name : programs)
      std::filesystem::create_symlink("/bin/true", folder_ + "/" + name);
  }
  FakePath(const FakePath&) = delete;
  FakePath& operator=(const FakePath&) = delete;
  ~FakePath() { std::filesystem::remove_all(folder_); }

  [[nodiscard]] ContainerEnvironment environment() const {
    ContainerEnvironment environment;
    environment.variables = {{"PATH", folder_}};
    environment.docker_socket = folder_ + "/nobody.sock";
    return environment;
  }

 private:
  std::string folder_;
};

TEST(ContainerProbe, SaysHowToStartADaemonThatIsDown) {
  const FakePath path({"docker", "dockerd"});
  const dsl::Error error = probe_error(dsl::EngineName::Docker, path.environment());
  EXPECT_THAT(error.message, HasSubstr("the Docker daemon is not running"));
  EXPECT_THAT(error.remedy,
              testing::AnyOf(HasSubstr("systemctl start docker"), HasSubstr("dockerd")));
}

TEST(ContainerProbe, RunsPodmanAndDoesNotBelieveItsSilence) {
  const FakePath path({"podman"});
  const dsl::Error error = probe_error(dsl::EngineName::Podman, path.environment());
  EXPECT_THAT(error.message, HasSubstr("podman info"));
}

}  // namespace
}  // namespace runner
