#pragma once

// The engines of this machine for commands that drive no run. Main thread; blocks while engines are
// looked for (some 100 ms) and while they clean up. What their programs leave running ends with it.

#include <memory>
#include <string>
#include <vector>

#include "dsl/ids.h"
#include "dsl/result.h"
#include "runner/app/settings.h"
#include "runner/engine/registry.h"

namespace runner::cli {

class EngineShelf {
 public:
  /// Looks for all engines. `store_id` is whose leftovers they remove, "" nobody's.
  explicit EngineShelf(const Settings& settings, const std::string& store_id = "");
  ~EngineShelf();

  [[nodiscard]] std::vector<EngineFinding> findings() const;
  /// Which one `auto` takes for a job that asks for nothing special; an Error: none.
  [[nodiscard]] dsl::Result<dsl::EngineName> automatic() const;

  /// Has every engine remove what dead runners of this run left; "" is of every run of the
  /// store. All that went
  /// wrong. REQUIRES: no runner of that run is alive.
  std::vector<dsl::Error> remove_leftovers(const dsl::RunId& run);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace runner::cli
