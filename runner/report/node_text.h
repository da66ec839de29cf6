#pragma once

// How nodes, criteria and figures are called in everything that a person reads. Any thread; pure;
// all results are fit for a terminal (escape.h).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runner/run/run_state.h"

namespace runner::report {

/// "implement / refresh"; "implement (phase)" for a gate; without its phase where the plan has one
/// phase only, "main".
std::string node_title(const RunState& state, std::size_t node);

/// "passed", "failed", "failed (allowed)", "error", "skipped" of a settled node; "running",
/// "checking", "waits for a person", "waiting", … of another.
std::string stage_text(const RunState& state, std::size_t node);

/// Does it wait for a person, with an approval or a `manual` criterion?
bool is_asking(const RunState& state, std::size_t node);

/// Is it something that a list of the run shows by itself? Not: a gate without criteria (unless it
/// did not pass by its own fault), and a for_each node, for which its instances stand.
bool is_shown(const RunState& state, std::size_t node);

/// Is it a task or an approval, and not one for which its instances stand? What "12 tasks" counts.
bool is_counted(const RunState& state, std::size_t node);

/// Place of the merge that has to hold for the node: what it starts from, or, where it has resolved
/// one, what it made of that.
std::optional<std::size_t> merge_of(const NodeState& node);

/// Nodes in the order of the file: by phase, then by place, instances behind their for_each node.
std::vector<std::size_t> file_order(const RunState& state);

/// "2m05s", "3h10m"; "0.0s" for less than a twentieth of a second. Negative counts as 0.
std::string took_text(std::int64_t ms);

/// "go test ./session … exit 1 (was red)": what was done, in at most `width` columns, and what came
/// out of it, which is never cut.
std::string evidence_text(const Evidence& evidence, std::size_t width);

/// "was not let run 'openssl genrsa -out x', by 'openssl genrsa'".
std::string permission_text(const PermissionDenied& denied);

/// "41 turns · $1.84 (agent's own figure) · done".
std::string agent_text(const AgentOutcome& outcome);

/// "$1.84   41 turns": what the gateway counted.
std::string spend_text(const Spend& spent);

/// "1 task", "3 tasks".
std::string counted(std::size_t count, const std::string& noun);

}  // namespace runner::report
