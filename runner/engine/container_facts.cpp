#include "runner/engine/container_facts.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace runner {
namespace {

using Json = nlohmann::json;

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
  constexpr std::int64_t kWantedFiles = 1'048'576;
  constexpr std::int64_t kWantedProcesses = 4'194'304;
  if (machine.hard_files >= 0 && machine.hard_files < kWantedFiles)
    program.ulimits.push_back({"nofile", machine.hard_files});
  if (machine.hard_processes >= 0 && machine.hard_processes < kWantedProcesses)
    program.ulimits.push_back({"nproc", std::min(machine.hard_processes, machine.pid_max)});
}

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

std::optional<std::int64_t> written_bytes(const std::string& inspected) {
  const auto json = nlohmann::json::parse(inspected, nullptr, false);
  const auto size = json.is_object() ? json.find("SizeRw") : json.end();
  return size != json.end() && size->is_number_integer() ? std::optional(size->get<std::int64_t>())
                                                         : std::nullopt;
}

ContainerProcess first_process(const std::string& inspected) {
  const auto json = nlohmann::json::parse(inspected, nullptr, false);
  if (!json.is_object() || !json.contains("State") || !json["State"].is_object()) {
    return {};
  }
  const auto pid = json["State"].find("Pid");
  return {pid != json["State"].end() && pid->is_number_integer() ? pid->get<pid_t>() : 0,
          text(json, "Id")};
}

}  // namespace runner
