#pragma once

// Limits of memory, processes and processors, by cgroups of version 2 or 1 (also mixed, as in
// hybrid set-ups). One cgroup per job and controller, named after the job, beneath the cgroup that
// we are in ourselves, so that our own limits hold for jobs too.
//
// Version 2: a cgroup with processes cannot limit its children. Where ours has been delegated and
// we are alone in it, we move into a child of it (`pipe-runner`) when the first limit is needed; as
// root, jobs may go to a cgroup `pipe` beside the system's own.
//
// Loop thread.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "dsl/ids.h"
#include "dsl/plan.h"
#include "dsl/result.h"
#include "dsl/units.h"
#include "runner/engine/options.h"
#include "runner/run/job.h"

namespace runner {

/// The cgroups of one job. Removed when this goes, which must be after the job's end.
class JobCgroup {
 public:
  JobCgroup() = default;
  JobCgroup(JobCgroup&& other) noexcept;
  JobCgroup& operator=(JobCgroup&& other) noexcept;
  JobCgroup(const JobCgroup&) = delete;
  JobCgroup& operator=(const JobCgroup&) = delete;
  ~JobCgroup();

  /// To be joined by the job's first process; empty where no limit was asked for.
  [[nodiscard]] const std::vector<std::string>& folders() const { return folders_; }

  /// Puts into the end of the job what its cgroup knows: OutOfMemory where the kernel killed for
  /// memory and the job failed, and the peak.
  void conclude(JobEnd& end) const;

 private:
  friend class Cgroups;
  std::vector<std::string> folders_;
  std::string memory_;  // that of `folders_` which limits memory, "" none
};

class Cgroups {
 public:
  explicit Cgroups(const EngineOptions& options);

  /// Which of the limits cannot be enforced here and now, each with its remedy.
  [[nodiscard]] std::vector<dsl::Error> unsupported(const dsl::Resources& wanted) const;

  /// `own_pids`: how many processes of our own are in there beside the job's.
  dsl::Result<JobCgroup> make(const JobName& job, const dsl::Resources& wanted, int own_pids);

  /// Removes the cgroups of a run whose runner has died, and kills what is in them; "" of every
  /// run.
  dsl::Status remove_leftovers(const dsl::RunId& run) const;

 private:
  enum Controller { Memory, Pids, Cpu };
  static constexpr std::size_t kControllers = 3;

  /// Where a controller's job cgroups go.
  struct Place {
    std::string parent;  // "" is nowhere
    bool unified = false;
    bool move_away = false;  // version 2: we must leave `parent` first
  };

  [[nodiscard]] Place find_place(const std::string& controller) const;
  [[nodiscard]] Place find_unified_place(const std::string& controller) const;
  dsl::Status make_ready(const Place& place, const std::string& controller);
  void remember(const std::string& parent) const;
  [[nodiscard]] std::vector<std::string> remembered() const;

  // Constant after construction.
  const std::string root_;
  const std::string own_;     // the file that says which cgroups we are in
  const std::string suffix_;  // of our cgroups' names: other stores' may be in the same place
  const std::string record_;  // file with the parents that were ever used, for `remove_leftovers`
  std::array<Place, kControllers> places_;

  std::array<bool, kControllers> ready_{};
};

/// Whether a job's name belongs to the run; "" is any.
bool is_job_of(const std::string& job_name, const dsl::RunId& run);

}  // namespace runner
