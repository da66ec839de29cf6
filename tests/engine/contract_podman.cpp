#include "tests/engine/contract_container.h"

namespace runner::contract {
namespace {

ContractEngine podman() {
  return container_engine("podman", dsl::EngineName::Podman);
}

INSTANTIATE_TEST_SUITE_P(Podman, ContractPresence, testing::Values(podman()), name_of);
INSTANTIATE_TEST_SUITE_P(Podman, EngineContract, testing::Values(podman()), name_of);

}  // namespace
}  // namespace runner::contract
