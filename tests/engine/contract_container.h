#pragma once

// Docker and Podman for the contract suite, with the image of scripts/test-images.

#include <string>

#include "dsl/plan.h"
#include "tests/engine/contract.h"

namespace runner::contract {

ContractEngine container_engine(const std::string& title, dsl::EngineName name);

}  // namespace runner::contract
