#pragma once

// The reaper: finds by label what a runner left in a container engine, and removes it. Loop thread.

#include <functional>

#include "dsl/ids.h"
#include "dsl/result.h"
#include "runner/engine/container_api.h"
#include "runner/sys/event_loop.h"

namespace runner {

/// Removes the containers (jobs and holders) and the volumes of `run`, or with "" those of
/// every run, and waits until they are gone. `loop` and `api` live until `done` was called.
void remove_container_leftovers(EventLoop& loop,
                                ContainerApi& api,
                                const dsl::RunId& run,
                                std::function<void(dsl::Status)> done);

}  // namespace runner
