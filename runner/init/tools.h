#pragma once

// The commands of pipe-init that a job may be: they run inside a container whose image has no such
// program.

#include "runner/init/protocol.h"

namespace runner::init {

/// argv[0] of a job whose command is one of these (runner/engine/init_program.h has the same).
inline constexpr const char* kToolName = "/.pipe-init";

bool is_tool(char* const* argv);

/// argv[0] is the tool's name. The result is an exit status.
int run_tool(char** argv);

/// `wait-tcp PORT TIMEOUT_MS`: 0 once something accepts on that port of 127.0.0.1 or ::1, else
/// kHttpNotConnected.
int wait_tcp(char** argv);

/// `http METHOD URL TIMEOUT_MS [-H 'Name: value']…`: asks over plain HTTP/1.1 on loopback and
/// prints "status N", a line's end, and the body (at most kHttpBodyCap bytes of it).
int http(char** argv);

/// Connects to a loopback port, by IPv4 or IPv6, until `deadline_ms` of the monotonic clock; -1
/// when nothing accepted until then. With `retry` a refusal is tried again.
int connect_loopback(const char* host, int port, long deadline_ms, bool retry);
long monotonic_ms();

}  // namespace runner::init
