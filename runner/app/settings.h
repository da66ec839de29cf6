#pragma once

// The user's and the project's settings: where the store is, which engine, how many jobs. Each
// layer is above those before it: defaults, the user's file ($XDG_CONFIG_HOME/pipe/config.yaml,
// else
// ~/.config/pipe/config.yaml), the project's (<project>/.pipe/config.yaml), the environment
// (PIPE_STATE, PIPE_ENGINE, PIPE_JOBS), and the command line, which the commands themselves apply.
// A project's file may come from anywhere: it may choose among engines that isolate, and never the
// engine `host`. Where this machine keeps things (state_dir, docker_socket, container_prefix) and
// whose word counts (allowed_signers) is the user's business: in a project's file these keys are an
// error.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/net/model_upstream.h"
#include "runner/run/job.h"

namespace runner {

struct Settings {
  std::string state_dir;  // absolute; holds the run store
  dsl::EngineName engine = dsl::EngineName::Auto;
  int jobs = 0;               // 0: as many as processors
  std::string docker_socket;  // "" is the program's own default (DOCKER_HOST, contexts)
  std::string container_prefix = "pipe";
  std::map<std::string, ModelUpstream> model_upstreams;  // by the provider's host
  std::string env_file;  // where secrets are looked for last, absolute; "" none
  /// Who may approve sealed plans, as ssh-keygen(1) has it, absolute; "": anybody.
  std::string allowed_signers;
  dsl::Duration grace =
      kUsualGrace;  // between TERM and KILL: of a timeout, of a run that is stopped

  /// For `pipe config`: every key, its value as text, and where it comes from.
  struct Line {
    std::string key;
    std::string value;
    std::string origin;  // "default", "PIPE_STATE", a file's path
  };
  std::vector<Line> lines;
};

/// `project` is the folder whose .pipe/config.yaml counts. An Error names file, line and
/// key of every mistake in them.
dsl::Result<Settings> load_settings(const std::string& project);

/// The word for an engine in files, options and output: "auto", "sandbox", "docker", …
std::string_view engine_word(dsl::EngineName engine);
std::optional<dsl::EngineName> engine_from_word(std::string_view word);
/// All of them, for messages and completion.
const std::vector<std::string>& engine_words();

}  // namespace runner
