#pragma once

// A plan that people wrote in Markdown, as a pipeline: phases from headings, prerequisites, boxes
// as success criteria. What cannot be understood is never guessed: it is told. Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsl {

/// A box, and the check that its text gives.
struct MarkdownCriterion {
  enum class Kind {
    Run,     // a command in backticks
    Http,    // an address and a status
    File,    // a path in backticks that is to exist
    Manual,  // nothing that a program could do
  };
  std::string text;
  Kind kind = Kind::Manual;
  std::string command;         // Run
  std::int64_t exit_code = 0;  // Run
  std::string method = "GET";  // Http
  std::string url;             // Http
  std::int64_t status = 0;     // Http
  std::string path;            // File
  std::size_t line = 0;
};

struct MarkdownPhase {
  std::string name;   // a word for the pipeline, unique
  std::string title;  // as it was written
  std::optional<std::int64_t> number;
  std::optional<std::vector<std::string>> needs;  // names of phases; absent: the one above
  std::string prose;                              // the section, as it was written
  std::string code;                               // fenced shell code in it
  std::vector<MarkdownCriterion> criteria;
  std::size_t line = 0;
};

/// Something for a person to look at.
struct MarkdownNote {
  std::size_t line = 0;
  std::string text;
};

struct MarkdownPlan {
  std::string name;
  std::string title;
  std::vector<MarkdownPhase> phases;
  std::vector<MarkdownCriterion> criteria;  // of the plan as a whole
  std::vector<MarkdownNote> notes;          // by line
};

struct MarkdownOptions {
  std::string agent = "claude-code";  // of std/agent/; with `agent_command`: not looked at
  std::string agent_command;          // any other agent: it finds the prompt on stdin
  bool run_code = false;              // fenced shell code of a phase is its command
  std::string base_url;               // for paths such as `/api/x`; "" none
  std::string serve;                  // what answers at local addresses: a line for the shell
};

MarkdownPlan read_markdown_plan(std::string_view text, const MarkdownOptions& options);

/// The pipeline file. REQUIRES: there is a phase.
std::string pipeline_of(const MarkdownPlan& plan, const MarkdownOptions& options);

}  // namespace dsl
