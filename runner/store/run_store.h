#pragma once

// The run store: one folder a user, with all runs and what they share.
//
//   store.db         results that can be taken again; its schema version is the store's
//   trees.git        the trees of all runs
//   runs/<run>/      plan.json, project.json, journal.db, lock, logs/, work/; of a finished run
//                    summary.json
//   bin/ images/ engine/ checkouts/ caches/    of the rooms that made them
//
// Any number of processes use it at once; a run has at most one runner, who holds its lock. One
// thread at a time.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "dsl/ids.h"
#include "dsl/result.h"
#include "dsl/units.h"
#include "runner/sys/locks.h"
#include "runner/sys/sqlite.h"

namespace runner {

/// Held by the runner of a run for as long as it lives; the kernel lets go of it when it dies.
class RunLock {
 public:
  RunLock(RunLock&&) noexcept = default;
  RunLock& operator=(RunLock&&) noexcept = default;

 private:
  friend class RunStore;
  explicit RunLock(FileLock lock) : lock_(std::move(lock)) {}
  FileLock lock_;
};

class RunStore {
 public:
  enum class Access {
    Create,    // made where it is not there; for runners
    ReadOnly,  // for those who only look; an Error where there is none
  };

  /// An Error for a store of a newer pipe, one that cannot be written, no space.
  static dsl::Result<RunStore> open(const std::string& folder, Access access);

  /// Whether there is a store at all: without one there are no runs. True also where that cannot be
  /// found out: `open` says why.
  static bool exists(const std::string& folder);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// 12 hex digits that no other store has: marks what is this store's outside its folder. "" while
  /// a store of an older pipe was not opened with Access::Create.
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] std::string run_folder(const dsl::RunId& run) const;
  [[nodiscard]] std::string trees_folder() const { return folder_ + "/trees.git"; }
  [[nodiscard]] std::string work_folder(const dsl::RunId& run) const;

  /// Another connection to store.db.
  [[nodiscard]] dsl::Result<Database> database() const;

  /// A new run with plan.json and what else its folder begins with: it is there with all of that,
  /// or not at all. `name` "" makes one up ("calm-otter-3f2a") with the help of `random`. An Error
  /// for a name that is taken or has other bytes than [a-z0-9-].
  struct FirstFile {
    std::string name;
    std::string bytes;
  };
  dsl::Result<dsl::RunId> create_run(const std::string& name,
                                     const std::string& plan_json,
                                     const std::function<std::uint32_t()>& random,
                                     const std::vector<FirstFile>& beside = {});

  [[nodiscard]] dsl::Result<std::string> plan_json(const dsl::RunId& run) const;

  /// An Error names the process that holds it.
  dsl::Result<RunLock> lock(const dsl::RunId& run);
  /// The process that holds the run now; no value: none.
  [[nodiscard]] std::optional<pid_t> holder(const dsl::RunId& run) const;

  /// The newest first.
  [[nodiscard]] dsl::Result<std::vector<dsl::RunId>> runs() const;

  /// By name, by a beginning that only one run has, or "latest". The Error lists what is near.
  [[nodiscard]] dsl::Result<dsl::RunId> find(const std::string& text) const;

  /// Removes the run's folder and lets go of its trees. REQUIRES: nobody holds the run, and its
  /// engines were asked to remove what they left.
  dsl::Status remove(const dsl::RunId& run);

  struct Tidied {
    int checkouts = 0;
    int caches = 0;
    std::int64_t results = 0;
    std::int64_t objects = 0;
  };
  /// Gives back what no run needs: checkouts that nobody uses, caches and results older than a
  /// month, trees that nothing leads to, what runners left that died while they made a run (touched
  /// by nobody for `draft_age`). Nothing happens while a run has a runner.
  static constexpr dsl::Duration kDay{24LL * 3600 * 1000};
  dsl::Result<Tidied> tidy(std::int64_t now_ms, dsl::Duration draft_age = kDay);

 private:
  explicit RunStore(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
  std::string id_;
};

}  // namespace runner
