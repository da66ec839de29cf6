#pragma once

// What an agent's requests to its model take, as gateway and run loop see it: who spends, who keeps
// the accounts, and what is told of it. Kept by store/ledger_meter; scripted in tests. Loop thread.

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "dsl/ids.h"
#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/run/ledger.h"

namespace runner {

/// Whose request it is, and what bounds it.
struct Spender {
  dsl::RunId run;
  std::string pipeline;
  std::string phase;
  dsl::NodeId task;  // the node of the plan: all items of a for_each spend from one budget
  std::string agent;
  dsl::Budget task_budget;
  dsl::Budget phase_budget;
  dsl::Budget run_budget;  // its cost_per_day is the day's cap

  /// Some cap in dollars holds.
  [[nodiscard]] bool is_bound_by_cost() const {
    return task_budget.cost || phase_budget.cost || run_budget.cost || run_budget.cost_per_day;
  }
  /// Some cap in tokens holds.
  [[nodiscard]] bool is_bound_by_tokens() const {
    return task_budget.tokens || phase_budget.tokens || run_budget.tokens;
  }
};

/// How a request ended.
enum class Settlement {
  Open,     // not yet
  Billed,   // the provider said what it took
  Cut,      // the stream broke off: what it had said until then, and output at the most
  Unknown,  // nothing is known: the most it can have been
  Free,     // it was refused or never sent
};
const char* to_text(Settlement settlement);

/// Keeps the accounts.
class Meter {
 public:
  Meter() = default;
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;
  virtual ~Meter() = default;

  struct Reserved {
    std::int64_t number = 0;  // for settle
    SpendGrant grant;
    std::vector<Account> accounts;  // narrowest first, with this reservation
  };
  /// An Error: the ledger cannot be written; nothing may be sent then.
  using Answer = dsl::Result<std::variant<Reserved, SpendRefusal>>;

  /// `done` is called once, never inside this call, unless this is destroyed before.
  virtual void reserve(const Spender& who,
                       const std::string& model,
                       const SpendAsk& ask,
                       std::function<void(Answer)> done) = 0;

  /// Turns a reservation into what was spent. It is written down whatever becomes of this object or
  /// the loop; `done` is told where both live. An Error leaves it held, which is never too little.
  virtual void settle(std::int64_t number,
                      Settlement how,
                      dsl::Money cost,
                      const Usage& usage,
                      std::function<void(dsl::Status)> done) = 0;
};

// ---- facts of a run ----------------------------------------------------------------------------

/// A request to a model that was settled.
struct ModelAnswered {
  dsl::NodeId node;
  std::int64_t request = 0;  // its number in the ledger
  std::string model;
  Settlement how = Settlement::Billed;
  Spend spent;
  Usage usage;  // nothing where the provider told none
};

/// How far a budget is used up.
struct BudgetReached {
  static constexpr std::int64_t kFull = 100;
  static constexpr std::int64_t kUnpriced = -1;
  dsl::NodeId node;
  std::int64_t mark = 0;  // per cent; kFull: a request was refused; kUnpriced: for want of a price
  std::string text;       // for people

  [[nodiscard]] bool is_refusal() const { return mark >= kFull || mark == kUnpriced; }
};

/// What a provider says that takes nothing more for a while.
struct RateLimit {
  std::int64_t resets_at_ms = 0;  // wall clock; 0: it does not say
  bool is_shut = false;           // a window that has to pass, not a request to go slower
  bool is_for_good = false;       // an amount of money that is used up: nothing resets it
  bool operator==(const RateLimit&) const = default;
};

// ---- what is metered ---------------------------------------------------------------------------

/// A node's way to its model.
struct ModelAccess {
  dsl::AgentProvider provider;
  Spender who;
  // `node` is left to the receiver.
  std::function<void(ModelAnswered)> answered;
  std::function<void(BudgetReached)> reached;
  std::function<void()> heard;      // something of an answer came
  std::function<void()> exhausted;  // it asks again and again, and is refused every time
  std::function<void(RateLimit)> limited = {};  // the provider takes nothing more for a while
  /// So many requests in a row had no answer of the model that it is taken for a storm; why, for
  /// people.
  std::function<void(std::string)> unanswered = {};
};

/// The requests that this node's agent makes of its model pass the gateway: its step says where the
/// model is, and a secret is lent for that host.
bool is_metered(const dsl::PlanNode& node);

/// The name of a secret by which this node can spend money at a model's provider without the
/// gateway counting it, since its firewall lets it go there itself, or its engine has none; ""
/// none.
std::string unmetered_key(const dsl::PlanNode& node, bool isolates);

}  // namespace runner
