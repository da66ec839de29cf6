#include "runner/net/model_door.h"

#include <algorithm>
#include <utility>

#include "dsl/secret_host.h"

namespace runner {

namespace {

struct Way {
  ModelUpstream upstream;
  bool is_elsewhere = false;
};

Way way_to(const std::string& host, const ModelMetering& metering) {
  const auto found = metering.upstreams.find(host);
  return found != metering.upstreams.end() ? Way{found->second, true}
                                           : Way{{true, host, dsl::kHttpsPort, ""}, false};
}

/// The name that a certificate must be for; without one the provider's is as good.
std::string name_of(const Way& way, const std::string& provider_host) {
  return way.upstream.tls ? way.upstream.host : provider_host;
}

/// A server that the user chose may be anywhere, also on this machine.
dsl::EgressPolicy policy_for(const Way& way, const std::string& name) {
  const std::string port = ":" + std::to_string(way.upstream.port);
  dsl::Firewall firewall;
  firewall.allow = {name + port};
  if (way.is_elsewhere) {
    firewall.allow_private = {"0.0.0.0/0" + port, "[::/0]" + port};
  }
  auto policy = dsl::EgressPolicy::make(firewall);
  return policy ? *std::move(policy) : dsl::EgressPolicy();
}

/// The secrets of that provider, to be sent to whoever stands in its place.
std::vector<LentSecret> lent_for(const Way& way,
                                 const std::string& provider_host,
                                 const std::string& name,
                                 const std::vector<LentSecret>& lent) {
  std::vector<LentSecret> own;
  for (const LentSecret& one : lent) {
    const auto& hosts = one.secret.hosts;
    const bool is_its = std::any_of(hosts.begin(), hosts.end(), [&](const std::string& text) {
      const auto host = dsl::parse_secret_host(text);
      return host && !host->clear && host->port == dsl::kHttpsPort &&
             host->matches_name(provider_host);
    });
    if (is_its) {
      own.push_back(one);
      own.back().secret.hosts = {
          dsl::to_text(dsl::SecretHost{!way.upstream.tls, false, name, way.upstream.port})};
    }
  }
  return own;
}

/// A connection and what it borrows.
struct Dialled {
  ConnectionHome home;
  std::shared_ptr<Connection> connection;
};

}  // namespace

void ModelDoor::Elsewhere::resolve(const std::string& name, Done done) {
  resolver_.resolve(host_.empty() ? name : host_, std::move(done));
}

ModelDoor::ModelDoor(const Parts& parts,
                     const ModelMetering& metering,
                     ModelAccess access,
                     const std::vector<LentSecret>& lent,
                     std::function<void(EgressDenied)> denied)
    : parts_(parts),
      denied_(std::move(denied)),
      provider_host_(access.provider.host),
      resolver_(parts.resolver,
                way_to(provider_host_, metering).is_elsewhere
                    ? way_to(provider_host_, metering).upstream.host
                    : ""),
      desk_(*metering.meter, metering.price_of, std::move(access)),
      home_{parts.loop,
            desk_,
            [this](Fd client, std::function<void()> refused) {
              return dial(std::move(client), std::move(refused));
            },
            "",
            "",
            0,
            nullptr,
            [this](ModelConnection& connection) { connections_.erase(&connection); },
            parts.network,
            metering.listener} {
  const Way way = way_to(provider_host_, metering);
  target_.name = name_of(way, provider_host_);
  target_.port = way.upstream.port;
  policy_ = policy_for(way, target_.name);
  injection_ = Injection(parts.secrets, lent_for(way, provider_host_, target_.name, lent));
  home_.values = &injection_.values();
  home_.host = target_.name;
  home_.path = way.upstream.path;
}

ModelDoor::~ModelDoor() {
  for (const auto& [_, connection] : connections_) {
    connection->abort();
  }
}

bool ModelDoor::is_for(std::string_view name, std::uint16_t port) const {
  return name == provider_host_ && port == dsl::kHttpPort;
}

void ModelDoor::begin(Fd client) {
  auto connection = std::make_shared<ModelConnection>(home_, std::move(client));
  connections_.emplace(connection.get(), connection);
  connection->start();
}

std::shared_ptr<Connection> ModelDoor::dial(Fd client, std::function<void()> denied) {
  auto dialled =
      std::make_shared<Dialled>(Dialled{{parts_.loop,
                                         resolver_,
                                         policy_,
                                         parts_.own_addresses,
                                         parts_.hello_time,
                                         injection_,
                                         parts_.stand_in,
                                         [this, denied = std::move(denied)](EgressDenied refusal) {
                                           denied();
                                           denied_(std::move(refusal));
                                         },
                                         [](Connection&) {}},
                                        nullptr});
  dialled->connection = std::make_shared<Connection>(
      dialled->home, std::move(client), target_, "the model of the agent");
  dialled->connection->start_dialled();
  return {dialled, dialled->connection.get()};
}

}  // namespace runner
