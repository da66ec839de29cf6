#include "runner/run/node_results.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "runner/run/result_key.h"

namespace runner {

namespace {

constexpr dsl::Duration kFlushAfter{500};  // results of passed nodes are kept in bundles

}  // namespace

NodeResults::NodeResults(const OrderContext& context,
                         ResultCache* cache,
                         bool reuse,
                         Clock& clock,
                         const std::vector<std::string>& images)
    : context_(context),
      cache_(cache),
      reuse_(reuse),
      clock_(clock),
      images_(images),
      flush_due_(std::make_shared<bool>(false)) {}

NodeResults::Found NodeResults::look_up(std::size_t node, const TreeRef& input) {
  const RunState& state = context_.state;
  const dsl::NodeId& id = state.nodes()[node].id;
  Found found{InputReady{id, input, "", ""}, std::nullopt};
  if (cache_ == nullptr || state.plan_node(node).command.argv.empty()) {
    return found;
  }
  const std::size_t place = state.nodes()[node].plan_node;
  const dsl::Result<std::string> key = result_key(context_, node, input, images_[place]);
  if (!key) {
    found.ready.reuse = "not reused: " + key.error().message;
    return found;
  }
  found.ready.key = *key;
  const std::optional<CachedResult> cached = find(node, *key, found.ready.reuse);
  if (!cached) {
    return found;
  }
  const dsl::Result<TreeRef> tree = context_.trees.adopt(
      input,
      cached->content,
      cached->artifacts,
      fmt::format("{}: verified result of run {}\n\nPipe-Run: {}\nPipe-Task: {}\n",
                  id.value,
                  cached->run.value,
                  state.run().value,
                  id.value),
      clock_.wall_ms() / 1000);
  auto flagged = tree ? context_.trees.flagged(input, *tree) : tree.error();
  if (flagged) {
    found.reused =
        NodeReused{id, cached->run, *tree, cached->outputs, cached->evidence, *std::move(flagged)};
  } else {
    found.ready.reuse = "not reused: " + flagged.error().message;
  }
  return found;
}

/// `reuse` says in any case why it is taken or not.
std::optional<CachedResult> NodeResults::find(std::size_t node,
                                              const std::string& key,
                                              std::string& reuse) {
  if (key.empty()) {
    reuse = context_.state.plan_node(node).reuse ? "not reused: a person has to answer"
                                                 : "not reused: the task says `cache: false`";
    return std::nullopt;
  }
  if (const auto& sent_back = context_.state.nodes()[node].sent_back) {
    reuse = "not reused: sent back by " + sent_back->by;
    return std::nullopt;
  }
  if (!reuse_) {
    reuse = "not reused: --no-cache";
    return std::nullopt;
  }
  dsl::Result<std::optional<CachedResult>> found = cache_->lookup(key);
  if (!found) {
    reuse = "not reused: " + found.error().message;
    return std::nullopt;
  }
  if (!found->has_value()) {
    const RunState& state = context_.state;
    reuse = cache_->knows(result_name(state.plan(), state.nodes()[node].id))
                ? "not reused: the task, its image, input or criteria changed"
                : "not reused: never passed before";
    return std::nullopt;
  }
  reuse = fmt::format("same task, image, input and criteria as in run {}", (*found)->run.value);
  return *std::move(*found);
}

NodeResults::Verified NodeResults::look_up_check(std::size_t node,
                                                 std::size_t criterion,
                                                 const TreeRef& tree) {
  Verified verified;
  if (cache_ == nullptr) {
    return verified;
  }
  const std::size_t place = context_.state.nodes()[node].plan_node;
  dsl::Result<std::string> key = check_key(context_, node, criterion, tree, images_[place]);
  verified.key = key ? *std::move(key) : "";
  if (verified.key.empty() || !reuse_) {
    return verified;
  }
  dsl::Result<std::optional<CachedResult>> found = cache_->lookup(verified.key);
  if (found && *found && !(*found)->evidence.empty()) {
    verified.evidence = std::move((*found)->evidence.front());
    verified.evidence->log.clear();
    verified.from_run = (*found)->run;
  }
  return verified;
}

void NodeResults::keep_check(const std::string& key,
                             std::size_t node,
                             const Evidence& evidence,
                             const TreeRef& tree) {
  const dsl::Result<std::string> content = context_.trees.content_of(tree);
  if (cache_ == nullptr || key.empty() || !content) {
    return;
  }
  CachedResult result;
  result.content = *content;
  result.artifacts = tree.artifacts;
  result.evidence = {evidence};
  result.run = context_.state.run();
  result.node = context_.state.nodes()[node].id;
  result.at_ms = clock_.wall_ms();
  result.took_ms = evidence.took.ms;
  // Not the node's own name: how long that takes is another matter.
  const std::string name = name_on_merges(context_.state.plan(), result.node);
  (void)cache_->store(key, name, result).has_value();
  flush_soon();
}

void NodeResults::keep(std::size_t node) {
  const NodeState& done = context_.state.nodes()[node];
  const bool resolved_nothing = context_.state.plan_node(node).merges && done.to_resolve.empty();
  if (cache_ == nullptr || done.key.empty() || done.reused || !done.last || resolved_nothing) {
    return;
  }
  const auto& criteria = context_.state.plan_node(node).criteria;
  const bool a_person_approved =
      !done.flagged.empty() &&
      std::any_of(criteria.begin(), criteria.end(), [](const dsl::Criterion& one) {
        return std::holds_alternative<dsl::FlaggedCheck>(one.check);
      });
  const dsl::Result<std::string> content = context_.trees.content_of(done.tree);
  if (!content || a_person_approved) {
    return;
  }
  CachedResult result;
  result.content = *content;
  result.artifacts = done.tree.artifacts;
  result.outputs = done.outputs;
  for (const CriterionState& criterion : done.criteria) {
    result.evidence.push_back(criterion.evidence);
  }
  result.run = context_.state.run();
  result.node = done.id;
  result.at_ms = done.finished_ms;
  result.took_ms = done.last->end.took.ms;
  (void)cache_->store(done.key, result_name(context_.state.plan(), done.id), result).has_value();
  flush_soon();
}

void NodeResults::flush_soon() {
  if (!std::exchange(*flush_due_, true)) {
    clock_.after(kFlushAfter, [this, due = std::weak_ptr<bool>(flush_due_)] {
      if (due.lock() != nullptr) {
        flush();
      }
    });
  }
}

void NodeResults::flush() {
  if (std::exchange(*flush_due_, false)) {
    (void)cache_->flush().has_value();
  }
}

}  // namespace runner
