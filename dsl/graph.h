#pragma once

// Who waits for whom, as numbers. Everything here is linear in nodes and edges, however many paths
// there are (a ladder of 60 levels with two parents each has 2^60). Built on Boost.Graph, which
// stays in graph.cpp. Any thread; constant after construction.

#include <cstdint>
#include <memory>
#include <vector>

namespace dsl {

class Graph {
 public:
  using Node = std::uint32_t;

  /// `needs[n]` are the nodes that `n` waits for; all numbers are below `needs.size()`.
  explicit Graph(const std::vector<std::vector<Node>>& needs);
  Graph(Graph&& other) noexcept;
  Graph& operator=(Graph&& other) noexcept;
  ~Graph();

  [[nodiscard]] std::size_t size() const;

  /// Every circle once, as the nodes of one shortest way round (each waits for the next, the last
  /// for the first), by their smallest node. No circles: empty.
  [[nodiscard]] std::vector<std::vector<Node>> cycles() const;

  /// All nodes, needs first, otherwise in the order of their numbers: a list that is in order
  /// already stays as it is. REQUIRES: no cycles.
  [[nodiscard]] std::vector<Node> order() const;

  /// `node` waits for `ancestor`, directly or through others. False for the node itself.
  [[nodiscard]] bool is_ancestor(Node ancestor, Node node) const;

  /// For each node, its own duration and those behind it on the longest way to an end: what the
  /// scheduler starts first. REQUIRES: no cycles, a duration for each node.
  [[nodiscard]] std::vector<std::int64_t> remaining(
      const std::vector<std::int64_t>& durations) const;

  /// The longest way from a start to an end, first node first. REQUIRES: as above.
  [[nodiscard]] std::vector<Node> critical_path(const std::vector<std::int64_t>& durations) const;

 private:
  struct Held;
  std::unique_ptr<Held> held_;
};

}  // namespace dsl
