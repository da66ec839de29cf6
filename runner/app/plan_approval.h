#pragma once

// People's words for sealed plans: signed with an SSH key where there is one, and checked. The
// signing and checking is done by ssh-keygen, in the namespace `pipe-plan`. Blocks for as long as
// that program takes; it may ask for a passphrase on the terminal. Main thread.

#include <string>
#include <vector>

#include "dsl/result.h"
#include "dsl/sealed_plan.h"

namespace runner {

/// The key that the user most likely signs with: git's, where that is an SSH key's file, else the
/// usual ones in ~/.ssh; "" none.
std::string usual_signing_key();

/// Fills in `signature`. `key`: a private key's file, or a public one whose private half an agent
/// holds.
dsl::Result<dsl::PlanApproval> signed_approval(dsl::PlanApproval approval, const std::string& key);

struct CheckedApprovals {
  std::vector<std::string> by;       // whose word counts, "ann (signed)"
  std::vector<dsl::Error> problems;  // why that of others does not
};

/// Only words for this plan's digest count, and only with a signature that fits them where there is
/// one. With `allowed_signers` (a file as ssh-keygen(1) has it; "" none) only those of its names
/// do, signed with their keys.
CheckedApprovals check_approvals(const dsl::SealedPlan& plan, const std::string& allowed_signers);

}  // namespace runner
