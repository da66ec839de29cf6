#pragma once

// One network's way to its model: the address that the node knows the provider by leads here, and
// from here to the provider, with the real key, past the desk. Loop thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/egress.h"
#include "runner/net/injection.h"
#include "runner/net/model_connection.h"
#include "runner/net/model_desk.h"
#include "runner/net/model_metering.h"
#include "runner/net/resolver.h"
#include "runner/run/egress.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

class ModelDoor {
 public:
  struct Parts {
    EventLoop& loop;
    Resolver& resolver;
    std::function<std::vector<dsl::IpAddress>()> own_addresses;
    dsl::Duration hello_time;
    Secrets* secrets;
    std::function<std::optional<Fd>(const std::string& name)> stand_in = {};  // may be empty
    std::string network = {};  // its name, for a ModelListener
  };
  /// `metering.meter` is there; it and the parts outlive this. `lent`: of the whole network.
  ModelDoor(const Parts& parts,
            const ModelMetering& metering,
            ModelAccess access,
            const std::vector<LentSecret>& lent,
            std::function<void(EgressDenied)> denied);
  ModelDoor(const ModelDoor&) = delete;
  ModelDoor& operator=(const ModelDoor&) = delete;
  /// Cuts all connections, and charges for what was under way.
  ~ModelDoor();

  /// The node reaches its model by plain HTTP: inside the node there is nobody to hide it from.
  [[nodiscard]] bool is_for(std::string_view name, std::uint16_t port) const;
  void begin(Fd client);
  [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }

 private:
  /// Answers for the provider's name with the addresses of the server that stands in its place.
  class Elsewhere final : public Resolver {
   public:
    Elsewhere(Resolver& resolver, std::string host) : resolver_(resolver), host_(std::move(host)) {}
    void resolve(const std::string& name, Done done) override;

   private:
    Resolver& resolver_;
    const std::string host_;  // "": every name is what it says
  };

  [[nodiscard]] std::shared_ptr<Connection> dial(Fd client, std::function<void()> denied);

  // Constant after construction.
  const Parts parts_;
  const std::function<void(EgressDenied)> denied_;
  const std::string provider_host_;
  ClientStream::Target target_;  // as our own connections know the provider
  Elsewhere resolver_;
  dsl::EgressPolicy policy_;
  Injection injection_;

  ModelDesk desk_;
  ModelHome home_;
  std::map<const ModelConnection*, std::shared_ptr<ModelConnection>> connections_;
};

}  // namespace runner
