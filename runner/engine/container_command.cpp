#include "runner/engine/container_command.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runner/engine/init_program.h"
#include "runner/engine/job_spec.h"

namespace runner {
namespace {

using Json = nlohmann::json;

/// Where nothing else is said: more processes than a build needs, fewer than hurt the machine.
constexpr std::int64_t default_pids = 4096;

/// What `user: root` gets back of the capabilities: enough to install packages inside the image.
constexpr const char* root_capabilities[] = {
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID"};

const char* program_title(const ContainerProgram& program) {
  return program.name == dsl::EngineName::Docker ? "docker" : "podman";
}

bool is_rootless_podman(const ContainerProgram& program) {
  return program.rootless && program.name == dsl::EngineName::Podman;
}

Json labels_of(const Job& job) {
  return {{kRunLabel, job.run.value}, {kNodeLabel, job.node.value}, {kJobLabel, job.name.value}};
}

/// "UID:GID" inside. Files in the workspace belong to the caller afterwards: as root inside where
/// the engine itself is rootless, by the caller's numbers elsewhere.
std::string user_of(const ContainerSetup& setup, const std::string& user) {
  const bool docker_rootless =
      setup.program.rootless && setup.program.name == dsl::EngineName::Docker;
  if (user == "root" || docker_rootless)
    return "0:0";
  return fmt::format("{}:{}", setup.caller.uid, setup.caller.gid);
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
      {"Ulimits", ulimits},
  };
  // A daemon that maps root to somebody else would leave files that belong to nobody we know.
  if (setup.program.remaps_users)
    host["UsernsMode"] = "host";
  return host;
}

Json init_mount(const ContainerSetup& setup) {
  return {{"Type", "bind"},
          {"Source", setup.init_path},
          {"Target", std::string(kInitPath)},
          {"ReadOnly", true}};
}

Json bind_mount(const std::string& source, const std::string& target, bool read_only) {
  return {{"Type", "bind"},
          {"Source", source},
          {"Target", target},
          {"ReadOnly", read_only},
          {"BindOptions", {{"Propagation", "rprivate"}}}};
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
/// with the container.
Json overlay_mount(const Job& job) {
  const WorkspaceMount& workspace = job.workspace;
  std::string lower;
  for (const std::string& folder : workspace.lower)
    lower += (lower.empty() ? "" : ":") + escaped(folder);
  const std::string options = fmt::format("{}lowerdir={},upperdir={},workdir={}",
                                          workspace.read_only ? "ro," : "",
                                          lower,
                                          escaped(workspace.upper),
                                          escaped(workspace.work));
  const Json driver = {{"Name", "local"},
                       {"Options", {{"type", "overlay"}, {"device", "overlay"}, {"o", options}}}};
  return {
      {"Type", "volume"},
      {"Target", workspace.target},
      {"VolumeOptions", {{"NoCopy", true}, {"Labels", labels_of(job)}, {"DriverConfig", driver}}}};
}

Json mounts_of(const ContainerSetup& setup, const Job& job) {
  Json mounts = Json::array({init_mount(setup)});
  const WorkspaceMount& workspace = job.workspace;
  if (!workspace.lower.empty())
    mounts.push_back(overlay_mount(job));
  else if (!workspace.directory.empty())
    mounts.push_back(bind_mount(workspace.directory, workspace.target, workspace.read_only));
  for (const Mount& mount : job.mounts)
    mounts.push_back(bind_mount(mount.source, mount.target, mount.read_only));
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
    host["PidsLimit"] = resources.pids.value_or(default_pids);
}

/// /tmp lives in memory and counts against the job's limit; without a size it would be half of the
/// machine's.
std::string tmp_options(const ContainerSetup& setup, const dsl::Resources& resources) {
  std::int64_t size = setup.options.tmp_size.count;
  if (resources.memory)
    size = std::min(size, resources.memory->count);
  return fmt::format("rw,exec,nosuid,nodev,mode=1777,size={}", size);
}

Json container(const ContainerSetup& setup, const std::string& image, Json labels, Json host) {
  return {{"Image", image},
          {"Entrypoint", {std::string(kInitPath)}},
          {"Cmd", {"run", "--attached"}},
          {"WorkingDir", "/"},
          {"User", user_of(setup, "")},
          {"Labels", std::move(labels)},
          {"AttachStdin", true},
          {"AttachStdout", true},
          {"AttachStderr", true},
          {"OpenStdin", true},
          {"StdinOnce", true},  // our end of the stream ends the container
          {"HostConfig", std::move(host)}};
}

}  // namespace

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
  if (job.user == "root")
    host["CapAdd"] = root_capabilities;
  if (is_rootless_podman(setup.program)) {
    // A network belongs to a user namespace, and only who is in that one may join it whole.
    if (!holder.empty())
      host["UsernsMode"] = "container:" + holder;
    else if (job.user != "root")
      host["UsernsMode"] = "keep-id";
  }

  Json body = container(setup, image.id, labels_of(job), std::move(host));
  body["User"] = user_of(setup, job.user);
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
  host["Mounts"] = Json::array({init_mount(setup)});
  if (is_rootless_podman(setup.program))
    host["UsernsMode"] = "keep-id";
  if (setup.program.limits_pids)
    host["PidsLimit"] = 16;
  const Json labels = {
      {kRunLabel, first_job.run.value}, {kNodeLabel, first_job.node.value}, {kJobLabel, network}};
  Json body = container(setup, image.id, labels, std::move(host));
  body["Hostname"] = "pipe";
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string init_request(const Job& job, const ContainerImage& image, std::string_view filter) {
  Job told = job;
  complete_from_image(image.config, told);
  const std::string spec = job_spec_bytes(told, {});  // the container is in its cgroups already
  return fmt::format("{} {}\n{}{}", spec.size(), filter.size(), spec, filter);
}

std::vector<dsl::Error> unsupported_by(const ContainerProgram& program,
                                       const Caller& caller,
                                       const JobNeeds& needs) {
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
  if (needs.resources.disk)
    refuse(fmt::format("'{}' cannot limit disk: a workspace is a folder of this machine", title),
           "leave out resources.disk");
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
  if (!needs.user.empty() && needs.user != "root" && needs.user != "host")
    refuse(fmt::format("the engine '{}' does not know the user '{}'", title, needs.user),
           "use 'root', 'host', or leave it out");
  if (needs.user == "root" && caller.uid != 0 && !program.rootless)
    refuse(
        fmt::format("as 'root' in '{}' the job would leave files in the workspace that belong to "
                    "root, not to you",
                    title),
        "leave out `user`, so that the job runs as you, or use podman without root");
  return errors;
}

}  // namespace runner
