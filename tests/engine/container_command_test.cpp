#include "runner/engine/container_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "runner/engine/container_images.h"
#include "runner/engine/container_job.h"

namespace runner {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class ContainerCommand : public testing::Test {
 protected:
  ContainerCommand() {
    program.runtimes = {"runc"};
    program.limits_memory = program.limits_swap = program.limits_pids = program.limits_cpus = true;
    image.id = "sha256:abc";
    image.config.env = {{"PATH", "/opt/go/bin:/bin"}, {"GOROOT", "/opt/go"}};
    image.config.command = {"/entry", "serve"};
    image.config.working_directory = "/srv";
    job.name = JobName("pipe-calm-otter-0123456789ab-1");
    job.run = dsl::RunId("calm-otter");
    job.node = dsl::NodeId("build[os=linux]");
    job.argv = {"make"};
  }

  Json body(const std::string& holder = "") {
    return Json::parse(create_body(
        {program, options, caller, "/state/pipe-init", "/state/resolv.conf"}, job, image, holder));
  }
  Json host() { return body()["HostConfig"]; }

  std::vector<dsl::Error> unsupported(const JobNeeds& needs) {
    return unsupported_by(program, needs);
  }

  ContainerProgram program;
  EngineOptions options;
  Caller caller{1000, 100};
  ContainerImage image;
  Job job;
};

TEST_F(ContainerCommand, DropsEverythingThatAContainerMayDo) {
  const Json config = host();
  EXPECT_EQ(config["CapDrop"], Json({"ALL"}));
  EXPECT_FALSE(config.contains("CapAdd"));
  EXPECT_EQ(config["SecurityOpt"], Json({"no-new-privileges"}));
  EXPECT_EQ(config["NetworkMode"], "none");
  EXPECT_EQ(config["AutoRemove"], true);
  EXPECT_EQ(config["PidsLimit"], 4096);
}

TEST_F(ContainerCommand, ShowsNeitherCommandNorEnvironmentToInspect) {
  job.argv = {"deploy", "--key=hush"};
  job.env = {{"TOKEN", "hush"}};
  EXPECT_THAT(body().dump(), Not(HasSubstr("hush")));
  EXPECT_THAT(init_request(job, image, "", ""), HasSubstr("hush"));
}

TEST_F(ContainerCommand, RunsAsTheCallerAndOnlyAsRootWhenAsked) {
  EXPECT_EQ(body()["User"], "1000:100");
  EXPECT_EQ(body()["Cmd"], Json({"run", "--attached"}));
  job.user = "root";
  EXPECT_EQ(body()["User"], "0:0");
  EXPECT_EQ(host()["CapAdd"],
            Json({"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"}));
}

TEST_F(ContainerCommand, GivesWhatAnotherUserWritesBackToTheCaller) {
  job.workspace.directory = "/state/work";
  job.mounts = {{"/state/scratch", "/pipe", false}, {"/usr/share", "/share", true}};
  job.user = "root";
  EXPECT_EQ(body()["Cmd"],
            Json({"run", "--attached", "--owner", "1000:100", "--", "/workspace", "/pipe"}));
  job.user = "node";
  EXPECT_EQ(body()["User"], "0:0") << "pipe-init becomes that user when it has given the folders";
  EXPECT_EQ(body()["Cmd"],
            Json({"run",
                  "--attached",
                  "--user",
                  "node",
                  "--owner",
                  "1000:100",
                  "--",
                  "/workspace",
                  "/pipe"}));
  job.user = "root";
  caller = {0, 0};
  EXPECT_EQ(body()["Cmd"], Json({"run", "--attached"})) << "root may do what it wants with them";
}

TEST_F(ContainerCommand, KnowsWhoTheCallerIsInARootlessContainer) {
  program.name = dsl::EngineName::Podman;
  program.rootless = true;
  job.user = "root";
  EXPECT_EQ(body()["Cmd"], Json({"run", "--attached", "--owner", "0:0", "--"}));
  EXPECT_EQ(body("f00d")["Cmd"], Json({"run", "--attached", "--owner", "1000:100", "--"}))
      << "a network's containers have the users of its holder";
}

TEST_F(ContainerCommand, MapsTheCallerWherePodmanIsRootless) {
  program.name = dsl::EngineName::Podman;
  program.rootless = true;
  EXPECT_EQ(body()["User"], "1000:100");
  EXPECT_EQ(host()["UsernsMode"], "keep-id");
  EXPECT_EQ(body("f00d")["HostConfig"]["UsernsMode"], "container:f00d");
}

TEST_F(ContainerCommand, IsRootInsideARootlessDockerWhoseRootIsTheCaller) {
  program.rootless = true;
  EXPECT_EQ(body()["User"], "0:0");
}

TEST_F(ContainerCommand, CountsSwapAsMemory) {
  job.resources.memory = dsl::Bytes{64 << 20};
  job.resources.cpus = dsl::Cpus{1500};
  job.resources.pids = 7;
  const Json config = host();
  EXPECT_EQ(config["Memory"], 64 << 20);
  EXPECT_EQ(config["MemorySwap"], 64 << 20);
  EXPECT_EQ(config["NanoCpus"], 1'500'000'000);
  EXPECT_EQ(config["PidsLimit"], 7);
  EXPECT_THAT(config["Tmpfs"]["/tmp"].get<std::string>(), HasSubstr("size=67108864"));
}

TEST_F(ContainerCommand, MountsTheWorkspaceAndWhatIsBesideIt) {
  job.workspace.directory = "/state/work/a b:c";
  job.mounts = {{"/state/scratch", "/pipe", false}};
  const Json mounts = host()["Mounts"];
  ASSERT_THAT(mounts, SizeIs(4));
  EXPECT_EQ(mounts[0]["Target"], "/.pipe-init");
  EXPECT_EQ(mounts[0]["ReadOnly"], true);
  EXPECT_EQ(mounts[1]["Target"], "/etc/resolv.conf");
  EXPECT_EQ(mounts[1]["ReadOnly"], true);
  EXPECT_EQ(mounts[2]["Source"], "/state/work/a b:c");
  EXPECT_EQ(mounts[2]["Target"], "/workspace");
  EXPECT_EQ(mounts[3]["ReadOnly"], false);
}

TEST_F(ContainerCommand, MountsAnOverlayAsAVolumeThatGoesWithTheContainer) {
  job.workspace.lower = {"/layers/2", "/layers/1"};
  job.workspace.upper = "/work/upper";
  job.workspace.work = "/work/work";
  const Json mount = host()["Mounts"][2];
  EXPECT_FALSE(mount.contains("Source")) << "a named volume would stay";
  EXPECT_EQ(mount["VolumeOptions"]["DriverConfig"]["Options"]["o"],
            "index=off,redirect_dir=nofollow,metacopy=off,lowerdir=/layers/2:/layers/1,"
            "upperdir=/work/upper,workdir=/work/work");
}

TEST_F(ContainerCommand, GivesADockerDaemonWhatItNeedsAndNoDevice) {
  job.is_docker_daemon = true;
  job.user = "root";
  const Json config = host();
  EXPECT_EQ(config["CapDrop"], Json({"ALL"}));
  EXPECT_THAT(config["CapAdd"], testing::Contains("SYS_ADMIN"));
  EXPECT_THAT(config["CapAdd"], Not(testing::Contains("SYS_MODULE")));
  EXPECT_EQ(config["CgroupnsMode"], "private");
  EXPECT_FALSE(config.contains("Privileged"));
  EXPECT_FALSE(config.contains("Devices"));
  const Json data = config["Mounts"].back();
  EXPECT_EQ(data["Type"], "volume");
  EXPECT_EQ(data["Target"], "/var/lib/docker");
  EXPECT_EQ(data["VolumeOptions"]["Labels"]["pipe.run"], "calm-otter");
}

TEST_F(ContainerCommand, JoinsItsNetworkWithoutANameOfItsOwn) {
  EXPECT_EQ(body()["Hostname"], "pipe");
  const Json joined = body("f00d");
  EXPECT_EQ(joined["HostConfig"]["NetworkMode"], "container:f00d");
  EXPECT_FALSE(joined.contains("Hostname")) << "engines refuse both together";
}

TEST_F(ContainerCommand, IsTheSameContainerWhateverItWillRun) {
  const Json before = body();
  job.argv = {"other"};
  job.env = {{"A", "1"}};
  job.timeout = dsl::Duration{5};
  EXPECT_EQ(body(), before);
}

/// The texts of a request after its size.
std::vector<std::string> texts_of(const std::string& request) {
  const std::size_t newline = request.find('\n');
  EXPECT_EQ(request.substr(0, newline), std::to_string(request.size() - newline - 1) + " 0 0");
  std::vector<std::string> texts;
  for (std::size_t at = newline + 1; at < request.size();) {
    const std::size_t end = request.find('\0', at);
    texts.push_back(request.substr(at, end - at));
    at = end + 1;
  }
  return texts;
}

TEST_F(ContainerCommand, PutsTheImagesEnvironmentBetweenTheDefaultsAndTheJobsOwn) {
  job.default_env = {{"PATH", "/usr/bin"}, {"LANG", "C"}};
  job.env = {{"GOROOT", "/mine"}};
  job.working_directory = "/workspace";
  EXPECT_THAT(texts_of(init_request(job, image, "", "")),
              ElementsAre("/workspace",
                          "3",
                          "LANG=C",
                          "PATH=/opt/go/bin:/bin",
                          "GOROOT=/mine",
                          "0",
                          "0",
                          "0",
                          "1",
                          "make"));
}

TEST_F(ContainerCommand, SendsTheFilterAndTheEndMarkAfterTheSpec) {
  const std::string request = init_request(job, image, "BPF!", "mark5");
  EXPECT_THAT(request.substr(0, request.find('\n')), testing::EndsWith(" 4 5"));
  EXPECT_THAT(request, testing::EndsWith("BPF!mark5"));
}

TEST_F(ContainerCommand, EscapesWhatPartsTheOptionsOfAnOverlay) {
  job.workspace.lower = {"/a,b:c\\d"};
  job.workspace.upper = "/u";
  job.workspace.work = "/w";
  job.workspace.read_only = true;
  EXPECT_EQ(host()["Mounts"][2]["VolumeOptions"]["DriverConfig"]["Options"]["o"],
            "ro,index=off,redirect_dir=nofollow,metacopy=off,"
            "lowerdir=/a\\,b\\:c\\\\d,upperdir=/u,workdir=/w");
}

TEST_F(ContainerCommand, RunsTheImagesOwnCommandAsTheImageSays) {
  job.argv.clear();
  job.env = {{"GOROOT", "/mine"}};
  EXPECT_THAT(texts_of(init_request(job, image, "", "")),
              ElementsAre("/srv",
                          "2",
                          "PATH=/opt/go/bin:/bin",
                          "GOROOT=/mine",
                          "0",
                          "0",
                          "0",
                          "2",
                          "/entry",
                          "serve"));
}

TEST_F(ContainerCommand, SupportsAnOrdinaryImageWithLimits) {
  JobNeeds needs;
  needs.image.kind = dsl::Image::Kind::Reference;
  needs.resources.memory = dsl::Bytes{1 << 30};
  needs.runtime = "runc";
  EXPECT_THAT(unsupported(needs), IsEmpty());
}

TEST_F(ContainerCommand, RefusesWhatItCannotEnforceAllAtOnce) {
  program.limits_memory = program.limits_cpus = false;
  program.rootless = true;
  JobNeeds needs;
  needs.image.kind = dsl::Image::Kind::Host;
  needs.resources.memory = dsl::Bytes{1};
  needs.resources.cpus = dsl::Cpus{1};
  needs.runtime = "runsc";
  std::vector<std::string> messages;
  for (const dsl::Error& error : unsupported(needs)) {
    messages.push_back(error.message);
    EXPECT_NE(error.remedy, "") << error.message;
  }
  EXPECT_THAT(messages,
              ElementsAre(HasSubstr("image 'host'"),
                          "'docker' cannot limit memory here: it is rootless, and this machine has "
                          "cgroups of version 1",
                          HasSubstr("limit cpus"),
                          "'docker' has no runtime 'runsc', only: runc"));
}

TEST(ContainerImage, IsReadFromItsDescription) {
  const auto image = read_image(R"({"Id": "sha256:1", "Config": {
    "Entrypoint": ["/e"], "Cmd": ["a", "b"], "Env": ["A=1=2", "B="], "WorkingDir": "/w"}})");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->id, "sha256:1");
  EXPECT_THAT(image->config.command, ElementsAre("/e", "a", "b"));
  EXPECT_THAT(image->config.env, ElementsAre(testing::Pair("A", "1=2"), testing::Pair("B", "")));
  EXPECT_EQ(image->config.working_directory, "/w");
  EXPECT_EQ(read_image(R"({"Id": "12ab"})")->id, "sha256:12ab");
  EXPECT_FALSE(read_image("{}"));
}

class ContainerReport : public testing::Test {
 protected:
  JobEnd end(const std::string& report) { return read_container_report(job, report); }
  Job job;
};

TEST_F(ContainerReport, TellsTheExitAndThePeak) {
  const JobEnd exited = end("memory 1048576 0\nexited 3\n");
  EXPECT_EQ(exited.how, JobEnd::How::Exited);
  EXPECT_EQ(exited.code, 3);
  EXPECT_EQ(exited.peak_memory, dsl::Bytes{1 << 20});
}

TEST_F(ContainerReport, CallsAKillForTheJobsOwnLimitOutOfMemory) {
  EXPECT_EQ(end("memory 1 2\nexited 137\n").how, JobEnd::How::Exited) << "it has no limit";
  job.resources.memory = dsl::Bytes{1};
  EXPECT_EQ(end("memory 1 2\nexited 137\n").how, JobEnd::How::OutOfMemory);
  EXPECT_EQ(end("memory 1 1\nsignalled 9\n").how, JobEnd::How::OutOfMemory);
  EXPECT_EQ(end("memory 1 1\nexited 0\n").how, JobEnd::How::Exited) << "it coped";
  EXPECT_EQ(end("memory 1 0\nsignalled 9\n").how, JobEnd::How::Signalled);
}

TEST_F(ContainerReport, IsLostWithoutAReport) {
  EXPECT_EQ(end("").how, JobEnd::How::Lost);
  EXPECT_THAT(end("").detail, HasSubstr("killed from outside"));
  const JobEnd broken = end("pipe-init: read the job's spec: no memory\n");
  EXPECT_EQ(broken.how, JobEnd::How::Lost);
  EXPECT_EQ(broken.detail, "pipe-init: read the job's spec: no memory");
}

TEST_F(ContainerReport, TellsACommandThatIsNotThere) {
  job.argv = {"nothere"};
  const JobEnd missing = end("exec-failed 2 nothere\n");
  EXPECT_EQ(missing.how, JobEnd::How::NotStarted);
  EXPECT_THAT(missing.detail, HasSubstr("'nothere'"));
}

}  // namespace
}  // namespace runner
