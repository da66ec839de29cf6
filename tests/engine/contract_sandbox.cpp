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

INSTANTIATE_TEST_SUITE_P(Sandbox, ContractPresence, testing::Values(kSandbox), name_of);
INSTANTIATE_TEST_SUITE_P(Sandbox, EngineContract, testing::Values(kSandbox), name_of);

}  // namespace
}  // namespace runner::contract
