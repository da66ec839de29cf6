#pragma once

// The accounts of run/ledger.h on the disk: one file for all runs of a user, so that two runners at
// once share the day's budget. Each call is one transaction that survives a crash of the machine
// before it returns; several processes may work on one file.
//
// A reservation that its runner never settled, because it was killed, stays held until somebody
// says what became of it: charge_open. Nobody can know what the provider billed for it, so the most
// it can have been is taken.
//
// One thread at a time; calls block on the disk.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dsl/ids.h"
#include "dsl/result.h"
#include "runner/run/meter.h"
#include "runner/sys/sqlite.h"

namespace runner {

/// One request, for reports.
struct LedgerEntry {
  std::int64_t number = 0;  // ascending
  std::int64_t at_ms = 0;   // wall clock, when it was reserved
  std::string day;          // "2026-11-21", of the machine's time zone
  std::string run;
  std::string pipeline;
  std::string phase;
  std::string task;
  std::string agent;
  std::string model;
  Settlement settlement = Settlement::Open;
  Spend reserved;  // while Open
  Spend spent;     // afterwards
  Usage usage;     // everything that was written to a cache is in cache_write_tokens
};

class LedgerStore {
 public:
  ~LedgerStore();
  LedgerStore(const LedgerStore&) = delete;
  LedgerStore& operator=(const LedgerStore&) = delete;

  /// Makes the file where it is not there. An Error names it and what to do.
  static dsl::Result<std::unique_ptr<LedgerStore>> open(const std::string& path);

  using Reserved = Meter::Reserved;
  /// An Error: the ledger cannot be written; nothing may be sent then.
  dsl::Result<std::variant<Reserved, SpendRefusal>> reserve(const Spender& who,
                                                            const std::string& model,
                                                            const SpendAsk& ask,
                                                            std::int64_t now_ms);

  /// Turns a reservation into what was spent, in all accounts at once. The second time nothing
  /// happens: a request is billed once. An Error leaves it held, to be settled again.
  dsl::Status settle(std::int64_t number,
                     Settlement how,
                     dsl::Money cost,
                     const Usage& usage,
                     std::int64_t now_ms);

  /// REQUIRES: no other runner of that run is alive. Charges in full what it left open, and tells
  /// it.
  dsl::Result<std::vector<ModelAnswered>> charge_open(const dsl::RunId& run, std::int64_t now_ms);

  /// How the accounts of a spender stand, narrowest first.
  dsl::Result<std::vector<Account>> accounts(const Spender& who, std::int64_t now_ms);

  /// All requests from `since_ms` on, the oldest first, until `see` says false.
  dsl::Status for_each(std::int64_t since_ms, const std::function<bool(const LedgerEntry&)>& see);

 private:
  struct Statements;
  LedgerStore(Database database, std::unique_ptr<Statements> statements);

  dsl::Result<std::vector<Account>> read_accounts(const Spender& who, const std::string& day);
  dsl::Status move(const std::vector<std::string>& names,
                   const Spend& spent,
                   const Spend& reserved);

  Database database_;
  std::unique_ptr<Statements> statements_;
};

/// Where the ledger of all runs of a state folder is.
std::string ledger_path(const std::string& state_dir);

/// The day of a moment, as the machine's time zone has it: "2026-11-21".
std::string day_of(std::int64_t wall_ms);

}  // namespace runner
