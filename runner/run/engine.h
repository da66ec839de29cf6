#pragma once

// An Engine runs jobs in containers. Implementations: engine/sandbox, engine/container (Docker and
// Podman), engine/host; a scripted one in tests/support. One contract suite (tests/engine) runs
// against each.
//
// Threads: everything is called and every callback comes on the loop thread; no call blocks for
// longer than a fork. Callbacks never run inside the call that was given them.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/run/egress.h"
#include "runner/run/job.h"

namespace runner {

/// What an engine is, for plans, `doctor` and decisions of the run loop.
struct EngineTraits {
  dsl::EngineName name = dsl::EngineName::Sandbox;
  std::string version;         // of the program behind it, "" none
  bool isolates = true;        // false: `host`, marked in the plan
  bool overlays = false;       // takes WorkspaceMount with `lower`
  bool egress = false;         // has open_network_to: nodes with a firewall may run here
  bool docker = false;         // gives jobs a broker or the daemon's socket (Job::docker)
  bool docker_daemon = false;  // runs Job::is_docker_daemon
  bool own_paths = true;       // the workspace appears at its target; false: at its host path
  /// Where a job finds pipe-init, to wait for a port or make a request on its loopback.
  std::string init_path = "/.pipe-init";
};

/// What a plan's node asks of an engine, to be refused before anything starts.
struct JobNeeds {
  dsl::Image image;
  dsl::Resources resources;
  std::string user;
  std::string runtime;
  bool network_group = false;  // has services
};

/// Who will be in a network. One job alone needs nobody to hold it.
enum class NetworkUse { OneJob, Group };

class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  [[nodiscard]] virtual const EngineTraits& traits() const = 0;

  /// All reasons why this engine cannot run or enforce `needs` here and now, each with its remedy;
  /// empty: it can. Nothing that was asked for is ever silently dropped.
  [[nodiscard]] virtual std::vector<dsl::Error> unsupported(const JobNeeds& needs) const = 0;

  /// Makes the image present (finds, pulls, builds or unpacks it) and tells its digest
  /// ("sha256:…"; for Image::Kind::Host a digest of what identifies the system). Idempotent, and
  /// cheap the second time. Must have succeeded before a job with that image starts.
  virtual void prepare_image(const dsl::Image& image,
                             std::function<void(dsl::Result<std::string> digest)> done) = 0;

  /// Starts the job; `ended` is called exactly once. REQUIRES: no job of that name is running.
  virtual void start(Job job, std::function<void(JobEnd)> ended) = 0;

  /// Ends a job: TERM to its whole tree, KILL after `grace` (0: KILL at once). Its `ended` tells
  /// How::Stopped. Nothing happens where no such job runs.
  virtual void stop(const JobName& job, dsl::Duration grace) = 0;

  /// What a job has written to its image, and holds open without a name, beside its workspace and
  /// its folders, in bytes; of a job that does not run 0. No value: it cannot be told just now.
  virtual void disk_use(const JobName& job, std::function<void(std::optional<std::int64_t>)> done) {
    static_cast<void>(job);
    const auto tell = std::move(done);
    tell(0);
  }

  /// A loopback that several jobs share, until `close_network`. `done` is called once.
  virtual void open_network(const std::string& network, std::function<void(dsl::Status)> done) = 0;
  /// The same for a network that leads to the gateway and nowhere else. After `done` nobody else
  /// can use the door, and what starts in the network waits until the gateway serves it. REQUIRES:
  /// traits().egress.
  virtual void open_network_to(const std::string& network,
                               const EgressDoor& door,
                               NetworkUse use,
                               std::function<void(dsl::Status)> done) {
    static_cast<void>(door);
    static_cast<void>(use);
    const auto tell = std::move(done);
    tell(dsl::Error{"'" + network + "': this engine leads no network to the gateway", ""});
  }
  virtual void close_network(const std::string& network) = 0;

  /// Removes whatever a runner that died left of this run (containers, networks, cgroups, scratch
  /// folders of the engine); "" is of every run. REQUIRES: no runner of that run is alive.
  virtual void remove_leftovers(const dsl::RunId& run, std::function<void(dsl::Status)> done) = 0;
};

}  // namespace runner
