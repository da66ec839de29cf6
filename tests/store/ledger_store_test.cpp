// Accounts on the disk, and what must hold of them whatever happens.

#include "runner/store/ledger_store.h"

#include <map>
#include <random>
#include <sys/wait.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace runner::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::int64_t kNoon = 1'795'262'400'000;
constexpr std::int64_t kDay = 86'400'000;

Spender spender(const std::string& run, const std::string& phase, const std::string& task) {
  Spender who;
  who.run = dsl::RunId(run);
  who.pipeline = "nightly";
  who.phase = phase;
  who.task = dsl::NodeId(task);
  who.agent = "claude-code";
  return who;
}

/// Nothing but output, a millionth a token.
SpendAsk output(std::int64_t tokens, std::int64_t least = 1) {
  return {{0}, 0, 1'000, tokens, least};
}

class LedgerStoreTest : public testing::Test {
 protected:
  LedgerStoreTest() { open(); }

  void open() {
    ledger.reset();
    auto opened = LedgerStore::open(folder / "ledger.db");
    ASSERT_TRUE(opened) << opened.error().message;
    ledger = std::move(*opened);
  }
  /// 0: refused.
  std::int64_t reserve(const Spender& who, std::int64_t tokens, std::int64_t now = kNoon) {
    auto answer = ledger->reserve(who, "some-model", output(tokens), now);
    EXPECT_TRUE(answer) << answer.error().message;
    const auto* reserved = answer ? std::get_if<LedgerStore::Reserved>(&*answer) : nullptr;
    return reserved != nullptr ? reserved->number : 0;
  }
  void settle(std::int64_t number, Settlement how, std::int64_t tokens = 0) {
    const auto settled =
        ledger->settle(number, how, {tokens}, Usage{0, 0, 0, 0, tokens}, kNoon + 1'000);
    EXPECT_TRUE(settled) << settled.error().message;
  }
  std::vector<Account> accounts(const Spender& who, std::int64_t now = kNoon) {
    auto found = ledger->accounts(who, now);
    EXPECT_TRUE(found);
    return found ? *found : std::vector<Account>{};
  }
  std::vector<LedgerEntry> entries() {
    std::vector<LedgerEntry> all;
    EXPECT_TRUE(ledger->for_each(0, [&all](const LedgerEntry& entry) {
      all.push_back(entry);
      return true;
    }));
    return all;
  }

  TempFolder folder;
  std::unique_ptr<LedgerStore> ledger;
};

TEST_F(LedgerStoreTest, AReservationCountsAtEveryLevelUntilItIsSettled) {
  const Spender who = spender("r1", "build", "t");
  const std::int64_t number = reserve(who, 500);
  for (const Account& account : accounts(who)) {
    EXPECT_EQ(account.reserved, (Spend{{500}, 500, 1}));
    EXPECT_EQ(account.spent, Spend{});
  }
  settle(number, Settlement::Billed, 123);
  for (const Account& account : accounts(who)) {
    EXPECT_EQ(account.reserved, Spend{});
    EXPECT_EQ(account.spent, (Spend{{123}, 123, 1}));
  }
}

TEST_F(LedgerStoreTest, ASecondSettlementChangesNothing) {
  const Spender who = spender("r1", "build", "t");
  const std::int64_t number = reserve(who, 500);
  settle(number, Settlement::Billed, 123);
  settle(number, Settlement::Unknown);
  EXPECT_EQ(accounts(who)[0].spent, (Spend{{123}, 123, 1}));
}

TEST_F(LedgerStoreTest, ARefusedRequestCostsNothing) {
  const Spender who = spender("r1", "build", "t");
  settle(reserve(who, 500), Settlement::Free);
  for (const Account& account : accounts(who)) {
    EXPECT_EQ(account.spent, Spend{});
    EXPECT_EQ(account.reserved, Spend{});
  }
}

TEST_F(LedgerStoreTest, TasksShareThePhaseRunsShareTheDayAndNothingElse) {
  const Spender one = spender("r1", "build", "a");
  settle(reserve(one, 10), Settlement::Billed, 10);
  settle(reserve(spender("r1", "build", "b"), 20), Settlement::Billed, 20);
  settle(reserve(spender("r1", "ship", "c"), 40), Settlement::Billed, 40);
  settle(reserve(spender("r2", "build", "a"), 80), Settlement::Billed, 80);
  std::vector<std::int64_t> spent;
  for (const Account& account : accounts(one)) {
    spent.push_back(account.spent.cost.micros);
  }
  EXPECT_THAT(spent, ElementsAre(10, 30, 70, 150));
  EXPECT_EQ(accounts(one, kNoon + kDay)[3].spent, Spend{}) << "another day";
}

TEST_F(LedgerStoreTest, ARequestThatWasReservedBeforeMidnightIsThatDays) {
  const Spender who = spender("r1", "build", "t");
  const std::int64_t number = reserve(who, 500);
  ASSERT_TRUE(ledger->settle(number, Settlement::Billed, {7}, Usage{0, 0, 0, 0, 7}, kNoon + kDay));
  EXPECT_EQ(accounts(who, kNoon)[3].spent.cost.micros, 7);
  EXPECT_EQ(accounts(who, kNoon + kDay)[3].spent, Spend{});
}

TEST_F(LedgerStoreTest, ARequestWithoutRoomLeavesNoTrace) {
  Spender who = spender("r1", "build", "t");
  who.run_budget.cost = dsl::Money{0};
  EXPECT_EQ(reserve(who, 500), 0);
  EXPECT_THAT(entries(), SizeIs(0));
  EXPECT_EQ(accounts(who)[0].reserved, Spend{});
}

TEST_F(LedgerStoreTest, TwoRunnersAtOnceShareTheDaysBudget) {
  Spender who = spender("r1", "build", "t");
  who.run_budget.cost_per_day = dsl::Money{1'000};
  constexpr int kRunners = 4;
  std::vector<pid_t> children;
  for (int i = 0; i < kRunners; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto mine = LedgerStore::open(folder / "ledger.db");
      Spender me = who;
      me.run = dsl::RunId("r" + std::to_string(i));
      int granted = 0;
      for (int k = 0; k < 50 && mine; ++k) {
        const auto answer = (*mine)->reserve(me, "m", output(10, 10), kNoon);
        granted += answer && std::holds_alternative<LedgerStore::Reserved>(*answer) ? 1 : 0;
      }
      ::_exit(granted);
    }
    children.push_back(child);
  }
  int granted = 0;
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    granted += WEXITSTATUS(status);
  }
  EXPECT_EQ(granted, 100) << "of 200 that were asked for";
  EXPECT_EQ(accounts(who)[3].reserved.cost.micros, 1'000);
}

TEST_F(LedgerStoreTest, WhatAKilledRunnerLeftOpenIsChargedInFull) {
  const Spender dead = spender("r1", "build", "t");
  const Spender other = spender("r2", "build", "t");
  reserve(dead, 500);
  reserve(dead, 300);
  reserve(other, 100);
  open();
  const auto charged = ledger->charge_open(dead.run, kNoon + 1'000);
  ASSERT_TRUE(charged);
  ASSERT_EQ(charged->size(), 2U);
  EXPECT_EQ((*charged)[1].node.value, "t");
  EXPECT_EQ((*charged)[1].how, Settlement::Unknown);
  EXPECT_EQ((*charged)[1].spent.cost.micros, 300);
  EXPECT_EQ(accounts(dead)[2].spent.cost.micros, 800);
  EXPECT_EQ(accounts(dead)[2].reserved, Spend{});
  EXPECT_EQ(accounts(other)[2].reserved.cost.micros, 100) << "its runner may be alive";
  EXPECT_TRUE(ledger->charge_open(dead.run, kNoon + 2'000)->empty());
}

TEST_F(LedgerStoreTest, EveryRequestIsToldWithWhoseItWasAndWhatBecameOfIt) {
  const Spender who = spender("r1", "build", "t");
  const std::int64_t number = reserve(who, 500);
  ASSERT_TRUE(ledger->settle(number, Settlement::Cut, {42}, Usage{1, 2, 3, 0, 4}, kNoon + 1'000));
  reserve(who, 77);
  const std::vector<LedgerEntry> all = entries();
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].run, "r1");
  EXPECT_EQ(all[0].pipeline, "nightly");
  EXPECT_EQ(all[0].phase, "build");
  EXPECT_EQ(all[0].task, "t");
  EXPECT_EQ(all[0].agent, "claude-code");
  EXPECT_EQ(all[0].model, "some-model");
  EXPECT_EQ(all[0].day, day_of(kNoon));
  EXPECT_EQ(all[0].settlement, Settlement::Cut);
  EXPECT_EQ(all[0].spent, (Spend{{42}, 10, 1}));
  EXPECT_EQ(all[0].usage, (Usage{1, 2, 3, 0, 4}));
  EXPECT_EQ(all[1].settlement, Settlement::Open);
  EXPECT_EQ(all[1].reserved.tokens, 77);
}

TEST_F(LedgerStoreTest, AFileThatIsNoLedgerIsRefused) {
  write_file(folder / "other.db", "this is not a database, but long enough to look like one....");
  const auto opened = LedgerStore::open(folder / "other.db");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("other.db"));
}

// ---- Whatever happens -------------------------------------------------------------------------

/// What a provider would bill for the requests of eight nodes, in an order by chance: answers,
/// refusals, cut streams, requests that nobody settled because the runner was killed.
class Interleaving {
 public:
  Interleaving(LedgerStore& ledger, std::uint32_t seed) : ledger_(ledger), random_(seed) {
    day_ms_ = kNoon + static_cast<std::int64_t>(seed) * kDay;
    for (std::size_t i = 0; i < kNodes; ++i) {
      Spender who = spender(fmt_run(seed, i % 2), "p" + std::to_string(i % 3), std::to_string(i));
      who.task_budget.cost = dsl::Money{below(4'000)};
      who.task_budget.turns = below(12);
      who.phase_budget.tokens = dsl::Tokens{below(6'000)};
      who.run_budget.cost = dsl::Money{below(8'000)};
      who.run_budget.cost_per_day = dsl::Money{12'000};
      if (i >= 3) {  // the phase's, the run's and the day's are the same for all in them
        who.phase_budget = nodes_[i - 3].phase_budget;
      }
      if (i >= 2) {
        who.run_budget = nodes_[i - 2].run_budget;
      }
      nodes_.push_back(who);
    }
  }

  void play() {
    const std::int64_t steps = 20 + below(30);
    for (std::int64_t step = 0; step < steps; ++step) {
      switch (below(10)) {
        case 0:
          if (below(4) == 0) {
            kill_runner();
          }
          break;
        case 1:
        case 2:
        case 3:
        case 4:
          ask();
          break;
        default:
          end_one();
          break;
      }
      // A step moves the accounts of one node; those of a killed run are looked at in the end.
      if (!holds(nodes_[touched_])) {
        return;
      }
    }
    while (!open_.empty()) {
      end_one();
    }
    for (const Spender& who : nodes_) {
      EXPECT_TRUE(holds(who));
    }
    EXPECT_EQ(recorded(), billed_ + charged_blind_) << "to the millionth";
  }

 private:
  static constexpr std::size_t kNodes = 8;
  struct Open {
    std::int64_t number = 0;
    std::size_t node = 0;
    SpendGrant grant;
    SpendAsk ask;
  };

  static std::string fmt_run(std::uint32_t seed, std::size_t which) {
    return "s" + std::to_string(seed) + "-" + std::to_string(which);
  }
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }

  void ask() {
    const std::size_t node = static_cast<std::size_t>(below(kNodes));
    touched_ = node;
    SpendAsk ask;
    ask.input_tokens = below(300);
    ask.output_nanos = 500 + below(3'000);
    ask.input_cost = cost_of(ask.input_tokens, 1'250);
    ask.output_tokens = 1 + below(600);
    ask.least_output_tokens = 1 + below(50);
    const auto answer = ledger_.reserve(nodes_[node], "m", ask, day_ms_);
    ASSERT_TRUE(answer);
    if (const auto* reserved = std::get_if<LedgerStore::Reserved>(&*answer)) {
      EXPECT_LE(reserved->grant.output_tokens, ask.output_tokens);
      open_.push_back({reserved->number, node, reserved->grant, ask});
    }
  }

  void end_one() {
    if (open_.empty()) {
      return;
    }
    const auto place = open_.begin() + below(static_cast<std::int64_t>(open_.size()));
    const Open one = *place;
    touched_ = one.node;
    open_.erase(place);
    // The provider obeys max_tokens, and bills what it read and wrote.
    Usage usage;
    usage.input_tokens = one.ask.input_tokens - (one.ask.input_tokens > 0 ? below(20) : 0);
    usage.input_tokens = std::max<std::int64_t>(usage.input_tokens, 0);
    usage.output_tokens = below(one.grant.output_tokens + 1);
    const dsl::Money cost{cost_of(usage.input_tokens, 1'250).micros +
                          cost_of(usage.output_tokens, one.ask.output_nanos).micros};
    const std::int64_t how = below(10);
    if (how == 0) {
      settle(one, Settlement::Free, {}, {});
    } else if (how == 1) {
      settle(one, Settlement::Unknown, {}, {});
      charged_blind_ += one.grant.reserved.cost.micros;
    } else {
      settle(one, how == 2 ? Settlement::Cut : Settlement::Billed, cost, usage);
      billed_ += cost.micros;
    }
  }

  void settle(const Open& one, Settlement how, dsl::Money cost, const Usage& usage) {
    ASSERT_TRUE(ledger_.settle(one.number, how, cost, usage, day_ms_ + 5));
  }

  /// What one of the two runners had under way is never settled by it.
  void kill_runner() {
    const std::size_t run = static_cast<std::size_t>(below(2));
    std::vector<Open> left;
    for (const Open& one : open_) {
      if (one.node % 2 == run) {
        charged_blind_ += one.grant.reserved.cost.micros;
      } else {
        left.push_back(one);
      }
    }
    const auto charged = ledger_.charge_open(nodes_[run].run, day_ms_ + 9);
    ASSERT_TRUE(charged);
    EXPECT_EQ(charged->size(), open_.size() - left.size());
    open_ = std::move(left);
  }

  bool holds(const Spender& who) {
    const auto accounts = ledger_.accounts(who, day_ms_);
    if (!accounts) {
      ADD_FAILURE() << accounts.error().message;
      return false;
    }
    for (const Account& account : *accounts) {
      const bool kept =
          account.reserved.cost.micros >= 0 && account.reserved.tokens >= 0 &&
          account.reserved.turns >= 0 &&
          within(account.cost_cap ? std::optional(account.cost_cap->micros) : std::nullopt,
                 account.spent.cost.micros + account.reserved.cost.micros) &&
          within(account.token_cap, account.spent.tokens + account.reserved.tokens) &&
          within(account.turn_cap, account.spent.turns + account.reserved.turns);
      if (!kept) {
        ADD_FAILURE() << "overspent: the " << to_text(account.level) << " of task "
                      << who.task.value;
        return false;
      }
    }
    return true;
  }
  static bool within(std::optional<std::int64_t> cap, std::int64_t used) {
    return !cap || used <= *cap;
  }

  std::int64_t recorded() {
    std::int64_t total = 0;
    for (const std::size_t run : {0U, 1U}) {
      const auto accounts = ledger_.accounts(nodes_[run], day_ms_);
      total += accounts ? (*accounts)[2].spent.cost.micros : -1;
    }
    return total;
  }

  LedgerStore& ledger_;
  std::mt19937_64 random_;
  std::int64_t day_ms_ = 0;
  std::vector<Spender> nodes_;
  std::vector<Open> open_;
  std::size_t touched_ = 0;
  std::int64_t billed_ = 0;
  std::int64_t charged_blind_ = 0;
};

TEST(LedgerProperty, NoInterleavingOverspendsAndEveryMillionthIsAccountedFor) {
  // In memory where the machine has such a folder: durability is SQLite's, and tested elsewhere.
  if (exists("/dev/shm")) {
    ::setenv("TMPDIR", "/dev/shm", 1);
  }
  const TempFolder folder;
  auto ledger = LedgerStore::open(folder / "ledger.db");
  ASSERT_TRUE(ledger);
  for (std::uint32_t seed = 1; seed <= 10'000; ++seed) {
    Interleaving(**ledger, seed).play();
    if (testing::Test::HasFailure()) {
      FAIL() << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace runner::test
