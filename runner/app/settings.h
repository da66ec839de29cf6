#pragma once

// The user's and the project's settings: where the store is, which engine, how many jobs. Read from
// the environment, ~/.config/pipe/config.yaml and <project>/.pipe/config.yaml, later ones above
// earlier ones, the command line above all.

#include <optional>
#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"

namespace runner {

struct Settings {
  std::string state_dir;  // absolute; holds the run store
  dsl::EngineName engine = dsl::EngineName::Auto;
  int jobs = 0;                // 0: as many as processors
  std::string docker_socket;   // "" is the program's own default (DOCKER_HOST, contexts)
  std::string container_prefix = "pipe";
  dsl::Duration grace{10'000};  // between TERM and KILL when a run is stopped

  /// For `pipe config`: every key, its value as text, and where it comes from.
  struct Line {
    std::string key;
    std::string value;
    std::string origin;  // "default", "PIPE_STATE", a file's path
  };
  std::vector<Line> lines;
};

/// `project` is the folder whose .pipe/config.yaml counts. An Error names the file, line and key.
dsl::Result<Settings> load_settings(const std::string& project);

}  // namespace runner
