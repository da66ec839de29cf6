#include "tests/engine/contract_container.h"

namespace runner::contract {
namespace {

ContractEngine docker() {
  return container_engine("docker", dsl::EngineName::Docker);
}

INSTANTIATE_TEST_SUITE_P(Docker, ContractPresence, testing::Values(docker()), name_of);
INSTANTIATE_TEST_SUITE_P(Docker, EngineContract, testing::Values(docker()), name_of);

}  // namespace
}  // namespace runner::contract
