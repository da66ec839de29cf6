#include "dsl/graph.h"

#include <numeric>

#include <gtest/gtest.h>

namespace dsl {
namespace {

using Nodes = std::vector<Graph::Node>;
using Needs = std::vector<Nodes>;

TEST(Graph, KeepsAnOrderThatIsOneAlready) {
  EXPECT_EQ(Graph(Needs{{}, {0}, {0}, {1, 2}, {}}).order(), (Nodes{0, 1, 2, 3, 4}));
}

TEST(Graph, PutsNeedsFirst) {
  EXPECT_EQ(Graph(Needs{{2}, {}, {3}, {}}).order(), (Nodes{3, 2, 0, 1}));
}

TEST(Graph, OfNothingHasNothing) {
  const Graph graph{Needs{}};
  EXPECT_TRUE(graph.order().empty());
  EXPECT_TRUE(graph.cycles().empty());
  EXPECT_TRUE(graph.critical_path({}).empty());
}

TEST(Graph, TellsEveryCircleOnceByItsShortestWay) {
  //  0 <- 1 -> 2 -> 1 (two), 3 -> 4 -> 5 -> 3 with a short cut 4 -> 3, 6 -> 6
  const Graph graph(Needs{{}, {0, 2}, {1}, {4}, {5, 3}, {3}, {6}});
  EXPECT_EQ(graph.cycles(), (std::vector<Nodes>{{1, 2}, {3, 4}, {6}}));
}

TEST(Graph, FindsANodeThatNeedsItself) {
  EXPECT_EQ(Graph(Needs{{0}, {0}}).cycles(), (std::vector<Nodes>{{0}}));
}

TEST(Graph, KnowsAncestors) {
  const Graph graph(Needs{{}, {0}, {1}, {}});
  EXPECT_TRUE(graph.is_ancestor(0, 2));
  EXPECT_TRUE(graph.is_ancestor(1, 2));
  EXPECT_FALSE(graph.is_ancestor(2, 0));
  EXPECT_FALSE(graph.is_ancestor(3, 2));
  EXPECT_FALSE(graph.is_ancestor(2, 2));
}

TEST(Graph, FindsTheCriticalPath) {
  //  0 (1) -> 1 (5) -> 3 (1), 0 -> 2 (2) -> 3
  const Graph graph(Needs{{}, {0}, {0}, {1, 2}});
  EXPECT_EQ(graph.critical_path({1, 5, 2, 1}), (Nodes{0, 1, 3}));
  EXPECT_EQ(graph.remaining({1, 5, 2, 1}), (std::vector<std::int64_t>{7, 6, 3, 1}));
}

TEST(Graph, FollowsAPathOfNoLength) {
  EXPECT_EQ(Graph(Needs{{}, {0}, {1}}).critical_path({0, 0, 0}).size(), 1U);
  EXPECT_EQ(Graph(Needs{{}, {0}, {1}}).critical_path({0, 0, 3}), (Nodes{0, 1, 2}));
}

// 60 levels of two nodes, each of which needs both nodes of the level above: 2^60 paths.
TEST(Graph, IsNotImpressedByTheNumberOfPaths) {
  Needs ladder(120);
  for (Graph::Node node = 2; node < 120; ++node) {
    const Graph::Node above = node / 2 * 2 - 2;
    ladder[node] = {above, above + 1};
  }
  const Graph graph(ladder);
  EXPECT_TRUE(graph.cycles().empty());
  EXPECT_EQ(graph.order().size(), 120U);
  EXPECT_TRUE(graph.is_ancestor(0, 119));
  EXPECT_FALSE(graph.is_ancestor(118, 119));
  EXPECT_EQ(graph.critical_path(std::vector<std::int64_t>(120, 1)).size(), 60U);
}

TEST(Graph, IsNotImpressedByAChainOfAHundredThousand) {
  Needs chain(100'000);
  for (Graph::Node node = 0; node + 1 < chain.size(); ++node) {
    chain[node] = {node + 1};  // against the order of the numbers
  }
  const Graph graph(chain);
  EXPECT_EQ(graph.order().front(), 99'999U);
  EXPECT_TRUE(graph.cycles().empty());
  EXPECT_TRUE(graph.is_ancestor(99'999, 0));
  chain.back() = {0};
  EXPECT_EQ(Graph(chain).cycles().at(0).size(), 100'000U);
}

}  // namespace
}  // namespace dsl
