#pragma once

// A Job: one command in one container, as data. The run loop makes it (for an attempt of a node, a
// criterion or a service), an Engine runs it, and JobEnd says what became of it.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/ids.h"
#include "dsl/plan.h"
#include "dsl/result.h"
#include "dsl/units.h"

namespace runner {

class Masking;

/// Derives from run, node, attempt and criterion, so that after a crash we know what to remove:
/// "pipe-<run>-<12 hex digits>-<attempt>". Only [a-z0-9-], at most 63 bytes. Unique in a store.
using JobName = dsl::StringId<struct JobNameTag>;

/// A host folder or file made visible at an absolute path of the container.
struct Mount {
  std::string source;  // absolute path on the host
  std::string target;  // absolute path inside
  bool read_only = true;
};

/// A part of the workspace that the job may read and not write.
struct ReadOnlyPath {
  std::string path;    // beneath the workspace: a file or folder, with no link on the way
  std::string source;  // the same on the host, absolute
};

/// The node's private working copy. Plain: `directory` is a host folder, bound read-write at
/// `target`. Overlay: `lower` is not empty, and the job sees an overlay of `lower` (topmost first)
/// with `upper` and `work` (all absolute, on one file system); `directory` is where the engine may
/// mount it inside a mount namespace of its own, and stays empty outside.
struct WorkspaceMount {
  std::string directory;
  std::vector<std::string> lower;
  std::string upper;
  std::string work;
  std::string target = "/workspace";
  bool read_only = false;
  std::vector<ReadOnlyPath> read_only_paths;  // of a workspace that is not read-only as a whole
};

/// Names and values. A name appears once.
using Variables = std::vector<std::pair<std::string, std::string>>;

/// `below` with `above` on top: what is left of `below`, then all of `above`.
Variables layered(const Variables& below, const Variables& above);

/// PATH and LANG where nobody says otherwise.
Variables usual_environment();

/// How long a job may go on after TERM, before KILL; `pipe config` can set another.
inline constexpr dsl::Duration kUsualGrace{10'000};

struct Job {
  JobName name;
  dsl::RunId run;
  dsl::NodeId node;

  std::vector<std::string> argv;  // argv[0] is looked up in the job's PATH; empty: image's own

  // The environment is three layers, an upper one wins, and nothing else: never the runner's own.
  Variables default_env;  // lowest: where neither the image nor `env` says otherwise
  // in the middle: what the image declares (ENV in a Dockerfile); a plain root filesystem and
  // `host` declare nothing
  Variables env;  // topmost

  std::string working_directory;  // absolute, inside
  dsl::Image image;               // prepared before by Engine::prepare_image
  dsl::Resources resources;
  std::string user;     // as in PlanNode
  std::string runtime;  // as in PlanNode
  WorkspaceMount workspace;
  std::vector<Mount> mounts;

  dsl::Duration timeout{0};  // 0: none. At its end the whole tree is stopped, TERM then KILL
  dsl::Duration grace = kUsualGrace;  // between TERM and KILL

  /// Both output streams, in the order they were written, are appended here; the folder exists.
  std::string log_path;
  std::int64_t log_cap = 256LL << 20;  // bytes; after it output is read and thrown away

  /// Jobs with the same network name share one loopback (Engine::open_network was called for it);
  /// "" is a loopback of its own. Never anything but loopback.
  std::string network;

  /// The network has a door (run/egress.h): names that must be answered in it, or the command does
  /// not start (How::Lost). Absent: no road leads out of it, and nothing needs to be proven.
  std::optional<std::vector<std::string>> egress_proof;

  /// Names and contents of files that the job sees in memory (tmpfs); a variable of that name holds
  /// the path. In no other place of the machine.
  Variables secret_files;

  /// What it may do with the programs of its container: what stands before these sees to it, and
  /// JobEnd::denials tells what was denied. Not with the engine `host`.
  dsl::Permissions permissions;
  std::vector<std::string> denied_files;  // beneath the workspace; each is a file that is there

  /// Which Docker it finds, at /var/run/docker.sock or by its variables. REQUIRES: EngineTraits has
  /// it. Dind: one that ran in the same network before it, or none.
  dsl::DockerAccess docker = dsl::DockerAccess::None;
  /// It is the daemon of DockerAccess::Dind for its network; the engine says what it runs.
  bool is_docker_daemon = false;

  /// What must not reach the log; outlives the job. Null: nothing is looked for.
  const Masking* masking = nullptr;

  /// Called on the loop thread with the last line of output, at most some ten times a second. May
  /// be empty.
  std::function<void(std::string_view line)> on_line;

  /// Called on the loop thread with all that it writes, in order, also beyond `log_cap`. May be
  /// empty.
  std::function<void(std::string_view bytes)> on_output;
};

/// What became of a job. Nothing of it runs any more, and its log is complete, when this is told.
struct JobEnd {
  /// What the job was not let do, as it says itself.
  struct Denial {
    std::string operation;  // a program and its arguments; the end may be missing
    std::string rule;       // that denies it; "" where the rules allow the program something else
    bool operator==(const Denial&) const = default;
  };
  enum class How {
    Exited,       // `code` is the exit status, 0..255
    Signalled,    // `code` is the signal number
    TimedOut,     // Job::timeout passed
    Idle,         // it was stopped because it wrote nothing for too long (PlanNode::idle_timeout)
    Stopped,      // Engine::stop was called
    OutOfMemory,  // the kernel killed it for its memory limit
    OutOfDisk,    // it wrote more to the disk than its limit
    NotStarted,   // the command does not exist or cannot be executed: the node's own failure
    Lost,         // the world's fault: no daemon, sandbox set-up failed, no space
  };
  How how = How::Exited;
  int code = 0;
  std::string detail;  // for NotStarted and Lost: why, with the remedy; for TimedOut, Idle,
                       // OutOfDisk: limit
  dsl::Duration took{0};
  std::optional<dsl::Bytes> peak_memory;
  bool log_truncated = false;
  std::vector<Denial> denials;  // of Job::permissions, each once; events of their own

  [[nodiscard]] bool succeeded() const { return how == How::Exited && code == 0; }
};

/// The end of a job that the world did not let run: How::Lost, with the error and its remedy.
JobEnd lost_job(const dsl::Error& why);

/// "exit 1", "killed by signal 9 (SIGKILL)", "timed out after 5m", "out of memory", …
std::string to_text(const JobEnd& end);

}  // namespace runner
