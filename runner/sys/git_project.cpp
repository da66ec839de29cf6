#include "runner/sys/git_project.h"

#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "runner/sys/files.h"
#include "runner/sys/git_error.h"

namespace runner::git {
namespace {

std::string trimmed(const char* path) {
  std::string text = path == nullptr ? "" : path;
  while (text.size() > 1 && text.ends_with('/')) {
    text.pop_back();
  }
  return text;
}

/// Git refuses repositories of other users because their configuration could run programs. We run
/// nothing of it, but would still take a stranger's files for the user's: /tmp/.git must not become
/// the project of /tmp/mine. The owner of the folder itself is trusted, so that root can work in a
/// user's project.
dsl::Status check_owner(const std::string& git_folder, const std::string& folder) {
  struct stat repository {};
  struct stat workspace {};
  if (::stat(git_folder.c_str(), &repository) != 0 || ::stat(folder.c_str(), &workspace) != 0) {
    return files::system_error("open repository", git_folder, errno);
  }
  if (repository.st_uid == ::geteuid() || repository.st_uid == workspace.st_uid) {
    return dsl::Ok{};
  }
  return dsl::Error{
      fmt::format("the repository '{}' above '{}' belongs to another user", git_folder, folder),
      "name the repository's own folder as the workspace, or move the folder out of it"};
}

void accept_harmless_extensions() {
  static const bool kDone = [] {
    // None of them changes how objects and references are read.
    const char* names[] = {
        "worktreeconfig", "partialclone", "preciousobjects", "relativeworktrees"};
    git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, names, std::size(names));
    return true;
  }();
  static_cast<void>(kDone);
}

}  // namespace

struct Project::Impl {
  Held<git_repository, git_repository_free> repository;

  [[nodiscard]] dsl::Result<Held<git_odb, git_odb_free>> objects() const {
    git_odb* odb = nullptr;
    if (const int code = git_repository_odb(&odb, repository.get()); code != 0) {
      return error_of("open the repository's objects", code);
    }
    return Held<git_odb, git_odb_free>(odb);
  }
};

Project::Project(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Project::Project(Project&&) noexcept = default;
Project& Project::operator=(Project&&) noexcept = default;
Project::~Project() = default;

dsl::Result<std::optional<Project>> Project::find(const std::string& folder) {
  start_library();
  accept_harmless_extensions();
  git_repository* opened = nullptr;
  const int code = git_repository_open_ext(&opened, folder.c_str(), 0, nullptr);
  if (code == GIT_ENOTFOUND) {
    return std::optional<Project>();
  }
  if (code != 0) {
    dsl::Error error = error_of(fmt::format("open the repository of '{}'", folder), code);
    if (error.message.find("unsupported extension") != std::string::npos) {
      error.remedy =
          "pipe reads repositories with SHA-1 objects and plain references only; work on a "
          "copy of the files without '.git'";
    }
    return error;
  }
  auto impl = std::make_unique<Impl>();
  impl->repository.reset(opened);
  Project project(std::move(impl));
  project.work_tree_ = trimmed(git_repository_workdir(opened));
  project.git_folder_ = trimmed(git_repository_path(opened));
  project.objects_folder_ = trimmed(git_repository_commondir(opened)) + "/objects";
  if (auto owned = check_owner(project.git_folder_, folder); !owned) {
    return owned.error();
  }
  return std::optional<Project>(std::move(project));
}

dsl::Result<Project::Head> Project::head() const {
  Head head;
  git_repository* repository = impl_->repository.get();
  git_reference* found = nullptr;
  const int code = git_repository_head(&found, repository);
  const Held<git_reference, git_reference_free> reference(found);
  if (code == GIT_EUNBORNBRANCH || code == GIT_ENOTFOUND) {
    return head;
  }
  if (code != 0) {
    return error_of("read HEAD", code);
  }
  git_object* object = nullptr;
  if (const int peeled = git_reference_peel(&object, found, GIT_OBJECT_COMMIT); peeled != 0) {
    return error_of("read HEAD", peeled);
  }
  const Held<git_object, git_object_free> commit(object);
  head.commit = from_git(*git_object_id(object));
  if (git_repository_head_detached(repository) == 0) {
    head.branch = git_reference_shorthand(found);
  }
  return head;
}

namespace {

bool is_unwatched(const git_index_entry& entry) {
  return (entry.flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0 ||
         (entry.flags & GIT_INDEX_ENTRY_VALID) != 0;
}

}  // namespace

dsl::Result<Project::Uncommitted> Project::uncommitted(const std::string& folder) const {
  git_status_options options = GIT_STATUS_OPTIONS_INIT;
  options.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
  options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_EXCLUDE_SUBMODULES |
                  GIT_STATUS_OPT_DISABLE_PATHSPEC_MATCH;
  std::string path = folder;
  char* paths[] = {path.data()};
  if (!folder.empty()) {
    options.pathspec = {paths, 1};
  }
  git_status_list* made = nullptr;
  if (const int code = git_status_list_new(&made, impl_->repository.get(), &options); code != 0) {
    return error_of("compare the work tree with HEAD", code);
  }
  const Held<git_status_list, git_status_list_free> list(made);
  git_index* opened = nullptr;
  if (const int code = git_repository_index(&opened, impl_->repository.get()); code != 0) {
    return error_of("read the index", code);
  }
  const Held<git_index, git_index_free> index(opened);
  // libgit2 looks for files that git does not.
  const auto is_only_missing = [&](const git_status_entry& entry) {
    const git_index_entry* known =
        entry.head_to_index == nullptr && entry.index_to_workdir != nullptr
            ? git_index_get_bypath(opened, entry.index_to_workdir->old_file.path, 0)
            : nullptr;
    return known != nullptr && is_unwatched(*known);
  };
  Uncommitted count;
  for (std::size_t i = 0; i < git_status_list_entrycount(made); ++i) {
    const git_status_entry* entry = git_status_byindex(made, i);
    if (entry->status == GIT_STATUS_WT_NEW) {
      ++count.untracked;
    } else if (entry->status != GIT_STATUS_CURRENT && entry->status != GIT_STATUS_IGNORED &&
               !is_only_missing(*entry)) {
      const git_diff_delta* delta =
          entry->index_to_workdir != nullptr ? entry->index_to_workdir : entry->head_to_index;
      count.changed.insert({delta->old_file.path, delta->new_file.path});
    }
  }
  return count;
}

dsl::Result<Project::Index> Project::index(Objects& to) const {
  git_index* opened = nullptr;
  if (const int code = git_repository_index(&opened, impl_->repository.get()); code != 0) {
    return error_of("read the index", code);
  }
  const Held<git_index, git_index_free> index(opened);
  if (git_index_has_conflicts(opened) != 0) {
    return dsl::Error{"the repository is in the middle of a merge with conflicts",
                      "finish or abort the merge first"};
  }
  auto all = write_index(to, opened);
  auto unwatched = write_index(to, opened, is_unwatched);
  if (!all || !unwatched) {
    return all ? unwatched.error() : all.error();
  }
  return Index{*all, *unwatched};
}

dsl::Result<Oid> Project::commit_of(const std::string& name) const {
  git_object* found = nullptr;
  const int code = git_revparse_single(&found, impl_->repository.get(), name.c_str());
  const Held<git_object, git_object_free> object(found);
  git_object* peeled = nullptr;
  if (code != 0 || git_object_peel(&peeled, found, GIT_OBJECT_COMMIT) != 0) {
    return dsl::Error{fmt::format("the repository has no commit '{}'", files::printable(name)),
                      "see what `git rev-parse --verify` says of it"};
  }
  const Held<git_object, git_object_free> commit(peeled);
  return from_git(*git_object_id(peeled));
}

dsl::Result<std::optional<Oid>> Project::branch(const std::string& name) const {
  git_oid target{};
  const int code =
      git_reference_name_to_id(&target, impl_->repository.get(), ("refs/heads/" + name).c_str());
  if (code == GIT_ENOTFOUND) {
    return std::optional<Oid>();
  }
  if (code != 0) {
    return error_of(fmt::format("read branch '{}'", name), code);
  }
  return std::optional<Oid>(from_git(target));
}

dsl::Status Project::remove_branch(const std::string& name, const Oid& expected) {
  git_reference* found = nullptr;
  const int looked =
      git_branch_lookup(&found, impl_->repository.get(), name.c_str(), GIT_BRANCH_LOCAL);
  if (looked == GIT_ENOTFOUND) {
    return dsl::Ok{};
  }
  if (looked != 0) {
    return error_of(fmt::format("read branch '{}'", name), looked);
  }
  const Held<git_reference, git_reference_free> branch(found);
  const git_oid* target = git_reference_target(branch.get());
  if (target == nullptr || from_git(*target) != expected) {
    return dsl::Error{fmt::format("branch '{}' has changed since the run made it", name),
                      fmt::format("`git branch -D {}` removes it all the same", name)};
  }
  if (git_branch_is_checked_out(branch.get()) == 1) {
    return dsl::Error{fmt::format("branch '{}' is checked out", name),
                      "switch to another one first: `git switch -`"};
  }
  auto now = head();
  if (!now) {
    return now.error();
  }
  if (now->commit) {
    const git_oid tip = to_git(*now->commit);
    if (*now->commit == expected ||
        git_graph_descendant_of(impl_->repository.get(), &tip, target) == 1) {
      return dsl::Error{fmt::format("the commits of '{}' are part of {}",
                                    name,
                                    now->branch.empty() ? "HEAD" : "'" + now->branch + "'"),
                        "take them back with `git revert`, which keeps the history"};
    }
  }
  const int removed = git_reference_delete(branch.get());
  return removed == 0 ? dsl::Status(dsl::Ok{})
                      : dsl::Status(error_of(fmt::format("remove branch '{}'", name), removed));
}

namespace {

/// Copies what is reachable from a commit and not yet there.
class Copier {
 public:
  Copier(Objects& from, git_odb* to) : from_(from), to_(to) {}

  dsl::Status copy_commits(const Oid& tip) {
    std::vector<Oid> pending{tip};
    while (!pending.empty()) {
      const Oid id = pending.back();
      pending.pop_back();
      if (is_there(id)) {
        continue;
      }
      auto commit = from_.read_commit(id);
      if (!commit) {
        return commit.error();
      }
      if (auto copied = copy_tree(commit->tree); !copied) {
        return copied;
      }
      commits_.push_back(id);
      pending.insert(pending.end(), commit->parents.begin(), commit->parents.end());
    }
    // Commits last and oldest first: what is there then always leads to whole trees.
    for (auto id = commits_.rbegin(); id != commits_.rend(); ++id) {
      if (auto copied = copy(*id); !copied) {
        return copied;
      }
    }
    return dsl::Ok{};
  }

 private:
  bool is_there(const Oid& id) {
    const git_oid raw = to_git(id);
    return !seen_.insert(id).second ||
           git_odb_exists_ext(to_, &raw, GIT_ODB_LOOKUP_NO_REFRESH) != 0;
  }

  dsl::Status copy_tree(const Oid& id) {
    if (is_there(id)) {
      return dsl::Ok{};
    }
    auto entries = from_.read_tree(id);
    if (!entries) {
      return entries.error();
    }
    for (const Entry& entry : *entries) {
      if (entry.kind == Kind::Submodule) {
        continue;
      }
      auto copied = entry.kind == Kind::Folder ? copy_tree(entry.id)
                    : is_there(entry.id)       ? dsl::Status(dsl::Ok{})
                                               : copy(entry.id);
      if (!copied) {
        return copied;
      }
    }
    return copy(id);
  }

  dsl::Status copy(const Oid& id) {
    git_odb_stream* opened = nullptr;
    const auto begin = [&](Objects::Type type, std::int64_t size) -> dsl::Status {
      const git_object_t kind = type == Objects::Type::Commit ? GIT_OBJECT_COMMIT
                                : type == Objects::Type::Tree ? GIT_OBJECT_TREE
                                                              : GIT_OBJECT_BLOB;
      const int code =
          git_odb_open_wstream(&opened, to_, static_cast<git_object_size_t>(size), kind);
      return code == 0 ? dsl::Status(dsl::Ok{}) : error_of("write to the repository", code);
    };
    const auto write = [&](std::string_view bytes) -> dsl::Status {
      const int code = git_odb_stream_write(opened, bytes.data(), bytes.size());
      return code == 0 ? dsl::Status(dsl::Ok{}) : error_of("write to the repository", code);
    };
    auto poured = from_.pour(id, begin, write);
    const Held<git_odb_stream, git_odb_stream_free> stream(opened);
    if (!poured) {
      return poured;
    }
    git_oid written{};
    if (const int code = git_odb_stream_finalize_write(&written, opened); code != 0) {
      return error_of("write to the repository", code);
    }
    return dsl::Ok{};
  }

  Objects& from_;
  git_odb* to_;
  std::unordered_set<Oid, OidHash> seen_;
  std::vector<Oid> commits_;
};

}  // namespace

dsl::Status Project::add_branch(const std::string& name, Objects& objects, const Oid& commit) {
  const auto within = [&](const dsl::Error& error) {
    dsl::Error told = error.within(fmt::format("branch '{}'", name));
    if (told.message.find(std::strerror(EACCES)) != std::string::npos) {
      told.remedy = "make the repository writable for you";
    }
    return told;
  };
  if (auto fine = check_branch_name(name); !fine) {
    return fine;
  }
  auto present = branch(name);
  if (!present) {
    return present.error();
  }
  if (present->has_value()) {
    if (**present == commit) {
      return dsl::Ok{};
    }
    return dsl::Error{
        fmt::format("branch '{}' is there already, at {}", name, to_hex(**present).substr(0, 12)),
        fmt::format("move it away with `git branch -m {} OTHER`", name)};
  }
  auto odb = impl_->objects();
  if (!odb) {
    return within(odb.error());
  }
  if (auto copied = Copier(objects, odb->get()).copy_commits(commit); !copied) {
    return within(copied.error());
  }
  if (auto flushed = files::flush_file_system(objects_folder_); !flushed) {
    return within(flushed.error());
  }
  const git_oid target = to_git(commit);
  git_reference* made = nullptr;
  const int code = git_reference_create(&made,
                                        impl_->repository.get(),
                                        ("refs/heads/" + name).c_str(),
                                        &target,
                                        0,
                                        "pipe: result of a run");
  if (code != 0) {
    return within(error_of("make it", code));
  }
  git_reference_free(made);
  return dsl::Ok{};
}

dsl::Status check_branch_name(const std::string& name) {
  const dsl::Error refused{
      fmt::format("'{}' is no branch name", files::printable(name.substr(0, 200))),
      "use letters, digits and '._-/+=@', with no '..', no '.lock', no '-' or '.' in front of a "
      "name"};
  const bool only_plain = std::all_of(name.begin(), name.end(), [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || std::string_view("._-/+=@").find(c) != std::string_view::npos;
  });
  if (name.empty() || name.size() > 200 || !only_plain || name == "HEAD" || name == "@" ||
      name.starts_with("refs/")) {
    return refused;
  }
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t end = std::min(name.find('/', at), name.size());
    const std::string_view part = std::string_view(name).substr(at, end - at);
    if (part.empty() || part.front() == '.' || part.front() == '-' || part.back() == '.' ||
        part.ends_with(".lock") || part.find("..") != std::string_view::npos) {
      return refused;
    }
    at = end + 1;
  }
  start_library();
  int valid = 0;
  if (git_branch_name_is_valid(&valid, name.c_str()) != 0 || valid == 0) {
    return refused;
  }
  return dsl::Ok{};
}

}  // namespace runner::git
