// Images in the sandbox, beyond the contract: what stays of a job in its image (nothing), what the
// image says of itself, and how its layers go together with a workspace's and with networks.

#include <filesystem>
#include <fstream>
#include <optional>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/engine/sandbox.h"
#include "tests/engine/contract.h"
#include "tests/engine/image_maker.h"

namespace runner::contract {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Kind = TarEntry::Kind;

constexpr std::int64_t kDeadlineMs = 60'000;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class SandboxImage : public testing::Test {
 protected:
  void SetUp() override {
    options_.state_dir = folder_ / "state";
    engine_ = make_sandbox_engine(loop_, options_);
    if (!engine_->unsupported(JobNeeds{}).empty() || !engine_->traits().overlays) {
      GTEST_SKIP() << "no sandbox with overlays here";
    }
    fs::create_directories(folder_ / "logs");
    fs::create_directories(folder_ / "workspace");
  }

  template <class T>
  T wait_for(const std::optional<T>& value) {
    const std::int64_t deadline = loop_.monotonic_ms() + kDeadlineMs;
    while (!value && loop_.monotonic_ms() < deadline) {
      loop_.run_for({20});
    }
    EXPECT_TRUE(value.has_value());
    return *value;
  }

  dsl::Result<std::string> prepare(const dsl::Image& image) {
    std::optional<dsl::Result<std::string>> digest;
    engine_->prepare_image(image, [&](dsl::Result<std::string> told) { digest = std::move(told); });
    return wait_for(digest);
  }

  /// An archive with the probe as /bin/probe.
  dsl::Image make_image(const std::string& config) {
    const TestImage image{{{{Kind::Folder, "etc", "", 0755},
                            {Kind::File, "etc/marker", "of the image"},
                            {Kind::File, "bin/probe", read(PIPE_CONTRACT_PROBE), 0755}}},
                          config};
    std::ofstream(folder_ / "image.tar", std::ios::binary) << make_oci_archive(image);
    return {dsl::Image::Kind::OciArchive, folder_ / "image.tar", ""};
  }

  Job job(const dsl::Image& image, std::vector<std::string> argv) {
    Job job;
    job.name = JobName("pipe-calm-otter-0123456789ab-" + std::to_string(++count_));
    job.run = dsl::RunId("calm-otter");
    job.argv = std::move(argv);
    job.image = image;
    job.workspace.directory = folder_ / "workspace";
    job.log_path = folder_ / "logs/" + job.name.value;
    return job;
  }

  JobEnd run(const Job& job) {
    std::optional<JobEnd> ended;
    engine_->start(job, [&](JobEnd end) { ended = std::move(end); });
    return wait_for(ended);
  }

  [[nodiscard]] std::size_t scratch_folders() const {
    std::error_code none;
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(options_.state_dir + "/engine/sandbox", none),
                      fs::directory_iterator()));
  }

  const TemporaryFolder folder_;
  EngineOptions options_;
  EventLoop loop_;
  std::unique_ptr<Engine> engine_;
  int count_ = 0;
};

TEST_F(SandboxImage, IsTheSameForEveryJobWhateverTheyWrite) {
  const dsl::Image image = make_image("{}");
  ASSERT_TRUE(prepare(image));
  EXPECT_EQ(text_of(run(job(image, {"/bin/probe", "write", "/etc/marker", "changed"}))), "exit 0");
  EXPECT_EQ(text_of(run(job(image, {"/bin/probe", "write", "/new", "made"}))), "exit 0");
  const Job reader = job(image, {"/bin/probe", "read", "/etc/marker"});
  EXPECT_EQ(text_of(run(reader)), "exit 0");
  EXPECT_EQ(read(reader.log_path), "of the image");
  EXPECT_EQ(text_of(run(job(image, {"/bin/probe", "read", "/new"}))), "exit 1");
  EXPECT_EQ(scratch_folders(), 0u);
}

TEST_F(SandboxImage, GivesAJobWithoutCommandTheImagesOwn) {
  const dsl::Image image = make_image(
      R"({"Entrypoint": ["/bin/probe"], "Cmd": ["env"], "Env": ["PATH=/bin", "A=1", "B=2"]})");
  ASSERT_TRUE(prepare(image));
  Job own = job(image, {});
  own.env = {{"B", "mine"}};
  EXPECT_EQ(text_of(run(own)), "exit 0");
  EXPECT_EQ(read(own.log_path), "PATH=/bin\nA=1\nB=mine\n");
}

TEST_F(SandboxImage, PutsTheImagesEnvironmentBetweenTheDefaultsAndTheJobsOwn) {
  const dsl::Image image = make_image(R"({"Env": ["PATH=/bin", "A=1", "B=2"]})");
  ASSERT_TRUE(prepare(image));
  Job named = job(image, {"probe", "env"});  // found by the image's PATH
  named.default_env = {{"PATH", "/nowhere"}, {"LANG", "C"}};
  named.env = {{"B", "mine"}};
  EXPECT_EQ(text_of(run(named)), "exit 0");
  EXPECT_EQ(read(named.log_path), "LANG=C\nPATH=/bin\nA=1\nB=mine\n");
}

TEST_F(SandboxImage, SaysThatThereIsNothingToRun) {
  const dsl::Image image = make_image("{}");
  ASSERT_TRUE(prepare(image));
  const JobEnd end = run(job(image, {}));
  EXPECT_EQ(end.how, JobEnd::How::Lost);
  EXPECT_THAT(end.detail, HasSubstr("has no command, and neither has its image"));
}

TEST_F(SandboxImage, IsRunAsRootWhoseFilesAreTheCallersOutside) {
  const dsl::Image image = make_image("{}");
  ASSERT_TRUE(prepare(image));
  const Job who = job(image, {"/bin/probe", "whereami"});
  EXPECT_EQ(text_of(run(who)), "exit 0");
  EXPECT_THAT(read(who.log_path), HasSubstr("uid 0\n"));
  EXPECT_EQ(text_of(run(job(image, {"/bin/probe", "write", "/workspace/made", "x"}))), "exit 0");
  struct stat status {};
  ASSERT_EQ(stat((folder_ / "workspace/made").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, geteuid());
}

TEST_F(SandboxImage, KnowsLocalhost) {
  const dsl::Image image = make_image("{}");
  ASSERT_TRUE(prepare(image));
  const Job reader = job(image, {"/bin/probe", "read", "/etc/hosts"});
  EXPECT_EQ(text_of(run(reader)), "exit 0");
  EXPECT_THAT(read(reader.log_path), HasSubstr("127.0.0.1 localhost"));
}

TEST_F(SandboxImage, GoesTogetherWithAnOverlaidWorkspaceInANetwork) {
  const dsl::Image image = make_image("{}");
  ASSERT_TRUE(prepare(image));
  std::optional<dsl::Status> opened;
  engine_->open_network("net", [&](dsl::Status status) { opened = std::move(status); });
  ASSERT_TRUE(wait_for(opened));
  for (const char* const name : {"lower", "upper", "work", "target"}) {
    fs::create_directories(folder_ / name);
  }
  std::ofstream(folder_ / "lower" + "/given") << "below";
  Job reader = job(image, {"/bin/probe", "read", "/workspace/given"});
  reader.network = "net";
  reader.workspace.directory = folder_ / "target";
  reader.workspace.lower = {folder_ / "lower"};
  reader.workspace.upper = folder_ / "upper";
  reader.workspace.work = folder_ / "work";
  EXPECT_EQ(text_of(run(reader)), "exit 0") << read(reader.log_path);
  EXPECT_EQ(read(reader.log_path), "below");
}

TEST_F(SandboxImage, RemovesTheLayersOfARunnerThatDied) {
  const std::string scratch = options_.state_dir + "/engine/sandbox/";
  fs::create_directories(scratch + "pipe-calm-otter-0123456789ab-7/work/work");
  fs::permissions(scratch + "pipe-calm-otter-0123456789ab-7/work/work", fs::perms::none);
  fs::create_directories(scratch + "pipe-brave-fox-0123456789ab-7/upper");
  std::optional<dsl::Status> removed;
  engine_->remove_leftovers(dsl::RunId("calm-otter"),
                            [&](dsl::Status status) { removed = std::move(status); });
  ASSERT_TRUE(wait_for(removed));
  EXPECT_EQ(scratch_folders(), 1u);
}

TEST_F(SandboxImage, SaysWhatItCannotDoWithOtherImages) {
  for (const auto kind :
       {dsl::Image::Kind::Reference, dsl::Image::Kind::Build, dsl::Image::Kind::Devcontainer}) {
    JobNeeds needs;
    needs.image = {kind, "debian:12", ""};
    const auto errors = engine_->unsupported(needs);
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_THAT(errors[0].message, HasSubstr("'debian:12'"));
    EXPECT_THAT(errors[0].remedy, HasSubstr("engine `docker` or `podman`"));
  }
}

}  // namespace
}  // namespace runner::contract
