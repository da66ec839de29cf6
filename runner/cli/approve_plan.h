#pragma once

// A person's word for a sealed plan. Main thread.

#include <string>

#include "runner/cli/console.h"

namespace runner::cli {

struct PlanApprovalArguments {
  std::string file;
  std::string by;   // "": the account's name
  std::string key;  // "": the usual one, where there is any
  bool no_key = false;
  bool json = false;
};

/// Adds it to the file.
ExitCode approve_plan(const PlanApprovalArguments& arguments, Console& console);

}  // namespace runner::cli
