#pragma once

// What an agent notices of the gateway between it and its model: the real binary meters a client
// that behaves as one, a provider on this machine answers it.

namespace bench {

struct Metered {
  double new_ms = 0;   // to the first byte, on a connection of its own
  double kept_ms = 0;  // on one that is open
};
/// Medians, by itself and through the gateway. Throw std::runtime_error where a run fails.
Metered first_byte_direct();
Metered first_byte_through_gateway();

/// Most resident memory of a runner through whose gateway so many answers stream at once, MB.
double memory_of_streams(int count);

}  // namespace bench
