#include "runner/engine/sandbox.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <unistd.h>
#include <utility>

#include "runner/engine/cgroup.h"
#include "runner/engine/init_program.h"
#include "runner/engine/installed_software.h"
#include "runner/engine/network_namespace.h"
#include "runner/engine/oci_image.h"
#include "runner/engine/permission_shims.h"
#include "runner/engine/root_filesystem.h"
#include "runner/engine/root_in_image.h"
#include "runner/engine/sandbox_command.h"
#include "runner/engine/sandbox_job.h"
#include "runner/engine/seccomp.h"
#include "runner/engine/system_image.h"
#include "runner/sys/fd.h"
#include "runner/sys/files.h"
#include "runner/sys/mount_view.h"
#include "runner/sys/unnamed_files.h"

namespace runner {
namespace fs = std::filesystem;

namespace {

constexpr int kOwnProcesses = 2;  // in a job's cgroup: bubblewrap and pipe-init
constexpr const char* kOtherEngines = "choose engine `docker` or `podman`";

class SandboxEngine final : public Engine {
 public:
  SandboxEngine(EventLoop& loop, const EngineOptions& options)
      : loop_(loop), options_(options), probe_(probe_sandbox(options)), cgroups_(options) {
    traits_.name = dsl::EngineName::Sandbox;
    traits_.version = probe_.version;
    traits_.overlays = probe_.overlays;
    traits_.egress = true;
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
  void disk_use(const JobName& job, std::function<void(std::optional<std::int64_t>)> done) override;
  void open_network(const std::string& network, std::function<void(dsl::Status)> done) override;
  void open_network_to(const std::string& network,
                       const EgressDoor& door,
                       NetworkUse use,
                       std::function<void(dsl::Status)> done) override;
  void close_network(const std::string& network) override;
  void remove_leftovers(const dsl::RunId& run, std::function<void(dsl::Status)> done) override;

 private:
  void make_network(const std::string& network,
                    const EgressDoor* door,
                    std::function<void(dsl::Status)> done);
  /// What every job needs and is made once.
  dsl::Status make_ready();
  dsl::Result<SandboxSetup> set_up(Job& job) const;
  dsl::Status add_root_overlay(const RootImage& image,
                               const JobName& name,
                               SandboxSetup& setup) const;
  [[nodiscard]] std::string scratch_folder() const {
    return options_.state_dir + "/engine/sandbox";
  }
  [[nodiscard]] std::string scratch_of(const JobName& name) const {
    return scratch_folder() + "/" + name.value;
  }
  dsl::Status launch(Job job, std::function<void(JobEnd)> ended);
  /// Where a job starts that needs nothing of the machine but what all jobs do; null: elsewhere.
  MountView* view_for(const SandboxSetup& setup, const Job& job);
  void on_end(const JobName& name, JobEnd end, const std::function<void(JobEnd)>& ended);

  /// Members are destroyed in the reverse order: the job first, then what it is in.
  struct Running {
    JobCgroup cgroup;
    bool has_scratch = false;
    std::unique_ptr<SandboxJob> job;
  };

  // Constant after construction.
  EventLoop& loop_;
  const EngineOptions options_;
  const SandboxProbe probe_;
  EngineTraits traits_;

  Cgroups cgroups_;
  SandboxProgram program_;
  Fd init_;    // pipe-init, to be executed
  Fd filter_;  // seccomp
  std::optional<SystemImage> system_;
  std::unique_ptr<MountView> view_;  // null: not made yet, or we may not
  bool view_tried_ = false;
  std::map<std::string, RootImage> images_;  // by reference
  std::map<JobName, Running> jobs_;
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
  const auto limits = cgroups_.unsupported(needs.resources);
  errors.insert(errors.end(), limits.begin(), limits.end());
  return errors;
}

void SandboxEngine::prepare_image(const dsl::Image& image,
                                  std::function<void(dsl::Result<std::string>)> done) {
  // The copy of /etc takes some milliseconds, an archive seconds: on the pool.
  struct Found {
    dsl::Result<SystemImage> system = dsl::Error{};
    dsl::Result<RootImage> root = dsl::Error{};
    std::string software;
  };
  auto found = std::make_shared<Found>();
  const bool is_host = image.kind == dsl::Image::Kind::Host;
  loop_.run_blocking(
      [found, image, is_host, state_dir = options_.state_dir, program = program_] {
        found->system = prepare_system_image(state_dir, program.uid, program.gid);
        if (is_host) {
          found->software = installed_software_digest();
        } else {
          found->root = image.kind == dsl::Image::Kind::RootFs
                            ? open_root_filesystem(state_dir, image.reference)
                            : unpack_image(state_dir, image.reference);
        }
      },
      [this, found, image, is_host, done = std::move(done)] {
        if (!found->system) {
          done(found->system.error());
          return;
        }
        system_ = *std::move(found->system);
        if (is_host) {
          done(found->software);
          return;
        }
        if (!found->root) {
          done(found->root.error());
          return;
        }
        const std::string digest = found->root->digest;
        images_[image.reference] = *std::move(found->root);
        done(digest);
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

/// The job's own layer above the image, made anew.
dsl::Status SandboxEngine::add_root_overlay(const RootImage& image,
                                            const JobName& name,
                                            SandboxSetup& setup) const {
  const std::string scratch = scratch_of(name);
  if (auto removed = files::remove_tree(scratch); !removed) {
    return removed;
  }
  for (const char* const folder : {"/root", "/work", "/upper/etc"}) {
    if (auto made = files::make_directories(scratch + folder); !made) {
      return made;
    }
  }
  // Every job can resolve `localhost`, and no job asks the name servers of where the image was
  // made.
  for (const char* const file : {"hosts", "hostname", "resolv.conf"}) {
    const std::string copy = scratch + "/upper/etc/" + file;
    if (std::error_code error; !fs::copy_file(system_->etc + "/" + file, copy, error)) {
      return files::system_error("write", copy, error.value());
    }
  }
  setup.root.folder = scratch + "/root";
  setup.overlays.push_back(
      {setup.root.folder, scratch + "/upper", scratch + "/work", {image.root}});
  return dsl::Ok{};
}

/// Completes the job by what its image says, and sets up what is round it.
dsl::Result<SandboxSetup> SandboxEngine::set_up(Job& job) const {
  SandboxSetup setup;
  if (!system_) {
    return dsl::Error{"the image of '" + job.node.value + "' was not prepared", ""};
  }
  if (job.image.kind == dsl::Image::Kind::Host) {
    setup.root.system = &*system_;
  } else {
    const auto image = images_.find(job.image.reference);
    if (image == images_.end()) {
      return dsl::Error{"the image '" + job.image.reference + "' was not prepared", ""};
    }
    complete_from_image(image->second.config, job);
    setup.root_capabilities = is_root_in_image(job);
    if (job.user.empty()) {
      job.user = "root";  // who images are made for
    }
    if (auto added = add_root_overlay(image->second, job.name, setup); !added) {
      return added.error();
    }
  }
  if (job.argv.empty()) {
    return dsl::Error{"'" + job.node.value + "' has no command, and neither has its image",
                      "give it one with `run`"};
  }
  if (setup.root_capabilities || !job.permissions.empty()) {
    job.mounts.push_back({program_.init, std::string(kInitPath), true});
  }
  if (setup.root_capabilities) {
    if (auto added = add_sudo(options_.state_dir, job); !added) {
      return added.error();
    }
  }
  if (!job.permissions.empty()) {
    const std::string root =
        setup.root.system != nullptr ? "/" : images_.at(job.image.reference).root;
    if (auto added = add_permission_shims(options_.state_dir, root, job); !added) {
      return added.error();
    }
  }
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

MountView* SandboxEngine::view_for(const SandboxSetup& setup, const Job& job) {
  if (!std::exchange(view_tried_, true)) {
    std::vector<std::string> needed = system_->folders;
    needed.insert(needed.end(),
                  {program_.bwrap, fs::absolute(options_.state_dir).string(), "/proc"});
    for (const char* const device : {"null", "zero", "full", "random", "urandom", "tty"}) {
      needed.push_back(std::string("/dev/") + device);  // that bubblewrap shows in its /dev
    }
    view_ = MountView::make(std::move(needed));
  }
  if (view_ == nullptr) {
    return nullptr;
  }
  const std::vector<std::string> paths = host_paths(setup, job);
  const bool shows_all = std::all_of(
      paths.begin(), paths.end(), [&](const std::string& path) { return view_->shows(path); });
  return shows_all ? view_.get() : nullptr;
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
  auto cgroup = cgroups_.make(job.name, job.resources, kOwnProcesses);
  if (!cgroup) {
    return cgroup.error();
  }
  setup->cgroups = cgroup->folders();
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
                                   view_for(*setup, job),
                                   descriptors,
                                   [this, name = job.name, ended = std::move(ended)](JobEnd end) {
                                     on_end(name, std::move(end), ended);
                                   });
  if (!started) {
    return started.error();
  }
  Running& running = jobs_[job.name];
  running.job = std::move(*started);
  running.cgroup = std::move(*cgroup);
  running.has_scratch = setup->root.system == nullptr;
  return dsl::Ok{};
}

void SandboxEngine::on_end(const JobName& name,
                           JobEnd end,
                           const std::function<void(JobEnd)>& ended) {
  const auto found = jobs_.find(name);
  found->second.cgroup.conclude(end);
  const bool has_scratch = found->second.has_scratch;
  jobs_.erase(found);
  if (!has_scratch) {
    ended(std::move(end));
    return;
  }
  loop_.run_blocking(
      [scratch = scratch_of(name)] { static_cast<void>(files::remove_tree(scratch)); },
      [ended, end] { ended(end); });
}

void SandboxEngine::start(Job job, std::function<void(JobEnd)> ended) {
  const auto shared = std::make_shared<std::function<void(JobEnd)>>(std::move(ended));
  const dsl::Status launched =
      launch(std::move(job), [shared](JobEnd end) { (*shared)(std::move(end)); });
  if (launched) {
    return;
  }
  loop_.post([shared, end = lost_job(launched.error())] { (*shared)(end); });
}

void SandboxEngine::stop(const JobName& job, dsl::Duration grace) {
  if (const auto found = jobs_.find(job); found != jobs_.end()) {
    found->second.job->stop(grace);
  }
}

void SandboxEngine::disk_use(const JobName& job,
                             std::function<void(std::optional<std::int64_t>)> done) {
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) {
    loop_.post([done = std::move(done)] { done(0); });
    return;
  }
  auto bytes = std::make_shared<std::optional<std::int64_t>>(0);
  const std::string layer = found->second.has_scratch ? scratch_of(job) + "/upper" : "";
  loop_.run_blocking(
      [bytes, layer, pid = found->second.job->pid()] {
        if (!layer.empty()) {
          *bytes = files::disk_use(layer);
        }
        if (*bytes) {
          **bytes += unnamed_bytes(pid);
        }
      },
      [bytes, done = std::move(done)] { done(*bytes); });
}

void SandboxEngine::open_network(const std::string& network,
                                 std::function<void(dsl::Status)> done) {
  make_network(network, nullptr, std::move(done));
}

void SandboxEngine::open_network_to(const std::string& network,
                                    const EgressDoor& door,
                                    NetworkUse /*use*/,
                                    std::function<void(dsl::Status)> done) {
  make_network(network, &door, std::move(done));
}

void SandboxEngine::make_network(const std::string& network,
                                 const EgressDoor* door,
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
      loop_, program_.init, door, [this, network, shared](dsl::Result<NetworkNamespace> made) {
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
  // Processes, mounts and networks went with the runner that held them.
  auto status = std::make_shared<dsl::Status>(cgroups_.remove_leftovers(run));
  loop_.run_blocking(
      [status, run, folder = scratch_folder()] {
        std::error_code none;
        for (const fs::directory_entry& entry : fs::directory_iterator(folder, none)) {
          if (is_job_of(entry.path().filename().string(), run)) {
            if (auto removed = files::remove_tree(entry.path().string()); !removed && *status) {
              *status = removed;
            }
          }
        }
      },
      [status, done = std::move(done)] { done(*status); });
}

}  // namespace

std::unique_ptr<Engine> make_sandbox_engine(EventLoop& loop, const EngineOptions& options) {
  return std::make_unique<SandboxEngine>(loop, options);
}

}  // namespace runner
