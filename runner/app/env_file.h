#pragma once

// Env files: lines of NAME=value, as `docker --env-file`, Compose and dotenv read them, as far as
// these agree. Pure; any thread.
//
//   # a comment                      export NAME=value
//   NAME=value  # a comment          NAME='taken as it is'
//   NAME="with \n, \", \\ and $ as it is, over several lines"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/result.h"

namespace runner {

/// Names and values in the order of the file; a later one of the same name counts. An Error has the
/// number of the line, and never a part of a value.
dsl::Result<std::vector<std::pair<std::string, std::string>>> parse_env_file(std::string_view text);

}  // namespace runner
