// How a result reaches the user's project: as a branch, or as files (write_back.cpp). Declared in
// project.h.

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <unordered_map>

#include <fmt/format.h>

#include "runner/store/project.h"
#include "runner/store/tree_paths.h"
#include "runner/sys/files.h"
#include "runner/sys/git_project.h"

namespace runner {
namespace {

using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

/// The history of a run in a subfolder, as one of the whole repository: every tree is put back into
/// the tree of HEAD, and the run's first commit becomes HEAD.
dsl::Result<Oid> graft(Objects& objects, const Project& project, const Oid& tip) {
  auto head = git::parse_oid(project.head);
  if (!head) {
    return head.error();
  }
  auto top = objects.read_commit(*head);
  if (!top) {
    return top.error();
  }
  std::unordered_map<Oid, Oid, git::OidHash> grafted;
  std::vector<Oid> pending{tip};
  while (!pending.empty()) {
    const Oid id = pending.back();
    auto commit = objects.read_commit(id);
    if (!commit) {
      return commit.error();
    }
    if (commit->parents.empty()) {
      grafted.emplace(id, *head);
    }
    bool ready = true;
    for (Oid& parent : commit->parents) {
      const auto known = grafted.find(parent);
      if (known == grafted.end()) {
        pending.push_back(parent);
        ready = false;
      } else {
        parent = known->second;
      }
    }
    if (!ready) {
      continue;
    }
    pending.pop_back();
    if (grafted.contains(id)) {
      continue;
    }
    auto tree =
        put_entry(objects, top->tree, project.prefix, Entry{"", Kind::Folder, commit->tree});
    if (!tree) {
      return tree;
    }
    commit->tree = *tree;
    auto written = objects.write_commit(*commit);
    if (!written) {
      return written;
    }
    grafted.emplace(id, *written);
  }
  return grafted.at(tip);
}

/// The commit that the branch leads to.
dsl::Result<Oid> tip_of(Objects& objects, const Project& project, const TreeRef& result) {
  auto commit = git::parse_oid(result.commit);
  return commit && !project.prefix.empty() ? graft(objects, project, *commit) : commit;
}

dsl::Result<git::Project> repository_of(const Project& project) {
  auto found = git::Project::find(project.folder);
  if (!found) {
    return found.error();
  }
  if (!*found || (*found)->objects_folder() != project.objects) {
    return dsl::Error{fmt::format("the repository of '{}' is not where it was when the run began",
                                  files::printable(project.folder)),
                      "move it back"};
  }
  return **std::move(found);
}

}  // namespace

dsl::Status check_branch_is_free(const Project& project, const std::string& branch) {
  if (project.kind != Project::Kind::Repository) {
    return dsl::Ok{};
  }
  if (auto fine = git::check_branch_name(branch); !fine) {
    return fine;
  }
  auto found = git::Project::find(project.folder);
  if (!found || !*found) {
    return found ? dsl::Status(dsl::Ok{}) : dsl::Status(found.error());
  }
  for (std::size_t slash = branch.find('/'); slash != std::string::npos;
       slash = branch.find('/', slash + 1)) {
    const std::string folder = branch.substr(0, slash);
    auto taken = (*found)->branch(folder);
    if (!taken) {
      return taken.error();
    }
    if (*taken) {
      return dsl::Error{
          fmt::format(
              "the result would be branch '{}', and a branch '{}' is in the way", branch, folder),
          fmt::format("rename it with `git branch -m {} OTHER`", folder)};
    }
  }
  return dsl::Ok{};
}

dsl::Status check_project_is_writable(const Project& project) {
  std::vector<std::string> needed{project.folder};
  if (project.kind == Project::Kind::Repository) {
    const std::string shared = project.objects.substr(0, project.objects.rfind('/'));
    needed = {project.objects, shared + "/refs/heads"};
  }
  for (const std::string& folder : needed) {
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0 && errno != ENOENT) {
      return dsl::Error{
          fmt::format("the project cannot take the result: {}",
                      files::system_error("write to", folder, errno).message),
          "the run will keep it; make the folder writable for you, now, or then and go on with "
          "`pipe resume`"};
    }
  }
  return dsl::Ok{};
}

dsl::Status publish_branch(TreeStore& store,
                           const Project& project,
                           const std::string& branch,
                           const TreeRef& result) {
  if (auto fine = git::check_branch_name(branch); !fine) {
    return fine;
  }
  auto repository = repository_of(project);
  auto objects = store.borrow();
  if (!repository || !objects) {
    return repository ? objects.error() : repository.error();
  }
  auto tip = tip_of(**objects, project, result);
  return tip ? repository->add_branch(branch, **objects, *tip) : tip.error();
}

dsl::Result<std::string> commit_of_branch(TreeStore& store,
                                          const Project& project,
                                          const std::string& branch,
                                          const TreeRef& result) {
  auto repository = repository_of(project);
  auto objects = store.borrow();
  if (!repository || !objects) {
    return repository ? objects.error() : repository.error();
  }
  auto tip = tip_of(**objects, project, result);
  auto now = tip ? repository->branch(branch) : tip.error();
  if (!now) {
    return now.error();
  }
  const std::string made = git::to_hex(*tip);
  if (*now && **now == *tip) {
    return made;
  }
  const std::string problem =
      *now ? " has changed since the run made it, and only what was verified is pushed"
           : " is gone";
  return dsl::Error{
      "branch '" + branch + "'" + problem,
      fmt::format(
          "`git branch -f {} {}` brings back what the run made", branch, made.substr(0, 12))};
}

dsl::Status take_back(TreeStore& store,
                      const Project& project,
                      const std::string& branch,
                      const TreeRef& result) {
  if (project.kind == Project::Kind::Folder) {
    Project as_left = project;
    as_left.input = result;
    return write_back(store, as_left, project.input, WriteBackFor::Undo);
  }
  auto repository = repository_of(project);
  auto objects = store.borrow();
  if (!repository || !objects) {
    return repository ? objects.error() : repository.error();
  }
  auto tip = tip_of(**objects, project, result);
  return tip ? repository->remove_branch(branch, *tip) : tip.error();
}

dsl::Result<std::string> deliver(TreeStore& store,
                                 const Project& project,
                                 const std::string& branch,
                                 const TreeRef& result) {
  if (project.kind == Project::Kind::Repository) {
    if (result.commit == project.input.commit) {
      return std::string("nothing changed");
    }
    auto done = publish_branch(store, project, branch, result);
    return done ? dsl::Result<std::string>(fmt::format("branch '{}'", branch)) : done.error();
  }
  if (result == project.input) {
    return std::string("nothing changed");
  }
  auto done = write_back(store, project, result);
  return done ? dsl::Result<std::string>(
                    fmt::format("folder '{}'", files::printable(project.folder)))
              : done.error();
}

}  // namespace runner
