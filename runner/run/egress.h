#pragma once

// The only way out of a node's network, as the run loop sees it. Implemented by net/gateway.
//
// A network that may reach something is opened with a door: the engine leads the network to it
// (Engine::open_network), and from then on the gateway answers the network's name queries and
// connections by the node's rules. Without a door a network is loopback and nothing else. When the
// door closes, or we die, what leads to it is gone with it: the network fails closed. Loop thread.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/ids.h"
#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/run/meter.h"
#include "runner/run/secrets.h"

namespace runner {

/// Something that was kept from leaving, or could not arrive. A fact of the run.
struct EgressDenied {
  enum class Reason {
    Name,         // no rule names it
    Port,         // no rule has this port for it
    Address,      // it leads to a kind of address that is never reached; `seen` has both
    NoHello,      // nothing that can be checked came in time on a port for HTTP and TLS
    LongHello,    // what must be checked before anything goes on is longer than 16 KiB
    Protocol,     // neither HTTP/1 nor TLS on a port for these
    Tls,          // a hello that is malformed, or hides the name (ECH)
    Sni,          // TLS for another name (`seen`), or for none
    Http,         // a request that is malformed, or could be read in two ways
    Host,         // a request for another host (`seen`), or for none
    Busy,         // more connections, or more names, than a node may have
    Unresolved,   // allowed, but nobody knows its address
    Unreachable,  // allowed, but it did not accept
  };
  dsl::NodeId node;
  std::string name;        // canonical, or an address that was meant itself; "" where none is known
  std::uint16_t port = 0;  // 0: not known yet
  Reason reason = Reason::Name;
  std::string rule;  // that had let it in so far, "" none
  std::string seen;  // what the node said, escaped; or where the name led
  bool udp = false;  // the port is UDP's
  bool operator==(const EgressDenied&) const = default;
};

/// "name", "port", … as events say it.
std::string_view to_text(EgressDenied::Reason reason);

/// What an engine needs to lead a network to the gateway.
struct EgressDoor {
  std::string socket;                // path; pipe-init hands the listening sockets over here, once
  std::vector<std::uint16_t> ports;  // that the network listens on, for all addresses
  std::vector<std::string> proof;    // names that must be answered before a command may start
  std::vector<std::uint16_t> datagram_ports = {};  // the same for UDP
  bool every_address = false;  // what is sent to any IPv4 address comes to these ports too
};

class Egress {
 public:
  Egress() = default;
  Egress(const Egress&) = delete;
  Egress& operator=(const Egress&) = delete;
  virtual ~Egress() = default;

  /// Whether a network of such a node gets a door: it may reach something, or we want to know what
  /// it would like to.
  [[nodiscard]] virtual bool wants_door(const dsl::Firewall& firewall) const {
    return !firewall.allow.empty();
  }

  /// `network`: as for Engine::open_network. `denied` is called for each new refusal, the same one
  /// only once, until `close`. An Error: no door could be made, and the node must not start.
  virtual dsl::Result<EgressDoor> open(const std::string& network,
                                       const dsl::NodeId& node,
                                       const dsl::Firewall& firewall,
                                       std::function<void(EgressDenied)> denied) = 0;

  /// What the gateway puts into the requests of an open network, to the hosts of each secret alone.
  virtual void lend(const std::string& network, std::vector<LentSecret> secrets) = 0;

  /// From now on requests to the model's host in clear (port 80) are metered, and go to the
  /// provider with the key that was lent. An Error: this gateway cannot.
  virtual dsl::Status meter(const std::string& network, ModelAccess access) = 0;

  /// Cuts every connection. Nothing happens where there is no such door.
  virtual void close(const std::string& network) = 0;
};

}  // namespace runner
