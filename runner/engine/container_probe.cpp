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
#include "runner/engine/container_socket.h"
#include "runner/sys/files.h"
#include "runner/sys/process.h"

namespace runner {
namespace {

using Json = nlohmann::json;
using Done = std::function<void(dsl::Result<ContainerProgram>)>;

constexpr dsl::Duration probe_timeout{30'000};  // busy machines are slow, and not without engines
constexpr std::size_t output_cap = 1 << 20;
constexpr std::int64_t small_file = 1 << 20;

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
  info.timeout = probe_timeout;
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
    const auto text = files::read_file(environment.home + "/.docker/config.json", small_file);
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
      probe_timeout,
      output_cap,
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
  const auto status = files::read_file("/proc/self/status", small_file);
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
  if (const auto text = files::read_file("/proc/sys/kernel/pid_max", small_file))
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
      probe_timeout,
      output_cap,
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

bool flag(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_boolean() && json[key].get<bool>();
}

std::string text(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
}

/// `name=…` among Docker's security options.
bool has_security_option(const Json& info, const std::string& name) {
  const auto options = info.find("SecurityOptions");
  if (options == info.end() || !options->is_array())
    return false;
  return std::any_of(options->begin(), options->end(), [&](const Json& option) {
    return option.is_string() && option.get<std::string>().rfind("name=" + name, 0) == 0;
  });
}

/// Podman as root asks for these many; the kernel refuses that to a process without
/// CAP_SYS_RESOURCE. It has also lowered its own limit of processes to the greatest process id.
void add_ulimits(const PodmanMachine& machine, ContainerProgram& program) {
  constexpr std::int64_t wanted_files = 1'048'576;
  constexpr std::int64_t wanted_processes = 4'194'304;
  if (machine.hard_files >= 0 && machine.hard_files < wanted_files)
    program.ulimits.push_back({"nofile", machine.hard_files});
  if (machine.hard_processes >= 0 && machine.hard_processes < wanted_processes)
    program.ulimits.push_back({"nproc", std::min(machine.hard_processes, machine.pid_max)});
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

dsl::Status read_docker_info(const std::string& json, ContainerProgram& program) {
  const Json info = Json::parse(json, nullptr, false);
  if (!info.is_object())
    return dsl::Error{"docker info: the reply is not a JSON object",
                      "see what listens on '" + program.socket + "'"};
  program.version = text(info, "ServerVersion");
  program.runtime = text(info, "DefaultRuntime");
  if (info.contains("Runtimes") && info["Runtimes"].is_object()) {
    for (const auto& [name, unused] : info["Runtimes"].items())
      program.runtimes.push_back(name);
  }
  program.cgroup_version = text(info, "CgroupVersion") == "2" ? 2 : 1;
  program.rootless = has_security_option(info, "rootless");
  program.remaps_users = has_security_option(info, "userns");
  // A driver "none" is a rootless daemon that was given no cgroups: it takes limits and drops them.
  const bool has_cgroups = text(info, "CgroupDriver") != "none";
  program.limits_memory = has_cgroups && flag(info, "MemoryLimit");
  program.limits_swap = has_cgroups && flag(info, "SwapLimit");
  program.limits_pids = has_cgroups && flag(info, "PidsLimit");
  program.limits_cpus = has_cgroups && flag(info, "CpuCfsQuota");
  program.mounts_overlays = !program.rootless && !program.remaps_users;
  return dsl::Ok{};
}

namespace {

/// Nothing in /etc/subuid: inside there is nobody but root. Podman that does not tell is believed.
bool has_one_user_only(const Json& host) {
  if (!host.contains("idMappings") || !host["idMappings"].is_object())
    return false;
  const Json& mappings = host["idMappings"];
  if (!mappings.contains("uidmap") || !mappings["uidmap"].is_array())
    return false;
  std::int64_t ids = 0;
  for (const Json& range : mappings["uidmap"])
    ids += range.value("size", std::int64_t{0});
  return ids <= 1;
}

}  // namespace

dsl::Status read_podman_info(const std::string& json,
                             const PodmanMachine& machine,
                             ContainerProgram& program) {
  const Json info = Json::parse(json, nullptr, false);
  if (!info.is_object() || !info.contains("host") || !info["host"].is_object())
    return dsl::Error{"podman info: it printed no JSON with a 'host'",
                      "podman 4 or later is needed"};
  const Json& host = info["host"];
  program.version = info.contains("version") ? text(info["version"], "Version") : "";
  if (const int major = std::atoi(program.version.c_str()); major < 4)
    return dsl::Error{fmt::format("podman {} is too old", program.version),
                      "podman 4 or later is needed"};
  program.cgroup_version = text(host, "cgroupVersion") == "v2" ? 2 : 1;
  program.rootless = host.contains("security") && flag(host["security"], "rootless");
  program.mounts_overlays = !program.rootless;
  if (program.rootless && has_one_user_only(host))
    return dsl::Error{
        "podman without root has no user ids for you but your own, and containers need more",
        "sudo usermod --add-subuids 200000-265535 --add-subgids 200000-265535 $USER; then "
        "podman system migrate"};
  program.runtime = host.contains("ociRuntime") ? text(host["ociRuntime"], "name") : "";

  if (program.runtime == "crun" && machine.hybrid_cgroups) {
    if (!machine.has_runc)
      return dsl::Error{
          "podman's runtime 'crun' does not work with this machine's hybrid cgroups",
          "sudo apt-get install runc; or boot with systemd.unified_cgroup_hierarchy=1"};
    program.runtime = "runc";
  }
  if (!program.runtime.empty())
    program.service_options = {"--runtime", program.runtime};
  program.runtimes = {program.runtime};

  // Without version 2 nobody but root may make cgroups.
  const bool may_limit = !program.rootless || program.cgroup_version == 2;
  const auto controllers = host.find("cgroupControllers");
  const auto limits = [&](const char* name) {
    return may_limit && controllers != host.end() && controllers->is_array() &&
           std::find(controllers->begin(), controllers->end(), name) != controllers->end();
  };
  program.limits_memory = limits("memory");
  program.limits_swap = program.limits_memory;
  program.limits_pids = limits("pids");
  program.limits_cpus = limits("cpu");

  if (!program.rootless && !machine.may_raise_limits)
    add_ulimits(machine, program);
  return dsl::Ok{};
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
