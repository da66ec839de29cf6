#pragma once

// What a devcontainer.json says, in the words of a pipeline: its image, its user, variables, mounts
// and what it runs first. What it says about editors and ports means nothing here; what would
// change the container otherwise is told as a problem, never left out. (Format: containers.dev,
// reference.)
//
// Any thread.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"

namespace dsl {

struct Devcontainer {
  Image image;  // a reference, or a Dockerfile
  std::vector<std::pair<std::string, std::string>> env;
  std::string user;   // "" does not say
  std::string setup;  // shell lines; "" none
  std::vector<HostMount> mounts;
  std::vector<Error> problems;  // not empty: it cannot be used as it is
};

/// `path` is the file's, relative to the pipeline file, as paths in the result are. Comments and
/// commas before a closing bracket are as editors take them.
Devcontainer read_devcontainer(std::string_view text, std::string_view path);

}  // namespace dsl
