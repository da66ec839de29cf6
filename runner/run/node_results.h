#pragma once

// Verified results of the nodes of one run: taken from the cache where nothing has changed, kept in
// it when a node has passed. Loop thread.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runner/run/clock.h"
#include "runner/run/event.h"
#include "runner/run/orders.h"
#include "runner/run/result_cache.h"

namespace runner {

class NodeResults {
 public:
  /// `images` has the digest of each plan node's image. All outlive this. A null `cache`: nothing
  /// is taken or kept. `reuse` false: nothing is taken.
  NodeResults(const OrderContext& context,
              ResultCache* cache,
              bool reuse,
              Clock& clock,
              const std::vector<std::string>& images);

  /// What is to be recorded of a node whose input is known.
  struct Found {
    InputReady ready;
    std::optional<NodeReused> reused;  // a verified result for exactly this
  };
  Found look_up(std::size_t node, const TreeRef& input);

  /// Whether the node's criterion was met on exactly these files before, where a container has to
  /// say so.
  struct Verified {
    std::string key;                   // by which it is kept; "" it is not
    std::optional<Evidence> evidence;  // of that time; its log is not this run's
    dsl::RunId from_run;
  };
  Verified look_up_check(std::size_t node, std::size_t criterion, const TreeRef& tree);

  /// What a criterion of the node was met with; `key` as look_up_check gave it.
  void keep_check(const std::string& key,
                  std::size_t node,
                  const Evidence& evidence,
                  const TreeRef& tree);

  /// REQUIRES: the node has passed. A result that cannot be kept costs a repetition later, not this
  /// run.
  void keep(std::size_t node);

  /// Writes what was kept; also happens by itself, a little later.
  void flush();

 private:
  std::optional<CachedResult> find(std::size_t node, const std::string& key, std::string& reuse);
  void flush_soon();

  // Constant after construction.
  const OrderContext& context_;
  ResultCache* const cache_;
  const bool reuse_;
  Clock& clock_;
  const std::vector<std::string>& images_;

  std::shared_ptr<bool> flush_due_;  // a timer may outlive this
};

}  // namespace runner
