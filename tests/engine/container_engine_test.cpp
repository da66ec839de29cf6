// What Docker and Podman have beyond the contract: images, users, overlays, and what can be seen of
// them from outside. Each needs its engine and the images of scripts/test-images.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/engine/container.h"
#include "runner/sys/files.h"
#include "runner/sys/process.h"
#include "tests/engine/our_environment.h"

namespace runner {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr dsl::Duration kPatience{120'000};
const dsl::RunId kRun("container-test");
const std::string kStore = "57040" + std::to_string(getpid());

std::string read_whole(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class ContainerEngine : public testing::TestWithParam<dsl::EngineName> {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "container-engine-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    std::filesystem::create_directories(folder_ + "/state");
    std::optional<dsl::Result<ContainerProgram>> program;
    probe_container_program(
        loop_, GetParam(), our_environment(), [&](dsl::Result<ContainerProgram> found) {
          program = std::move(found);
        });
    wait_until([&] { return program.has_value(); });
    if (!*program)
      GTEST_SKIP() << program->error().message << "; " << program->error().remedy;
    program_ = **program;
    engine_ = make_engine();
    const auto digest = prepare(busybox());
    if (!digest)
      GTEST_SKIP() << digest.error().message << "; scripts/test-images makes it";
  }

  void TearDown() override {
    if (engine_) {
      EXPECT_TRUE(remove_leftovers());
    }
    engine_.reset();
    EXPECT_TRUE(files::remove_tree(folder_));
  }

  std::unique_ptr<Engine> make_engine(const std::string& store = kStore) {
    EngineOptions options;
    options.store_id = store;
    options.state_dir = folder_ + "/state" + (store == kStore ? "" : "-" + store);
    std::filesystem::create_directories(options.state_dir);
    return make_container_engine(loop_, options, program_);
  }

  template <class Done>
  void wait_until(Done done) {
    const std::int64_t deadline = loop_.monotonic_ms() + kPatience.ms;
    while (!done()) {
      ASSERT_LT(loop_.monotonic_ms(), deadline) << "it did not come";
      loop_.run_for(dsl::Duration{200});
    }
  }

  static dsl::Image busybox() { return reference("pipe-test/busybox:1"); }
  static dsl::Image reference(const std::string& name) {
    dsl::Image image;
    image.kind = dsl::Image::Kind::Reference;
    image.reference = name;
    return image;
  }

  dsl::Result<std::string> prepare(const dsl::Image& image) {
    std::optional<dsl::Result<std::string>> digest;
    engine_->prepare_image(image,
                           [&](dsl::Result<std::string> result) { digest = std::move(result); });
    wait_until([&] { return digest.has_value(); });
    return digest ? *digest : dsl::Error{"no answer", ""};
  }

  dsl::Status remove_leftovers() { return remove_leftovers(*engine_, kRun); }
  dsl::Status remove_leftovers(Engine& engine, const dsl::RunId& run) {
    std::optional<dsl::Status> status;
    engine.remove_leftovers(run, [&](dsl::Status result) { status = std::move(result); });
    wait_until([&] { return status.has_value(); });
    return status ? *status : dsl::Error{"no answer", ""};
  }

  Job shell(const std::string& script) {
    Job job;
    job.name =
        JobName("pipe-container-test-" + std::to_string(getpid()) + "-" + std::to_string(next_++));
    job.run = kRun;
    job.node = dsl::NodeId("node");
    job.argv = {"/bin/sh", "-c", script};
    job.env = {{"PATH", "/bin"}};
    job.image = busybox();
    job.log_path = folder_ + "/" + job.name.value + ".log";
    return job;
  }

  JobEnd run(const Job& job) {
    std::optional<JobEnd> end;
    engine_->start(job, [&](JobEnd result) { end = std::move(result); });
    wait_until([&] { return end.has_value(); });
    return end ? *end : JobEnd{};
  }

  static std::string log_of(const Job& job) { return read_whole(job.log_path); }

  /// What the docker or podman program prints.
  std::string program(std::vector<std::string> arguments) {
    SpawnRequest request;
    request.argv = {program_.command};
    request.argv.insert(
        request.argv.end(), program_.service_options.begin(), program_.service_options.end());
    request.argv.insert(request.argv.end(), arguments.begin(), arguments.end());
    request.env = program_.variables;
    std::optional<std::string> out;
    run_to_end(loop_, request, kPatience, 1 << 20, [&](dsl::Result<Finished> finished) {
      out = finished ? finished->out : finished.error().message;
    });
    wait_until([&] { return out.has_value(); });
    return out.value_or("");
  }

  /// Names of our run's containers, as the program lists them.
  std::string containers() {
    return program(
        {"ps", "--all", "--filter", "label=pipe.run=" + kRun.value, "--format", "{{.Names}}"});
  }

  EventLoop loop_;
  std::string folder_;
  ContainerProgram program_;
  std::unique_ptr<Engine> engine_;
  int next_ = 0;
};

TEST_P(ContainerEngine, GivesAJobNoCapabilityAndNoWayToGainOne) {
  const Job job = shell("grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status");
  ASSERT_EQ(to_text(run(job)), "exit 0");
  EXPECT_THAT(log_of(job), HasSubstr("CapEff:\t0000000000000000\n"));
  EXPECT_THAT(log_of(job), HasSubstr("CapBnd:\t0000000000000000\n"));
  EXPECT_THAT(log_of(job), HasSubstr("NoNewPrivs:\t1\n"));
  EXPECT_THAT(log_of(job), HasSubstr("Seccomp:\t2\n"));
}

TEST_P(ContainerEngine, ShowsLabelsButNoSecretFromOutside) {
  Job job = shell("read nothing; sleep 60");
  job.env.emplace_back("TOKEN", "hush-hush");
  std::optional<JobEnd> end;
  engine_->start(job, [&](JobEnd result) { end = std::move(result); });
  job.argv[2] = "sleep 60";
  wait_until([&] { return containers().find(job.name.value) != std::string::npos; });
  const std::string seen = program({"inspect", job.name.value + "-" + kStore});
  EXPECT_THAT(seen, HasSubstr(R"("pipe.node": "node")"));
  EXPECT_THAT(seen, HasSubstr("\"pipe.job\": \"" + job.name.value + "\""));
  EXPECT_THAT(seen, Not(HasSubstr("hush-hush")));
  EXPECT_THAT(seen, Not(HasSubstr("sleep 60")));
  engine_->stop(job.name, dsl::Duration{0});
  wait_until([&] { return end.has_value(); });
  EXPECT_EQ(to_text(*end), to_text(JobEnd{JobEnd::How::Stopped, 0, "", {}, {}, false, {}}));
}

TEST_P(ContainerEngine, LeavesNoContainerBehind) {
  ASSERT_EQ(to_text(run(shell("true"))), "exit 0");
  ASSERT_EQ(to_text(run(shell("exit 3"))), "exit 3");
  wait_until([&] { return containers().empty(); });
}

TEST_P(ContainerEngine, LeavesNoHolderOfANetworkBehind) {
  std::optional<dsl::Status> opened;
  engine_->open_network("pipe-net-" + kRun.value, [&](dsl::Status status) { opened = status; });
  wait_until([&] { return opened.has_value(); });
  ASSERT_TRUE(*opened);
  Job job = shell("true");
  job.network = "pipe-net-" + kRun.value;
  ASSERT_EQ(to_text(run(job)), "exit 0");
  engine_->close_network(job.network);
  engine_.reset();  // the runner goes as soon as its run has ended
  wait_until([&] { return containers().empty(); });
}

/// Podman removes what ends, but not while somebody is in its network, and does not try again.
TEST_P(ContainerEngine, LeavesNoHolderBehindThatSomebodyKilled) {
  const std::string network = "pipe-net-" + kRun.value;
  std::optional<dsl::Status> opened;
  engine_->open_network(network, [&](dsl::Status status) { opened = status; });
  wait_until([&] { return opened.has_value(); });
  Job job = shell("echo begun; sleep 2");
  job.network = network;
  std::optional<JobEnd> end;
  engine_->start(job, [&](JobEnd result) { end = std::move(result); });
  wait_until([&] { return log_of(job) == "begun\n"; });
  std::istringstream names(containers());
  std::string holder;
  for (std::string name; std::getline(names, name);) {
    holder = name.find("-network") != std::string::npos ? name : holder;
  }
  ASSERT_NE(holder, "");
  program({"kill", holder});
  wait_until([&] { return end.has_value(); });
  EXPECT_EQ(to_text(*end), "exit 0");
  engine_->close_network(network);
  engine_.reset();
  wait_until([&] { return containers().empty(); });
}

/// Two users, or two jobs of a CI, share a daemon and call their runs 'nightly'.
TEST_P(ContainerEngine, LeavesARunOfTheSameNameOfAnotherStoreAlone) {
  const Job ours = shell("echo begun; sleep 60");
  std::optional<JobEnd> end;
  engine_->start(ours, [&](JobEnd result) { end = std::move(result); });
  wait_until([&] { return log_of(ours) == "begun\n"; });

  const std::unique_ptr<Engine> theirs = make_engine("another-store");
  EXPECT_TRUE(remove_leftovers(*theirs, kRun));
  EXPECT_TRUE(remove_leftovers(*theirs, dsl::RunId()));
  std::optional<dsl::Result<std::string>> image;
  theirs->prepare_image(busybox(), [&](dsl::Result<std::string> made) { image = made; });
  wait_until([&] { return image.has_value(); });
  Job same = ours;
  same.argv[2] = "exit 7";
  same.log_path = folder_ + "/theirs.log";
  std::optional<JobEnd> their_end;
  theirs->start(same, [&](JobEnd result) { their_end = std::move(result); });
  wait_until([&] { return their_end.has_value(); });
  EXPECT_EQ(to_text(*their_end), "exit 7");

  EXPECT_FALSE(end) << to_text(*end);
  EXPECT_TRUE(remove_leftovers(*engine_, dsl::RunId())) << "ours are found all the same";
  wait_until([&] { return end.has_value(); });
  EXPECT_EQ(end->how, JobEnd::How::Lost);
}

TEST_P(ContainerEngine, RemovesTheImagesItMadeWithTheLeftoversOfAllRuns) {
  std::filesystem::create_directories(folder_ + "/root/bin");
  std::ofstream(folder_ + "/root/mark") << "mine";
  const dsl::Image image{dsl::Image::Kind::RootFs, folder_ + "/root", ""};
  ASSERT_TRUE(prepare(image));
  const auto images = [&] { return program({"images", "--format", "{{.Repository}}:{{.Tag}}"}); };
  EXPECT_THAT(images(), HasSubstr("-" + kStore));
  EXPECT_TRUE(remove_leftovers(*engine_, kRun));
  EXPECT_THAT(images(), HasSubstr("-" + kStore)) << "other runs of the store may want it";
  EXPECT_TRUE(remove_leftovers(*make_engine("another-store"), dsl::RunId()));
  EXPECT_THAT(images(), HasSubstr("-" + kStore));
  EXPECT_TRUE(remove_leftovers(*engine_, dsl::RunId()));
  EXPECT_THAT(images(), Not(HasSubstr("-" + kStore)));
}

TEST_P(ContainerEngine, LeavesNoContainerOfABuildThatFailed) {
  const std::string mark = "sleep 0; exit 9 # " + kStore;
  std::ofstream(folder_ + "/Dockerfile") << "FROM pipe-test/busybox:1\nRUN " << mark << "\n";
  std::filesystem::create_directories(folder_ + "/context");
  const dsl::Image image{dsl::Image::Kind::Build, folder_ + "/Dockerfile", folder_ + "/context"};
  ASSERT_FALSE(prepare(image));
  const std::string left = program({"ps", "--all", "--no-trunc", "--format", "{{.Command}}"});
  EXPECT_THAT(left, Not(HasSubstr(mark)));
}

TEST_P(ContainerEngine, TellsThatAContainerWasKilledFromOutside) {
  const Job job = shell("echo begun; sleep 60");
  std::optional<JobEnd> end;
  engine_->start(job, [&](JobEnd result) { end = std::move(result); });
  wait_until([&] { return log_of(job) == "begun\n"; });
  program({"kill", job.name.value + "-" + kStore});
  wait_until([&] { return end.has_value(); });
  EXPECT_EQ(end->how, JobEnd::How::Lost);
  EXPECT_THAT(end->detail, HasSubstr("killed from outside"));
}

TEST_P(ContainerEngine, RunsTheImagesOwnCommandInTheImagesEnvironment) {
  Job job = shell("");
  job.argv.clear();
  job.image = busybox();
  // The image's command is a shell, which finds the end of its input at once.
  EXPECT_EQ(to_text(run(job)), "exit 0");
}

/// As golang and rust images do it: their tools are in a folder that only their own PATH names.
TEST_P(ContainerEngine, FindsTheToolsOfAnImageByTheImagesOwnPath) {
  std::ofstream(folder_ + "/Dockerfile")
      << "FROM pipe-test/busybox:1\n"
         "COPY tool /usr/local/lang/bin/lang\n"
         "ENV PATH=/usr/local/lang/bin:/bin LANGPATH=/lang B=2\n";
  std::filesystem::create_directories(folder_ + "/context");
  std::ofstream(folder_ + "/context/tool") << "#!/bin/sh\necho $LANGPATH $A $B\n";
  std::filesystem::permissions(folder_ + "/context/tool",
                               std::filesystem::perms::owner_all |
                                   std::filesystem::perms::others_read |
                                   std::filesystem::perms::others_exec);
  const dsl::Image image{dsl::Image::Kind::Build, folder_ + "/Dockerfile", folder_ + "/context"};
  ASSERT_TRUE(prepare(image));
  Job job = shell("lang");
  job.image = image;
  job.default_env = usual_environment();
  job.env = {{"A", "own"}, {"B", "mine"}};
  EXPECT_EQ(to_text(run(job)), "exit 0");
  EXPECT_EQ(log_of(job), "/lang own mine\n");

  job.name.value += "-2";
  job.env = {{"PATH", "/bin"}};
  EXPECT_EQ(to_text(run(job)), "exit 127") << "a declared PATH wins";
}

TEST_P(ContainerEngine, NamesAMissingImageAndWhatToDo) {
  const auto digest = prepare(reference("pipe.invalid/no/such:1"));
  ASSERT_FALSE(digest);
  EXPECT_THAT(digest.error().message,
              HasSubstr("image 'pipe.invalid/no/such:1' is not present and cannot be pulled"));
  EXPECT_THAT(digest.error().remedy, HasSubstr(" pull"));
}

TEST_P(ContainerEngine, BuildsADockerfileOnceForEachContent) {
  std::ofstream(folder_ + "/Dockerfile")
      << "FROM pipe-test/busybox:1\nCOPY part /part\nENV BUILT=1\n";
  std::filesystem::create_directories(folder_ + "/context");
  std::ofstream(folder_ + "/context/part") << "one";
  dsl::Image image;
  image.kind = dsl::Image::Kind::Build;
  image.reference = folder_ + "/Dockerfile";
  image.context = folder_ + "/context";
  const auto first = prepare(image);
  ASSERT_TRUE(first) << first.error().message;

  Job job = shell("cat /part");
  job.image = image;
  EXPECT_EQ(to_text(run(job)), "exit 0");
  EXPECT_EQ(log_of(job), "one");

  engine_ = make_engine();  // the next run finds it
  EXPECT_EQ(*prepare(image), *first);
  std::ofstream(folder_ + "/context/part") << "two";
  engine_ = make_engine();
  EXPECT_NE(*prepare(image), *first);
}

TEST_P(ContainerEngine, TellsWhyABuildFailed) {
  std::ofstream(folder_ + "/Dockerfile") << "FROM pipe-test/busybox:1\nCOPY missing /part\n";
  std::filesystem::create_directories(folder_ + "/context");
  dsl::Image image;
  image.kind = dsl::Image::Kind::Build;
  image.reference = folder_ + "/Dockerfile";
  image.context = folder_ + "/context";
  const auto digest = prepare(image);
  ASSERT_FALSE(digest);
  EXPECT_THAT(digest.error().message, HasSubstr("build '" + folder_ + "/Dockerfile': "));
  EXPECT_THAT(digest.error().message, HasSubstr("missing"));
}

TEST_P(ContainerEngine, ImportsARootFileSystem) {
  std::filesystem::create_directories(folder_ + "/root/bin");
  std::filesystem::copy_file("/bin/busybox", folder_ + "/root/bin/sh");
  std::ofstream(folder_ + "/root/mark") << "mine";
  dsl::Image image;
  image.kind = dsl::Image::Kind::RootFs;
  image.reference = folder_ + "/root";
  const auto first = prepare(image);
  ASSERT_TRUE(first) << first.error().message;
  Job job = shell("read mark < /mark || true; echo \"$mark\"");
  job.image = image;
  EXPECT_EQ(to_text(run(job)), "exit 0");
  EXPECT_EQ(log_of(job), "mine\n");
  engine_ = make_engine();
  EXPECT_EQ(*prepare(image), *first);
}

TEST_P(ContainerEngine, LoadsAnArchive) {
  const std::string file = folder_ + "/image.tar";
  program({"save", "--output", file, "pipe-test/busybox:1"});
  dsl::Image image;
  image.kind = dsl::Image::Kind::OciArchive;
  image.reference = file;
  const auto digest = prepare(image);
  ASSERT_TRUE(digest) << digest.error().message;
  EXPECT_EQ(*digest, *prepare(busybox()));
}

TEST_P(ContainerEngine, RefusesAnArchiveThatIsNone) {
  std::ofstream(folder_ + "/image.tar") << "nothing";
  dsl::Image image;
  image.kind = dsl::Image::Kind::OciArchive;
  image.reference = folder_ + "/image.tar";
  const auto digest = prepare(image);
  ASSERT_FALSE(digest);
  EXPECT_THAT(digest.error().message, HasSubstr("'" + image.reference + "': "));
}

// Or a file of the project becomes an image that others run.
TEST_P(ContainerEngine, TakesNoNamesFromAnArchive) {
  const std::string file = folder_ + "/image.tar";
  const std::string victim = "pipe-test/victim-" + std::to_string(getpid()) + ":1";
  program({"tag", "pipe-test/busybox:1", victim});
  program({"save", "--output", file, victim});
  program({"rmi", victim});
  ASSERT_EQ(program({"images", "--quiet", victim}), "");
  dsl::Image image;
  image.kind = dsl::Image::Kind::OciArchive;
  image.reference = file;
  ASSERT_TRUE(prepare(image));
  EXPECT_EQ(program({"images", "--quiet", victim}), "");
}

TEST_P(ContainerEngine, PutsAnOverlayUnderAWorkspace) {
  if (!engine_->traits().overlays)
    GTEST_SKIP() << "this engine mounts none";
  for (const char* name : {"lower1", "lower2", "upper", "work"})
    std::filesystem::create_directories(folder_ + "/" + name);
  std::ofstream(folder_ + "/lower1/a") << "a";
  std::ofstream(folder_ + "/lower2/b") << "b";
  std::filesystem::create_directories(folder_ + "/lower2/d/old");
  Job job = shell("cd /workspace && cat a b && rm a && echo new > c && rm -r d && mkdir d");
  job.workspace.lower = {folder_ + "/lower1", folder_ + "/lower2"};
  job.workspace.upper = folder_ + "/upper";
  job.workspace.work = folder_ + "/work";
  EXPECT_EQ(to_text(run(job)), "exit 0");
  EXPECT_EQ(log_of(job), "ab");
  EXPECT_EQ(read_whole(folder_ + "/upper/c"), "new\n");
  EXPECT_EQ(read_whole(folder_ + "/lower1/a"), "a");
  struct stat whiteout {};
  ASSERT_EQ(lstat((folder_ + "/upper/a").c_str(), &whiteout), 0);
  EXPECT_TRUE(S_ISCHR(whiteout.st_mode));
  char value = 0;
  EXPECT_EQ(getxattr((folder_ + "/upper/d").c_str(), "trusted.overlay.opaque", &value, 1), 1);
  EXPECT_EQ(value, 'y') << "else what was in it would come back";
  wait_until([&] {
    return program({"volume", "ls", "--quiet", "--filter", "label=pipe.run=" + kRun.value}).empty();
  });
}

/// Every file and folder beneath it, and itself, is the calling user's.
bool is_all_ours(const std::string& folder) {
  const auto is_ours = [](const std::string& path) {
    struct stat status {};
    return lstat(path.c_str(), &status) == 0 && status.st_uid == geteuid();
  };
  bool all = is_ours(folder);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    all = all && is_ours(entry.path());
  return all;
}

TEST_P(ContainerEngine, LeavesFilesOfTheCallerWhoeverTheJobRanAs) {
  const std::pair<const char*, const char*> cases[] = {
      {"root", "0:0"}, {"nobody", "65534:65534"}, {"1234", "1234:1234"}, {"1234:77", "1234:77"}};
  for (const auto& [user, ids] : cases) {
    const std::string folder = folder_ + "/" + user;
    std::filesystem::create_directories(folder + "/given");
    std::ofstream(folder + "/given/file") << "old";
    Job job = shell(
        "cd /workspace && echo new > given/file && mkdir -p a/b && touch a/b/c && ln -s /etc d && "
        "chmod 700 a && echo $(id -u):$(id -g) > /dev/stdout && grep CapEff /proc/self/status");
    job.workspace.directory = folder;
    job.user = user;
    EXPECT_EQ(to_text(run(job)), "exit 0") << user << ": " << log_of(job);
    EXPECT_THAT(log_of(job), testing::StartsWith(std::string(ids) + "\n")) << user;
    EXPECT_EQ(log_of(job).find("CapEff:\t0000000000000000\n") != std::string::npos,
              std::string(user) != "root");
    EXPECT_EQ(read_whole(folder + "/given/file"), "new\n");
    EXPECT_TRUE(is_all_ours(folder)) << user;
  }
}

TEST_P(ContainerEngine, EndsWhatAnotherUserLeftRunningBeforeItTakesTheFiles) {
  const std::string folder = folder_ + "/left";
  std::filesystem::create_directories(folder);
  Job job =
      shell("cd /workspace && (while :; do echo x > more; rm more; done) & echo begun; sleep 60");
  job.workspace.directory = folder;
  job.user = "nobody";
  std::optional<JobEnd> end;
  engine_->start(job, [&](JobEnd result) { end = std::move(result); });
  wait_until([&] { return log_of(job) == "begun\n"; });
  engine_->stop(job.name, dsl::Duration{60'000});
  wait_until([&] { return end.has_value(); });
  EXPECT_EQ(end->how, JobEnd::How::Stopped);
  EXPECT_TRUE(is_all_ours(folder));
}

TEST_P(ContainerEngine, NamesAUserThatTheImageDoesNotHave) {
  Job job = shell("true");
  job.user = "builder";
  const JobEnd end = run(job);
  EXPECT_EQ(end.how, JobEnd::How::NotStarted);
  EXPECT_THAT(end.detail, HasSubstr("the image has no user 'builder'"));
}

TEST_P(ContainerEngine, RunsAsRootWithWhatInstallingNeedsOnlyWhenAsked) {
  Job job = shell("touch /tmp/x && chown 5:5 /tmp/x && stat -c %u:%g /tmp/x; id -u");
  job.user = "root";
  EXPECT_EQ(to_text(run(job)), "exit 0");
  EXPECT_EQ(log_of(job), "5:5\n0\n");
}

INSTANTIATE_TEST_SUITE_P(Docker,
                         ContainerEngine,
                         testing::Values(dsl::EngineName::Docker),
                         [](const auto&) { return std::string("docker"); });
INSTANTIATE_TEST_SUITE_P(Podman,
                         ContainerEngine,
                         testing::Values(dsl::EngineName::Podman),
                         [](const auto&) { return std::string("podman"); });

}  // namespace
}  // namespace runner
