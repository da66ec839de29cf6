#pragma once

// Carries out one attempt or one check from beginning to end: a private copy of the tree, services,
// the container, what it left. Decides nothing: it is told what to do and tells what came of it.
// Loop thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dsl/plan.h"
#include "runner/run/agent.h"
#include "runner/run/clock.h"
#include "runner/run/egress.h"
#include "runner/run/engine.h"
#include "runner/run/event.h"
#include "runner/run/job_files.h"
#include "runner/run/secrets.h"
#include "runner/run/trees.h"

namespace runner {

/// What an attempt and a check have in common: a command on a copy of a tree.
struct WorkOrder {
  Engine* engine = nullptr;  // outlives the work
  const dsl::PlanNode* plan = nullptr;
  dsl::RunId run;
  dsl::NodeId node;
  JobName job;
  TreeRef tree;                      // what the job starts from
  TreeRef run_input;                 // where protected files come from,
  TreeRef input;                     // and those that are not there: what verified nodes made
  std::vector<std::string> protect;  // paths of them, also where links lead
  bool restore_protected = false;
  bool own_commits = false;  // it finds a repository, and commits that it makes are taken

  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> env;  // without what the executor adds
  dsl::Duration timeout{0};
  dsl::Duration idle_timeout{0};  // without a byte of output; 0: none
  std::vector<CachePath> caches;
  bool writes_mounts = false;  // those that are writable; a check only reads
  std::string log_part;        // "1" for an attempt, "1.criterion-2" for a check

  struct ServiceEnv {
    const dsl::Service* service = nullptr;
    std::vector<std::string> argv;
    std::vector<std::pair<std::string, std::string>> env;
  };
  std::vector<ServiceEnv> services;  // to be up before the command starts
};

struct AttemptOrder {
  WorkOrder work;
  std::int64_t attempt = 1;
  std::string feedback;   // what failed before, "" on the first attempt
  std::string prompt;     // of an agent: what it is asked
  std::string session;    // of an agent: the one that it can go on with; "" none
  std::string follow_up;  // what that is told where nothing failed before
  Spender spender;        // of an agent whose requests are metered
  std::string commit_message;
  std::int64_t commit_time_s = 0;
  bool conventional = false;  // so must be the commits that it makes by itself
};

struct CheckOrder {
  WorkOrder work;  // argv is empty for an http check: pipe-init makes the request
  std::int64_t attempt = 1;
  std::size_t criterion = 0;
  Subject subject = Subject::Produced;
  std::string url;  // of an http check, filled in
};

class Executor {
 public:
  using OnLine = std::function<void(const dsl::NodeId& node, std::string_view line)>;

  /// Whom it tells of what happens meanwhile.
  struct Listener {
    OnLine line;
    std::function<void(EgressDenied)> denied;
    std::function<void(PermissionDenied)> not_permitted;
    std::function<void(ModelAnswered)> answered;
    std::function<void(BudgetReached)> budget;
    std::function<void()> read_back;  // reading_back() has grown
  };

  /// With what it works. All outlive it.
  struct Parts {
    Trees& trees;
    JobFiles& files;
    Clock& clock;
    Egress* egress = nullptr;     // null: no node has a firewall
    Secrets* secrets = nullptr;   // null: no node has any
    MakeAgentReader agents = {};  // empty: no node has an agent
    dsl::Duration grace = {};     // between TERM and KILL of a job that takes or is silent too long
  };

  Executor(Parts parts, Listener listener);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// `done` comes once; without a value where `stop_all` ended the work before it was through.
  void run_attempt(AttemptOrder order, std::function<void(std::optional<AttemptEnded>)> done);
  void run_check(CheckOrder order, std::function<void(std::optional<CheckEnded>)> done);

  /// How many attempts have no container any more: only what they left is still being read.
  [[nodiscard]] std::size_t reading_back() const;

  /// Ends everything that is under way; nothing new is begun afterwards.
  void stop_all(dsl::Duration grace);

  struct Shared;  // opaque

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace runner
