#pragma once

#include <cstdlib>
#include <string>

#include "runner/engine/container_probe.h"

extern char** environ;

namespace runner {

/// What a container engine is looked for with: the environment of the test.
inline ContainerEnvironment our_environment() {
  ContainerEnvironment environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string line = *variable;
    const std::size_t equals = line.find('=');
    environment.variables.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  if (const char* host = std::getenv("DOCKER_HOST"))
    environment.docker_host = host;
  return environment;
}

}  // namespace runner
