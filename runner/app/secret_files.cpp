#include "runner/app/secret_files.h"

#include <utility>

#include "runner/sys/files.h"

namespace runner {

std::vector<std::string> secret_files(const dsl::Plan& plan, std::vector<std::string> env_files) {
  std::vector<std::string> all = std::move(env_files);
  all.insert(all.end(), plan.env_files.begin(), plan.env_files.end());
  for (const dsl::PlanNode& node : plan.nodes) {
    for (const dsl::Secret& secret : node.secrets) {
      if (!secret.file.empty()) {
        all.push_back(secret.file);
      }
    }
  }
  return all;
}

dsl::Status check_are_apart(const std::vector<std::string>& secret_files,
                            const Project& project,
                            TreeStore& trees) {
  for (const std::string& path : secret_files) {
    const dsl::Result<std::string> real = files::real_path(path);
    if (!real || !real->starts_with(project.folder + "/")) {
      continue;
    }
    const std::string inside = real->substr(project.folder.size() + 1);
    const dsl::Result<PathKind> kind = trees.kind_of(project.input, inside);
    if (kind && *kind != PathKind::Absent) {
      return dsl::Error{"'" + inside +
                            "' has values of secrets and is part of the project's commit, "
                            "so that every task would get it",
                        "run `git rm --cached " + inside +
                            "`, ignore it and commit, or name a file "
                            "outside of the project"};
    }
  }
  return dsl::Ok{};
}

}  // namespace runner
