#include "runner/store/journal.h"

#include <array>
#include <utility>

#include "runner/run/event_json.h"

namespace runner {

namespace {

constexpr std::array<const char*, 1> kSchema = {
    "CREATE TABLE events (sequence INTEGER PRIMARY KEY, event TEXT NOT NULL) STRICT;"};

std::string file_of(const std::string& run_folder) {
  return run_folder + "/journal.db";
}

}  // namespace

dsl::Result<std::unique_ptr<SqliteJournal>> SqliteJournal::open(const std::string& run_folder) {
  dsl::Result<Database> database = Database::open(file_of(run_folder), Database::Access::Create);
  if (!database) {
    return database.error();
  }
  if (const dsl::Status ready = database->migrate(kSchema); !ready) {
    return ready.error();
  }
  if (const dsl::Status ready = database->expect_many_commits(); !ready) {
    return ready.error();
  }
  dsl::Result<Statement> insert =
      database->prepare("INSERT INTO events (sequence, event) VALUES (?, ?)");
  if (!insert) {
    return insert.error();
  }
  return std::unique_ptr<SqliteJournal>(
      new SqliteJournal(*std::move(database), *std::move(insert)));
}

dsl::Status SqliteJournal::append(const std::vector<Event>& events) {
  dsl::Result<Transaction> transaction = Transaction::begin(database_);
  if (!transaction) {
    return transaction.error();
  }
  for (const Event& event : events) {
    const dsl::Status written = insert_.bind(event.sequence).bind(event_to_json(event)).run();
    if (!written) {
      return written;
    }
  }
  return transaction->commit();
}

void JournalWriter::append(std::shared_ptr<const std::vector<Event>> events,
                           std::function<void(dsl::Status)> done) {
  auto written = std::make_shared<dsl::Status>(dsl::Ok{});
  lane_.run([this, written, events = std::move(events)] { *written = journal_.append(*events); },
            [written, done = std::move(done)] { done(std::move(*written)); });
}

dsl::Result<JournalReader> JournalReader::open(const std::string& run_folder) {
  dsl::Result<Database> database = Database::open(file_of(run_folder), Database::Access::ReadOnly);
  if (!database) {
    return database.error();
  }
  const dsl::Result<std::int64_t> version = database->version();
  if (!version) {
    return version.error();
  }
  if (*version > static_cast<std::int64_t>(kSchema.size())) {
    return dsl::Error{"'" + file_of(run_folder) + "' was made by a newer pipe",
                      "use that newer pipe"};
  }
  dsl::Result<Statement> select =
      database->prepare("SELECT sequence, event FROM events WHERE sequence > ? ORDER BY sequence");
  if (!select) {
    return select.error();
  }
  return JournalReader(*std::move(database), *std::move(select));
}

dsl::Result<std::vector<Event>> JournalReader::more() {
  std::vector<Event> events;
  select_.reset();
  select_.bind(last_);
  while (true) {
    const dsl::Result<bool> row = select_.step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return events;
    }
    dsl::Result<Event> event = event_from_json(select_.text(1));
    if (!event) {
      return event.error().within(database_.path());
    }
    if (event->sequence != last_ + 1 || select_.integer(0) != event->sequence) {
      return dsl::Error{database_.path() + ": event " + std::to_string(last_ + 1) + " is missing",
                        "the journal is damaged; remove the run with `pipe clean --force`"};
    }
    last_ = event->sequence;
    events.push_back(*std::move(event));
  }
}

dsl::Result<std::vector<Event>> events_of(const std::string& run_folder) {
  auto reader = JournalReader::open(run_folder);
  return reader ? reader->more() : reader.error();
}

dsl::Status replay(const std::string& run_folder, RunState& state) {
  const auto events = events_of(run_folder);
  if (!events) {
    return events.error();
  }
  for (const Event& event : *events) {
    if (const dsl::Status applied = state.apply(event); !applied) {
      return applied;
    }
  }
  return dsl::Ok{};
}

}  // namespace runner
