#include "runner/engine/host.h"
#include "tests/engine/contract.h"

namespace runner::contract {
namespace {

const ContractEngine kHost{
    .name = "host",
    .make = [](EventLoop& loop, const EngineOptions& options)
        -> dsl::Result<std::unique_ptr<Engine>> { return make_host_engine(loop, options); },
};

INSTANTIATE_TEST_SUITE_P(Host, ContractPresence, testing::Values(kHost), name_of);
INSTANTIATE_TEST_SUITE_P(Host, EngineContract, testing::Values(kHost), name_of);

}  // namespace
}  // namespace runner::contract
