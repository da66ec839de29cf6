#include "tests/engine/contract_container.h"

#include <optional>

#include "runner/engine/container.h"
#include "tests/engine/our_environment.h"

namespace runner::contract {
namespace {

template <class T>
T wait_for(EventLoop& loop, const std::optional<T>& value) {
  while (!value)
    loop.run_for(dsl::Duration{1'000});
  return *value;
}

dsl::Image busybox() {
  dsl::Image image;
  image.kind = dsl::Image::Kind::Reference;
  image.reference = "pipe-test/busybox:1";
  return image;
}

dsl::Result<std::unique_ptr<Engine>> make_engine(dsl::EngineName name,
                                                 EventLoop& loop,
                                                 const EngineOptions& options) {
  std::optional<dsl::Result<ContainerProgram>> program;
  probe_container_program(loop, name, our_environment(), [&](dsl::Result<ContainerProgram> found) {
    program = std::move(found);
  });
  if (const auto found = wait_for(loop, program); !found)
    return found.error();
  auto engine = make_container_engine(loop, options, **program);
  std::optional<dsl::Result<std::string>> image;
  engine->prepare_image(busybox(),
                        [&](dsl::Result<std::string> digest) { image = std::move(digest); });
  if (const auto digest = wait_for(loop, image); !digest)
    return dsl::Error{digest.error().message, "scripts/test-images makes it"};
  return engine;
}

}  // namespace

ContractEngine container_engine(const std::string& title, dsl::EngineName name) {
  ContractEngine engine;
  engine.name = title;
  engine.make = [name](EventLoop& loop, const EngineOptions& options) {
    return make_engine(name, loop, options);
  };
  engine.image = busybox;
  engine.image_env = {usual_environment()[0], {"IMAGE_ONLY", "from-the-image"}};
  return engine;
}

}  // namespace runner::contract
