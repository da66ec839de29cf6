#include "runner/store/result_cache.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runner/run/event_json.h"

namespace runner {

namespace {

constexpr std::size_t kMostHeld = 32;

/// A result is kept in the words of the journal: as the event by which a later run takes it over.
std::string to_text(const CachedResult& result) {
  NodeReused reused;
  reused.node = result.node;
  reused.from_run = result.run;
  reused.tree = {result.content, result.artifacts};
  reused.outputs = result.outputs;
  reused.evidence = result.evidence;
  return event_to_json({0, result.at_ms, std::move(reused)});
}

dsl::Result<CachedResult> from_text(std::string_view text) {
  dsl::Result<Event> event = event_from_json(text);
  if (!event) {
    return event.error();
  }
  auto* reused = std::get_if<NodeReused>(&event->what);
  if (reused == nullptr) {
    return dsl::Error{"the result cache holds something else", ""};
  }
  CachedResult result;
  result.node = reused->node;
  result.run = reused->from_run;
  result.content = reused->tree.commit;
  result.artifacts = reused->tree.artifacts;
  result.outputs = std::move(reused->outputs);
  result.evidence = std::move(reused->evidence);
  result.at_ms = event->at_ms;
  return result;
}

}  // namespace

dsl::Result<std::unique_ptr<SqliteResultCache>> SqliteResultCache::open(Database database,
                                                                        HasTrees has_trees) {
  if (const dsl::Status set = database.execute("PRAGMA synchronous=NORMAL"); !set) {
    return set.error();
  }
  dsl::Result<Statement> find =
      database.prepare("SELECT result, took_ms FROM results WHERE key = ?");
  dsl::Result<Statement> insert = database.prepare(
      "INSERT OR REPLACE INTO results (key, name, at_ms, took_ms, result) VALUES (?, ?, ?, ?, ?)");
  dsl::Result<Statement> knows = database.prepare("SELECT 1 FROM results WHERE name = ? LIMIT 1");
  dsl::Result<Statement> took =
      database.prepare("SELECT took_ms FROM results WHERE name = ? ORDER BY at_ms DESC LIMIT 9");
  for (const auto* statement : {&find, &insert, &knows, &took}) {
    if (!*statement) {
      return statement->error();
    }
  }
  Statements statements{*std::move(find), *std::move(insert), *std::move(knows), *std::move(took)};
  return std::unique_ptr<SqliteResultCache>(
      new SqliteResultCache(std::move(database), std::move(statements), std::move(has_trees)));
}

SqliteResultCache::~SqliteResultCache() {
  static_cast<void>(flush());
}

dsl::Result<std::vector<TreeRef>> SqliteResultCache::trees(Database& database) {
  dsl::Result<Statement> all = database.prepare("SELECT result FROM results");
  if (!all) {
    return all.error();
  }
  std::vector<TreeRef> trees;
  while (true) {
    const dsl::Result<bool> row = all->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return trees;
    }
    if (dsl::Result<CachedResult> result = from_text(all->text(0))) {
      trees.push_back({std::move(result->content), std::move(result->artifacts)});
    }
  }
}

dsl::Result<std::int64_t> SqliteResultCache::remove_old(Database& database,
                                                        std::int64_t before_ms) {
  dsl::Result<Statement> remove =
      database.prepare("DELETE FROM results WHERE at_ms < ? RETURNING 1");
  if (!remove) {
    return remove.error();
  }
  remove->bind(before_ms);
  for (std::int64_t removed = 0;; ++removed) {
    const dsl::Result<bool> row = remove->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return removed;
    }
  }
}

dsl::Result<std::optional<CachedResult>> SqliteResultCache::lookup(const std::string& key) {
  for (const Held& one : held_) {
    if (one.key == key) {
      return has_trees_(one.result.content, one.result.artifacts) ? std::optional(one.result)
                                                                  : std::nullopt;
    }
  }
  Statement& find = statements_.find;
  find.reset();
  find.bind(key);
  const dsl::Result<bool> row = find.step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return std::optional<CachedResult>();
  }
  dsl::Result<CachedResult> result = from_text(find.text(0));
  const std::int64_t took_ms = find.integer(1);
  find.reset();
  if (!result) {
    return result.error();
  }
  result->took_ms = took_ms;
  if (!has_trees_(result->content, result->artifacts)) {
    return std::optional<CachedResult>();
  }
  return std::optional<CachedResult>(*std::move(result));
}

dsl::Status SqliteResultCache::store(const std::string& key,
                                     const std::string& name,
                                     const CachedResult& result) {
  held_.push_back({key, name, result});
  return held_.size() < kMostHeld ? dsl::Status(dsl::Ok{}) : flush();
}

dsl::Status SqliteResultCache::flush() {
  if (held_.empty()) {
    return dsl::Ok{};
  }
  const std::vector<Held> held = std::exchange(held_, {});
  dsl::Result<Transaction> transaction = Transaction::begin(database_);
  if (!transaction) {
    return transaction.error();
  }
  for (const Held& one : held) {
    const dsl::Status written = statements_.insert.bind(one.key)
                                    .bind(one.name)
                                    .bind(one.result.at_ms)
                                    .bind(one.result.took_ms)
                                    .bind(to_text(one.result))
                                    .run();
    if (!written) {
      return written;
    }
  }
  return transaction->commit();
}

bool SqliteResultCache::knows(const std::string& name) {
  if (std::any_of(held_.begin(), held_.end(), [&](const Held& one) { return one.name == name; })) {
    return true;
  }
  Statement& knows = statements_.knows;
  knows.reset();
  const dsl::Result<bool> row = knows.bind(name).step();
  const bool found = row.has_value() && *row;
  knows.reset();
  return found;
}

std::int64_t SqliteResultCache::usual_ms(const std::string& name) {
  static_cast<void>(flush());
  std::vector<std::int64_t> times;
  Statement& took = statements_.took;
  took.reset();
  took.bind(name);
  for (dsl::Result<bool> row = took.step(); row.has_value() && *row; row = took.step()) {
    times.push_back(took.integer(0));
  }
  if (times.empty()) {
    return 0;
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

}  // namespace runner
