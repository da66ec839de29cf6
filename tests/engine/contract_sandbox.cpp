#include <sys/stat.h>

#include "runner/engine/sandbox.h"
#include "tests/engine/contract.h"

namespace runner::contract {
namespace {

const ContractEngine kSandbox{
    .name = "sandbox",
    .make = [](EventLoop& loop,
               const EngineOptions& options) -> dsl::Result<std::unique_ptr<Engine>> {
      auto engine = make_sandbox_engine(loop, options);
      const auto trouble = engine->unsupported(JobNeeds{});
      if (!trouble.empty()) {
        return trouble.front();
      }
      return engine;
    },
};

/// An unpacked root filesystem that has next to nothing, as an image.
dsl::Image bare_root() {
  static const TemporaryFolder root;
  static const bool made = mkdir((root / "etc").c_str(), 0755) == 0;
  EXPECT_TRUE(made);
  return {dsl::Image::Kind::RootFs, root.path(), ""};
}

ContractEngine with_image(ContractEngine engine) {
  engine.name += "_rootfs";
  engine.image = bare_root;
  return engine;
}

INSTANTIATE_TEST_SUITE_P(Sandbox, ContractPresence, testing::Values(kSandbox), name_of);
INSTANTIATE_TEST_SUITE_P(Sandbox,
                         EngineContract,
                         testing::Values(kSandbox, with_image(kSandbox)),
                         name_of);

}  // namespace
}  // namespace runner::contract
