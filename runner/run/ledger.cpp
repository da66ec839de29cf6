#include "runner/run/ledger.h"

#include <algorithm>

#include <fmt/format.h>

namespace runner {

namespace {

constexpr std::int64_t kNanosInMicro = 1'000;

/// What is left of a cap; no value where there is none, and never below zero: a provider may have
/// billed more than it can have cost.
std::optional<std::int64_t> left_of(std::optional<std::int64_t> cap,
                                    std::int64_t spent,
                                    std::int64_t reserved) {
  if (!cap) {
    return std::nullopt;
  }
  return std::max<std::int64_t>(*cap - spent - reserved, 0);
}

struct Left {
  std::optional<std::int64_t> cost_micros;
  std::optional<std::int64_t> tokens;
  std::optional<std::int64_t> turns;
};

Left left_in(const Account& account) {
  std::optional<std::int64_t> cost_cap;
  if (account.cost_cap) {
    cost_cap = account.cost_cap->micros;
  }
  return {left_of(cost_cap, account.spent.cost.micros, account.reserved.cost.micros),
          left_of(account.token_cap, account.spent.tokens, account.reserved.tokens),
          left_of(account.turn_cap, account.spent.turns, account.reserved.turns)};
}

/// How many tokens of output a sum pays for, rounded so that cost_of never exceeds it.
std::int64_t affordable(std::int64_t micros, std::int64_t nanos_each, std::int64_t wanted) {
  return nanos_each == 0 ? wanted : std::min(wanted, micros * kNanosInMicro / nanos_each);
}

std::int64_t least_output(const SpendAsk& ask) {
  return std::min(ask.least_output_tokens, ask.output_tokens);
}

dsl::Money least_cost(const SpendAsk& ask) {
  return {ask.input_cost.micros + cost_of(least_output(ask), ask.output_nanos).micros};
}

const char* how_counted(const SpendAsk& ask) {
  return ask.input_is_counted ? "its provider counts the tokens" : "a byte is counted as a token";
}

int per_cent(std::int64_t used, std::int64_t cap) {
  return cap <= 0 ? 100 : static_cast<int>(std::min<std::int64_t>(used * 100 / cap, 1'000));
}

}  // namespace

Spend& Spend::operator+=(const Spend& other) {
  cost.micros += other.cost.micros;
  tokens += other.tokens;
  turns += other.turns;
  return *this;
}

Spend& Spend::operator-=(const Spend& other) {
  cost.micros -= other.cost.micros;
  tokens -= other.tokens;
  turns -= other.turns;
  return *this;
}

const char* to_text(BudgetLevel level) {
  switch (level) {
    case BudgetLevel::Task:
      return "task";
    case BudgetLevel::Phase:
      return "phase";
    case BudgetLevel::Run:
      return "run";
    case BudgetLevel::Day:
      return "day";
  }
  return "";
}

void set_caps(Account& account, const dsl::Budget& budget) {
  if (account.level == BudgetLevel::Day) {
    account.cost_cap = budget.cost_per_day;
    return;
  }
  account.cost_cap = budget.cost;
  account.turn_cap = budget.turns;
  if (budget.tokens) {
    account.token_cap = budget.tokens->count;
  }
}

std::variant<SpendGrant, SpendRefusal> may_spend(const SpendAsk& ask,
                                                 const std::vector<Account>& accounts) {
  std::int64_t output = ask.output_tokens;
  const std::int64_t least = least_output(ask);
  for (const Account& account : accounts) {
    const Left left = left_in(account);
    const auto refused = [&](SpendRefusal::Of of) {
      return SpendRefusal{account.level, of, account, ask};
    };
    if (left.turns && *left.turns < 1) {
      return refused(SpendRefusal::Of::Turns);
    }
    if (left.tokens) {
      output = std::min(output, *left.tokens - ask.input_tokens);
      if (output < least) {
        return refused(SpendRefusal::Of::Tokens);
      }
    }
    if (left.cost_micros) {
      const std::int64_t for_output = *left.cost_micros - ask.input_cost.micros;
      output = for_output < 0 ? -1 : affordable(for_output, ask.output_nanos, output);
      if (output < least) {
        return refused(SpendRefusal::Of::Cost);
      }
    }
  }
  const dsl::Money cost{ask.input_cost.micros + cost_of(output, ask.output_nanos).micros};
  return SpendGrant{{cost, ask.input_tokens + output, 1}, output};
}

dsl::Money cost_of(std::int64_t tokens, std::int64_t nanos_each) {
  return {(tokens * nanos_each + kNanosInMicro - 1) / kNanosInMicro};
}

std::string to_text(const SpendRefusal& refusal) {
  const Account& account = refusal.account;
  std::string cap;
  std::string spent;
  std::string reserved;
  std::string wanted;
  switch (refusal.of) {
    case SpendRefusal::Of::Cost:
      cap = dsl::to_text(account.cost_cap.value_or(dsl::Money{}));
      spent = dsl::to_text(account.spent.cost);
      reserved = dsl::to_text(account.reserved.cost);
      wanted = fmt::format(
          "may cost {} ({})", dsl::to_text(least_cost(refusal.ask)), how_counted(refusal.ask));
      break;
    case SpendRefusal::Of::Tokens:
      cap = fmt::format("{} tokens", account.token_cap.value_or(0));
      spent = std::to_string(account.spent.tokens);
      reserved = std::to_string(account.reserved.tokens);
      wanted = fmt::format("may take {} ({})",
                           refusal.ask.input_tokens + least_output(refusal.ask),
                           how_counted(refusal.ask));
      break;
    case SpendRefusal::Of::Turns:
      cap =
          account.turn_cap == 1 ? "1 turn" : fmt::format("{} turns", account.turn_cap.value_or(0));
      spent = std::to_string(account.spent.turns);
      reserved = std::to_string(account.reserved.turns);
      wanted = "is one more";
      break;
  }
  return fmt::format(
      "the {}'s budget of {} has no room for this request, which {}: {} spent, {} "
      "held by requests under way",
      to_text(refusal.level),
      cap,
      wanted,
      spent,
      reserved);
}

BudgetUse budget_use(const std::vector<Account>& accounts,
                     const SpendAsk& ask,
                     const Spend& probable) {
  using Last = BudgetUse::Last;
  BudgetUse use;
  const auto look =
      [&use](std::optional<std::int64_t> cap, std::int64_t taken, std::int64_t another, Last last) {
        if (cap) {
          use.per_cent = std::max(use.per_cent, per_cent(taken, *cap));
          use.last = taken + another > *cap ? std::max(use.last, last) : use.last;
        }
      };
  for (const Account& account : accounts) {
    if (account.cost_cap) {
      look(account.cost_cap->micros,
           account.spent.cost.micros + probable.cost.micros,
           least_cost(ask).micros,
           Last::Perhaps);
    }
    look(account.token_cap,
         account.spent.tokens + probable.tokens,
         ask.input_tokens + least_output(ask),
         Last::Perhaps);
    look(account.turn_cap, account.spent.turns + account.reserved.turns, 1, Last::Surely);
  }
  return use;
}

}  // namespace runner
