#include "dsl/graph.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <limits>

#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/strong_components.hpp>
#include <boost/graph/topological_sort.hpp>

namespace dsl {
namespace {

// An edge goes from a node to what it needs. Boost's depth-first searches keep their own stack, so
// that a chain of a hundred thousand nodes is no danger.
using Edges = boost::compressed_sparse_row_graph<boost::directedS,
                                                 boost::no_property,
                                                 boost::no_property,
                                                 boost::no_property,
                                                 Graph::Node,
                                                 std::uint32_t>;

Edges make_edges(const std::vector<std::vector<Graph::Node>>& needs) {
  std::vector<std::pair<Graph::Node, Graph::Node>> edges;
  for (Graph::Node node = 0; node < needs.size(); ++node) {
    for (const Graph::Node need : needs[node]) {
      edges.emplace_back(node, need);
    }
  }
  return {
      boost::edges_are_sorted, edges.begin(), edges.end(), static_cast<Graph::Node>(needs.size())};
}

template <class Visit>
void each_need(const Edges& edges, Graph::Node node, const Visit& visit) {
  const auto [begin, end] = boost::adjacent_vertices(node, edges);
  std::for_each(begin, end, visit);
}

/// The shortest way from `start` back to itself inside its component.
std::vector<Graph::Node> shortest_circle(const Edges& edges,
                                         const std::vector<Graph::Node>& component,
                                         Graph::Node start) {
  constexpr Graph::Node kUnseen = std::numeric_limits<Graph::Node>::max();
  std::vector<Graph::Node> from(component.size(), kUnseen);
  std::deque<Graph::Node> queue{start};
  while (!queue.empty()) {
    const Graph::Node node = queue.front();
    queue.pop_front();
    bool closed = false;
    each_need(edges, node, [&](Graph::Node need) {
      closed = closed || need == start;
      if (component[need] == component[start] && need != start && from[need] == kUnseen) {
        from[need] = node;
        queue.push_back(need);
      }
    });
    if (closed) {
      std::vector<Graph::Node> circle{node};
      for (Graph::Node at = node; at != start; at = from[at]) {
        circle.push_back(from[at]);
      }
      std::reverse(circle.begin(), circle.end());
      return circle;
    }
  }
  return {};
}

}  // namespace

struct Graph::Held {
  Edges edges;
};

Graph::Graph(const std::vector<std::vector<Node>>& needs)
    : held_(std::make_unique<Held>(Held{make_edges(needs)})) {}
Graph::Graph(Graph&& other) noexcept = default;
Graph& Graph::operator=(Graph&& other) noexcept = default;
Graph::~Graph() = default;

std::size_t Graph::size() const {
  return boost::num_vertices(held_->edges);
}

std::vector<std::vector<Graph::Node>> Graph::cycles() const {
  const Edges& edges = held_->edges;
  std::vector<Node> component(size());
  const auto index = boost::get(boost::vertex_index, edges);
  const Node count =
      boost::strong_components(edges, boost::make_iterator_property_map(component.begin(), index));
  if (count == size()) {  // every node by itself: only a node that needs itself is a circle
    std::vector<std::vector<Node>> selfish;
    for (Node node = 0; node < size(); ++node) {
      each_need(edges, node, [&](Node need) {
        if (need == node && (selfish.empty() || selfish.back().front() != node)) {
          selfish.push_back({node});
        }
      });
    }
    return selfish;
  }
  std::vector<std::size_t> members(count);
  for (const Node of : component) {
    ++members[of];
  }
  std::vector<bool> told(count);
  std::vector<std::vector<Node>> circles;
  for (Node node = 0; node < size(); ++node) {
    const Node of = component[node];
    bool is_selfish = false;
    each_need(edges, node, [&](Node need) { is_selfish = is_selfish || need == node; });
    if (is_selfish || (members[of] > 1 && !told[of])) {
      circles.push_back(shortest_circle(edges, component, node));
      told[of] = true;
    }
  }
  return circles;
}

std::vector<Graph::Node> Graph::order() const {
  std::vector<Node> sorted;
  sorted.reserve(size());
  // A depth-first search along the needs, started in the order of the numbers, finishes every node
  // right behind its needs.
  boost::topological_sort(held_->edges, std::back_inserter(sorted));
  return sorted;
}

bool Graph::is_ancestor(Node ancestor, Node node) const {
  std::vector<bool> seen(size());
  std::vector<Node> stack{node};
  while (!stack.empty()) {
    const Node at = stack.back();
    stack.pop_back();
    bool found = false;
    each_need(held_->edges, at, [&](Node need) {
      found = found || need == ancestor;
      if (!seen[need]) {
        seen[need] = true;
        stack.push_back(need);
      }
    });
    if (found) {
      return true;
    }
  }
  return false;
}

std::vector<std::int64_t> Graph::remaining(const std::vector<std::int64_t>& durations) const {
  std::vector<std::int64_t> longest = durations;
  const std::vector<Node> sorted = order();
  for (auto node = sorted.rbegin(); node != sorted.rend(); ++node) {
    each_need(held_->edges, *node, [&](Node need) {
      longest[need] = std::max(longest[need], durations[need] + longest[*node]);
    });
  }
  return longest;
}

std::vector<Graph::Node> Graph::critical_path(const std::vector<std::int64_t>& durations) const {
  if (size() == 0) {
    return {};
  }
  // The longest way up to each node, and the need that it came over.
  std::vector<std::int64_t> longest = durations;
  std::vector<Node> over(size());
  Node last = 0;
  for (const Node node : order()) {
    over[node] = node;
    std::int64_t before = 0;
    each_need(held_->edges, node, [&](Node need) {
      if (over[node] == node || longest[need] > before) {
        before = longest[need];
        over[node] = need;
      }
    });
    longest[node] = durations[node] + before;
    if (longest[node] > longest[last]) {
      last = node;
    }
  }
  std::vector<Node> path{last};
  while (over[path.back()] != path.back()) {
    path.push_back(over[path.back()]);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

}  // namespace dsl
