#pragma once

// What stands before programs that a job may not use as it likes (Permissions in
// runner/init/protocol.h): scripts of our own, whose folder comes first in the job's PATH, and that
// lie over what is denied whole. A job can go round them: with a copy of the program, by its
// absolute path where only some of it is denied, or by a library that does the same. Any thread.

#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/run/job.h"

namespace runner {

/// "allow WORD…" and "deny WORD…", in the order that a denial's number counts.
std::vector<std::string> permission_rules(const dsl::Permissions& permissions);

/// PATH of a job whose environment is this one otherwise.
std::string path_with_shims(const Variables& env);

/// Mounts into a job with permissions what stands before its programs, from files beneath
/// `<state_dir>/engine/`; those of equal rules are shared. Over programs only where `root`, the
/// folder that the job has as `/`, is not "": a program that is a link is then left alone, since
/// what it leads to may be many programs.
dsl::Status add_permission_shims(const std::string& state_dir, const std::string& root, Job& job);

}  // namespace runner
