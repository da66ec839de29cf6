#pragma once

// What the git of a run is called: its branch, and the first lines of its commits, which are a
// template filled with names of the run. Any thread; pure.

#include <optional>
#include <string>
#include <string_view>

#include "dsl/plan.h"
#include "dsl/result.h"

namespace dsl {

/// The branch that the result of a run becomes.
std::string branch_of(const std::string& pipeline, const RunId& run);

/// What `${name}` in a template of `git: {message: …}` stands for.
struct CommitNames {
  std::string task;
  std::string phase;
  std::string description;  // of the task, its first line
  std::string pipeline;
  std::string run;
};

/// Without the lines that begin like the runner's own trailers ("Pipe-Run: …").
std::string without_our_trailers(std::string_view message);

/// Why it is no template: an unknown name, nothing on its first line, a line that begins like the
/// runner's own trailers. Any other '$' is a '$'.
std::optional<Error> commit_template_problem(std::string_view text);

/// What is filled in is not looked at again, and its line feeds are blanks. A name that is unknown
/// stays as it is.
std::string fill_commit_template(std::string_view text, const CommitNames& names);

/// The message of a task's commit, as the plan has it. `id` is that of the node or its instance.
std::string commit_subject(const Plan& plan,
                           const PlanNode& node,
                           const NodeId& id,
                           const RunId& run);

/// The message with these trailers ("Name: value\n" each), which join those that it ends with.
std::string with_trailers(std::string message, const std::string& trailers);

}  // namespace dsl
