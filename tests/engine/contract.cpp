#include "tests/engine/contract.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/sys/files.h"

namespace runner::contract {
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kDeadlineMs = 120'000;

/// Runs the loop until `condition`; false at the deadline.
bool run_until(EventLoop& loop, const std::function<bool()>& condition) {
  const std::int64_t deadline = loop.monotonic_ms() + kDeadlineMs;
  while (!condition()) {
    if (loop.monotonic_ms() > deadline) {
      return false;
    }
    loop.run_for({20});
  }
  return true;
}

}  // namespace

const dsl::RunId EngineContract::kRun{"calm-otter-3f2a"};

bool is_required(const std::string& engine) {
  const char* const value = std::getenv("PIPE_REQUIRE_ENGINES");
  std::istringstream names(value == nullptr ? "" : value);
  for (std::string name; std::getline(names, name, ',');) {
    if (name == engine) {
      return true;
    }
  }
  return false;
}

TemporaryFolder::TemporaryFolder() {
  std::string path = (fs::temp_directory_path() / "pipe-contract-XXXXXX").string();
  EXPECT_NE(mkdtemp(path.data()), nullptr) << strerror(errno);
  path_ = path;
  chmod(path_.c_str(), 0755);
}

TemporaryFolder::~TemporaryFolder() {
  const auto removed = files::remove_tree(path_);
  EXPECT_TRUE(removed) << removed.error().message;
}

Lifeline::Lifeline(std::string path) {
  EXPECT_EQ(mkfifo(path.c_str(), 0666), 0) << path << ": " << strerror(errno);
  chmod(path.c_str(), 0666);
  fd_ = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  EXPECT_GE(fd_, 0);
}

Lifeline::~Lifeline() {
  close(fd_);
}

bool Lifeline::is_held() const {
  char byte = 0;
  return read(fd_, &byte, 1) < 0 && errno == EAGAIN;
}

EngineOptions EngineContract::options() const {
  EngineOptions options;
  options.state_dir = state_dir();
  options.store_id = "0c0ffee0" + std::to_string(getpid());
  return options;
}

const std::string& EngineContract::state_dir() {
  static const TemporaryFolder state;  // one for all tests, as runs share one, too
  return state.path();
}

std::unique_ptr<Engine> EngineContract::make_engine(EventLoop& loop) const {
  auto made = GetParam().make(loop, options());
  return made ? std::move(*made) : nullptr;
}

void EngineContract::SetUp() {
  engine_ = make_engine(*loop_);
  if (!engine_) {
    GTEST_SKIP();  // ContractPresence says why
  }
  std::optional<dsl::Result<std::string>> prepared;
  engine_->prepare_image(GetParam().image(),
                         [&](dsl::Result<std::string> digest) { prepared = std::move(digest); });
  ASSERT_TRUE(run_until(loop(), [&] { return prepared.has_value(); }));
  ASSERT_TRUE(*prepared) << prepared->error().message;
  EXPECT_TRUE((**prepared).starts_with("sha256:")) << **prepared;
}

std::string EngineContract::probe() const {
  return engine_->traits().own_paths ? "/contract/probe" : PIPE_CONTRACT_PROBE;
}

std::string EngineContract::inside(const std::string& name) const {
  return (engine_->traits().own_paths ? "/workspace/" : workspace_.path() + "/") + name;
}

Job EngineContract::probe_job(const std::vector<std::string>& arguments) {
  Job job;
  const std::string number = std::to_string(next_++);
  job.name = JobName("pipe-" + kRun.value + "-0123456789ab-" + number);
  job.run = kRun;
  job.node = dsl::NodeId("node-" + number);
  job.argv = {probe()};
  job.argv.insert(job.argv.end(), arguments.begin(), arguments.end());
  job.image = GetParam().image();
  job.workspace.directory = workspace_.path();
  job.working_directory =
      engine_->traits().own_paths ? job.workspace.target : job.workspace.directory;
  if (engine_->traits().own_paths) {
    job.mounts.push_back({PIPE_CONTRACT_PROBE, probe(), true});
  }
  job.grace = {500};
  job.log_path = logs_ / (job.name.value + ".log");
  return job;
}

void EngineContract::start(const Job& job) {
  engine_->start(job, [this, name = job.name](JobEnd end) {
    EXPECT_EQ(ends_.count(name), 0u) << "told twice of the end of " << name.value;
    ends_[name] = std::move(end);
  });
  EXPECT_EQ(ends_.count(job.name), 0u) << "called back inside `start`";
}

JobEnd EngineContract::wait_for_end(const JobName& job) {
  EXPECT_TRUE(run_until(loop(), [&] { return ends_.count(job) > 0; }))
      << job.value << " did not end";
  return ends_[job];
}

JobEnd EngineContract::run(const Job& job) {
  start(job);
  return wait_for_end(job.name);
}

std::vector<JobEnd> EngineContract::run_all(const std::vector<Job>& jobs) {
  std::size_t started = 0;
  const auto ended = [&] {
    return static_cast<std::size_t>(std::count_if(
        jobs.begin(), jobs.end(), [&](const Job& job) { return ends_.count(job.name) > 0; }));
  };
  const auto limit = static_cast<std::size_t>(GetParam().parallel);
  // The deadline is one for each end: 256 containers of a busy machine take minutes.
  for (std::size_t before = 0; before < jobs.size(); before = ended()) {
    while (started < jobs.size() && started - before < limit) {
      start(jobs[started++]);
    }
    if (!run_until(loop(), [&] { return ended() > before; })) {
      ADD_FAILURE() << "no end of a job came any more after " << before << " of " << jobs.size();
      break;
    }
  }
  std::vector<JobEnd> ends;
  for (const Job& job : jobs) {
    ends.push_back(ends_[job.name]);
  }
  return ends;
}

std::string EngineContract::log_of(const Job& job) {
  std::ifstream in(job.log_path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void EngineContract::wait_for_log(const Job& job, const std::string& text) {
  ASSERT_TRUE(run_until(loop(), [&] {
    return log_of(job).find(text) != std::string::npos || ends_.count(job.name) > 0;
  }));
  ASSERT_NE(log_of(job).find(text), std::string::npos)
      << (ends_.count(job.name) > 0 ? text_of(ends_[job.name]) : "") << "\n"
      << log_of(job);
}

dsl::Status EngineContract::open_network(const std::string& network) {
  std::optional<dsl::Status> status;
  engine_->open_network(network, [&](dsl::Status opened) { status = std::move(opened); });
  EXPECT_FALSE(status) << "called back inside `open_network`";
  EXPECT_TRUE(run_until(loop(), [&] { return status.has_value(); }));
  return *status;
}

dsl::Status EngineContract::remove_leftovers(const dsl::RunId& run) {
  std::optional<dsl::Status> status;
  engine_->remove_leftovers(run, [&](dsl::Status removed) { status = std::move(removed); });
  EXPECT_TRUE(run_until(loop(), [&] { return status.has_value(); }));
  return *status;
}

TEST_P(ContractPresence, IsHere) {
  EventLoop loop;
  const TemporaryFolder state;
  EngineOptions options;
  options.state_dir = state.path();
  const auto made = GetParam().make(loop, options);
  if (made) {
    return;
  }
  const std::string why = GetParam().name + ": " + made.error().message +
                          (made.error().remedy.empty() ? "" : " (" + made.error().remedy + ")");
  ASSERT_FALSE(is_required(GetParam().name)) << why;
  GTEST_SKIP() << why;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ContractPresence);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineContract);

}  // namespace runner::contract
