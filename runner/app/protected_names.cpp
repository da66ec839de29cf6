#include "runner/app/protected_names.h"

#include <optional>
#include <set>

#include <fmt/format.h>

#include "runner/sys/files.h"

namespace runner {

namespace {

/// Without a value nothing is found there.
std::optional<dsl::Error> doubt_about_links(const std::vector<std::string>& paths,
                                            const Project& project,
                                            TreeStore& trees) {
  const auto all = trees.behind_links(project.input, paths);
  const auto beyond = all ? trees.links_beyond(project.input, *all) : all.error();
  if (!beyond || beyond->empty()) {
    return std::nullopt;
  }
  return dsl::Error{
      fmt::format("protected '{}' is a link to '{}', which is not{}",
                  files::printable(beyond->front().link),
                  files::printable(beyond->front().target),
                  beyond->size() > 1 ? fmt::format(" (and {} more)", beyond->size() - 1) : ""),
      "protect what it leads to, too, where it judges"};
}

}  // namespace

std::vector<dsl::Error> doubts_about_protection(const dsl::Plan& plan,
                                                const std::string& own_file_name,
                                                const Project& project,
                                                TreeStore& trees) {
  std::set<std::string> written(plan.workspace.protect.begin(), plan.workspace.protect.end());
  for (const dsl::PlanNode& node : plan.nodes) {
    written.insert(node.workspace.protect.begin(), node.workspace.protect.end());
  }
  std::vector<dsl::Error> warnings;
  bool is_any_of_the_author = false;
  for (std::string path : written) {
    const std::string shown = path;
    while (path.ends_with('/')) {
      path.pop_back();
    }
    const std::string name = path.substr(path.rfind('/') + 1);
    if (name == ".pipe" || name == own_file_name) {
      continue;  // protected whether they are there or not
    }
    is_any_of_the_author = true;
    const auto all = trees.behind_links(project.input, {path, path + "/**"});
    const auto matched = all ? trees.hash_files(project.input, *all) : all.error();
    if (matched && matched->empty()) {
      warnings.push_back(
          {"'" + files::printable(shown) + "' is protected, and the run begins with no such file",
           "is it misspelt? what a verified task makes there stays as that task left it"});
    }
  }
  if (is_any_of_the_author) {  // all files of the project are looked at for it
    const std::vector<std::string> all(written.begin(), written.end());
    if (auto doubt = doubt_about_links(all, project, trees)) {
      warnings.push_back(*std::move(doubt));
    }
  }
  return warnings;
}

}  // namespace runner
