#pragma once

// What this machine has that runs need, for `pipe doctor`. Main thread; changes nothing.

#include <string>
#include <vector>

#include "runner/app/settings.h"

namespace runner::cli {

struct Check {
  enum class Result { Good, Lacking, Broken };  // Lacking: runs go on without it

  std::string group;  // "limits", "store", "kernel", "programs"
  std::string name;
  Result result = Result::Good;
  std::string detail;
  std::string remedy;
};

/// What cgroups let the engines `sandbox` and `host` enforce; containers have their own.
std::vector<Check> check_limits(const Settings& settings);
std::vector<Check> check_store(const Settings& settings);
std::vector<Check> check_kernel();
std::vector<Check> check_programs();

}  // namespace runner::cli
