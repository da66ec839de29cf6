#include "runner/cli/engine_shelf.h"

#include "runner/app/engines.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/orphans.h"

namespace runner::cli {

struct EngineShelf::Impl {
  Impl(const Settings& settings, const std::string& store_id)
      : registry(loop, engine_options(settings, store_id), container_environment(settings)) {}

  // First made, last gone: what engines' programs leave behind is ended when they have ended.
  Orphans orphans;
  EventLoop loop;
  EngineRegistry registry;
};

EngineShelf::EngineShelf(const Settings& settings, const std::string& store_id)
    : impl_(std::make_unique<Impl>(settings, store_id)) {
  using dsl::EngineName;
  const std::set<EngineName> all = {
      EngineName::Docker, EngineName::Podman, EngineName::Sandbox, EngineName::Host};
  bool done = false;
  impl_->registry.look_for(all, [&] {
    done = true;
    impl_->loop.stop();
  });
  if (!done) {
    impl_->loop.run();
  }
}

EngineShelf::~EngineShelf() = default;

std::vector<EngineFinding> EngineShelf::findings() const {
  return impl_->registry.findings();
}

dsl::Result<dsl::EngineName> EngineShelf::automatic() const {
  const auto engine = impl_->registry.choose(dsl::EngineName::Auto, JobNeeds{});
  if (!engine) {
    return engine.error();
  }
  return (*engine)->traits().name;
}

std::vector<dsl::Error> EngineShelf::remove_leftovers(const dsl::RunId& run) {
  std::vector<dsl::Error> errors;
  for (Engine* engine : impl_->registry.engines()) {
    bool done = false;
    engine->remove_leftovers(run, [&](const dsl::Status& status) {
      if (!status) {
        errors.push_back(status.error().within(std::string(engine_word(engine->traits().name))));
      }
      done = true;
      impl_->loop.stop();
    });
    if (!done) {
      impl_->loop.run();
    }
  }
  return errors;
}

}  // namespace runner::cli
