#pragma once

// Where a remote of the user's repository leads, as git says with all that is configured
// (`pushurl`, `insteadOf`). Blocks the loop's thread.

#include <string>

#include "dsl/result.h"
#include "runner/app/user_program.h"

namespace runner {

/// Without what could be a credential: the password of a URL, of `http(s)` all before the host and
/// from a `?` on.
std::string without_credentials(const std::string& address);

/// Where a push to it goes, without credentials: several addresses a line each. An Error says what
/// git said, where the repository has no such remote.
dsl::Result<std::string> push_address(UserProgram& program, const std::string& remote);

/// Of the repository in the folder.
dsl::Result<std::string> push_address(const std::string& folder, const std::string& remote);

}  // namespace runner
