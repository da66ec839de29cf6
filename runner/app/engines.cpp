#include "runner/app/engines.h"

#include <cstdlib>
#include <string>
#include <string_view>
#include <unistd.h>

namespace runner {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

EngineOptions engine_options(const Settings& settings, const std::string& store_id) {
  EngineOptions options;
  options.state_dir = settings.state_dir;
  options.store_id = store_id;
  return options;
}

ContainerEnvironment container_environment(const Settings& settings) {
  ContainerEnvironment made;
  made.docker_socket = settings.docker_socket;
  made.docker_host = variable("DOCKER_HOST");
  made.docker_context = variable("DOCKER_CONTEXT");
  made.home = variable("HOME");
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      made.variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return made;
}

std::vector<std::string> engine_sockets(const Settings& settings) {
  std::vector<std::string> sockets;
  for (const std::string& address : {settings.docker_socket, variable("DOCKER_HOST")}) {
    if (const auto path = socket_path(address); path && path->starts_with('/')) {
      sockets.push_back(*path);
    }
  }
  if (const std::string own = variable("XDG_RUNTIME_DIR"); own.starts_with('/')) {
    sockets.push_back(own + "/docker.sock");
    sockets.push_back(own + "/podman/podman.sock");
  }
  return sockets;
}

}  // namespace runner
