#include "runner/app/protected_names.h"

#include <set>

#include "runner/sys/files.h"

namespace runner {

std::vector<dsl::Error> protects_nothing(const dsl::Plan& plan,
                                         const std::string& own_file_name,
                                         const Project& project,
                                         TreeStore& trees) {
  std::set<std::string> written(plan.workspace.protect.begin(), plan.workspace.protect.end());
  for (const dsl::PlanNode& node : plan.nodes) {
    written.insert(node.workspace.protect.begin(), node.workspace.protect.end());
  }
  std::vector<dsl::Error> warnings;
  for (std::string path : written) {
    const std::string shown = path;
    while (path.ends_with('/')) {
      path.pop_back();
    }
    const std::string name = path.substr(path.rfind('/') + 1);
    if (name == ".pipe" || name == own_file_name) {
      continue;  // protected whether they are there or not
    }
    const auto matched = trees.hash_files(project.input, {path, path + "/**"});
    if (matched && matched->empty()) {
      warnings.push_back(
          {"'" + files::printable(shown) + "' is protected, and the run begins with no such file",
           "is it misspelt? what a verified task makes there stays as that task left it"});
    }
  }
  return warnings;
}

}  // namespace runner
