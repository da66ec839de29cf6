#pragma once

namespace runner::init {

/// Reads a small file whole, as a text, into a buffer that the caller frees; null where there is
/// none.
char* read_file(const char* path);

}  // namespace runner::init
