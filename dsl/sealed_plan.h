#pragma once

// A sealed plan: everything that a run may do, resolved on one machine at one moment, with a digest
// over it that people approve. Plain data, and its JSON (schemas/sealed_plan.schema.json). Any
// thread; no files, no clock.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "dsl/units.h"
#include "dsl/value.h"

namespace dsl {

/// How the plan was asked for: what makes the same one again.
struct PlanOrigin {
  std::string file;                           // the pipeline, as it was named
  std::map<std::string, std::string> inputs;  // --input
  std::string engine;                         // --engine, "" none
  std::vector<std::string> env_files;         // --env-file; names only
  std::string settings_env_file;              // the user's own, "" none
  bool dirty = false;                         // --dirty
  std::string continues;                      // --continue: the run, in place of a file; "" none
  std::string task;                           // --task, of that
  std::string prompt;                         // --prompt, of that
  bool operator==(const PlanOrigin&) const = default;
};

/// A file that decides what the run does or how it is judged.
struct SealedFile {
  enum class Role {
    Source,     // the pipeline, a step or a preset that it pulled in
    Check,      // named by a criterion's command, or its schema
    Protected,  // restored before every check
    Program,    // of the machine: of a secret's command, with the files that it names
  };
  std::string path;
  Role role = Role::Source;
  std::string digest;  // of its content: sha256 of sources and programs, git's object id of files
                       // of the input
  bool operator==(const SealedFile&) const = default;
};

/// Where a node really runs on the machine that sealed the plan.
struct SealedPlace {
  std::string node;
  std::string engine;
  std::string image;                  // digest
  std::vector<std::string> services;  // digests of their images, in the node's order
  bool operator==(const SealedPlace&) const = default;
};

/// What it will take, as far as anybody can tell. Not compared: it changes with every run.
struct Forecast {
  struct Node {
    std::string node;
    std::optional<Duration> expected;  // from earlier runs, else the author's
    std::string reuse;                 // why a verified result is or is not taken; "" unknown yet
    bool from_cache = false;
  };
  std::vector<Node> nodes;
  Duration expected{0};                // along the critical path
  std::vector<std::string> path;       // the nodes of that path
  std::optional<Duration> worst_time;  // no value: nothing limits it
  std::optional<Money> worst_cost;     // no value: nothing limits it
};

/// One person's word for one digest.
struct PlanApproval {
  std::string by;
  std::string account;  // the user of the machine who gave it
  std::string at;       // RFC 3339, UTC
  std::string digest;
  std::string signature;  // of `statement_of`, as `ssh-keygen -Y sign` writes it; "" a plain record
};

struct SealedPlan {
  PlanOrigin origin;
  std::string taken;       // for people: what the input is
  std::string input_tree;  // git's id of the files; equal files have equal ids
  std::vector<SealedFile> files;
  std::vector<SealedPlace> places;
  std::string remote;  // where the branch is pushed: the address, without credentials; several: a
                       // line each; "" it is not pushed
  Plan plan;           // paths relative to the pipeline file
  Forecast forecast;
  std::string digest;  // of all above, as it stands in the document
  std::vector<PlanApproval> approvals;
};

/// The parts that a run must find unchanged, as data: {origin, input, files, places, remote, plan}.
Value sealed_parts(const SealedPlan& plan);

/// 64 hex digits over canonical JSON (keys sorted, no blanks) of everything but `digest` and
/// `approvals`.
std::string digest_of(const SealedPlan& plan);

/// What is signed: digest, name and time, a line each.
std::string statement_of(const PlanApproval& approval);

/// `digest` is computed.
std::string sealed_plan_to_json(const SealedPlan& plan);

/// An Error where the document is none, is of a newer version, or was changed after it was sealed:
/// its digest is not that of its content.
Result<SealedPlan> sealed_plan_from_json(std::string_view text);

}  // namespace dsl
