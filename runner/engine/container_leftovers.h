#pragma once

// The reaper: finds by label what a runner left in a container engine, and removes it. Loop thread.

#include <functional>
#include <string>

#include "dsl/ids.h"
#include "dsl/result.h"
#include "runner/engine/container_api.h"
#include "runner/sys/event_loop.h"

namespace runner {

struct Leftovers {
  std::string store;  // EngineOptions::store_id; "" has none
  dsl::RunId run;     // "" is every run of the store
};

/// Removes the containers (jobs and holders) and the volumes of a run and waits until they are
/// gone; of every run also the images that were made for the store. What other stores have in the
/// same engine stays. `loop` and `api` live until `done` was called.
void remove_container_leftovers(EventLoop& loop,
                                ContainerApi& api,
                                const Leftovers& whose,
                                std::function<void(dsl::Status)> done);

}  // namespace runner
