#pragma once

// The UDP of one network: each datagram that comes to a port of its rules is carried to where the
// address that it was sent to stands for, and what comes back is sent back from that address. A
// flow is what one socket of the node says to one address and port; it ends when nothing was said
// for a while, or with us. Loop thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "dsl/egress.h"
#include "dsl/ip_address.h"
#include "runner/net/fake_addresses.h"
#include "runner/net/resolver.h"
#include "runner/run/egress.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

class Datagrams {
 public:
  static constexpr std::size_t kMostHeld = 16;    // datagrams of a flow, while its name is resolved
  static constexpr dsl::Duration kQuiet{60'000};  // at least so long after the last one

  /// All outlive this.
  struct Parts {
    EventLoop& loop;
    Resolver& resolver;
    const dsl::EgressPolicy& policy;
    const FakeAddresses& names;
    std::function<std::vector<dsl::IpAddress>()> own_addresses;
    std::function<bool()> has_room;  // for one more
    /// `node` is left to the receiver.
    std::function<void(EgressDenied)> denied;
  };

  explicit Datagrams(Parts parts);
  Datagrams(const Datagrams&) = delete;
  Datagrams& operator=(const Datagrams&) = delete;
  ~Datagrams();

  /// `socket` is non-blocking and tells where a datagram was sent to (IP_PKTINFO).
  void serve(std::uint16_t port, Fd socket);

  [[nodiscard]] std::size_t flow_count() const { return flows_.size(); }

 private:
  /// Who sent it, and to which address and port, in host order.
  using Ends = std::tuple<std::uint32_t, std::uint16_t, std::uint32_t, std::uint16_t>;
  struct Flow;
  struct Port {
    std::uint16_t number = 0;
    Fd socket;
    EventLoop::Watch watch = 0;
  };

  void receive(const Port& port);
  void on_datagram(const Ends& ends, const Port& port, std::string_view bytes);
  void begin(const Ends& ends, const Port& port, std::string_view bytes);
  void choose(const std::shared_ptr<Flow>& flow,
              const dsl::Result<std::vector<dsl::IpAddress>>& found);
  void connect(Flow& flow, const dsl::IpAddress& address);
  void send_back(Flow& flow);
  void time(const std::shared_ptr<Flow>& flow);
  void refuse(const Flow& flow, EgressDenied::Reason reason, std::string seen);
  void end(Ends ends);  // by value: it may be of what ends

  const Parts parts_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::map<Ends, std::shared_ptr<Flow>> flows_;
};

}  // namespace runner
