#pragma once

// `pipe-init`, the program that is process 1 of every container, travels inside the `pipe` binary.
// This puts it on disk. Any thread.

#include <string>
#include <string_view>

#include "dsl/result.h"

namespace runner {

/// A job whose argv[0] is this runs a command of pipe-init itself ("http", "wait-tcp"), in every
/// engine and every image. No such file need exist: the pipe-init that is process 1 knows the name.
inline constexpr std::string_view kInitPath = "/.pipe-init";

/// The program's bytes.
std::string_view init_program_bytes();

/// Writes the program to `<state_dir>/bin/pipe-init-<digest>` (mode 0555) unless it is there, and
/// returns that path. Another runner may do the same at the same time.
dsl::Result<std::string> install_init_program(const std::string& state_dir);

}  // namespace runner
