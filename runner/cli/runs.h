#pragma once

// The runs of a store as commands see them: by name, by journal, dead or alive. The only file of
// cli/ that knows how the store keeps them. A run may be going on in another process at any moment:
// what is read here is a prefix of its journal, and `RunView::more` reads on. Main thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "dsl/ids.h"
#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/app/settings.h"
#include "runner/report/run_summary.h"
#include "runner/run/event.h"
#include "runner/run/run_state.h"
#include "runner/store/project.h"
#include "runner/store/tree_store.h"

namespace runner::cli {

/// One run: its plan, and the state that its journal tells so far.
class RunView {
 public:
  RunView(RunView&&) noexcept;
  RunView& operator=(RunView&&) = delete;
  RunView(const RunView&) = delete;
  RunView& operator=(const RunView&) = delete;
  ~RunView();

  [[nodiscard]] const dsl::RunId& run() const;
  [[nodiscard]] const std::string& folder() const;  // absolute
  /// Stays where it is while the view lives, moved or not.
  [[nodiscard]] const RunState& state() const;
  /// The process that holds the run now.
  [[nodiscard]] std::optional<pid_t> runner() const;
  /// Until when the run has come, on the wall clock: now while a process holds it, else the time of
  /// its last event.
  [[nodiscard]] std::int64_t until_ms() const;

  /// All that `state` has been made of.
  [[nodiscard]] const std::vector<Event>& events_so_far() const;
  /// Folds what has been committed since the last call, and tells it. An Error for a journal that
  /// cannot be read or does not fit its plan.
  dsl::Result<std::vector<Event>> more();

 private:
  friend class Runs;
  struct Impl;
  explicit RunView(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class Runs {
 public:
  /// The store that the settings name. One that does not exist yet has no runs.
  static dsl::Result<Runs> open(const Settings& settings);
  /// With the settings of the current folder.
  static dsl::Result<Runs> open_here();

  Runs(Runs&&) noexcept;
  Runs& operator=(Runs&&) = delete;
  Runs(const Runs&) = delete;
  Runs& operator=(const Runs&) = delete;
  ~Runs();

  [[nodiscard]] const Settings& settings() const;

  /// RunStore::id; "" where there is no store yet.
  [[nodiscard]] std::string store_id() const;

  /// All runs, the newest first.
  [[nodiscard]] const std::vector<dsl::RunId>& names() const;

  /// The run of that name, of which it is the only beginning, or "latest" (of all). The Error names
  /// what is near, or the runs that begin so.
  [[nodiscard]] dsl::Result<dsl::RunId> find(const std::string& text) const;

  /// The newest run of the project there; no value: it has none.
  [[nodiscard]] std::optional<dsl::RunId> latest_at(const Whereabouts& here) const;
  /// What the run has taken. An Error where that cannot be read.
  [[nodiscard]] dsl::Result<Project> project_of(const dsl::RunId& run) const;

  /// The process that holds the run now.
  [[nodiscard]] std::optional<pid_t> runner_of(const dsl::RunId& run) const;
  [[nodiscard]] std::string folder_of(const dsl::RunId& run) const;

  /// What the runner of a finished run kept of it; no value: nothing, or nothing that can be read.
  [[nodiscard]] std::optional<report::RunSummary> kept_summary(const dsl::RunId& run) const;

  /// With all events that its journal has now.
  [[nodiscard]] dsl::Result<RunView> view(const dsl::RunId& run) const;

  /// Its trees, and the project that it took. An Error where the project's repository is gone.
  struct Trees {
    std::unique_ptr<TreeStore> store;
    Project project;
  };
  [[nodiscard]] dsl::Result<Trees> trees(const dsl::RunId& run) const;

  /// Adds a fact to the journal of a run that no runner holds.
  dsl::Status record(const dsl::RunId& run, decltype(Event::what) what);

  /// An Error where nothing of the store can be removed. One that is not there yet can be written.
  [[nodiscard]] dsl::Status check_writable() const;

  /// What the run's folder takes on the disk, in bytes.
  [[nodiscard]] std::int64_t size_of(const dsl::RunId& run) const;
  /// Removes the run's folder. REQUIRES: no runner holds it.
  dsl::Status remove(const dsl::RunId& run);

  /// What is left for runs to come: all of it, or what nobody asked for in a while
  /// (RunStore::tidy).
  /// Forsaken: what is old, and whatever killed runners left of runs that have no name yet.
  enum class Tidy { Old, Forsaken, Everything };
  /// Gives back what no run needs, unless one is going on; in bytes of the disk.
  dsl::Result<std::int64_t> tidy(Tidy how);

 private:
  struct Impl;
  explicit Runs(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace runner::cli
