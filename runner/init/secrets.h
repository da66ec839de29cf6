#pragma once

// Secrets that a job sees in files: in memory (tmpfs) and gone with the container.

#include "runner/init/person.h"

namespace runner::init {

/// Writes `files` (null-terminated: name, content, name, content, …) below kSecretFolder, for
/// `owner` (null: ourselves) alone. Null, or the path that could not be written (errno is set).
const char* write_secrets(char* const* files, const Person* owner);

}  // namespace runner::init
