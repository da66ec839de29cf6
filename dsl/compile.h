#pragma once

// Text in, Plan out: the passes of the compiler in their order. Any thread; reads files only
// through FileReader.

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "dsl/diagnostic.h"
#include "dsl/plan.h"
#include "dsl/result.h"
#include "dsl/source.h"

namespace dsl {

struct CompileRequest {
  std::string
      path;  // the pipeline file, as the user named it; `uses: ./x.yaml` is beneath its folder
  /// Absolute folder that a relative `path` starts from. Needed only to find out whether the file
  /// is beneath a workspace whose `source` leads upwards (it is then protected); "" is "unknown".
  std::string directory;
  /// Where `path` is a link: the file it leads to, as seen from the folder of `path`; protected
  /// too.
  std::string link_target;
  std::map<std::string, std::string> inputs;  // `--input name=text`, not yet typed
  std::optional<EngineName> engine;           // `--engine`, above what the file says
  /// Reads a whole file; a limit on size is the reader's. Only ever asked for `path` and for files
  /// beneath its folder.
  std::function<Result<std::string>(const std::string& path)> read_file;
};

/// Where in the sources things of the plan stand, for messages of what comes after compilation.
struct PlanPlaces {
  std::vector<Span> nodes;  // of Plan::nodes, in their order: the name of the task or phase
  std::optional<Span> workspace_source;  // absent: the file does not say
  std::optional<Span> require_approval;
};

struct Compilation {
  Sources sources;                      // owns the texts that the spans point into
  std::vector<Diagnostic> diagnostics;  // errors and warnings, in order of position
  std::optional<Plan> plan;             // present exactly when no diagnostic is an error
  PlanPlaces places;                    // of `plan`
};

Compilation compile(const CompileRequest& request);

}  // namespace dsl
