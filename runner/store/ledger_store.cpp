#include "runner/store/ledger_store.h"

#include <array>
#include <ctime>
#include <utility>

#include <fmt/format.h>

namespace runner {

using dsl::Ok;
using dsl::Result;
using dsl::Status;

namespace {

// An account is the sum of its requests, kept beside them so that no question gets slower as they
// grow. Both change in one transaction.
constexpr std::array<const char*, 1> kSchema = {
    "CREATE TABLE accounts (name TEXT PRIMARY KEY,"
    " spent_micros INTEGER NOT NULL DEFAULT 0, spent_tokens INTEGER NOT NULL DEFAULT 0,"
    " spent_turns INTEGER NOT NULL DEFAULT 0, held_micros INTEGER NOT NULL DEFAULT 0,"
    " held_tokens INTEGER NOT NULL DEFAULT 0, held_turns INTEGER NOT NULL DEFAULT 0"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE requests (number INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,"
    " settled_ms INTEGER, day TEXT NOT NULL, run TEXT NOT NULL, pipeline TEXT NOT NULL,"
    " phase TEXT NOT NULL, task TEXT NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL,"
    " settlement INTEGER NOT NULL, micros INTEGER NOT NULL, tokens INTEGER NOT NULL,"
    " turns INTEGER NOT NULL, input INTEGER NOT NULL DEFAULT 0,"
    " cache_read INTEGER NOT NULL DEFAULT 0, cache_write INTEGER NOT NULL DEFAULT 0,"
    " output INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX requests_by_time ON requests (at_ms);"
    "CREATE INDEX open_requests ON requests (run) WHERE settlement = 0;"};

constexpr const char* kReadAccount =
    "SELECT spent_micros, spent_tokens, spent_turns, held_micros, held_tokens, held_turns"
    " FROM accounts WHERE name = ?";
constexpr const char* kMoveAccount =
    "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
    " spent_micros = spent_micros + excluded.spent_micros,"
    " spent_tokens = spent_tokens + excluded.spent_tokens,"
    " spent_turns = spent_turns + excluded.spent_turns,"
    " held_micros = held_micros + excluded.held_micros,"
    " held_tokens = held_tokens + excluded.held_tokens,"
    " held_turns = held_turns + excluded.held_turns";
constexpr const char* kOpenRequest =
    "INSERT INTO requests (at_ms, day, run, pipeline, phase, task, agent, model, settlement,"
    " micros, tokens, turns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?) RETURNING number";
constexpr const char* kReadRequest =
    "SELECT settlement, micros, tokens, turns, day, run, phase, task FROM requests"
    " WHERE number = ?";
constexpr const char* kSettleRequest =
    "UPDATE requests SET settled_ms = ?, settlement = ?, micros = ?, tokens = ?, turns = ?,"
    " input = ?, cache_read = ?, cache_write = ?, output = ? WHERE number = ?";
constexpr const char* kOpenOfRun =
    "SELECT number, task, model, micros, tokens, turns FROM"
    " requests WHERE run = ? AND settlement = 0";
constexpr const char* kSince =
    "SELECT number, at_ms, day, run, pipeline, phase, task, agent, model, settlement, micros,"
    " tokens, turns, input, cache_read, cache_write, output FROM requests WHERE at_ms >= ?"
    " ORDER BY number";

/// The accounts in which a request counts, narrowest first. Names of runs, phases and tasks have no
/// blanks.
std::vector<std::string> account_names(std::string_view run,
                                       std::string_view phase,
                                       std::string_view task,
                                       std::string_view day) {
  return {fmt::format("task {} {}", run, task),
          fmt::format("phase {} {}", run, phase),
          fmt::format("run {}", run),
          fmt::format("day {}", day)};
}

Spend spend_at(const Statement& row, int column) {
  return {{row.integer(column)}, row.integer(column + 1), row.integer(column + 2)};
}

Spend negative(const Spend& spend) {
  Spend none;
  return none -= spend;
}

}  // namespace

struct LedgerStore::Statements {
  Statement read_account;
  Statement move_account;
  Statement open_request;
  Statement read_request;
  Statement settle_request;
  Statement open_of_run;
  Statement since;
};

LedgerStore::LedgerStore(Database database, std::unique_ptr<Statements> statements)
    : database_(std::move(database)), statements_(std::move(statements)) {}

LedgerStore::~LedgerStore() {
  statements_.reset();  // before their database
}

Result<std::unique_ptr<LedgerStore>> LedgerStore::open(const std::string& path) {
  Result<Database> database = Database::open(path, Database::Access::Create);
  if (!database) {
    return database.error();
  }
  if (const Status ready = database->migrate(kSchema); !ready) {
    return ready.error();
  }
  std::array<const char*, 7> texts{
      kReadAccount, kMoveAccount, kOpenRequest, kReadRequest, kSettleRequest, kOpenOfRun, kSince};
  std::vector<Statement> made;
  for (const char* text : texts) {
    Result<Statement> statement = database->prepare(text);
    if (!statement) {
      return statement.error();
    }
    made.push_back(*std::move(statement));
  }
  auto statements = std::make_unique<Statements>(Statements{std::move(made[0]),
                                                            std::move(made[1]),
                                                            std::move(made[2]),
                                                            std::move(made[3]),
                                                            std::move(made[4]),
                                                            std::move(made[5]),
                                                            std::move(made[6])});
  return std::unique_ptr<LedgerStore>(new LedgerStore(*std::move(database), std::move(statements)));
}

Result<std::vector<Account>> LedgerStore::read_accounts(const Spender& who,
                                                        const std::string& day) {
  constexpr std::array kLevels = {
      BudgetLevel::Task, BudgetLevel::Phase, BudgetLevel::Run, BudgetLevel::Day};
  const std::array<const dsl::Budget*, 4> budgets{
      &who.task_budget, &who.phase_budget, &who.run_budget, &who.run_budget};
  const auto names = account_names(who.run.value, who.phase, who.task.value, day);
  std::vector<Account> accounts;
  for (std::size_t i = 0; i < names.size(); ++i) {
    Account account;
    account.level = kLevels[i];
    set_caps(account, *budgets[i]);
    Statement& read = statements_->read_account;
    read.reset();
    const Result<bool> row = read.bind(names[i]).step();
    if (!row) {
      return row.error();
    }
    if (*row) {
      account.spent = spend_at(read, 0);
      account.reserved = spend_at(read, 3);
      read.reset();
    }
    accounts.push_back(account);
  }
  return accounts;
}

Status LedgerStore::move(const std::vector<std::string>& names,
                         const Spend& spent,
                         const Spend& reserved) {
  for (const std::string& name : names) {
    Statement& write = statements_->move_account;
    write.reset();
    const Status moved = write.bind(name)
                             .bind(spent.cost.micros)
                             .bind(spent.tokens)
                             .bind(spent.turns)
                             .bind(reserved.cost.micros)
                             .bind(reserved.tokens)
                             .bind(reserved.turns)
                             .run();
    if (!moved) {
      return moved;
    }
  }
  return Ok{};
}

Result<std::variant<LedgerStore::Reserved, SpendRefusal>> LedgerStore::reserve(
    const Spender& who, const std::string& model, const SpendAsk& ask, std::int64_t now_ms) {
  using Answer = std::variant<Reserved, SpendRefusal>;
  Result<Transaction> transaction = Transaction::begin(database_);
  if (!transaction) {
    return transaction.error();
  }
  const std::string day = day_of(now_ms);
  Result<std::vector<Account>> accounts = read_accounts(who, day);
  if (!accounts) {
    return accounts.error();
  }
  const auto decision = may_spend(ask, *accounts);
  if (const auto* refusal = std::get_if<SpendRefusal>(&decision)) {
    return Answer(*refusal);
  }
  Reserved reserved;
  reserved.grant = std::get<SpendGrant>(decision);
  const Spend& held = reserved.grant.reserved;
  Statement& insert = statements_->open_request;
  insert.reset();
  const Result<bool> row = insert.bind(now_ms)
                               .bind(day)
                               .bind(who.run.value)
                               .bind(who.pipeline)
                               .bind(who.phase)
                               .bind(who.task.value)
                               .bind(who.agent)
                               .bind(model)
                               .bind(held.cost.micros)
                               .bind(held.tokens)
                               .bind(held.turns)
                               .step();
  if (!row) {
    return row.error();
  }
  reserved.number = insert.integer(0);
  insert.reset();
  const auto names = account_names(who.run.value, who.phase, who.task.value, day);
  if (const Status moved = move(names, {}, held); !moved) {
    return moved.error();
  }
  if (const Status done = transaction->commit(); !done) {
    return done.error();
  }
  for (Account& account : *accounts) {
    account.reserved += held;
  }
  reserved.accounts = *std::move(accounts);
  return Answer(std::move(reserved));
}

Status LedgerStore::settle(
    std::int64_t number, Settlement how, dsl::Money cost, const Usage& usage, std::int64_t now_ms) {
  Result<Transaction> transaction = Transaction::begin(database_);
  if (!transaction) {
    return transaction.error();
  }
  Statement& read = statements_->read_request;
  read.reset();
  const Result<bool> row = read.bind(number).step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return dsl::Error{fmt::format("BUG: the ledger has no request {}", number), ""};
  }
  const bool open = read.integer(0) == static_cast<std::int64_t>(Settlement::Open);
  const Spend held = spend_at(read, 1);
  const auto names = account_names(read.text(5), read.text(6), read.text(7), read.text(4));
  read.reset();
  if (!open) {
    return Ok{};
  }
  Spend spent{cost, usage.tokens(), 1};
  if (how == Settlement::Unknown) {
    spent = held;
  } else if (how == Settlement::Free) {
    spent = {};
  }
  Statement& write = statements_->settle_request;
  write.reset();
  const Status written = write.bind(now_ms)
                             .bind(static_cast<std::int64_t>(how))
                             .bind(spent.cost.micros)
                             .bind(spent.tokens)
                             .bind(spent.turns)
                             .bind(usage.input_tokens)
                             .bind(usage.cache_read_tokens)
                             .bind(usage.cache_write_tokens + usage.cache_write_long_tokens)
                             .bind(usage.output_tokens)
                             .bind(number)
                             .run();
  if (!written) {
    return written;
  }
  if (const Status moved = move(names, spent, negative(held)); !moved) {
    return moved;
  }
  return transaction->commit();
}

Result<std::vector<ModelAnswered>> LedgerStore::charge_open(const dsl::RunId& run,
                                                            std::int64_t now_ms) {
  std::vector<ModelAnswered> left;
  Statement& open = statements_->open_of_run;
  open.reset();
  open.bind(run.value);
  while (true) {
    const Result<bool> row = open.step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      break;
    }
    ModelAnswered one;
    one.request = open.integer(0);
    one.node = dsl::NodeId(std::string(open.text(1)));
    one.model = open.text(2);
    one.how = Settlement::Unknown;
    one.spent = spend_at(open, 3);
    left.push_back(std::move(one));
  }
  for (const ModelAnswered& one : left) {
    if (const Status settled = settle(one.request, Settlement::Unknown, {}, {}, now_ms); !settled) {
      return settled.error();
    }
  }
  return left;
}

Result<std::vector<Account>> LedgerStore::accounts(const Spender& who, std::int64_t now_ms) {
  return read_accounts(who, day_of(now_ms));
}

Status LedgerStore::for_each(std::int64_t since_ms,
                             const std::function<bool(const LedgerEntry&)>& see) {
  Statement& rows = statements_->since;
  rows.reset();
  rows.bind(since_ms);
  while (true) {
    const Result<bool> row = rows.step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return Ok{};
    }
    LedgerEntry entry;
    entry.number = rows.integer(0);
    entry.at_ms = rows.integer(1);
    entry.day = rows.text(2);
    entry.run = rows.text(3);
    entry.pipeline = rows.text(4);
    entry.phase = rows.text(5);
    entry.task = rows.text(6);
    entry.agent = rows.text(7);
    entry.model = rows.text(8);
    entry.settlement = static_cast<Settlement>(rows.integer(9));
    (entry.settlement == Settlement::Open ? entry.reserved : entry.spent) = spend_at(rows, 10);
    entry.usage.input_tokens = rows.integer(13);
    entry.usage.cache_read_tokens = rows.integer(14);
    entry.usage.cache_write_tokens = rows.integer(15);
    entry.usage.output_tokens = rows.integer(16);
    if (!see(entry)) {
      rows.reset();
      return Ok{};
    }
  }
}

std::string ledger_path(const std::string& state_dir) {
  return state_dir + "/ledger.db";
}

std::string day_of(std::int64_t wall_ms) {
  const std::time_t seconds = wall_ms / 1000;
  std::tm day{};
  ::localtime_r(&seconds, &day);
  return fmt::format("{:04}-{:02}-{:02}", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday);
}

}  // namespace runner
