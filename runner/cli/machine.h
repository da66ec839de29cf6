#pragma once

// What this machine has that runs need, for `pipe doctor`. Main thread; changes nothing.

#include <string>
#include <vector>

#include "runner/app/settings.h"

namespace runner::cli {

struct Check {
  enum class Result { Good, Lacking, Broken };  // Lacking: runs go on without it

  std::string group;  // "store", "kernel", "programs"
  std::string name;
  Result result = Result::Good;
  std::string detail;
  std::string remedy;
};

std::vector<Check> check_store(const Settings& settings);
std::vector<Check> check_kernel();
std::vector<Check> check_programs();

}  // namespace runner::cli
