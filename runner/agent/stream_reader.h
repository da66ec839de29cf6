#pragma once

// Reads the lines of an agent as its step describes them (dsl/agent.h). Pure: bytes in, outcome
// out. Memory is bounded whatever comes. Loop thread.

#include <memory>

#include "runner/run/agent.h"

namespace runner {

/// `agent` is borrowed for the life of the reader.
std::unique_ptr<AgentReader> make_stream_reader(const dsl::Agent& agent);

}  // namespace runner
