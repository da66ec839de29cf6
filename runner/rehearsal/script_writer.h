#pragma once

// A script as YAML that read_script takes for the same. Pure; any thread.

#include <string>

#include "runner/rehearsal/script.h"

namespace runner {

/// `about`: lines of text for its head, "" none. Places are not written.
std::string script_to_yaml(const Script& script, const std::string& about);

}  // namespace runner
