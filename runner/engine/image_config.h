#pragma once

// What an image says of itself, and what a job takes from it. Pure; any thread.

#include <string>
#include <vector>

#include "runner/run/job.h"

namespace runner {

/// All empty for a plain root filesystem.
struct ImageConfig {
  std::vector<std::string> command;  // entry point and command
  Variables env;
  std::string working_directory;  // "" is "/"
};

/// "NAME=VALUE" to `env`; a line without a name is left out.
void add_variable(const std::string& line, Variables& env);

/// The image's environment goes above the job's defaults and below its own; a job without a command
/// has the image's, in the image's folder.
void complete_from_image(const ImageConfig& image, Job& job);

}  // namespace runner
