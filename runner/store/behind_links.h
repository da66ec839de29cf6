#pragma once

// Where paths that are protected lead: what is changed behind a link is changed for whoever goes
// through it. Any thread that holds the Objects.

#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/store/scan.h"
#include "runner/sys/git.h"

namespace runner {

/// `paths` (as put_back takes them), then the links of `both` at them and above them, and what
/// these lead to; of a pattern those that its folder leads through. Where a link leads out of the
/// tree nothing is added: nothing there is a job's. An Error for a path that leads out by itself.
dsl::Result<std::vector<std::string>> behind_links(git::Objects& objects,
                                                   const Halves& both,
                                                   const std::vector<std::string>& paths);

/// A link beneath a folder of `paths`, or that one of the patterns matches, and what it leads to
/// where that is of the tree and not at `paths`: often what is tested, which tasks are to change.
struct LinkBeyond {
  std::string link;
  std::string target;
};
/// REQUIRES: `paths` are of behind_links.
dsl::Result<std::vector<LinkBeyond>> links_beyond(git::Objects& objects,
                                                  const Halves& both,
                                                  const std::vector<std::string>& paths);

}  // namespace runner
