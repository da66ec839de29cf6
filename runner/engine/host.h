#pragma once

// The engine without isolation: commands run directly on this machine, as the calling user, in the
// workspace's own folder, with the machine's network. Only for who names it explicitly.
//
// What it still promises: exactly the declared environment, nothing to read on standard input, one
// log in the order of writing, limits where cgroups are writable, and that nothing of a job runs on
// after its end, whatever it forked: each job is a child of the keeper (`pipe-init keep`), which
// also ends them all when the runner dies.

#include <memory>

#include "runner/engine/options.h"
#include "runner/run/engine.h"
#include "runner/sys/event_loop.h"

namespace runner {

std::unique_ptr<Engine> make_host_engine(EventLoop& loop, const EngineOptions& options);

}  // namespace runner
