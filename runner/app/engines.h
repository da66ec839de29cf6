#pragma once

// What engines are told, from settings and environment. Main thread.

#include "runner/app/settings.h"
#include "runner/engine/container_probe.h"
#include "runner/engine/options.h"

namespace runner {

EngineOptions engine_options(const Settings& settings);
ContainerEnvironment container_environment(const Settings& settings);

}  // namespace runner
