#pragma once

// The images of a container engine: finds them, pulls, builds or imports what is missing, and
// remembers what it found. What it makes itself is tagged by its content ("pipe-build:<digest>",
// "pipe-rootfs:…", "pipe-archive:…"), so that the next run finds it.
//
// Looking up is a call of the Engine API; pulling, building and loading are left to the docker and
// podman programs, which know registries' credentials and Dockerfiles. Loop thread.

#include <functional>
#include <memory>
#include <string>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/engine/container_api.h"
#include "runner/engine/container_command.h"
#include "runner/engine/container_probe.h"
#include "runner/sys/event_loop.h"

namespace runner {

class ContainerImages {
 public:
  /// The first three outlive it. What it makes is made for `store` (EngineOptions::store_id).
  ContainerImages(EventLoop& loop,
                  ContainerApi& api,
                  const ContainerProgram& program,
                  std::string store);
  ContainerImages(const ContainerImages&) = delete;
  ContainerImages& operator=(const ContainerImages&) = delete;
  ~ContainerImages();

  /// As Engine::prepare_image. Several requests for the same image do the work once.
  void prepare(const dsl::Image& image, std::function<void(dsl::Result<std::string>)> done);

  /// An image that was prepared; null: it was not.
  [[nodiscard]] const ContainerImage* find(const dsl::Image& image) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What GET /images/NAME/json replies. An Error where it is not that.
dsl::Result<ContainerImage> read_image(const std::string& json);

}  // namespace runner
