#pragma once

// What engines are told, from settings and environment. Main thread.

#include <string>

#include "runner/app/settings.h"
#include "runner/engine/container_probe.h"
#include "runner/engine/options.h"

namespace runner {

/// `store_id` is RunStore::id, "" where there is no store yet.
EngineOptions engine_options(const Settings& settings, const std::string& store_id);
ContainerEnvironment container_environment(const Settings& settings);

/// Paths of the sockets that the user's settings and variables name, and of his own engines'.
std::vector<std::string> engine_sockets(const Settings& settings);

}  // namespace runner
