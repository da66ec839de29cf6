// The daemon of `docker: dind`: a service beside the node, like those that the author names.

#include <algorithm>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/lower_task.h"
#include "dsl/render.h"

namespace dsl {
namespace {

constexpr const char* kUsualImage = "docker:28.5.2-dind";
constexpr Duration kUsualStart{60'000};  // it makes a network and looks at its disk first

}  // namespace

/// Its image may be the author's; what it runs and where it listens is ours.
void TaskLowering::lower_docker_daemon() {
  if (node_.docker != DockerAccess::Dind || unit_.task == nullptr || unit_.task->approval) {
    return;
  }
  const auto named = [](const auto& service) { return service.name == kDockerDaemon; };
  auto daemon = std::find_if(node_.services.begin(), node_.services.end(), named);
  if (daemon == node_.services.end()) {
    Service usual;
    usual.name = kDockerDaemon;
    usual.image = {Image::Kind::Reference, kUsualImage, ""};
    usual.ready_timeout = kUsualStart;
    daemon = node_.services.insert(node_.services.end(), std::move(usual));
  } else {
    check_docker_daemon();
  }
  daemon->command = {};
  daemon->port = kDockerDaemonPort;
}

/// The service that the author wrote for it, in the task or at the top.
void TaskLowering::check_docker_daemon() {
  const auto named = [](const ServiceSpec& service) { return service.name.value == kDockerDaemon; };
  for (const auto* all : {&unit_.task->services->own, &program_.pipeline.services}) {
    const auto spec = std::find_if(all->begin(), all->end(), named);
    if (spec == all->end()) {
      continue;
    }
    const auto refuse = [&](Span place, std::string_view key) {
      program_.findings.error(kUselessKey,
                              place,
                              fmt::format("the service '{}' is the daemon of 'docker: dind', whose "
                                          "'{}' is not yours to say",
                                          kDockerDaemon,
                                          key),
                              fmt::format("remove '{}', or call the service otherwise", key));
    };
    if (spec->command) {
      refuse(spec->command.script ? spec->command.script.span : spec->command.argv.span, "run");
    }
    if (spec->port) {
      refuse(spec->port.span, "port");
    }
    return;
  }
}

}  // namespace dsl
