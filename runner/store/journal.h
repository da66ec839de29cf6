#pragma once

// The journal of a run as a SQLite file, `journal.db` in the run's folder: one table, one row an
// event, its JSON as event_json.h writes it. WAL and synchronous=FULL: what `append` acknowledged
// survives a crash of the machine. One writer; any number of readers, also in other processes.
// Each object is used by one thread at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/run/journal.h"
#include "runner/run/run_state.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/sqlite.h"

namespace runner {

class SqliteJournal {
 public:
  /// Creates the file where it is not there.
  static dsl::Result<std::unique_ptr<SqliteJournal>> open(const std::string& run_folder);

  /// As Journal::append, but waits for the disk.
  dsl::Status append(const std::vector<Event>& events);

 private:
  SqliteJournal(Database database, Statement insert)
      : database_(std::move(database)), insert_(std::move(insert)) {}

  Database database_;
  Statement insert_;
};

/// The journal for a run loop: a thread of its own waits for the disk.
class JournalWriter final : public Journal {
 public:
  /// Both outlive it.
  JournalWriter(EventLoop& loop, SqliteJournal& journal) : journal_(journal), lane_(loop) {}

  void append(std::shared_ptr<const std::vector<Event>> events,
              std::function<void(dsl::Status)> done) override;

 private:
  SqliteJournal& journal_;
  EventLoop::Lane lane_;
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

/// All that the journal has now.
dsl::Result<std::vector<Event>> events_of(const std::string& run_folder);

/// Brings a fresh `state` to where the journal is now.
dsl::Status replay(const std::string& run_folder, RunState& state);

}  // namespace runner
