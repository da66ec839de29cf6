#include "runner/engine/container_probe.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runner/engine/container_api.h"
#include "runner/engine/container_facts.h"
#include "runner/engine/container_socket.h"
#include "runner/sys/files.h"
#include "runner/sys/process.h"

namespace runner {
namespace {

using Json = nlohmann::json;
using Done = std::function<void(dsl::Result<ContainerProgram>)>;

constexpr dsl::Duration kProbeTimeout{30'000};  // busy machines are slow, and not without engines
constexpr std::size_t kOutputCap = 1 << 20;
constexpr std::int64_t kSmallFile = 1 << 20;

std::string variable(const ContainerEnvironment& environment, const std::string& name) {
  for (const auto& [key, value] : environment.variables) {
    if (key == name)
      return value;
  }
  return "";
}

/// The absolute path of a program in the PATH; "" where there is none. Daemons live in sbin, which
/// is not in everybody's PATH.
std::string find_program(const ContainerEnvironment& environment, const std::string& name) {
  std::istringstream folders(variable(environment, "PATH") + ":/usr/sbin:/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string path = folder + "/" + name;
    struct stat status {};
    if (!folder.empty() && stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        access(path.c_str(), X_OK) == 0)
      return path;
  }
  return "";
}

bool exists(const char* path) {
  return access(path, F_OK) == 0;
}

// ---- Docker -----------------------------------------------------------------------------------

dsl::Error docker_down(const ContainerEnvironment& environment,
                       const std::string& socket,
                       const ApiDown& down) {
  const bool installed = !find_program(environment, "dockerd").empty();
  switch (down.reason) {
    case ApiDown::Reason::NoPermission:
      return {fmt::format("no permission to use the Docker socket '{}'", socket),
              "sudo usermod -aG docker $USER, then log in again; or use the engine 'podman'"};
    case ApiDown::Reason::NoSocket:
    case ApiDown::Reason::NobodyListens:
      if (!installed && find_program(environment, "docker").empty())
        return {"docker is not installed", "sudo apt-get install docker.io"};
      if (!installed)
        return {
            fmt::format("no Docker daemon listens on '{}', and dockerd is not installed", socket),
            "sudo apt-get install docker.io; or set DOCKER_HOST to the daemon's socket"};
      return {fmt::format("the Docker daemon is not running (nobody listens on '{}')", socket),
              exists("/run/systemd/system") ? "sudo systemctl start docker"
                                            : "start it by hand: sudo dockerd &"};
    case ApiDown::Reason::Broken:
      break;
  }
  return {fmt::format("cannot connect to the Docker socket '{}': {}", socket, down.detail),
          "see whether DOCKER_HOST or the setting docker_socket name the right one"};
}

struct DockerProbe {
  DockerProbe(EventLoop& the_loop, ContainerEnvironment the_environment, Done the_done)
      : loop(the_loop), environment(std::move(the_environment)), done(std::move(the_done)) {}

  EventLoop& loop;
  const ContainerEnvironment environment;
  Done done;
  ContainerProgram program;
  std::unique_ptr<ContainerApi> api;
};
using DockerProbePtr = std::shared_ptr<DockerProbe>;

void ask_docker(const DockerProbePtr& probe, const std::string& address) {
  const dsl::Result<std::string> socket = socket_path(address);
  if (!socket) {
    probe->done(socket.error());
    return;
  }
  const SocketCheck check = check_socket(*socket);
  if (!check.listening) {
    probe->done(docker_down(probe->environment, *socket, check.down));
    return;
  }
  probe->program.socket = *socket;
  probe->program.command = find_program(probe->environment, "docker");
  for (const auto& [key, value] : probe->environment.variables) {
    if (key != "DOCKER_HOST" && key != "DOCKER_CONTEXT")
      probe->program.variables.emplace_back(key, value);
  }
  probe->program.variables.emplace_back("DOCKER_HOST", "unix://" + *socket);
  probe->api = std::make_unique<ContainerApi>(probe->loop, *socket);
  ApiCall info;
  info.path = "/info";
  info.timeout = kProbeTimeout;
  // The probe holds the api that holds the callback: released when it was called.
  probe->api->call(info, [probe](dsl::Result<ApiReply> reply) {
    probe->loop.post([probe] { probe->api.reset(); });
    if (!reply) {
      probe->done(reply.error());
      return;
    }
    if (!reply->ok()) {
      probe->done(dsl::Error{"docker info: " + reply->message(), "see the log of dockerd"});
      return;
    }
    if (const dsl::Status read = read_docker_info(reply->body, probe->program); !read)
      probe->done(read.error());
    else
      probe->done(std::move(probe->program));
  });
}

/// The current context where it is not the default one: $DOCKER_CONTEXT, or what `docker context
/// use` has written.
std::string docker_context(const ContainerEnvironment& environment) {
  std::string context = environment.docker_context;
  if (context.empty() && !environment.home.empty()) {
    const auto text = files::read_file(environment.home + "/.docker/config.json", kSmallFile);
    const Json config = text ? Json::parse(*text, nullptr, false) : Json();
    if (config.is_object() && config.contains("currentContext") &&
        config["currentContext"].is_string())
      context = config["currentContext"].get<std::string>();
  }
  return context == "default" ? "" : context;
}

/// A context's address is told by the docker program, which knows how it keeps them.
void ask_docker_of_context(const DockerProbePtr& probe, const std::string& context) {
  SpawnRequest request;
  request.argv = {
      "docker", "context", "inspect", context, "--format", "{{.Endpoints.docker.Host}}"};
  request.env = probe->environment.variables;
  run_to_end(
      probe->loop,
      request,
      kProbeTimeout,
      kOutputCap,
      [probe, context](dsl::Result<Finished> finished) {
        if (!finished || !finished->ok()) {
          probe->done(dsl::Error{fmt::format("the docker context '{}' cannot be read", context),
                                 "docker context ls; or unset DOCKER_CONTEXT"});
          return;
        }
        const std::string& out = finished->out;
        ask_docker(probe, out.substr(0, out.find('\n')));
      });
}

void probe_docker(EventLoop& loop, const ContainerEnvironment& environment, Done done) {
  auto probe = std::make_shared<DockerProbe>(loop, environment, std::move(done));
  probe->program.name = dsl::EngineName::Docker;
  if (!environment.docker_socket.empty())
    ask_docker(probe, environment.docker_socket);
  else if (!environment.docker_host.empty())
    ask_docker(probe, environment.docker_host);
  else if (const std::string context = docker_context(environment); !context.empty())
    ask_docker_of_context(probe, context);
  else
    ask_docker(probe, "unix:///var/run/docker.sock");
}

// ---- Podman -----------------------------------------------------------------------------------

/// Bit 24 of our effective capabilities is CAP_SYS_RESOURCE.
bool may_raise_limits() {
  const auto status = files::read_file("/proc/self/status", kSmallFile);
  if (!status)
    return false;
  const std::size_t at = status->find("\nCapEff:");
  if (at == std::string::npos)
    return false;
  return (std::stoull(status->substr(at + 8), nullptr, 16) >> 24U & 1U) != 0;
}

std::int64_t hard_limit(int resource) {
  rlimit limit{};
  getrlimit(resource, &limit);
  return limit.rlim_max == RLIM_INFINITY ? -1 : static_cast<std::int64_t>(limit.rlim_max);
}

PodmanMachine this_machine(const ContainerEnvironment& environment) {
  PodmanMachine machine;
  machine.hybrid_cgroups =
      !exists("/sys/fs/cgroup/cgroup.controllers") && exists("/sys/fs/cgroup/unified");
  machine.may_raise_limits = may_raise_limits();
  machine.hard_files = hard_limit(RLIMIT_NOFILE);
  machine.hard_processes = hard_limit(RLIMIT_NPROC);
  if (const auto text = files::read_file("/proc/sys/kernel/pid_max", kSmallFile))
    machine.pid_max = std::atoll(text->c_str());
  machine.has_runc = !find_program(environment, "runc").empty();
  return machine;
}

/// The last line that says something: podman's warnings come before its error.
std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \n");
  if (end == std::string::npos)
    return "it said nothing";
  const std::size_t begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? std::size_t{0} : begin + 1) + 1);
}

void probe_podman(EventLoop& loop, const ContainerEnvironment& environment, Done done) {
  ContainerProgram program;
  program.name = dsl::EngineName::Podman;
  program.command = find_program(environment, "podman");
  program.variables = environment.variables;
  if (program.command.empty()) {
    loop.post([done = std::move(done)] {
      done(dsl::Error{"podman is not installed",
                      "sudo apt-get install --no-install-recommends podman runc"});
    });
    return;
  }
  SpawnRequest request;
  request.argv = {program.command, "info", "--format", "json"};
  request.env = environment.variables;
  const PodmanMachine machine = this_machine(environment);
  run_to_end(
      loop,
      request,
      kProbeTimeout,
      kOutputCap,
      [program, machine, done = std::move(done)](dsl::Result<Finished> finished) mutable {
        if (!finished) {
          done(finished.error());
        } else if (!finished->ok()) {
          done(dsl::Error{
              "podman info: " + (finished->timed_out ? std::string("no answer within 10s")
                                                     : last_line(finished->err)),
              "run 'podman info' and do what it says"});
        } else if (const dsl::Status read = read_podman_info(finished->out, machine, program);
                   !read) {
          done(read.error());
        } else {
          done(std::move(program));
        }
      });
}

}  // namespace

dsl::Result<std::string> socket_path(const std::string& address) {
  if (address.rfind("unix://", 0) == 0)
    return address.substr(7);
  if (!address.empty() && address.front() == '/')
    return address;
  return dsl::Error{
      fmt::format("the Docker daemon at '{}' is not on this machine's own socket", address),
      "workspaces are folders of this machine: unset DOCKER_HOST, or set it to "
      "unix:///var/run/docker.sock"};
}

void probe_container_program(EventLoop& loop,
                             dsl::EngineName name,
                             const ContainerEnvironment& environment,
                             std::function<void(dsl::Result<ContainerProgram>)> done) {
  // Also what is found at once is told from the loop.
  loop.post([&loop, name, environment, done = std::move(done)] {
    if (name == dsl::EngineName::Podman)
      probe_podman(loop, environment, done);
    else
      probe_docker(loop, environment, done);
  });
}

}  // namespace runner
