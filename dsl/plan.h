#pragma once

// The Plan: everything that a run may do, as plain data. `compile` makes it from text, `plan_json`
// writes and reads it, the runner executes it and nothing else. It holds no positions, no pointers
// and no clock, so that equal plans are equal bytes. Any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dsl/agent.h"
#include "dsl/ids.h"
#include "dsl/template.h"
#include "dsl/token_prices.h"
#include "dsl/units.h"
#include "dsl/value.h"

namespace dsl {

// ---- Where a node runs -----------------------------------------------------------------------

enum class EngineName { Auto, Sandbox, Docker, Podman, Host };

struct Image {
  enum class Kind {
    Host,          // the machine's own system folders, read-only
    Reference,     // "debian:bookworm-slim", for Docker and Podman
    RootFs,        // a folder that holds an unpacked root filesystem
    OciArchive,    // a tar file in OCI image layout, or as `docker save` writes it
    Build,         // a Dockerfile
    Devcontainer,  // a devcontainer.json
  };
  Kind kind = Kind::Host;
  std::string reference;  // reference, folder or file (relative to the pipeline file), per kind
  std::string context;    // Build: the build context
  bool operator==(const Image&) const = default;
};

/// Absent members are "no limit asked for".
struct Resources {
  std::optional<Cpus> cpus;
  std::optional<Bytes> memory;
  std::optional<std::int64_t> pids;
  std::optional<Bytes> disk;
  bool operator==(const Resources&) const = default;
};

// ---- What a node does ------------------------------------------------------------------------

/// The program to start. A `run:` text is {"/bin/sh", "-e", "-c", script}; expressions in the
/// script have become references to environment variables (CommandSpec::env of the node).
struct Command {
  std::vector<Template> argv;  // empty: nothing to run (a gate, an approval)
  bool operator==(const Command&) const = default;
};

struct EnvVar {
  std::string name;
  Template value;
  bool operator==(const EnvVar&) const = default;
};

enum class ValueType { String, Number, Boolean, Json };

/// A value that the task leaves in a file, read after the command ended and before the criteria.
struct OutputDecl {
  std::string name;
  std::string file;  // beneath the workspace; empty: the file `name` in $PIPE_OUTPUTS
  ValueType type = ValueType::String;
  bool operator==(const OutputDecl&) const = default;
};

/// Files that .gitignore keeps out of the tree and that later nodes and criteria get all the same.
struct ArtifactDecl {
  std::string name;
  std::vector<std::string> paths;  // globs beneath the workspace
  bool operator==(const ArtifactDecl&) const = default;
};

/// Folders kept from run to run, outside the tree: restored before and saved after a passed node.
struct CacheDecl {
  Template key;
  std::vector<std::string> paths;  // beneath the workspace, or beneath "~/"
  bool operator==(const CacheDecl&) const = default;
};

inline constexpr int kUsualSameFailure = 3;  // with feedback
inline constexpr int kUsualWakeUps = 12;

struct Retry {
  int attempts = 1;         // at most this many in all
  Duration backoff{0};      // before the second; doubled for each further one
  Duration max_backoff{0};  // 0: no ceiling
  bool feedback = false;    // `feedback: criteria`: what failed is told to the next attempt
  int same_failure = 0;     // ends where a criterion has failed so often in the same way; 0: never
  int wake_ups = 0;         // of an agent, after a rate limit of its provider; 0: it is a failure
  bool operator==(const Retry&) const = default;
};

/// A program that runs beside a node or a criterion and shares its loopback.
struct Service {
  std::string name;
  Command command;  // empty argv: the image's own
  Image image;
  std::vector<EnvVar> env;
  std::optional<std::int64_t> port;  // TCP; ready when it accepts
  Duration ready_timeout{30'000};
  bool beside_node = true;  // false: only criteria that name it start it, on the produced tree
  bool operator==(const Service&) const = default;
};

// ---- What must be true afterwards ------------------------------------------------------------

struct RunCheck {
  Command command;
  std::vector<EnvVar> env;  // what the command's expressions became; added to the node's own
  std::int64_t exit_code = 0;
  bool operator==(const RunCheck&) const = default;
};

struct HttpCheck {
  std::string method = "GET";
  Template url;
  std::int64_t status = 200;
  std::optional<std::string> contains;  // a text that the body must hold
  std::vector<std::pair<std::string, std::string>> headers;
  bool operator==(const HttpCheck&) const = default;
};

struct FileCheck {
  std::string path;  // beneath the workspace
  bool exists = true;
  std::optional<std::string> contains;
  std::optional<std::string> matches;  // a regular expression (RE2-like subset, linear time)
  std::optional<bool> executable;
  bool operator==(const FileCheck&) const = default;
};

struct JsonCheck {
  enum class Comparison { Equals, NotEquals, Less, LessOrEqual, Greater, GreaterOrEqual, Exists };
  std::string file;     // beneath the workspace
  std::string pointer;  // RFC 6901, "" is the whole document
  Comparison comparison = Comparison::Exists;
  Value expected;
  std::optional<std::string> schema;  // a JSON Schema file beneath the workspace's protected input
  bool operator==(const JsonCheck&) const = default;
};

/// Globs over paths that differ between the node's input and output tree.
struct DiffCheck {
  std::vector<std::string> only;   // not empty: every changed path matches one
  std::vector<std::string> never;  // no changed path matches any
  std::vector<std::string> must;   // each is matched by a changed path
  bool operator==(const DiffCheck&) const = default;
};

struct ManualCheck {
  std::string question;
  bool operator==(const ManualCheck&) const = default;
};

/// What becomes of changes that reach beyond the task (runner/run/flagged.h has which).
enum class Flagged { Tell, Approve, Refuse };

/// Added by the compiler where `workspace: {flagged: …}` says so.
struct FlaggedCheck {
  Flagged rule = Flagged::Approve;  // never Tell
  bool operator==(const FlaggedCheck&) const = default;
};

struct Criterion {
  std::string text;  // what stands beside the box
  std::variant<RunCheck, HttpCheck, FileCheck, JsonCheck, DiffCheck, ManualCheck, FlaggedCheck>
      check;
  std::string service;  // name of a Service of the node that runs on the produced tree, or ""
  bool red_first = false;
  Duration timeout{600'000};
  bool operator==(const Criterion&) const = default;
};

// ---- Limits that other parts of the runner enforce --------------------------------------------

struct Budget {
  std::optional<Money> cost;
  std::optional<Duration> time;
  std::optional<std::int64_t> turns;
  std::optional<Tokens> tokens;
  std::optional<Money> cost_per_day;
  bool operator==(const Budget&) const = default;
  [[nodiscard]] bool empty() const { return *this == Budget{}; }
};

struct Firewall {
  enum class Mode { Gateway, Routed };
  Mode mode = Mode::Gateway;
  std::vector<std::string> allow;          // rules as egress.h writes them, presets expanded
  std::vector<std::string> allow_private;  // names or ranges that may be private
  std::vector<std::string> presets;        // which presets were expanded, for people to read
  bool operator==(const Firewall&) const = default;
  [[nodiscard]] bool empty() const { return *this == Firewall{}; }
};

/// A credential, by name; its value is never part of a plan. Where neither `command` nor `file` is
/// given, it is a variable of that name, of the runner's environment or of an env file.
struct Secret {
  enum class Expose {
    No,        // the node holds a token, which the gateway swaps for the value
    Variable,  // the node sees the value, in an environment variable
    File,      // the node sees the value, in a file in memory; the variable holds its path
  };
  std::string name;
  std::vector<std::string> command;  // a program on the host that prints the value
  std::string file;                  // on the host; relative to the pipeline file
  Duration expires{0};               // of a command's value, which is then made again; 0: never
  Expose expose = Expose::No;
  std::vector<std::string> hosts;  // to which the value is sent, as secret_host.h writes them
  std::string header;              // that carries it there; "": wherever the token stands
  bool operator==(const Secret&) const = default;
};

/// A file or folder of this machine that the task and its checks see.
struct HostMount {
  std::string source;     // absolute or beginning with "~/", or relative to the pipeline file
  std::string target;     // in the container: absolute, or "~/…" in the task's home
  bool writable = false;  // by the task; its checks never write
  bool operator==(const HostMount&) const = default;
};

struct Permissions {
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  std::string message;
  bool operator==(const Permissions&) const = default;
  [[nodiscard]] bool empty() const { return *this == Permissions{}; }
};

enum class DockerAccess { None, Broker, Socket, Dind };

struct Workspace {
  enum class Mode { Copy, ReadOnly };
  std::string source = ".";  // relative to the pipeline file
  Mode mode = Mode::Copy;
  std::vector<std::string> protect;  // files, or folders with a final '/', restored before checks
  bool operator==(const Workspace&) const = default;
};

// ---- Git --------------------------------------------------------------------------------------

struct PullRequest {
  std::string title;  // "": the plan's description, else its name
  std::string body;   // stands above the checklist
  std::string base;   // "": the repository's default branch
  bool draft = false;
  std::vector<std::string> labels;
  bool operator==(const PullRequest&) const = default;
};

/// What becomes of a run's commits, once it has passed.
struct Git {
  std::string message = "${task}: ${description}";  // of a task's commit: see commit_message.h
  bool conventional = false;                        // each message is checked
  std::vector<std::string> protected_branches = {"main", "master", "release/*"};  // never written
  bool push = false;
  std::string remote = "origin";
  std::optional<PullRequest> pull_request;
  bool operator==(const Git&) const = default;
};

// ---- The plan ---------------------------------------------------------------------------------

enum class NodeKind {
  Task,
  PhaseGate,  // the end of a phase: the merged tree of its tasks, and the phase's own criteria
  Approval,   // a person's word
};

struct PlanNode {
  NodeId id;
  NodeKind kind = NodeKind::Task;
  std::string phase;
  std::string task;  // the name in the file, without matrix values; "" for a gate
  std::string description;
  std::vector<NodeIndex> needs;  // all smaller than this node's own index; no duplicates

  std::optional<std::string> condition;  // `if:`, an expression; absent is success()
  std::optional<std::string> for_each;  // an expression whose value is a list: one instance an item
  Value::Record matrix;

  Command command;
  std::vector<EnvVar> env;        // in order; a later one wins
  std::string working_directory;  // beneath the workspace; "" is its root
  EngineName engine = EngineName::Auto;
  Image image;
  Resources resources;
  std::string user;     // "" is the engine's default, "host" the calling user, "root"
  std::string runtime;  // OCI runtime by name, "" the engine's default
  std::vector<HostMount> mounts;
  std::string setup;  // shell lines before the command and before each `run` check; "" none

  std::optional<Agent> agent;  // the command is an agent's

  Duration timeout{0};       // 0: none
  Duration idle_timeout{0};  // without a byte of output; 0: none
  Retry retry;
  std::string pool;  // "" none; else a key of Plan::pools
  bool allow_failure = false;
  bool reuse = true;   // `cache: false` makes it false: the node always runs
  Duration expect{0};  // the author's estimate; 0: none
  Workspace workspace;

  std::vector<OutputDecl> outputs;
  std::vector<ArtifactDecl> artifacts;
  std::vector<CacheDecl> caches;
  std::vector<Service> services;
  std::vector<Criterion> criteria;
  std::string approval;  // Approval: the question

  Budget budget;  // its own; its phase's and the plan's hold for all of their nodes together
  Firewall firewall;
  std::vector<Secret> secrets;
  Permissions permissions;
  DockerAccess docker = DockerAccess::None;

  bool operator==(const PlanNode&) const = default;
};

struct PlanPhase {
  std::string name;
  std::string description;
  NodeIndex gate = 0;
  Budget budget;
  bool operator==(const PlanPhase&) const = default;
};

struct Plan {
  int version = 1;
  std::string name;
  std::string description;
  std::string source_digest;  // sha256 of the pipeline file and of every file it pulled in
  Value::Record inputs;       // resolved values
  std::string instructions;   // of whoever started the run, for all of its agents; "" none
  std::string learnings;      // file of the project that agents read and add to; "" none
  Workspace workspace;
  EngineName engine = EngineName::Auto;
  Budget budget;
  std::vector<PricedModel> prices;  // above those of the library
  bool require_approval = false;
  std::vector<std::string>
      env_files;  // where secrets are looked for; relative to the pipeline file
  Git git;
  std::map<std::string, std::int64_t> pools;  // name -> how many nodes at once
  std::vector<PlanPhase> phases;              // in file order
  std::vector<PlanNode> nodes;                // in an order in which needs come first
  bool operator==(const Plan&) const = default;
};

}  // namespace dsl
