#pragma once

// What a node may ask of its Docker broker (docker_broker.h). Every request is
// taken apart, and what goes to the daemon is made anew from parts that are
// known here: nothing else of it, no path, field or header, ever gets there.
// What is not known is refused. Pure; any thread.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dsl/units.h"

namespace runner {

inline constexpr const char* kBrokerLabel = "pipe.broker";

struct BrokerRequest {
  std::string method;
  std::string target;  // as it came
  std::string body;
};

/// Whose broker it is, and what its containers are made with.
struct BrokerOwner {
  std::string name;  // of the container of the job: the value of the label
  std::vector<std::pair<std::string, std::string>> labels;  // beside that, by which they are found
  std::string network;        // id of the container whose network they share
  std::string resolver_file;  // for their /etc/resolv.conf
  // Each has at most as much as the job; absent: it has no limit.
  std::optional<dsl::Bytes> memory;
  std::optional<dsl::Cpus> cpus;
};

/// The broker's own answer: JSON.
struct BrokerAnswer {
  unsigned status = 200;
  std::string body;
};

/// What is asked of the daemon. Where `container` or `exec` names something, it
/// must be the node's own, and its id stands between `before` and `after`; else
/// `before` is the whole path.
struct BrokerCall {
  enum class Reply {
    Whole,    // short
    Stream,   // as it comes
    Hijacked  // both sides speak as they like once the daemon has agreed (101)
  };
  std::string method;
  std::string before;
  std::string after;
  std::string body;
  std::string container;  // an id, the beginning of one, or the node's own name for it
  std::string exec;       // an id
  Reply reply = Reply::Whole;
  bool creates = false;
};

using BrokerDecision = std::variant<BrokerAnswer, BrokerCall>;

BrokerDecision decide(const BrokerRequest& request, const BrokerOwner& owner);

/// {"message": …}, as the daemon says it.
BrokerAnswer broker_refusal(unsigned status, std::string_view why);

/// The path that lists all containers of the owner, and which of the reply is
/// meant by `wanted`: its id, or "" for none.
std::string broker_list_path(const BrokerOwner& owner);
std::string find_own_container(const std::string& list,
                               const BrokerOwner& owner,
                               const std::string& wanted);
/// The ids of a list.
std::vector<std::string> listed_containers(const std::string& list);

}  // namespace runner
