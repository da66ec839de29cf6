#include "runner/net/gateway.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/resource.h>
#include <sys/stat.h>
#include <utility>

#include "runner/init/protocol.h"

namespace runner {
namespace {

/// Listened on where rules are learnt. A program of the node cannot listen on them itself, and so
/// those that programs like to serve on in tests (8080, 5432, …) are not among them.
constexpr std::array<std::uint16_t, 3> kLearnedPorts = {22, dsl::kHttpPort, dsl::kHttpsPort};

/// A connection takes up to six descriptors. What the system grants us is used.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace

Gateway::Gateway(EventLoop& loop, Resolver& resolver, GatewayOptions options)
    : parts_{loop,
             resolver,
             options.own_addresses,
             options.hello_time,
             options.secrets,
             options.learning,
             options.stand_in},
      options_(std::move(options)) {
  raise_descriptor_limit();
}

Gateway::~Gateway() = default;

dsl::Result<EgressDoor> Gateway::open(const std::string& network,
                                      const dsl::NodeId& node,
                                      const dsl::Firewall& firewall,
                                      std::function<void(EgressDenied)> denied) {
  auto policy = dsl::EgressPolicy::make(firewall);
  if (!policy) {
    return policy.error().within("the firewall of '" + node.value + "'");
  }
  EgressDoor door{
      options_.directory + "/" + network + ".sock", policy->ports(), policy->exact_names()};
  std::erase(door.ports, init::kDnsPort);  // is listened on anyway
  door.datagram_ports = policy->ports(dsl::Carried::Udp);
  door.every_address = firewall.mode == dsl::Firewall::Mode::Routed;
  if (options_.learning) {
    door.ports.insert(door.ports.end(), kLearnedPorts.begin(), kLearnedPorts.end());
    std::sort(door.ports.begin(), door.ports.end());
    door.ports.erase(std::unique(door.ports.begin(), door.ports.end()), door.ports.end());
  }
  const std::size_t count = door.ports.size() + door.datagram_ports.size();
  if (count > init::kMostEgressPorts) {
    return dsl::Error{
        "the firewall of '" + node.value + "' names " + std::to_string(count) + " different ports",
        "name at most " + std::to_string(init::kMostEgressPorts)};
  }
  if (mkdir(options_.directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return dsl::Error{"make '" + options_.directory + "': " + strerrordesc_np(errno),
                      "set PIPE_STATE to a folder that you can write to"};
  }
  auto made = std::make_unique<Door>(parts_, network, node, *std::move(policy), std::move(denied));
  if (auto waits = made->wait_at(door.socket); !waits) {
    return waits.error();
  }
  doors_[network] = std::move(made);
  return door;
}

void Gateway::lend(const std::string& network, std::vector<LentSecret> secrets) {
  if (const auto door = doors_.find(network); door != doors_.end()) {
    door->second->lend(std::move(secrets));
  }
}

dsl::Status Gateway::meter(const std::string& network, ModelAccess access) {
  const auto door = doors_.find(network);
  if (options_.models.meter == nullptr || door == doors_.end()) {
    return dsl::Error{"BUG: a node with a model, and nothing that meters it", ""};
  }
  door->second->meter(options_.models, std::move(access));
  return dsl::Ok{};
}

void Gateway::close(const std::string& network) {
  doors_.erase(network);
}

}  // namespace runner
