#include "runner/run/service_group.h"

#include <utility>

#include <fmt/format.h>

namespace runner {

using dsl::Error;
using dsl::Ok;
using dsl::Status;

namespace {

/// Services of the same run come and go; what they are called must not meet a job's own name.
JobName service_job(const JobName& beside, std::size_t number, const char* kind) {
  return JobName(fmt::format("{}-{}{}", beside.value, kind, number));
}

constexpr dsl::Duration kServiceGrace{2'000};

}  // namespace

struct ServiceGroup::Impl : std::enable_shared_from_this<Impl> {
  Impl(Engine& engine_in, Trees& trees_in, JobFiles& files_in, ServiceOrder order_in)
      : engine(engine_in), trees(trees_in), files(files_in), order(std::move(order_in)) {}

  Engine& engine;
  Trees& trees;
  JobFiles& files;
  ServiceOrder order;

  bool stopping = false;
  std::size_t running = 0;    // service jobs and probes that have not ended
  std::size_t unready = 0;    // services still to be waited for
  std::size_t preparing = 0;  // calls to Trees under way
  std::vector<PreparedWorkspace> workspaces;
  std::function<void(Status)> ready;
  std::function<void()> stopped;
  std::vector<Death> deaths;

  void start(std::function<void(Status)> then) {
    ready = std::move(then);
    unready = order.services.size();
    for (std::size_t i = 0; i < order.services.size(); ++i) {
      WorkspaceRequest request;
      request.job = service_job(order.like.name, i, "s");
      request.tree = order.tree;
      request.overlay = engine.traits().overlays;
      ++preparing;
      trees.prepare(std::move(request),
                    [self = shared_from_this(), i](dsl::Result<PreparedWorkspace> workspace) {
                      --self->preparing;
                      if (workspace) {
                        self->workspaces.push_back(*workspace);
                      }
                      if (self->stopping) {
                        self->finish_if_quiet();
                      } else if (!workspace) {
                        self->tell(workspace.error().within(self->name(i)));
                      } else {
                        self->run_service(i, *workspace);
                      }
                    });
    }
  }

  std::string name(std::size_t i) const {
    return "service '" + order.services[i].service->name + "'";
  }
  std::string log(std::size_t i) const {
    return files.log_name(order.like.node, order.log_part + order.services[i].service->name);
  }

  void run_service(std::size_t i, const PreparedWorkspace& workspace) {
    const ServiceOrder::One& one = order.services[i];
    Job job;
    job.name = service_job(order.like.name, i, "s");
    job.run = order.like.run;
    job.node = order.like.node;
    job.argv = one.argv;
    job.default_env = layered(usual_environment(), {{"HOME", "/tmp"}});
    job.env = one.env;
    job.image = one.image;
    job.user = order.like.user;
    job.runtime = order.like.runtime;
    job.resources = order.like.resources;
    job.is_docker_daemon =
        order.like.docker == dsl::DockerAccess::Dind && one.service->name == dsl::kDockerDaemon;
    job.workspace = workspace.mount;
    job.working_directory =
        engine.traits().own_paths ? workspace.mount.target : workspace.mount.directory;
    job.mounts.push_back({workspace.scratch, "/pipe", false});
    job.log_path = files.absolute(log(i));
    job.masking = order.masking;
    order.network.join(job);
    ++running;
    engine.start(std::move(job), [self = shared_from_this(), i](JobEnd end) {
      --self->running;
      if (!self->stopping) {
        const std::string tail = self->files.summarise(self->log(i)).tail;
        self->deaths.push_back({self->order.services[i].service->name, end, tail});
        self->tell(Error{
            fmt::format("{} ended before it was ready: {}", self->name(i), to_text(end)), tail});
      }
      self->finish_if_quiet();
    });
    if (one.service->port) {
      wait_for_port(i, workspace, *one.service->port);
    } else {
      one_more_ready();
    }
  }

  /// A tiny job of its own on the same loopback: pipe-init, waiting for the port.
  void wait_for_port(std::size_t i, const PreparedWorkspace& workspace, std::int64_t port) {
    const dsl::Duration limit = order.services[i].service->ready_timeout;
    Job probe;
    probe.name = service_job(order.like.name, i, "p");
    probe.run = order.like.run;
    probe.node = order.like.node;
    probe.argv = {
        engine.traits().init_path, "wait-tcp", std::to_string(port), std::to_string(limit.ms)};
    probe.image = order.services[i].image;
    // Not the service's own workspace: an overlay can be mounted only once.
    probe.workspace.directory = workspace.scratch;
    probe.workspace.read_only = true;
    probe.working_directory = "/";
    probe.timeout = dsl::Duration{limit.ms + 5'000};
    probe.log_path = files.absolute(files.log_name(
        order.like.node, order.log_part + order.services[i].service->name + ".ready"));
    order.network.join(probe);
    ++running;
    engine.start(std::move(probe), [self = shared_from_this(), i, port, limit](JobEnd end) {
      --self->running;
      if (self->stopping) {
        self->finish_if_quiet();
      } else if (end.succeeded()) {
        self->one_more_ready();
      } else {
        self->tell(Error{fmt::format("{} did not accept connections on port {} within {}",
                                     self->name(i),
                                     port,
                                     dsl::to_text(limit)),
                         self->files.summarise(self->log(i)).tail});
      }
    });
  }

  void one_more_ready() {
    if (--unready == 0) {
      tell(Ok{});
    }
  }

  void tell(Status status) {
    if (ready) {
      std::exchange(ready, nullptr)(std::move(status));
    }
  }

  void stop(std::function<void()> then) {
    stopping = true;
    ready = nullptr;
    stopped = std::move(then);
    for (std::size_t i = 0; i < order.services.size(); ++i) {
      engine.stop(service_job(order.like.name, i, "p"), dsl::Duration{0});
      engine.stop(service_job(order.like.name, i, "s"), kServiceGrace);
    }
    finish_if_quiet();
  }

  void finish_if_quiet() {
    if (!stopping || running > 0 || preparing > 0 || !stopped) {
      return;
    }
    for (PreparedWorkspace& workspace : workspaces) {
      trees.discard(std::move(workspace));
    }
    workspaces.clear();
    std::exchange(stopped, nullptr)();
  }
};

ServiceGroup::ServiceGroup(Engine& engine, Trees& trees, JobFiles& files, ServiceOrder order)
    : impl_(std::make_shared<Impl>(engine, trees, files, std::move(order))) {}

ServiceGroup::~ServiceGroup() = default;

void ServiceGroup::start(std::function<void(dsl::Status)> ready) {
  impl_->start(std::move(ready));
}

void ServiceGroup::stop(std::function<void()> done) {
  impl_->stop(std::move(done));
}

const std::vector<ServiceGroup::Death>& ServiceGroup::deaths() const {
  return impl_->deaths;
}

}  // namespace runner
