#include "runner/engine/sandbox.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <unistd.h>
#include <utility>

#include "runner/engine/init_program.h"
#include "runner/engine/network_namespace.h"
#include "runner/engine/sandbox_command.h"
#include "runner/engine/sandbox_job.h"
#include "runner/engine/seccomp.h"
#include "runner/engine/system_image.h"
#include "runner/sys/fd.h"

namespace runner {
namespace fs = std::filesystem;

namespace {

constexpr const char* kOtherEngines = "choose engine `docker` or `podman`";

class SandboxEngine final : public Engine {
 public:
  SandboxEngine(EventLoop& loop, const EngineOptions& options)
      : loop_(loop), options_(options), probe_(probe_sandbox(options)) {
    traits_.name = dsl::EngineName::Sandbox;
    traits_.version = probe_.version;
    traits_.overlays = probe_.overlays;
    program_.bwrap = probe_.bwrap;
    program_.uid = geteuid();
    program_.gid = getegid();
  }

  [[nodiscard]] const EngineTraits& traits() const override { return traits_; }
  [[nodiscard]] std::vector<dsl::Error> unsupported(const JobNeeds& needs) const override;
  void prepare_image(const dsl::Image& image,
                     std::function<void(dsl::Result<std::string>)> done) override;
  void start(Job job, std::function<void(JobEnd)> ended) override;
  void stop(const JobName& job, dsl::Duration grace) override;
  void open_network(const std::string& network, std::function<void(dsl::Status)> done) override;
  void close_network(const std::string& network) override;
  void remove_leftovers(const dsl::RunId& run, std::function<void(dsl::Status)> done) override;

 private:
  /// What every job needs and is made once.
  dsl::Status make_ready();
  dsl::Result<SandboxSetup> set_up(const Job& job);
  dsl::Status launch(Job job, std::function<void(JobEnd)> ended);

  // Constant after construction.
  EventLoop& loop_;
  const EngineOptions options_;
  const SandboxProbe probe_;
  EngineTraits traits_;

  SandboxProgram program_;
  Fd init_;    // pipe-init, to be executed
  Fd filter_;  // seccomp
  std::optional<SystemImage> system_;
  std::map<JobName, std::unique_ptr<SandboxJob>> jobs_;
  std::map<std::string, NetworkNamespace> networks_;
  std::map<std::string, std::unique_ptr<NetworkMaker>> network_makers_;
};

std::vector<dsl::Error> SandboxEngine::unsupported(const JobNeeds& needs) const {
  std::vector<dsl::Error> errors;
  if (probe_.trouble) {
    errors.push_back(*probe_.trouble);
  }
  switch (needs.image.kind) {
    case dsl::Image::Kind::Host:
      break;
    case dsl::Image::Kind::RootFs:
    case dsl::Image::Kind::OciArchive:
      if (!probe_.overlays && !probe_.trouble) {
        errors.push_back({"the sandbox cannot mount overlays here, which an image needs",
                          "set PIPE_STATE to a folder on a local disk, or write `image: host`"});
      }
      break;
    case dsl::Image::Kind::Reference:
      errors.push_back({"the sandbox cannot pull the image '" + needs.image.reference + "'",
                        "write `image: host`, save it once with `docker save` and name that file, "
                        "or choose engine `docker` or `podman`"});
      break;
    case dsl::Image::Kind::Build:
    case dsl::Image::Kind::Devcontainer:
      errors.push_back({"the sandbox cannot build '" + needs.image.reference + "'", kOtherEngines});
      break;
  }
  if (const auto user = inner_user(needs.user, program_); !user) {
    errors.push_back(user.error());
  }
  if (!needs.runtime.empty()) {
    errors.push_back(
        {"the sandbox has no OCI runtimes, such as '" + needs.runtime + "'", kOtherEngines});
  }
  return errors;
}

void SandboxEngine::prepare_image(const dsl::Image& image,
                                  std::function<void(dsl::Result<std::string>)> done) {
  static_cast<void>(image);
  // The work and what it finds; the copy of /etc takes some milliseconds, an archive seconds.
  auto found = std::make_shared<std::optional<dsl::Result<SystemImage>>>();
  loop_.run_blocking(
      [found, state_dir = options_.state_dir, uid = program_.uid, gid = program_.gid] {
        *found = prepare_system_image(state_dir, uid, gid);
      },
      [this, found, done = std::move(done)] {
        if (!**found) {
          done((**found).error());
          return;
        }
        system_ = *std::move(**found);
        done(system_->digest);
      });
}

dsl::Status SandboxEngine::make_ready() {
  if (filter_) {
    return dsl::Ok{};
  }
  auto path = install_init_program(options_.state_dir);
  if (!path) {
    return path.error();
  }
  program_.init = std::move(*path);
  init_ = Fd(open(program_.init.c_str(), O_RDONLY | O_CLOEXEC));
  if (!init_) {
    return dsl::Error{"open '" + program_.init + "': " + strerrordesc_np(errno), ""};
  }
  auto filter = make_seccomp_filter();
  if (!filter) {
    return filter.error();
  }
  filter_ = std::move(*filter);
  return dsl::Ok{};
}

dsl::Result<SandboxSetup> SandboxEngine::set_up(const Job& job) {
  SandboxSetup setup;
  if (!system_) {
    return dsl::Error{"the image of '" + job.node.value + "' was not prepared", ""};
  }
  setup.root.system = &*system_;
  const WorkspaceMount& workspace = job.workspace;
  if (!workspace.lower.empty()) {
    setup.overlays.push_back(
        {workspace.directory, workspace.upper, workspace.work, workspace.lower});
  }
  if (!job.network.empty()) {
    setup.network = SandboxNetwork::Joined;
  }
  return setup;
}

dsl::Status SandboxEngine::launch(Job job, std::function<void(JobEnd)> ended) {
  if (probe_.trouble) {
    return *probe_.trouble;
  }
  if (const auto ready = make_ready(); !ready) {
    return ready.error();
  }
  if (const auto user = inner_user(job.user, program_); !user) {
    return user.error();
  }
  auto setup = set_up(job);
  if (!setup) {
    return setup.error();
  }
  auto filter = reopen_filter(filter_);
  if (!filter) {
    return filter.error();
  }
  std::vector<std::pair<int, int>> descriptors = {{filter->get(), SandboxDescriptors::kSeccomp},
                                                  {init_.get(), SandboxDescriptors::kInit}};
  if (!job.network.empty()) {
    const auto network = networks_.find(job.network);
    if (network == networks_.end()) {
      return dsl::Error{"the network '" + job.network + "' is not open", ""};
    }
    if (network->second.user) {
      descriptors.emplace_back(network->second.user.get(), SandboxDescriptors::kUserNamespace);
    }
    descriptors.emplace_back(network->second.network.get(), SandboxDescriptors::kNetworkNamespace);
  }
  auto started = SandboxJob::start(loop_,
                                   job,
                                   sandbox_command(program_, options_, *setup, job),
                                   descriptors,
                                   [this, name = job.name, ended = std::move(ended)](JobEnd end) {
                                     jobs_.erase(name);
                                     ended(std::move(end));
                                   });
  if (!started) {
    return started.error();
  }
  jobs_[job.name] = std::move(*started);
  return dsl::Ok{};
}

void SandboxEngine::start(Job job, std::function<void(JobEnd)> ended) {
  const auto shared = std::make_shared<std::function<void(JobEnd)>>(std::move(ended));
  const dsl::Status launched =
      launch(std::move(job), [shared](JobEnd end) { (*shared)(std::move(end)); });
  if (launched) {
    return;
  }
  JobEnd end;
  end.how = JobEnd::How::Lost;
  end.detail = launched.error().message;
  if (!launched.error().remedy.empty()) {
    end.detail += "; " + launched.error().remedy;
  }
  loop_.post([shared, end] { (*shared)(end); });
}

void SandboxEngine::stop(const JobName& job, dsl::Duration grace) {
  if (const auto found = jobs_.find(job); found != jobs_.end()) {
    found->second->stop(grace);
  }
}

void SandboxEngine::open_network(const std::string& network,
                                 std::function<void(dsl::Status)> done) {
  const auto shared = std::make_shared<std::function<void(dsl::Status)>>(std::move(done));
  const auto fail = [this, shared](const dsl::Error& error) {
    loop_.post([shared, error] { (*shared)(error); });
  };
  if (const auto ready = make_ready(); !ready) {
    fail(ready.error());
    return;
  }
  auto maker = NetworkMaker::start(
      loop_, program_.init, [this, network, shared](dsl::Result<NetworkNamespace> made) {
        const auto maker_gone = std::move(network_makers_[network]);
        network_makers_.erase(network);
        if (!made) {
          (*shared)(made.error());
          return;
        }
        networks_[network] = *std::move(made);
        (*shared)(dsl::Ok{});
      });
  if (!maker) {
    fail(maker.error());
    return;
  }
  network_makers_[network] = std::move(*maker);
}

void SandboxEngine::close_network(const std::string& network) {
  network_makers_.erase(network);
  networks_.erase(network);
}

void SandboxEngine::remove_leftovers(const dsl::RunId& run, std::function<void(dsl::Status)> done) {
  static_cast<void>(run);  // namespaces and processes went with the runner that held them
  loop_.post([done = std::move(done)] { done(dsl::Ok{}); });
}

}  // namespace

std::unique_ptr<Engine> make_sandbox_engine(EventLoop& loop, const EngineOptions& options) {
  return std::make_unique<SandboxEngine>(loop, options);
}

}  // namespace runner
