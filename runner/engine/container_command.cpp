#include "runner/engine/container_command.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runner/engine/docker_daemon.h"
#include "runner/engine/init_program.h"
#include "runner/engine/job_spec.h"
#include "runner/engine/root_in_image.h"

namespace runner {
namespace {

using Json = nlohmann::json;

/// Where nothing else is said: more processes than a build needs, fewer than hurt the machine.
constexpr std::int64_t kDefaultPids = 4096;

/// The engines' own, and what the kernel lets root write to since it tells of pressure: who writes
/// there has the kernel watch for them.
constexpr const char* kReadOnlyPaths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/pressure", "/proc/sys", "/proc/sysrq-trigger"};

const char* program_title(const ContainerProgram& program) {
  return program.name == dsl::EngineName::Docker ? "docker" : "podman";
}

bool is_rootless_podman(const ContainerProgram& program) {
  return program.rootless && program.name == dsl::EngineName::Podman;
}

Json labels_of(const ContainerSetup& setup, const Job& job, const std::string& name) {
  return {{kStoreLabel, setup.options.store_id},
          {kRunLabel, job.run.value},
          {kNodeLabel, job.node.value},
          {kJobLabel, name}};
}

/// Neither the caller nor whoever is the caller inside.
bool is_somebody_else(const std::string& user) {
  return !user.empty() && user != "host";
}

/// Where the caller's own numbers are not those inside, the caller is root there.
bool maps_caller_to_root(const ContainerSetup& setup, const Job& job, bool joins_network) {
  if (is_rootless_podman(setup.program))
    return is_somebody_else(job.user) && !joins_network;
  return setup.program.rootless;
}

/// "UID:GID" of the caller inside.
std::string caller_inside(const ContainerSetup& setup, const Job& job, bool joins_network) {
  if (maps_caller_to_root(setup, job, joins_network))
    return "0:0";
  return fmt::format("{}:{}", setup.caller.uid, setup.caller.gid);
}

/// Folders of this machine that the job may write to.
std::vector<std::string> writable_folders(const Job& job) {
  std::vector<std::string> folders;
  const WorkspaceMount& workspace = job.workspace;
  if (!workspace.read_only && !(workspace.directory.empty() && workspace.lower.empty()))
    folders.push_back(workspace.target);
  for (const Mount& mount : job.mounts) {
    if (!mount.read_only)
      folders.push_back(mount.target);
  }
  return folders;
}

/// A job that runs as somebody else leaves files that are theirs. pipe-init, as root, gives them to
/// the caller once nothing of the job runs any more.
std::vector<std::string> init_arguments(const ContainerSetup& setup,
                                        const Job& job,
                                        bool joins_network) {
  std::vector<std::string> arguments = {"run", "--attached"};
  const bool are_one = job.user == "root" && setup.caller.uid == 0;
  if (!is_somebody_else(job.user) || are_one)
    return arguments;
  if (job.user != "root")
    arguments.insert(arguments.end(), {"--user", job.user});
  arguments.insert(arguments.end(), {"--owner", caller_inside(setup, job, joins_network), "--"});
  for (std::string& folder : writable_folders(job))
    arguments.push_back(std::move(folder));
  return arguments;
}

/// Everything that does not depend on the job: what every container of ours is.
Json constant_host_config(const ContainerSetup& setup) {
  Json ulimits = Json::array();
  for (const ContainerUlimit& limit : setup.program.ulimits)
    ulimits.push_back({{"Name", limit.name}, {"Soft", limit.value}, {"Hard", limit.value}});
  Json host = {
      {"AutoRemove", true},  // by the engine, also when we are killed
      {"Init", false},       // pipe-init is it
      {"CapDrop", {"ALL"}},
      {"SecurityOpt", {"no-new-privileges"}},
      {"LogConfig", {{"Type", "none"}, {"Config", Json::object()}}},
      {"NetworkMode", "none"},
      {"ReadonlyPaths", kReadOnlyPaths},
      {"Ulimits", ulimits},
  };
  // Podman does not look at ReadonlyPaths.
  if (setup.program.name == dsl::EngineName::Podman)
    host["SecurityOpt"].push_back("mask=/proc/pressure");
  // A daemon that maps root to somebody else would leave files that belong to nobody we know.
  if (setup.program.remaps_users)
    host["UsernsMode"] = "host";
  return host;
}

Json bind_mount(const std::string& source, const std::string& target, bool read_only) {
  return {{"Type", "bind"},
          {"Source", source},
          {"Target", target},
          {"ReadOnly", read_only},
          {"BindOptions", {{"Propagation", "rprivate"}}}};
}

/// What every container of ours finds.
Json constant_mounts(const ContainerSetup& setup) {
  return Json::array({bind_mount(setup.init_path, std::string(kInitPath), true),
                      bind_mount(setup.resolver_file, "/etc/resolv.conf", true)});
}

/// A path as an option of an overlay: commas part options, colons folders.
std::string escaped(const std::string& path) {
  std::string text;
  for (const char c : path) {
    if (c == ',' || c == ':' || c == '\\')
      text += '\\';
    text += c;
  }
  return text;
}

/// An anonymous volume that is an overlay: mounted by the daemon when the container starts, gone
/// with the container. Renames and copies in it are whole: its upper folder can be read by itself.
Json overlay_mount(const ContainerSetup& setup, const Job& job) {
  const WorkspaceMount& workspace = job.workspace;
  std::string lower;
  for (const std::string& folder : workspace.lower)
    lower += (lower.empty() ? "" : ":") + escaped(folder);
  const std::string options = fmt::format(
      "{}index=off,redirect_dir=nofollow,metacopy=off,"
      "lowerdir={},upperdir={},workdir={}",
      workspace.read_only ? "ro," : "",
      lower,
      escaped(workspace.upper),
      escaped(workspace.work));
  const Json driver = {{"Name", "local"},
                       {"Options", {{"type", "overlay"}, {"device", "overlay"}, {"o", options}}}};
  return {{"Type", "volume"},
          {"Target", workspace.target},
          {"VolumeOptions",
           {{"NoCopy", true},
            {"Labels", labels_of(setup, job, job.name.value)},
            {"DriverConfig", driver}}}};
}

/// Gone with the container, and not on its overlay, where another could not be made.
Json own_volume(const ContainerSetup& setup, const Job& job, const char* target) {
  return {{"Type", "volume"},
          {"Target", target},
          {"VolumeOptions", {{"NoCopy", true}, {"Labels", labels_of(setup, job, job.name.value)}}}};
}

Json mounts_of(const ContainerSetup& setup, const Job& job) {
  Json mounts = constant_mounts(setup);
  const WorkspaceMount& workspace = job.workspace;
  if (!workspace.lower.empty())
    mounts.push_back(overlay_mount(setup, job));
  else if (!workspace.directory.empty())
    mounts.push_back(bind_mount(workspace.directory, workspace.target, workspace.read_only));
  for (const ReadOnlyPath& part : workspace.read_only_paths)
    mounts.push_back(bind_mount(part.source, workspace.target + "/" + part.path, true));
  for (const Mount& mount : job.mounts)
    mounts.push_back(bind_mount(mount.source, mount.target, mount.read_only));
  if (job.is_docker_daemon)
    mounts.push_back(own_volume(setup, job, kDockerDaemonData));
  return mounts;
}

void set_limits(const ContainerSetup& setup, const dsl::Resources& resources, Json& host) {
  if (resources.memory) {
    host["Memory"] = resources.memory->count;
    if (setup.program.limits_swap)
      host["MemorySwap"] = resources.memory->count;  // memory and swap together: no swap
  }
  if (resources.cpus)
    host["NanoCpus"] = resources.cpus->millis * 1'000'000;
  if (setup.program.limits_pids)
    host["PidsLimit"] = resources.pids.value_or(kDefaultPids);
}

/// /tmp lives in memory and counts against the job's limit; without a size it would be half of the
/// machine's.
std::string tmp_options(const ContainerSetup& setup, const dsl::Resources& resources) {
  std::int64_t size = setup.options.tmp_size.count;
  if (resources.memory)
    size = std::min(size, resources.memory->count);
  return fmt::format("rw,exec,nosuid,nodev,mode=1777,size={}", size);
}

/// What the container of a Docker daemon has beyond others (docker_daemon.h).
void add_daemon_powers(Json& host) {
  host["CapAdd"] = kDockerDaemonCapabilities;
  host["SecurityOpt"] = {"seccomp=unconfined", "apparmor=unconfined"};
  host["MaskedPaths"] = Json::array();
  host["ReadonlyPaths"] = Json::array();
  host["CgroupnsMode"] = "private";
}

Json container(const std::string& image, Json labels, Json host) {
  return {{"Image", image},
          {"Entrypoint", {std::string(kInitPath)}},
          {"Cmd", {"run", "--attached"}},
          {"WorkingDir", "/"},
          {"Labels", std::move(labels)},
          {"AttachStdin", true},
          {"AttachStdout", true},
          {"AttachStderr", true},
          {"OpenStdin", true},
          {"StdinOnce", true},  // our end of the stream ends the container
          {"HostConfig", std::move(host)}};
}

}  // namespace

std::string container_name(const EngineOptions& options, const std::string& name) {
  return options.store_id.empty() ? name : name + "-" + options.store_id;
}

std::string create_body(const ContainerSetup& setup,
                        const Job& job,
                        const ContainerImage& image,
                        const std::string& holder) {
  Json host = constant_host_config(setup);
  host["Mounts"] = mounts_of(setup, job);
  host["Tmpfs"] = {{"/tmp", tmp_options(setup, job.resources)}};
  set_limits(setup, job.resources, host);
  if (!job.runtime.empty())
    host["Runtime"] = job.runtime;
  if (!holder.empty())
    host["NetworkMode"] = "container:" + holder;
  // Any other user has none of them; then pipe-init needs them, to become that user, to end what it
  // runs and to give its files to the caller.
  if (is_somebody_else(job.user))
    host["CapAdd"] = kRootCapabilities;
  if (job.is_docker_daemon)
    add_daemon_powers(host);
  if (is_rootless_podman(setup.program)) {
    // A network belongs to a user namespace, and only who is in that one may join it whole.
    if (!holder.empty())
      host["UsernsMode"] = "container:" + holder;
    else if (!is_somebody_else(job.user))
      host["UsernsMode"] = "keep-id";
  }

  Json body = container(image.id, labels_of(setup, job, job.name.value), std::move(host));
  const bool joins_network = !holder.empty();
  body["Cmd"] = init_arguments(setup, job, joins_network);
  body["User"] = is_somebody_else(job.user) ? "0:0" : caller_inside(setup, job, joins_network);
  // The engine would make one up, and another each time. Who joins a network has its holder's.
  if (holder.empty())
    body["Hostname"] = "pipe";
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string holder_body(const ContainerSetup& setup,
                        const std::string& network,
                        const Job& first_job,
                        const ContainerImage& image) {
  Json host = constant_host_config(setup);
  host["Mounts"] = constant_mounts(setup);
  if (is_rootless_podman(setup.program))
    host["UsernsMode"] = "keep-id";
  if (setup.program.limits_pids)
    host["PidsLimit"] = 16;
  Json body = container(image.id, labels_of(setup, first_job, network), std::move(host));
  body["User"] = caller_inside(setup, Job{}, false);
  body["Hostname"] = "pipe";
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string init_request(const Job& job,
                         const ContainerImage& image,
                         std::string_view filter,
                         std::string_view end_mark) {
  Job told = job;
  complete_from_image(image.config, told);
  const std::string spec = job_spec_bytes(told, {});  // the container is in its cgroups already
  return fmt::format(
      "{} {} {}\n{}{}{}", spec.size(), filter.size(), end_mark.size(), spec, filter, end_mark);
}

std::vector<dsl::Error> unsupported_by(const ContainerProgram& program, const JobNeeds& needs) {
  const std::string title = program_title(program);
  std::vector<dsl::Error> errors;
  const auto refuse = [&](std::string message, std::string remedy) {
    errors.push_back({std::move(message), std::move(remedy)});
  };
  const std::string cgroups = program.rootless && program.cgroup_version == 1
                                  ? "it is rootless, and this machine has cgroups of version 1"
                                  : "its cgroup controller is missing";

  switch (needs.image.kind) {
    case dsl::Image::Kind::Host:
      refuse(fmt::format("the engine '{}' has no image 'host': it needs one to make a container of",
                         title),
             "name an image, such as 'debian:bookworm-slim', or use the engine 'sandbox'");
      break;
    case dsl::Image::Kind::Devcontainer:
      refuse(fmt::format("the engine '{}' cannot use a devcontainer.json yet", title),
             "name its image, or its Dockerfile with {build: {dockerfile: …}}");
      break;
    case dsl::Image::Kind::Reference:
      break;
    case dsl::Image::Kind::Build:
    case dsl::Image::Kind::RootFs:
    case dsl::Image::Kind::OciArchive:
      if (program.command.empty())
        refuse(
            fmt::format("the program '{}' is not installed, which builds and loads images", title),
            "sudo apt-get install docker.io, or name an image that is present");
      break;
  }
  if (needs.resources.memory && !program.limits_memory)
    refuse(fmt::format("'{}' cannot limit memory here: {}", title, cgroups),
           "leave out resources.memory, or run as root");
  if (needs.resources.cpus && !program.limits_cpus)
    refuse(fmt::format("'{}' cannot limit cpus here: {}", title, cgroups),
           "leave out resources.cpus, or run as root");
  if (needs.resources.pids && !program.limits_pids)
    refuse(fmt::format("'{}' cannot limit pids here: {}", title, cgroups),
           "leave out resources.pids, or run as root");
  if (!needs.runtime.empty() &&
      std::find(program.runtimes.begin(), program.runtimes.end(), needs.runtime) ==
          program.runtimes.end())
    refuse(fmt::format("'{}' has no runtime '{}', only: {}",
                       title,
                       needs.runtime,
                       fmt::join(program.runtimes, ", ")),
           program.name == dsl::EngineName::Docker
               ? "add it to /etc/docker/daemon.json and restart the daemon"
               : "set it as the default in /etc/containers/containers.conf");
  return errors;
}

}  // namespace runner
