#pragma once

// Verified results of all runs of a store, by key: see runner/run/result_cache.h. A table of
// `store.db`; losing the last few on a crash only costs doing them again, so they are written many
// at a time, and commits do not wait for the disk. Several runners may use it at once. One thread
// at a time.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runner/run/result_cache.h"
#include "runner/sys/sqlite.h"

namespace runner {

class SqliteResultCache final : public ResultCache {
 public:
  /// Whether the store still has the trees of a result.
  using HasTrees = std::function<bool(const std::string& content, const std::string& artifacts)>;

  /// `database` is a store.db whose schema is up to date (RunStore sees to that).
  static dsl::Result<std::unique_ptr<SqliteResultCache>> open(Database database,
                                                              HasTrees has_trees);

  ~SqliteResultCache() override;  // flushes

  /// All results' trees (content in TreeRef::commit), so that they are not pruned.
  static dsl::Result<std::vector<TreeRef>> trees(Database& database);
  /// Forgets results that are older; returns how many.
  static dsl::Result<std::int64_t> remove_old(Database& database, std::int64_t before_ms);

  dsl::Result<std::optional<CachedResult>> lookup(const std::string& key) override;
  dsl::Status store(const std::string& key,
                    const std::string& name,
                    const CachedResult& result) override;
  dsl::Status flush() override;
  bool knows(const std::string& name) override;
  std::int64_t usual_ms(const std::string& name) override;

 private:
  struct Statements {
    Statement find;
    Statement insert;
    Statement knows;
    Statement took;
  };
  SqliteResultCache(Database database, Statements statements, HasTrees has_trees)
      : database_(std::move(database)),
        statements_(std::move(statements)),
        has_trees_(std::move(has_trees)) {}

  struct Held {
    std::string key;
    std::string name;
    CachedResult result;
  };

  Database database_;
  Statements statements_;
  HasTrees has_trees_;
  std::vector<Held> held_;
};

}  // namespace runner
