#pragma once

// Hard budgets, reserve then settle: before a model request goes upstream the most that it can cost
// is reserved at every level that bounds it; when its usage is known the reservation becomes what
// was really spent. So at every instant, at every level, spent + reserved <= cap.
//
// This file decides and holds nothing; store/ledger_store keeps the accounts and asks in a
// transaction. Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dsl/plan.h"
#include "dsl/units.h"

namespace runner {

/// What model requests took, or may take at most.
struct Spend {
  dsl::Money cost;
  std::int64_t tokens = 0;  // all that a provider bills by: input, cached or not, and output
  std::int64_t turns = 0;   // requests that a model answered
  bool operator==(const Spend&) const = default;
  Spend& operator+=(const Spend& other);
  Spend& operator-=(const Spend& other);
};

/// What a provider billed for one answer, in its parts: none is a part of another.
struct Usage {
  std::int64_t input_tokens = 0;  // neither read from a cache nor written to one
  std::int64_t cache_read_tokens = 0;
  std::int64_t cache_write_tokens = 0;       // kept for some minutes
  std::int64_t cache_write_long_tokens = 0;  // … for an hour
  std::int64_t output_tokens = 0;            // with those of its thinking
  bool operator==(const Usage&) const = default;
  [[nodiscard]] std::int64_t sent_tokens() const {
    return input_tokens + cache_read_tokens + cache_write_tokens + cache_write_long_tokens;
  }
  [[nodiscard]] std::int64_t tokens() const { return sent_tokens() + output_tokens; }
};

/// From the narrowest to the widest.
enum class BudgetLevel { Task, Phase, Run, Day };
const char* to_text(BudgetLevel level);

/// Where spend adds up, and how far it may.
struct Account {
  BudgetLevel level = BudgetLevel::Task;
  std::optional<dsl::Money> cost_cap;
  std::optional<std::int64_t> token_cap;
  std::optional<std::int64_t> turn_cap;
  Spend spent;
  Spend reserved;
};

/// What a budget of the plan means at a level: `per_day` counts at Day only, and nothing else does
/// there.
void set_caps(Account& account, const dsl::Budget& budget);

/// The worst case of one request. Output is what can be made less of.
struct SpendAsk {
  dsl::Money input_cost;                 // of all that is sent, dearest way of reading it
  std::int64_t input_tokens = 0;         // at most
  std::int64_t output_nanos = 0;         // billionths of a dollar for one token of output
  std::int64_t output_tokens = 0;        // that the program asks for
  std::int64_t least_output_tokens = 1;  // fewer are no answer worth paying the input for
  bool input_is_counted = false;         // by the provider; else a byte is taken for a token
};

struct SpendGrant {
  Spend reserved;
  std::int64_t output_tokens = 0;  // at most those asked for
};

/// Which cap stands in the way.
struct SpendRefusal {
  enum class Of { Cost, Tokens, Turns };
  BudgetLevel level = BudgetLevel::Task;
  Of of = Of::Cost;
  Account account;  // as it stood
  SpendAsk ask;
};

/// "the run's budget of $20 is used up: $19.2 spent, $0.5 reserved by requests under way, and this
/// one may cost $0.61"
std::string to_text(const SpendRefusal& refusal);

/// Whether a request that counts in all these accounts may go ahead, and with how much output. Asks
/// for as much output as every account has room for. REQUIRES: nothing in `ask` is negative, and
/// cost and tokens are those of a request that exists (far from the ends of their types).
std::variant<SpendGrant, SpendRefusal> may_spend(const SpendAsk& ask,
                                                 const std::vector<Account>& accounts);

/// The cost of `tokens` at billionths of a dollar each, in full millionths, never too little.
dsl::Money cost_of(std::int64_t tokens, std::int64_t nanos_each);

/// How far budgets are used up once a request is answered, by which an agent is told to come to an
/// end.
struct BudgetUse {
  enum class Last { No, Perhaps, Surely };
  int per_cent = 0;      // of the cap that is nearest
  Last last = Last::No;  // whether any cap has room for another one
  bool operator==(const BudgetUse&) const = default;
};

/// `accounts` have the request's reservation, most of which is given back: `probable` is what it
/// will really take of money and tokens. Another one asks for as much as it did. Each that is under
/// way takes a turn.
BudgetUse budget_use(const std::vector<Account>& accounts,
                     const SpendAsk& ask,
                     const Spend& probable);

}  // namespace runner
