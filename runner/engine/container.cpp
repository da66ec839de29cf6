#include "runner/engine/container.h"

#include <map>
#include <optional>
#include <string>
#include <unistd.h>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runner/engine/container_api.h"
#include "runner/engine/container_command.h"
#include "runner/engine/container_facts.h"
#include "runner/engine/container_images.h"
#include "runner/engine/container_job.h"
#include "runner/engine/container_lead.h"
#include "runner/engine/container_leftovers.h"
#include "runner/engine/container_service.h"
#include "runner/engine/docker_broker.h"
#include "runner/engine/docker_daemon.h"
#include "runner/engine/end_mark.h"
#include "runner/engine/init_program.h"
#include "runner/engine/permission_shims.h"
#include "runner/engine/root_in_image.h"
#include "runner/engine/seccomp.h"
#include "runner/sys/files.h"
#include "runner/sys/process_tree.h"
#include "runner/sys/unix_socket.h"
#include "runner/sys/unnamed_files.h"

namespace runner {
namespace {

using How = JobEnd::How;

constexpr const char* kDockerSocket = "/var/run/docker.sock";

/// The system call filter, which pipe-init installs on top of the engine's own: theirs let vsock
/// and netfilter sockets pass, and podman's new user namespaces too.
dsl::Result<std::string> read_filter() {
  const auto file = make_seccomp_filter();
  if (!file)
    return file.error();
  std::string bytes(64 * 1024, '\0');
  const ssize_t size = pread(file->get(), bytes.data(), bytes.size(), 0);
  if (size <= 0)
    return dsl::Error{"read the system call filter", ""};
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

/// What every container has in the place of its image's: names are answered inside its own network
/// (runner/net/name_server.h) or nowhere, and which servers this machine asks is nobody's business.
dsl::Result<std::string> install_resolver_file(const std::string& state_dir) {
  const std::string folder = state_dir + "/engine";
  if (const dsl::Status made = files::make_directories(folder); !made)
    return made.error();
  std::string path = folder + "/resolv.conf";
  if (const dsl::Status written =
          files::write_atomically(path, "nameserver 127.0.0.1\n", files::Durable::No, 0444);
      !written)
    return written.error();
  return path;
}

/// A job from `start` to its end. It has no container until its network's holder is there.
struct RunningJob {
  Job job;
  std::function<void(JobEnd)> ended;
  std::unique_ptr<ContainerJob> container;
  std::unique_ptr<ContainerLead> lead;  // of its own network, until it is done
  std::unique_ptr<DockerBroker> broker;
  bool stopped = false;  // before it had a container
  bool joined = false;   // the network of a holder
};

/// A network that leads to the gateway for one job is the job's own. Else it is the loopback of a
/// container that holds it for the group; made when its first job starts, since only a job brings
/// an image and the name of its run.
struct Network {
  NetworkUse use = NetworkUse::Group;
  std::optional<EgressDoor> door;
  Fd to_door;                 // until the network leads there
  std::string daemon_folder;  // of the Docker daemon in it; "" there is none
  std::unique_ptr<ContainerJob> holder;
  std::unique_ptr<ContainerLead> lead;  // of the holder
  bool ready = false;
  std::vector<std::function<void(dsl::Result<std::string> holder)>> waiting;
};

class ContainerEngine final : public Engine {
 public:
  ContainerEngine(EventLoop& loop, const EngineOptions& options, ContainerProgram program)
      : loop_(loop),
        options_(options),
        program_(std::move(program)),
        caller_{getuid(), getgid()},
        init_path_(install_init_program(options.state_dir)),
        resolver_file_(install_resolver_file(options.state_dir)),
        filter_(read_filter()) {
    if (program_.name == dsl::EngineName::Podman)
      service_ =
          std::make_unique<ContainerService>(loop_, program_, options_.state_dir + "/engine");
    api_ = std::make_unique<ContainerApi>(loop_, service_ ? service_->socket() : program_.socket);
    images_ = std::make_unique<ContainerImages>(loop_, *api_, program_, options_.store_id);
    traits_.name = program_.name;
    traits_.version = program_.version;
    // Of a daemon's overlay an ordinary user can neither read the marks (trusted.*) nor remove what
    // the kernel keeps in its work folder.
    traits_.overlays =
        program_.mounts_overlays && program_.name == dsl::EngineName::Docker && caller_.uid == 0;
    // Who may enter the network of a container: root, and whose user namespace it is in.
    traits_.egress = caller_.uid == 0 || program_.rootless;
    traits_.docker = program_.name == dsl::EngineName::Docker;
    traits_.docker_daemon = traits_.docker && !program_.rootless;
  }

  [[nodiscard]] const EngineTraits& traits() const override { return traits_; }

  [[nodiscard]] std::vector<dsl::Error> unsupported(const JobNeeds& needs) const override {
    std::vector<dsl::Error> errors = unsupported_by(program_, needs);
    if (!init_path_)
      errors.push_back(init_path_.error());
    if (!resolver_file_)
      errors.push_back(resolver_file_.error());
    if (!filter_)
      errors.push_back(filter_.error());
    return errors;
  }

  void prepare_image(const dsl::Image& image,
                     std::function<void(dsl::Result<std::string>)> done) override {
    when_reachable([this, image, done = std::move(done)](const dsl::Status& status) {
      if (status)
        images_->prepare(image, done);
      else
        done(status.error());
    });
  }

  void start(Job job, std::function<void(JobEnd)> ended) override {
    const JobName name = job.name;
    const std::string network = job.network;
    running_[name] = RunningJob{std::move(job), std::move(ended), nullptr, nullptr, nullptr, false};
    when_reachable([this, name, network](const dsl::Status& status) {
      if (!status)
        lose(name, status.error());
      else if (network.empty())
        launch(name, "");
      else if (const auto own = networks_.find(network);
               own != networks_.end() && own->second.use == NetworkUse::OneJob)
        launch_with_way_out(name, own->second);
      else
        with_holder(network, name, [this, name](dsl::Result<std::string> holder) {
          if (holder)
            launch(name, *holder);
          else
            lose(name, holder.error());
        });
    });
  }

  void stop(const JobName& job, dsl::Duration grace) override {
    const auto found = running_.find(job);
    if (found == running_.end())
      return;
    found->second.stopped = true;
    if (found->second.container)
      found->second.container->stop(grace);
  }

  void disk_use(const JobName& job,
                std::function<void(std::optional<std::int64_t>)> done) override {
    ApiCall call;
    call.path = "/containers/" + container_name(options_, job.value) + "/json?size=true";
    api_->call(call, [&loop = loop_, done = std::move(done)](dsl::Result<ApiReply> reply) {
      auto bytes = std::make_shared<std::optional<std::int64_t>>(
          reply && reply->ok() ? written_bytes(reply->body) : std::nullopt);
      if (!*bytes) {
        done(*bytes);
        return;
      }
      loop.run_blocking(
          [bytes, first = first_process(reply->body)] {
            // Of a daemon on another machine it is anybody's number.
            if (first.pid > 0 && is_in_cgroup_of(first.pid, first.container)) {
              **bytes += unnamed_bytes(first.pid);
            }
          },
          [bytes, done] { done(*bytes); });
    });
  }

  void open_network(const std::string& network, std::function<void(dsl::Status)> done) override {
    networks_[network];
    when_reachable(std::move(done));
  }

  void open_network_to(const std::string& network,
                       const EgressDoor& door,
                       NetworkUse use,
                       std::function<void(dsl::Status)> done) override {
    // From here on the door is nobody else's.
    auto to_door = connect_unix(door.socket);
    if (!to_door) {
      loop_.post(
          [alive = std::weak_ptr<bool>(alive_), done = std::move(done), error = to_door.error()] {
            if (alive.lock())
              done(error);
          });
      return;
    }
    Network& opened = networks_[network];
    opened.use = use;
    opened.door = door;
    opened.to_door = *std::move(to_door);
    when_reachable(std::move(done));
  }

  void close_network(const std::string& network) override {
    const auto closed = networks_.extract(network);
    if (closed && !closed.mapped().daemon_folder.empty())
      (void)files::remove_tree(closed.mapped().daemon_folder);
  }

  void remove_leftovers(const dsl::RunId& run, std::function<void(dsl::Status)> done) override {
    remove_daemon_folders(options_.state_dir, run);
    when_reachable([this, run, done = std::move(done)](const dsl::Status& status) {
      if (status)
        remove_container_leftovers(loop_, *api_, {options_.store_id, run}, done);
      else
        done(status);
    });
  }

 private:
  [[nodiscard]] ContainerSetup setup() const {
    return {program_,
            options_,
            caller_,
            init_path_ ? *init_path_ : std::string(),
            resolver_file_ ? *resolver_file_ : std::string()};
  }

  /// Docker was reachable when it was probed, and each call tells when it is no more.
  void when_reachable(std::function<void(dsl::Status)> then) {
    if (service_)
      service_->when_listening(std::move(then));
    else
      loop_.post([alive = std::weak_ptr<bool>(alive_), then = std::move(then)] {
        if (alive.lock())
          then(dsl::Ok{});
      });
  }

  [[nodiscard]] dsl::Error why_not_ready() const {
    if (!init_path_)
      return init_path_.error();
    if (!resolver_file_)
      return resolver_file_.error();
    if (!filter_)
      return filter_.error();
    return {"BUG: the image of the job was never prepared", "please report this"};
  }

  /// In the network of `holder`, or where that is "" in one of its own.
  void launch(const JobName& name, const std::string& holder) {
    running_.at(name).joined = !holder.empty();
    if (make_container(name, holder, [](const dsl::Status&) {}))
      run_in_container(name);
  }

  /// In a network of its own, which leads to the gateway before anything runs there.
  void launch_with_way_out(const JobName& name, Network& network) {
    if (!network.to_door) {
      lose(name, {"BUG: a second job in the network of one", "please report this"});
      return;
    }
    if (!init_path_) {
      lose(name, init_path_.error());
      return;
    }
    const auto way = std::make_shared<ContainerLead::Order>(way_out(network));
    make_container(name, "", [this, name, way](const dsl::Status& status) {
      if (!status) {
        lose(name, status.error());
        return;
      }
      RunningJob& running = running_.at(name);
      way->container = running.container->id();
      running.lead = std::make_unique<ContainerLead>(
          loop_, *api_, std::move(*way), [this, name](const dsl::Status& led) {
            running_.at(name).lead.reset();
            if (led)
              run_in_container(name);
            else
              lose(name, led.error());
          });
    });
  }

  [[nodiscard]] ContainerLead::Order way_out(Network& network) const {
    return {"", *init_path_, std::move(network.to_door), *network.door};
  }

  /// False: the job has come to its end instead.
  bool make_container(const JobName& name,
                      const std::string& holder,
                      std::function<void(dsl::Status)> ready) {
    RunningJob& running = running_.at(name);
    const ContainerImage* image = images_->find(running.job.image);
    if (running.stopped) {
      JobEnd end;
      end.how = How::Stopped;
      finish(name, std::move(end));
      return false;
    }
    if (image == nullptr || !init_path_ || !resolver_file_ || !filter_) {
      lose(name, why_not_ready());
      return false;
    }
    if (running.job.argv.empty() && image->config.command.empty()) {
      JobEnd end;
      end.how = How::NotStarted;
      end.detail = "the image '" + running.job.image.reference +
                   "' has no command of its own; say which one to run";
      finish(name, std::move(end));
      return false;
    }
    if (auto equipped = equip(running, holder); !equipped) {
      lose(name, equipped.error());
      return false;
    }
    running.container = std::make_unique<ContainerJob>(
        loop_,
        *api_,
        container_name(options_, name.value),
        create_body(setup(), running.job, *image, holder),
        [this, name, ready = std::move(ready)](const dsl::Status& status) {
          tell_broker(name);
          ready(status);
        });
    return true;
  }

  /// Programs and sockets of ours that it finds in its container.
  dsl::Status equip(RunningJob& running, const std::string& holder) {
    if (running.job.is_docker_daemon)
      return make_daemon(running.job);
    if (is_root_in_image(running.job)) {
      if (auto added = add_sudo(options_.state_dir, running.job); !added)
        return added;
    }
    if (!running.job.permissions.empty()) {
      // What the image has at its paths is not known here.
      if (auto added = add_permission_shims(options_.state_dir, "", running.job); !added)
        return added;
    }
    return give_docker(running, holder);
  }

  /// Its certificates are its network's, where its clients come after it.
  dsl::Status make_daemon(Job& job) {
    const auto network = networks_.find(job.network);
    if (network == networks_.end())
      return dsl::Error{"BUG: a Docker daemon without a network", "please report this"};
    auto folder = make_daemon_folder(options_.state_dir, job.network);
    if (!folder)
      return folder.error();
    network->second.daemon_folder = *folder;
    become_daemon(*folder, job);
    return dsl::Ok{};
  }

  /// What it finds at the usual place of Docker's socket.
  dsl::Status give_docker(RunningJob& running, const std::string& holder) {
    Job& job = running.job;
    if (job.docker == dsl::DockerAccess::None)
      return dsl::Ok{};
    if (job.docker == dsl::DockerAccess::Dind) {
      const auto network = networks_.find(job.network);
      if (network != networks_.end() && !network->second.daemon_folder.empty())
        lead_to_daemon(network->second.daemon_folder, job);
      return dsl::Ok{};
    }
    std::string socket = program_.socket;
    if (job.docker == dsl::DockerAccess::Broker) {
      BrokerOwner owner;
      owner.name = container_name(options_, job.name.value);
      owner.labels = {{kStoreLabel, options_.store_id},
                      {kRunLabel, job.run.value},
                      {kNodeLabel, job.node.value},
                      {kJobLabel, job.name.value}};
      owner.network = holder;
      owner.resolver_file = *resolver_file_;
      owner.memory = job.resources.memory;
      owner.cpus = job.resources.cpus;
      running.broker = std::make_unique<DockerBroker>(loop_, *api_, std::move(owner));
      const std::string folder = options_.state_dir + "/engine/broker";
      if (auto made = files::make_directories(folder, 0700); !made)
        return made;
      socket = folder + "/" + job.name.value;
      if (auto listens = running.broker->listen(socket); !listens)
        return listens;
    }
    job.mounts.push_back({socket, kDockerSocket, true});
    const bool is_broker = job.docker == dsl::DockerAccess::Broker;
    job.default_env = layered(job.default_env, docker_variables(is_broker));
    return dsl::Ok{};
  }

  /// The job's container is ready: it has an id, and its command has not started.
  void tell_broker(const JobName& name) {
    const RunningJob& running = running_.at(name);
    if (running.broker && !running.joined)
      running.broker->set_network(running.container->id());
  }

  /// What Testcontainers and the like want to know. Containers of the broker are on the job's own
  /// loopback; its reaper is not needed, and would want the socket in a container.
  static Variables docker_variables(bool is_broker) {
    return {{"DOCKER_HOST", std::string("unix://") + kDockerSocket},
            {"TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE", kDockerSocket},
            {"TESTCONTAINERS_HOST_OVERRIDE", is_broker ? "localhost" : "host.docker.internal"},
            {is_broker ? "TESTCONTAINERS_RYUK_DISABLED" : "TESTCONTAINERS_REUSE_ENABLE", "true"}};
  }

  void run_in_container(const JobName& name) {
    RunningJob& running = running_.at(name);
    // The next mount of an overlay's folders waits until this one is gone with the container, and
    // so does Podman's removal of a network's holder.
    const bool waits = !running.job.workspace.lower.empty() ||
                       (running.joined && program_.name == dsl::EngineName::Podman);
    const std::string mark = waits ? "" : make_end_mark();
    running.container->run(running.job,
                           init_request(running.job,
                                        *images_->find(running.job.image),
                                        running.job.is_docker_daemon ? std::string() : *filter_,
                                        mark),
                           mark,
                           [this, name](JobEnd end) { finish(name, std::move(end)); });
  }

  /// Calls `then` with the id of the network's holder.
  void with_holder(const std::string& name,
                   const JobName& job,
                   std::function<void(dsl::Result<std::string>)> then) {
    const auto opened = networks_.find(name);
    if (opened == networks_.end()) {
      then(dsl::Error{"the network '" + name + "' is not open", "BUG: please report this"});
      return;
    }
    Network& network = opened->second;
    if (network.ready) {
      then(network.holder->id());
      return;
    }
    network.waiting.push_back(std::move(then));
    if (network.holder)
      return;
    const Job& first = running_.at(job).job;
    const ContainerImage* image = images_->find(first.image);
    if (image == nullptr || !init_path_ || !resolver_file_) {
      for (const auto& waiting : std::exchange(network.waiting, {}))
        waiting(why_not_ready());
      return;
    }
    network.holder = std::make_unique<ContainerJob>(
        loop_,
        *api_,
        container_name(options_, name + "-network"),
        holder_body(setup(), name, first, *image),
        [this, name](const dsl::Status& status) { on_holder(name, status); });
  }

  void on_holder(const std::string& name, const dsl::Status& status) {
    const auto found = networks_.find(name);
    if (found == networks_.end())
      return;
    Network& network = found->second;
    if (!status || !network.door) {
      on_network(network, status.has_value() ? status : status.error().within(opening(name)));
      return;
    }
    ContainerLead::Order way = way_out(network);
    way.container = network.holder->id();
    network.lead = std::make_unique<ContainerLead>(
        loop_, *api_, std::move(way), [this, name](const dsl::Status& led) {
          Network& ours = networks_.at(name);  // whose lead this is
          loop_.post([gone = std::shared_ptr<ContainerLead>(std::move(ours.lead))] {});
          on_network(ours, led ? led : led.error().within(opening(name)));
        });
  }

  static std::string opening(const std::string& network) {
    return "open the network '" + network + "'";
  }

  void on_network(Network& network, const dsl::Status& status) {
    network.ready = status.has_value();
    const std::string id = network.holder->id();
    if (!status)
      // Not inside its own callback.
      loop_.post([gone = std::shared_ptr<ContainerJob>(std::move(network.holder))] {});
    for (const auto& waiting : std::exchange(network.waiting, {})) {
      if (status)
        waiting(id);
      else
        waiting(status.error());
    }
  }

  void lose(const JobName& name, const dsl::Error& error) { finish(name, lost_job(error)); }

  /// Podman keeps the holder of a network as long as there is a container that joined it, and tries
  /// to remove it but once: so whoever joined one has ended only when its container is gone.
  void finish(const JobName& name, JobEnd end) {
    auto node = running_.extract(name);
    const RunningJob& over = node.mapped();
    const bool holds_on = over.joined && over.container && program_.name == dsl::EngineName::Podman;
    const std::string container = holds_on ? over.container->id() : "";
    const std::string dead_holder = holds_on ? holder_that_died(over.job.network) : "";
    auto ended = std::move(node.mapped().ended);
    if (over.broker)
      ended = after_its_containers(std::move(node.mapped().broker), std::move(ended));
    // We are inside a callback of the container.
    loop_.post([gone = std::shared_ptr<ContainerJob>(std::move(node.mapped().container))] {});
    if (container.empty()) {
      ended(std::move(end));
      return;
    }
    ContainerJob::remove(
        *api_, container, [&api = *api_, dead_holder, ended, end = std::move(end)] {
          if (dead_holder.empty())
            ended(end);
          else
            ContainerJob::remove(api, dead_holder, [ended, end] { ended(end); });
        });
  }

  /// The id of a network's holder that somebody killed while jobs were in it: nobody but us removes
  /// it any more. "" it lives, or there is none.
  [[nodiscard]] std::string holder_that_died(const std::string& network) const {
    const auto found = networks_.find(network);
    const bool died = found != networks_.end() && found->second.holder && found->second.ready &&
                      found->second.holder->is_over();
    return died ? found->second.holder->id() : "";
  }

  /// A job has ended when all is gone that it made through its broker. What does not go says so in
  /// the daemon; the leftovers of the run find it again.
  std::function<void(JobEnd)> after_its_containers(std::unique_ptr<DockerBroker> broker,
                                                   std::function<void(JobEnd)> ended) {
    return [broker = std::shared_ptr<DockerBroker>(std::move(broker)),
            ended = std::move(ended)](JobEnd end) {
      broker->end([broker, ended, end](const dsl::Status& status) {
        JobEnd told = end;
        if (!status && told.how != How::Lost) {
          told = lost_job(status.error());
        }
        ended(std::move(told));
      });
    };
  }

  // Constant after construction.
  EventLoop& loop_;
  const EngineOptions options_;
  const ContainerProgram program_;
  const Caller caller_;
  const dsl::Result<std::string> init_path_;
  const dsl::Result<std::string> resolver_file_;
  const dsl::Result<std::string> filter_;
  EngineTraits traits_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  // In the order in which they need each other.
  std::unique_ptr<ContainerService> service_;  // Podman only
  std::unique_ptr<ContainerApi> api_;
  std::unique_ptr<ContainerImages> images_;
  std::map<std::string, Network> networks_;
  std::unordered_map<JobName, RunningJob> running_;
};

}  // namespace

std::unique_ptr<Engine> make_container_engine(EventLoop& loop,
                                              const EngineOptions& options,
                                              ContainerProgram program) {
  return std::make_unique<ContainerEngine>(loop, options, std::move(program));
}

}  // namespace runner
