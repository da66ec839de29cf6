// Random plans, random outcomes, crashes at random commits: what must hold whatever happens.

#include <random>

#include <gtest/gtest.h>

#include "tests/support/run_harness.h"

namespace runner::test {
namespace {

struct Shape {
  std::vector<dsl::PlanNode> nodes;
  std::map<std::string, int> fails;  // how many attempts of a task fail before one passes
};

Shape random_shape(std::mt19937& random) {
  const auto below = [&random](std::size_t n) { return random() % n; };
  Shape shape;
  const std::size_t count = 1 + below(14);
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<dsl::NodeIndex> needs;
    for (std::size_t need = 0; need < i; ++need) {
      if (below(4) == 0) {
        needs.push_back(need);
      }
    }
    const std::string id = "t" + std::to_string(i);
    dsl::PlanNode node = below(6) == 0 ? gate(id, needs) : task(id, needs, id);
    if (below(3) == 0) {
      node.criteria.push_back(run_criterion("c", id + "-check"));
    }
    node.retry.attempts = 1 + static_cast<int>(below(3));
    node.allow_failure = below(8) == 0;
    if (below(10) == 0) {
      node.condition = below(2) == 0 ? "always()" : "failure()";
    }
    shape.fails[id] = below(5) == 0 ? static_cast<int>(below(4)) : 0;
    shape.nodes.push_back(std::move(node));
  }
  return shape;
}

/// A task fails as often as its shape says, counted by the journal, so that a crash changes
/// nothing.
void play(RunHarness& run, const Shape& shape, std::mt19937& random) {
  run.slots = 3;
  run.engine.script = [&run, &shape, &random](const Job& job) {
    const std::string word = job.argv.back();
    FakeEngine::Answer answer;
    answer.takes = {static_cast<std::int64_t>(random() % 50)};
    const NodeState& node = run.node(job.node.value);
    const auto fails = shape.fails.find(word);
    if (fails != shape.fails.end()) {
      run.trees.written[job.name] = {{word, "x"}};
      answer.end.code = node.failures < fails->second ? 1 : 0;
    }
    for (const dsl::NodeIndex need : run.plan.nodes[node.plan_node].needs) {
      EXPECT_TRUE(run.state->nodes()[need].outcome) << "started before a need was settled";
    }
    EXPECT_LE(run.engine.running, run.slots);
    return answer;
  };
}

TEST(RunProperty, EveryNodeSettlesAndNoneStartsBeforeItsNeeds) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const Shape shape = random_shape(random);
    RunHarness run(shape.nodes);
    play(run, shape, random);
    run.start();
    run.run_to_end();
    ASSERT_TRUE(run.end);
    ASSERT_EQ(run.end->how, RunEnd::How::Finished) << run.end->error.message;
    EXPECT_EQ(run.state->settled(), run.state->nodes().size());
    EXPECT_EQ(run.state->busy(), 0U);
    EXPECT_EQ(run.trees.workspaces, 0U);
    for (const NodeState& node : run.state->nodes()) {
      ASSERT_TRUE(node.outcome);
      if (*node.outcome == Outcome::Passed) {
        for (const CriterionState& criterion : node.criteria) {
          EXPECT_EQ(criterion.verdict, Verdict::Met);
        }
      }
    }
  }
}

TEST(RunProperty, ACrashedAndResumedRunEndsAsOneThatWasLeftAlone) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const Shape shape = random_shape(random);
    std::mt19937 timing(seed);
    RunHarness whole(shape.nodes);
    play(whole, shape, timing);
    whole.start();
    whole.run_to_end();
    ASSERT_EQ(whole.end->how, RunEnd::How::Finished);

    RunHarness run(shape.nodes);
    play(run, shape, timing);
    run.journal.appends_left = 1 + random() % (whole.journal.transactions + 1);
    run.start();
    run.run_to_end();
    std::size_t restarts = 0;
    while (run.end && run.end->how == RunEnd::How::Broken && restarts++ < 50) {
      run.journal.appends_left = 1 + random() % 8;
      run.restart();
      run.run_to_end();
    }
    ASSERT_EQ(run.end->how, RunEnd::How::Finished) << run.end->error.message;
    EXPECT_EQ(run.state->outcome(), whole.state->outcome());
    for (std::size_t i = 0; i < shape.nodes.size(); ++i) {
      EXPECT_EQ(run.state->nodes()[i].outcome, whole.state->nodes()[i].outcome)
          << shape.nodes[i].id.value;
    }
    if (whole.state->outcome() == Outcome::Passed) {
      EXPECT_EQ(run.trees.files(run.state->result()), whole.trees.files(whole.state->result()));
    }
  }
}

/// Pairs of tasks of which the criterion of the first does not hold beside the work of the second.
using Clashes = std::map<std::string, std::string>;

/// Whether the job's tree has the work of both.
bool has_both(const RunHarness& run,
              const TreeRef& tree,
              const std::string& a,
              const std::string& b) {
  const auto& files = run.trees.files(tree);
  return files.contains(a) && files.contains(b);
}

void play(RunHarness& run, const Clashes& clashes, std::mt19937& random) {
  run.slots = 3;
  run.engine.script = [&](const Job& job) {
    const std::string word = job.argv.back();
    const TreeRef tree = run.trees.given.at(job.name);
    FakeEngine::Answer answer;
    answer.takes = {static_cast<std::int64_t>(random() % 50)};
    if (word.ends_with("-check")) {
      const auto clash = clashes.find(word.substr(0, word.size() - 6));
      answer.end.code =
          clash != clashes.end() && has_both(run, tree, clash->first, clash->second) ? 1 : 0;
      return answer;
    }
    run.trees.written[job.name] = {{word, "x"}};
    const std::vector<std::size_t> sides = run.state->sides(*run.state->find(job.node));
    for (const auto& [a, b] : clashes) {
      const bool meant = std::any_of(sides.begin(), sides.end(), [&](std::size_t side) {
        return has_both(run, run.state->nodes()[side].tree, a, b);
      });
      EXPECT_TRUE(meant || !has_both(run, tree, a, b))
          << job.node.value << " started where " << a << " and " << b << " met and clash";
    }
    return answer;
  };
}

TEST(RunProperty, NothingStartsFromAMergeOnWhichACriterionBroke) {
  std::size_t broken = 0;
  std::size_t verified = 0;
  for (unsigned seed = 0; seed < 120; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<dsl::PlanNode> nodes = random_shape(random).nodes;
    Clashes clashes;
    for (dsl::PlanNode& node : nodes) {
      node.condition.reset();
      if (node.kind == dsl::NodeKind::Task && random() % 2 == 0) {
        node.criteria = {run_criterion("c", node.id.value + "-check")};
        const std::string other = "t" + std::to_string(random() % nodes.size());
        if (random() % 3 == 0 && other != node.id.value) {
          clashes[node.id.value] = other;
        }
      }
    }
    std::mt19937 timing(seed);
    RunHarness whole(nodes);
    play(whole, clashes, timing);
    whole.start();
    whole.run_to_end();
    ASSERT_TRUE(whole.end && whole.end->how == RunEnd::How::Finished);
    EXPECT_TRUE(whole.state->open_fan_ins().empty());
    EXPECT_EQ(whole.state->busy(), 0U);
    for (const FanIn& fan_in : whole.state->fan_ins()) {
      ++(broken_text(*whole.state, fan_in).empty() ? verified : broken);
    }

    RunHarness run(nodes);
    play(run, clashes, timing);
    run.journal.appends_left = 1 + random() % (whole.journal.transactions + 1);
    run.start();
    run.run_to_end();
    std::size_t restarts = 0;
    while (run.end && run.end->how == RunEnd::How::Broken && restarts++ < 80) {
      run.journal.appends_left = 1 + random() % 8;
      run.restart();
      run.run_to_end();
    }
    ASSERT_EQ(run.end->how, RunEnd::How::Finished) << run.end->error.message;
    EXPECT_EQ(run.state->outcome(), whole.state->outcome());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      EXPECT_EQ(run.state->nodes()[i].outcome, whole.state->nodes()[i].outcome)
          << nodes[i].id.value;
    }
  }
  // Else the rest says nothing.
  EXPECT_GT(broken, 20U);
  EXPECT_GT(verified, 20U);
}

}  // namespace
}  // namespace runner::test
