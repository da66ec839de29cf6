#include "runner/engine/broker_bodies.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runner/engine/root_in_image.h"
#include "runner/engine/seccomp.h"

namespace runner {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 16;
constexpr std::int64_t kMostProcesses = 4096;
constexpr std::int64_t kMostShared = 1LL << 30;  // bytes of /dev/shm

/// A document in which no key stands twice, no deeper than anything that is
/// meant.
dsl::Result<Json> read_strictly(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  std::string twice;
  bool deep = false;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    deep = deep || depth > kDeepest;
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key && !keys.back().insert(parsed).second) {
      twice = parsed.get<std::string>();
    }
    return !deep;
  };
  Json json = Json::parse(text, watch, false);
  if (deep || json.is_discarded() || !json.is_object()) {
    return dsl::Error{"the body is no JSON object that is meant here", ""};
  }
  if (!twice.empty()) {
    return dsl::Error{fmt::format("'{}' stands twice", twice), ""};
  }
  return json;
}

/// What clients send for "nothing was said".
bool says_nothing(const Json& value) {
  return value.is_null() || (value.is_boolean() && !value.get<bool>()) ||
         (value.is_number() && value.get<double>() == 0) ||
         (value.is_string() && value.get_ref<const std::string&>().empty()) ||
         (value.is_structured() && value.empty());
}

/// The same of a record, whose members always are there. (The names in a map say something.)
bool is_record_of_nothing(const Json& value) {
  return says_nothing(value) ||
         (value.is_structured() && std::all_of(value.begin(), value.end(), is_record_of_nothing));
}

bool is_texts(const Json& value) {
  return value.is_array() &&
         std::all_of(value.begin(), value.end(), [](const Json& text) { return text.is_string(); });
}

bool is_one_of(const Json& value, std::initializer_list<const char*> words) {
  return says_nothing(value) ||
         (value.is_string() && std::find(words.begin(), words.end(), value) != words.end());
}

/// One member: what it may be, and whether it goes on to the daemon.
struct Member {
  const char* name;
  bool (*is_fine)(const Json& value);
  bool goes_on;
};

bool is_text(const Json& value) {
  return value.is_string() || value.is_null();
}
bool is_flag(const Json& value) {
  return value.is_boolean() || value.is_null();
}
bool is_texts_or_nothing(const Json& value) {
  return says_nothing(value) || is_texts(value);
}
bool is_command(const Json& value) {
  return value.is_string() || is_texts_or_nothing(value);
}
bool is_anything(const Json& /*value*/) {
  return true;
}
bool is_number(const Json& value) {
  return value.is_null() || (value.is_number_integer() && value.get<std::int64_t>() >= 0);
}

bool is_labels(const Json& value) {
  if (value.is_null()) {
    return true;
  }
  return value.is_object() &&
         std::all_of(value.items().begin(), value.items().end(), [](const auto& label) {
           return label.value().is_string() && label.key().rfind("pipe.", 0) != 0;
         });
}

bool is_exposed_ports(const Json& value) {
  return value.is_null() ||
         (value.is_object() && std::all_of(value.begin(), value.end(), says_nothing));
}

bool is_usual_network(const Json& value) {
  if (says_nothing(value)) {
    return true;
  }
  if (!value.is_object() || value.size() != 1 || !value.contains("EndpointsConfig")) {
    return false;
  }
  const Json& endpoints = value["EndpointsConfig"];
  if (says_nothing(endpoints)) {
    return true;
  }
  if (!endpoints.is_object()) {
    return false;
  }
  for (const auto& [name, settings] : endpoints.items()) {
    if ((name != "default" && name != "bridge") || !is_record_of_nothing(settings)) {
      return false;
    }
  }
  return true;
}

constexpr std::array kContainer = {
    Member{"User", is_text, true},
    Member{"AttachStdin", is_flag, true},
    Member{"AttachStdout", is_flag, true},
    Member{"AttachStderr", is_flag, true},
    Member{"Tty", is_flag, true},
    Member{"OpenStdin", is_flag, true},
    Member{"StdinOnce", is_flag, true},
    Member{"Env", is_texts_or_nothing, true},
    Member{"Cmd", is_command, true},
    Member{"Entrypoint", is_command, true},
    Member{"Image", is_text, true},
    Member{"WorkingDir", is_text, true},
    Member{"Labels", is_labels, true},
    Member{"StopSignal", is_text, true},
    Member{"StopTimeout", is_number, true},
    Member{"ExposedPorts", is_exposed_ports, false},
    Member{"NetworkingConfig", is_usual_network, false},
    Member{"Hostname", says_nothing, false},
    Member{"Domainname", says_nothing, false},
    Member{"Volumes", says_nothing, false},
    Member{"Healthcheck", says_nothing, false},
    Member{"ArgsEscaped", says_nothing, false},
    Member{"NetworkDisabled", says_nothing, false},
    Member{"MacAddress", says_nothing, false},
    Member{"OnBuild", says_nothing, false},
    Member{"Shell", says_nothing, false},
    Member{"HostConfig", is_anything, false},  // on its own, below
};

/// Every port is at its own number on the loopback that they share.
bool is_same_ports(const Json& value) {
  if (says_nothing(value)) {
    return true;
  }
  if (!value.is_object()) {
    return false;
  }
  for (const auto& [port, bindings] : value.items()) {
    const std::string number = port.substr(0, port.find('/'));
    if (!bindings.is_array()) {
      return false;
    }
    for (const Json& binding : bindings) {
      if (!binding.is_object() || binding.value("HostPort", Json()) != Json(number)) {
        return false;
      }
    }
  }
  return true;
}

bool is_network(const Json& value) {
  return is_one_of(value, {"default", "bridge"});
}
bool is_private(const Json& value) {
  return is_one_of(value, {"private"});
}
bool is_default(const Json& value) {
  return is_one_of(value, {"default"});
}
bool is_null(const Json& value) {
  return value.is_null();
}
bool is_no_restart(const Json& value) {
  if (is_record_of_nothing(value)) {
    return true;
  }
  Json rest = value;
  return value.is_object() && value.value("Name", Json()) == Json("no") &&
         rest.erase("Name") == 1 && is_record_of_nothing(rest);
}
bool is_usual_log(const Json& value) {
  if (is_record_of_nothing(value)) {
    return true;
  }
  Json rest = value;
  return value.is_object() && value.value("Type", Json()) == Json("json-file") &&
         rest.erase("Type") == 1 && is_record_of_nothing(rest);
}
bool is_no_new_privileges(const Json& value) {
  return says_nothing(value) || value == Json{"no-new-privileges"} ||
         value == Json{"no-new-privileges:true"};
}
bool is_size_of_terminal(const Json& value) {
  return value.is_null() || (value.is_array() && value.size() <= 2 &&
                             std::all_of(value.begin(), value.end(), is_number));
}
bool is_swappiness(const Json& value) {
  return says_nothing(value) || value == Json(-1);
}

constexpr std::array kHost = {
    Member{"AutoRemove", is_flag, true},
    Member{"Init", is_flag, true},
    Member{"ReadonlyRootfs", is_flag, true},
    Member{"Memory", is_number, false},             // bounded, below
    Member{"NanoCpus", is_number, false},           // bounded, below
    Member{"PidsLimit", is_number, false},          // bounded, below
    Member{"ShmSize", is_number, false},            // bounded, below
    Member{"CapDrop", is_texts_or_nothing, false},  // all are dropped
    Member{"NetworkMode", is_network, false},
    Member{"PortBindings", is_same_ports, false},
    Member{"RestartPolicy", is_no_restart, false},
    Member{"LogConfig", is_usual_log, false},
    Member{"SecurityOpt", is_no_new_privileges, false},
    Member{"ConsoleSize", is_size_of_terminal, true},
    Member{"CgroupnsMode", is_private, false},
    Member{"IpcMode", is_private, false},
    Member{"Isolation", is_default, false},
    Member{"MemorySwappiness", is_swappiness, false},
    // An empty list of these is not nothing: it takes what the daemon hides
    // away.
    Member{"MaskedPaths", is_null, false},
    Member{"ReadonlyPaths", is_null, false},
    Member{"Annotations", says_nothing, false},
    Member{"Binds", says_nothing, false},
    Member{"BlkioDeviceReadBps", says_nothing, false},
    Member{"BlkioDeviceReadIOps", says_nothing, false},
    Member{"BlkioDeviceWriteBps", says_nothing, false},
    Member{"BlkioDeviceWriteIOps", says_nothing, false},
    Member{"BlkioWeight", says_nothing, false},
    Member{"BlkioWeightDevice", says_nothing, false},
    Member{"CapAdd", says_nothing, false},
    Member{"Capabilities", says_nothing, false},
    Member{"Cgroup", says_nothing, false},
    Member{"CgroupParent", says_nothing, false},
    Member{"ContainerIDFile", says_nothing, false},
    Member{"CpuCount", says_nothing, false},
    Member{"CpuPercent", says_nothing, false},
    Member{"CpuPeriod", says_nothing, false},
    Member{"CpuQuota", says_nothing, false},
    Member{"CpuRealtimePeriod", says_nothing, false},
    Member{"CpuRealtimeRuntime", says_nothing, false},
    Member{"CpuShares", says_nothing, false},
    Member{"CpusetCpus", says_nothing, false},
    Member{"CpusetMems", says_nothing, false},
    Member{"DeviceCgroupRules", says_nothing, false},
    Member{"DeviceRequests", says_nothing, false},
    Member{"Devices", says_nothing, false},
    Member{"Dns", says_nothing, false},
    Member{"DnsOptions", says_nothing, false},
    Member{"DnsSearch", says_nothing, false},
    Member{"ExtraHosts", says_nothing, false},
    Member{"GroupAdd", says_nothing, false},
    Member{"IOMaximumBandwidth", says_nothing, false},
    Member{"IOMaximumIOps", says_nothing, false},
    Member{"KernelMemory", says_nothing, false},
    Member{"KernelMemoryTCP", says_nothing, false},
    Member{"Links", says_nothing, false},
    Member{"MemoryReservation", says_nothing, false},
    Member{"MemorySwap", says_nothing, false},
    Member{"Mounts", says_nothing, false},
    Member{"OomKillDisable", says_nothing, false},
    Member{"OomScoreAdj", says_nothing, false},
    Member{"PidMode", says_nothing, false},
    Member{"Privileged", says_nothing, false},
    Member{"PublishAllPorts", says_nothing, false},
    Member{"Runtime", says_nothing, false},
    Member{"StorageOpt", says_nothing, false},
    Member{"Sysctls", says_nothing, false},
    Member{"Tmpfs", says_nothing, false},
    Member{"UTSMode", says_nothing, false},
    Member{"Ulimits", says_nothing, false},
    Member{"UsernsMode", says_nothing, false},
    Member{"VolumeDriver", says_nothing, false},
    Member{"VolumesFrom", says_nothing, false},
};

constexpr std::array kExec = {
    Member{"User", is_text, true},
    Member{"Tty", is_flag, true},
    Member{"ConsoleSize", is_size_of_terminal, true},
    Member{"AttachStdin", is_flag, true},
    Member{"AttachStdout", is_flag, true},
    Member{"AttachStderr", is_flag, true},
    Member{"Detach", is_flag, true},
    Member{"DetachKeys", is_text, true},
    Member{"Env", is_texts_or_nothing, true},
    Member{"WorkingDir", is_text, true},
    Member{"Cmd", is_command, true},
    Member{"Privileged", says_nothing, false},
};

constexpr std::array kExecStart = {
    Member{"Detach", is_flag, true},
    Member{"Tty", is_flag, true},
    Member{"ConsoleSize", is_size_of_terminal, true},
};

/// What goes on of a record, all of whose members must be known and fine. Names
/// are told apart by every letter, though the daemon takes them in any case.
template <std::size_t Count>
dsl::Result<Json> filtered(const Json& record, const std::array<Member, Count>& members) {
  Json result = Json::object();
  for (const auto& [name, value] : record.items()) {
    const auto known = std::find_if(
        members.begin(), members.end(), [&name = name](const Member& m) { return name == m.name; });
    if (known == members.end()) {
      return dsl::Error{fmt::format("the broker does not know '{}'", name), ""};
    }
    if (!known->is_fine(value)) {
      return dsl::Error{fmt::format("the broker does not allow this '{}'", name), ""};
    }
    if (known->goes_on && !value.is_null()) {
      result[name] = value;
    }
  }
  return result;
}

std::int64_t bounded(const Json& host, const char* name, std::int64_t usual, std::int64_t most) {
  const auto found = host.find(name);
  const std::int64_t asked =
      found != host.end() && found->is_number_integer() ? found->template get<std::int64_t>() : 0;
  return asked <= 0 ? usual : std::min(asked, most);
}

/// What was asked for, and no more than `most`; 0 is no limit.
std::int64_t limit_of(const Json& host, const char* name, std::int64_t most) {
  return most > 0 ? bounded(host, name, most, most) : bounded(host, name, 0, INT64_MAX);
}

}  // namespace

dsl::Result<std::string> container_to_create(std::string_view body, const BrokerOwner& owner) {
  const dsl::Result<Json> asked = read_strictly(body);
  if (!asked) {
    return asked.error();
  }
  dsl::Result<Json> result = filtered(*asked, kContainer);
  if (!result) {
    return result.error();
  }
  const Json host_asked = asked->value("HostConfig", Json::object());
  if (!host_asked.is_object() && !host_asked.is_null()) {
    return dsl::Error{"'HostConfig' is no object", ""};
  }
  dsl::Result<Json> host = filtered(host_asked.is_null() ? Json::object() : host_asked, kHost);
  if (!host) {
    return host.error();
  }
  Json& made = *host;
  made["NetworkMode"] = "container:" + owner.network;
  made["CapDrop"] = {"ALL"};
  made["CapAdd"] = kRootCapabilities;
  made["SecurityOpt"] = {"no-new-privileges", "seccomp=" + seccomp_profile()};
  made["IpcMode"] = "private";
  made["PidsLimit"] = bounded(host_asked, "PidsLimit", kMostProcesses, kMostProcesses);
  made["ShmSize"] = bounded(host_asked, "ShmSize", 64LL << 20, kMostShared);
  if (const std::int64_t memory =
          limit_of(host_asked, "Memory", owner.memory ? owner.memory->count : 0);
      memory > 0) {
    made["Memory"] = memory;
    made["MemorySwap"] = memory;
  }
  const std::int64_t cpus =
      limit_of(host_asked, "NanoCpus", owner.cpus ? owner.cpus->millis * 1'000'000 : 0);
  if (cpus > 0) {
    made["NanoCpus"] = cpus;
  }
  made["LogConfig"] = {{"Type", "json-file"}, {"Config", {{"max-size", "10m"}, {"max-file", "1"}}}};
  made["Mounts"] = Json::array({{{"Type", "bind"},
                                 {"Source", owner.resolver_file},
                                 {"Target", "/etc/resolv.conf"},
                                 {"ReadOnly", true}}});
  (*result)["HostConfig"] = made;
  Json& labels = (*result)["Labels"];
  for (const auto& [name, value] : owner.labels) {
    labels[name] = value;
  }
  labels[kBrokerLabel] = owner.name;
  return result->dump(-1, ' ', false, Json::error_handler_t::replace);
}

dsl::Result<std::string> exec_to_create(std::string_view body) {
  const dsl::Result<Json> asked = read_strictly(body);
  if (!asked) {
    return asked.error();
  }
  const dsl::Result<Json> result = filtered(*asked, kExec);
  if (!result) {
    return result.error();
  }
  return result->dump(-1, ' ', false, Json::error_handler_t::replace);
}

dsl::Result<ExecStart> exec_to_start(std::string_view body) {
  const dsl::Result<Json> asked = read_strictly(body);
  if (!asked) {
    return asked.error();
  }
  const dsl::Result<Json> result = filtered(*asked, kExecStart);
  if (!result) {
    return result.error();
  }
  return ExecStart{result->dump(), result->value("Detach", false)};
}

}  // namespace runner
