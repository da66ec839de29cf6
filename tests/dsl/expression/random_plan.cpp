#include "tests/dsl/expression/random_plan.h"

#include <random>
#include <string>
#include <vector>

namespace dsl {
namespace {

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : engine_(seed) {}

  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : engine_() % limit; }
  bool coin() { return below(2) == 0; }

  template <class E>
  E one_of(int count) {
    return static_cast<E>(below(static_cast<std::size_t>(count)));
  }

  std::int64_t number() {
    const auto wide = static_cast<std::int64_t>((std::uint64_t{engine_()} << 31U) ^ engine_());
    return coin() ? static_cast<std::int64_t>(below(1000)) : wide;
  }

  std::string text() {
    static const std::vector<std::string> kParts = {"",
                                                    "build",
                                                    "\"",
                                                    "\\",
                                                    "\n",
                                                    "é",
                                                    "😀",
                                                    "${{ x }}",
                                                    "\x01",
                                                    "\t",
                                                    "null",
                                                    "[\"a\"]",
                                                    "\x7f",
                                                    "/",
                                                    "{0}",
                                                    "a b c",
                                                    "'",
                                                    "</script>"};
    std::string result;
    for (std::size_t k = below(4); k > 0; --k) {
      result += kParts[below(kParts.size())];
    }
    return result;
  }

  std::vector<std::string> texts() {
    std::vector<std::string> result(below(3));
    for (std::string& each : result) {
      each = text();
    }
    return result;
  }

  template <class T>
  std::optional<T> maybe(T value) {
    return coin() ? std::optional<T>(std::move(value)) : std::nullopt;
  }

  Template hole_text() {
    Template result;
    for (std::size_t k = below(4); k > 0; --k) {
      result.pieces.push_back({one_of<Template::Piece::Kind>(2), text()});
    }
    return result;
  }

  Value value(int depth) {
    switch (below(depth > 3 ? 4 : 6)) {
      case 0:
        return Value();
      case 1:
        return Value(coin());
      case 2:
        return Value(coin() ? static_cast<double>(number() >> 12)
                            : 0.1 * static_cast<double>(below(99)));
      case 3:
        return Value(text());
      case 4: {
        Value::List list;
        for (std::size_t k = below(4); k > 0; --k) {
          list.push_back(value(depth + 1));
        }
        return Value(std::move(list));
      }
      default:
        return Value(record(depth + 1));
    }
  }

  Value::Record record(int depth) {
    Value::Record result;
    for (std::size_t k = below(4); k > 0; --k) {
      result.emplace_back(std::to_string(k) + text(), value(depth));
    }
    return result;
  }

 private:
  std::mt19937 engine_;
};

Command command(Chance& any) {
  Command result;
  for (std::size_t k = any.below(4); k > 0; --k) {
    result.argv.push_back(any.hole_text());
  }
  return result;
}

std::vector<EnvVar> env(Chance& any) {
  std::vector<EnvVar> result(any.below(3));
  for (EnvVar& variable : result) {
    variable = {any.text(), any.hole_text()};
  }
  return result;
}

Image image(Chance& any) {
  return {any.one_of<Image::Kind>(6), any.text(), any.text()};
}

Budget budget(Chance& any) {
  return {any.maybe(Money{any.number()}),
          any.maybe(Duration{any.number()}),
          any.maybe(any.number()),
          any.maybe(Tokens{any.number()}),
          any.maybe(Money{any.number()})};
}

Git git(Chance& any) {
  return {any.text(),
          any.coin(),
          any.one_of<Commits>(2),
          any.texts(),
          any.coin(),
          any.text(),
          any.maybe(PullRequest{any.text(), any.text(), any.text(), any.coin(), any.texts()})};
}

Workspace workspace(Chance& any) {
  return {any.text(), any.one_of<Workspace::Mode>(2), any.texts()};
}

Agent agent(Chance& any) {
  Agent result{
      any.text(), any.hole_text(), any.text(), {any.coin(), any.coin()}, any.texts(), {}, {}, {}};
  if (any.coin()) {
    result.provider = {any.one_of<ModelDialect>(3), any.text(), any.text(), any.text()};
  }
  result.follow_up = any.maybe(FollowUp{any.text(), any.text(), any.text()});
  result.stream.resize(any.below(3));
  for (AgentRule& rule : result.stream) {
    rule.when.resize(any.below(3));
    for (AgentCondition& condition : rule.when) {
      condition = {any.text(), any.one_of<AgentCondition::Comparison>(4), any.value(2)};
    }
    rule.takes.resize(any.below(3));
    for (AgentTake& take : rule.takes) {
      take = {any.one_of<AgentField>(11), any.text(), any.coin()};
    }
    rule.reason = any.maybe(any.one_of<AgentReason>(11));
    rule.ends = any.coin();
  }
  result.exit.resize(any.below(3));
  for (AgentExit& exit : result.exit) {
    exit = {any.number(), any.one_of<AgentReason>(11)};
  }
  return result;
}

Criterion criterion(Chance& any) {
  Criterion result;
  result.text = any.text();
  switch (any.below(7)) {
    case 0:
      result.check = RunCheck{command(any), env(any), any.number()};
      break;
    case 1:
      result.check = HttpCheck{any.text(),
                               any.hole_text(),
                               any.number(),
                               any.maybe(any.text()),
                               {{any.text(), any.text()}}};
      break;
    case 2:
      result.check = FileCheck{any.text(),
                               any.coin(),
                               any.maybe(any.text()),
                               any.maybe(any.text()),
                               any.maybe(any.coin())};
      break;
    case 3:
      result.check = JsonCheck{any.text(),
                               any.text(),
                               any.one_of<JsonCheck::Comparison>(7),
                               any.value(0),
                               any.maybe(any.text())};
      break;
    case 4:
      result.check = DiffCheck{any.texts(), any.texts(), any.texts()};
      break;
    case 5:
      result.check = ManualCheck{any.text()};
      break;
    default:
      result.check = FlaggedCheck{any.one_of<Flagged>(3)};
      break;
  }
  result.service = any.text();
  result.red_first = any.coin();
  result.timeout = Duration{any.number()};
  return result;
}

Service service(Chance& any) {
  Service result;
  result.name = any.text();
  result.command = command(any);
  result.image = image(any);
  result.env = env(any);
  result.port = any.maybe(any.number());
  result.ready_timeout = Duration{any.number()};
  result.beside_node = any.coin();
  return result;
}

void fill_limits(Chance& any, PlanNode& node) {
  node.resources = {any.maybe(Cpus{any.number()}),
                    any.maybe(Bytes{any.number()}),
                    any.maybe(any.number()),
                    any.maybe(Bytes{any.number()})};
  node.timeout = Duration{any.number()};
  node.idle_timeout = Duration{any.number()};
  if (any.coin()) {
    node.agent = agent(any);
  }
  node.retry = {static_cast<int>(any.below(1000)),
                Duration{any.number()},
                Duration{any.number()},
                any.coin(),
                static_cast<int>(any.below(100)),
                static_cast<int>(any.below(100))};
  node.budget = budget(any);
  node.firewall = {any.one_of<Firewall::Mode>(2), any.texts(), any.texts(), any.texts()};
  node.secrets.resize(any.below(3));
  for (Secret& secret : node.secrets) {
    secret.name = any.text();
    secret.command = any.texts();
    secret.file = any.text();
    secret.expires = Duration{any.number()};
    secret.expose = any.coin() ? Secret::Expose::File : Secret::Expose::No;
    secret.hosts = any.texts();
    secret.header = any.text();
  }
  node.mounts.resize(any.below(3));
  for (HostMount& mount : node.mounts) {
    mount = {any.text(), any.text(), any.coin()};
  }
  node.setup = any.text();
  node.permissions = {any.texts(), any.texts(), any.text()};
  node.docker = any.one_of<DockerAccess>(4);
  node.own_commits = any.coin();
  node.merges = any.coin();
}

void fill_products(Chance& any, PlanNode& node) {
  node.outputs.resize(any.below(3));
  for (OutputDecl& output : node.outputs) {
    output = {any.text(), any.text(), any.one_of<ValueType>(4)};
  }
  node.artifacts.resize(any.below(2));
  for (ArtifactDecl& artifact : node.artifacts) {
    artifact = {any.text(), any.texts()};
  }
  node.caches.resize(any.below(2));
  for (CacheDecl& cache : node.caches) {
    cache = {any.hole_text(), any.texts()};
  }
  for (std::size_t k = any.below(2); k > 0; --k) {
    node.services.push_back(service(any));
  }
  for (std::size_t k = any.below(3); k > 0; --k) {
    node.criteria.push_back(criterion(any));
  }
}

PlanNode node(Chance& any, std::size_t index) {
  PlanNode result;
  result.id = NodeId(any.text() + std::to_string(index));
  result.kind = any.one_of<NodeKind>(3);
  result.phase = any.text();
  result.task = any.text();
  result.description = any.text();
  for (std::size_t k = 0; k < index && result.needs.size() < 3; k += 1 + any.below(index)) {
    result.needs.push_back(k);
  }
  result.condition = any.maybe(any.text());
  result.for_each = any.maybe(any.text());
  result.matrix = any.record(0);
  result.command = command(any);
  result.env = env(any);
  result.working_directory = any.text();
  result.engine = any.one_of<EngineName>(5);
  result.image = image(any);
  result.user = any.text();
  result.runtime = any.text();
  result.pool = any.text();
  result.allow_failure = any.coin();
  result.reuse = any.coin();
  result.expect = Duration{any.number()};
  result.workspace = workspace(any);
  result.approval = any.text();
  fill_limits(any, result);
  fill_products(any, result);
  return result;
}

}  // namespace

Plan random_plan(std::uint32_t seed, std::size_t nodes) {
  Chance any(seed);
  Plan plan;
  plan.name = any.text();
  plan.description = any.text();
  plan.source_digest = any.text();
  plan.inputs = any.record(0);
  plan.workspace = workspace(any);
  plan.engine = any.one_of<EngineName>(5);
  plan.budget = budget(any);
  plan.prices.resize(any.below(3));
  for (PricedModel& priced : plan.prices) {
    priced.model = any.text();
    priced.price.usual = {any.number(), any.number(), any.number(), any.number(), any.number()};
    priced.price.long_from = any.number();
    priced.price.longer.output = any.number();
  }
  plan.require_approval = any.coin();
  plan.instructions = any.text();
  plan.learnings = any.text();
  plan.env_files = any.texts();
  plan.git = git(any);
  for (std::size_t k = any.below(3); k > 0; --k) {
    plan.pools[any.text()] = any.number();
  }
  for (std::size_t k = 0; k < nodes; ++k) {
    plan.nodes.push_back(node(any, k));
  }
  for (std::size_t k = nodes == 0 ? 0 : any.below(4); k > 0; --k) {
    plan.phases.push_back({any.text(), any.text(), any.below(nodes), budget(any)});
  }
  return plan;
}

}  // namespace dsl
