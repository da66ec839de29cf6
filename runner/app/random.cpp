#include "runner/app/random.h"

#include <memory>
#include <random>

namespace runner {

std::function<std::uint32_t()> random_numbers() {
  const auto device = std::make_shared<std::random_device>();
  return [device] { return (*device)(); };
}

}  // namespace runner
