#pragma once

// A pipeline file on its way to a Plan: read, compiled, its mistakes shown. Main thread.

#include <optional>
#include <string>
#include <vector>

#include "dsl/compile.h"
#include "dsl/result.h"
#include "runner/app/session.h"
#include "runner/app/settings.h"
#include "runner/cli/command.h"
#include "runner/cli/console.h"

namespace runner::cli {

struct PlanSource {
  std::string file;                 // "-": STDIN, where `may_be_stdin`
  std::vector<std::string> inputs;  // "name=text"
  std::string engine;               // "" as the file says
  std::vector<std::string> env_files = {};
  bool dirty = false;
  std::string instructions = {};            // TEXT or @FILE
  std::string instructions_as_sealed = {};  // the text itself, of a plan that was sealed with it
  bool may_be_stdin = false;                // nothing is run or sealed: that needs a file to go by
};

/// A run in place of a file: --continue, --prompt and --task.
struct ContinueSource {
  std::string run;
  std::string prompt;
  std::string task;  // whose agent is asked
};
void add_continue_options(std::vector<Option>& options, ContinueSource& source);
/// An Error where they do not go together, or with what else says how a plan is made.
dsl::Status check_goes_on(const ContinueSource& source,
                          const PlanSource& otherwise,
                          bool is_made_otherwise = false);

/// The options that say how a file is compiled: --input and --engine.
void add_plan_options(std::vector<Option>& options, PlanSource& source);

/// Those that say what a run starts from: --env-file, --dirty and --instructions.
void add_input_options(std::vector<Option>& options, PlanSource& source);

/// The diagnostics are in the Compilation. An Error where the file cannot be read, with what is
/// there instead, or where an argument is not of the form it should have.
dsl::Result<dsl::Compilation> compile_file(const PlanSource& source);

/// A plan, and the settings of the folder that its file is in.
struct PlanAndSettings {
  dsl::Plan plan;
  PlacesInFile places;
  Settings settings;
  std::vector<dsl::SealedFile> files;  // that it was compiled from
};

/// `compile_file`, with everything that is wrong shown on STDERR. No value: exit with
/// ExitCode::Invalid. Warnings are shown too and do no harm. Where neither file nor --engine name
/// an engine, the settings' one is put in.
std::optional<PlanAndSettings> plan_of(const PlanSource& source, Console& console);

/// What a session is told of it.
RunRequest request_of(PlanAndSettings&& compiled, const PlanSource& source);

/// The folder that settings and `workspace: {source}` are looked up from.
std::string folder_of(const std::string& file);

}  // namespace runner::cli
