#pragma once

// The addresses that a node is told for names. Each name has one of 198.18.0.0/15, which is routed
// nowhere, and keeps it as long as the node lives: a program may remember an answer for ever
// without ever meaning another host by it. Pure; one thread.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dsl/ip_address.h"

namespace runner {

class FakeAddresses {
 public:
  /// Beyond this a node is refused further names; a program that asks for so many tries to say
  /// something with them.
  static constexpr std::size_t kMostNames = 16'384;

  /// The address of the name, a new one where it has none. Nothing when all are taken.
  std::optional<dsl::IpAddress> address_of(const std::string& name);

  /// The name that has this address, or null.
  [[nodiscard]] const std::string* name_of(const dsl::IpAddress& address) const;

  [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<const std::string*> names_;  // the keys of index_, which stay where they are
};

/// An address that can only mean the node itself, or stands for a name that nobody looked up.
bool is_nodes_own(const dsl::IpAddress& address);

}  // namespace runner
