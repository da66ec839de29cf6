#pragma once

// Hooks of the user's repository that `pipe hooks install` writes, for the user's own commits and
// pushes. A hook that is there is kept beside ours, runs first, and decides as before. Blocks the
// loop's thread.

#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/sys/event_loop.h"

namespace runner {

struct HookRequest {
  std::string folder;   // in the repository
  std::string program;  // this program, absolute
  /// A pipeline that must pass before a push, as the hook shall name it; "": no such hook.
  std::string before_push;
};

struct InstalledHook {
  std::string name;      // "commit-msg"
  bool chained = false;  // one of the user runs first
};

/// Writes pre-commit, commit-msg and, where asked for, pre-push; ours of before are written anew.
/// An Error where there is no repository, or where its hooks are shared with others.
dsl::Result<std::vector<InstalledHook>> install_hooks(EventLoop& loop, const HookRequest& request);

/// Removes what is ours, and puts back what was there before. Returns the names.
dsl::Result<std::vector<InstalledHook>> uninstall_hooks(EventLoop& loop, const std::string& folder);

}  // namespace runner
