#pragma once

// The journal of a run as a SQLite file, `journal.db` in the run's folder: one table, one row an
// event, its JSON as event_json.h writes it. WAL and synchronous=FULL: what `append` acknowledged
// survives a crash of the machine. One writer; any number of readers, also in other processes.
// One thread at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/run/journal.h"
#include "runner/sys/sqlite.h"

namespace runner {

class SqliteJournal final : public Journal {
 public:
  /// Creates the file where it is not there.
  static dsl::Result<std::unique_ptr<SqliteJournal>> open(const std::string& run_folder);

  dsl::Status append(const std::vector<Event>& events) override;

 private:
  SqliteJournal(Database database, Statement insert)
      : database_(std::move(database)), insert_(std::move(insert)) {}

  Database database_;
  Statement insert_;
};

/// Reads a journal that somebody else may be writing.
class JournalReader {
 public:
  static dsl::Result<JournalReader> open(const std::string& run_folder);

  /// All events that were committed since the last call, in order. An Error for a row that is no
  /// event, or a gap.
  dsl::Result<std::vector<Event>> more();

 private:
  JournalReader(Database database, Statement select)
      : database_(std::move(database)), select_(std::move(select)) {}

  Database database_;
  Statement select_;
  std::int64_t last_ = 0;
};

}  // namespace runner
