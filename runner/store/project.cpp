#include "runner/store/project.h"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runner/store/scan.h"
#include "runner/store/staging.h"
#include "runner/store/stamps.h"
#include "runner/store/tree_paths.h"
#include "runner/store/tree_reading.h"
#include "runner/sys/files.h"
#include "runner/sys/git_project.h"

namespace runner {
namespace {

using git::Kind;
using git::Objects;
using git::Oid;

std::string short_id(const Oid& id) {
  return git::to_hex(id).substr(0, 12);
}

/// `path` beneath `folder`: "" where they are the same, no value where it is elsewhere.
std::optional<std::string> beneath(const std::string& folder, const std::string& path) {
  if (path == folder) {
    return "";
  }
  const std::string start = folder == "/" ? folder : folder + "/";
  return path.starts_with(start) ? std::optional(path.substr(start.size())) : std::nullopt;
}

std::string subject_of(const git::Commit& commit) {
  const std::string line = commit.message.substr(0, commit.message.find('\n'));
  return files::printable(line.size() > 60 ? line.substr(0, 57) + "..." : line);
}

std::string count_of(std::int64_t count, const char* what) {
  return fmt::format("{} {} file{}", count, what, count == 1 ? "" : "s");
}

std::string refused_text(const Project& project) {
  if (project.refused.empty()) {
    return "";
  }
  const auto& [path, reason] = project.refused.front();
  return fmt::format(
      "; left out: '{}' ({}){}",
      files::printable(path),
      reason,
      project.refused.size() == 1 ? "" : fmt::format(" and {} more", project.refused.size() - 1));
}

constexpr const char* kNameFolder =
    "name the project's folder as `workspace: {source: …}`, relative to the pipeline file";

class Taker {
 public:
  Taker(TreeStore& store, const TakeRequest& request) : store_(store), request_(request) {}

  dsl::Result<Project> take() {
    auto real = files::real_path(request_.folder);
    if (!real) {
      return dsl::Error{real.error().within("workspace").message, kNameFolder};
    }
    struct stat status {};
    if (::stat(real->c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
      return dsl::Error{fmt::format("workspace '{}' is not a folder", files::printable(*real)),
                        kNameFolder};
    }
    project_.folder = *real;
    auto found = git::Project::find(*real);
    if (!found) {
      return found.error();
    }
    if (!*found && !request_.commit.empty()) {
      return dsl::Error{fmt::format("'{}' is in no repository, and so has no commit '{}'",
                                    files::printable(*real),
                                    files::printable(request_.commit)),
                        ""};
    }
    auto taken = *found ? take_repository(**found) : take_folder("");
    if (!taken) {
      return taken.error();
    }
    std::string named = request_.folder;
    while (named.size() > 1 && named.ends_with('/')) {
      named.pop_back();
    }
    if (::lstat(named.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) {
      project_.taken += fmt::format(
          " (the link '{}' leads to '{}')", files::printable(named), files::printable(*real));
    }
    project_.taken += refused_text(project_);
    return std::move(project_);
  }

 private:
  // ---- A repository
  // -------------------------------------------------------------------------------

  dsl::Status find_prefix(const git::Project& repository) {
    if (repository.work_tree().empty()) {
      return dsl::Ok{};
    }
    auto top = files::real_path(repository.work_tree());
    if (!top) {
      return top.error();
    }
    const auto prefix = beneath(*top, project_.folder);
    if (!prefix || *prefix == ".git" || prefix->starts_with(".git/")) {
      return dsl::Error{
          fmt::format("workspace '{}' lies in the data of a repository, not in its files",
                      project_.folder),
          "name a folder of the project's files"};
    }
    project_.prefix = *prefix;
    return dsl::Ok{};
  }

  dsl::Result<git::Project::Head> where_to_begin(const git::Project& repository) const {
    if (!request_.commit.empty()) {
      const auto named = repository.commit_of(request_.commit);
      return named ? dsl::Result<git::Project::Head>(git::Project::Head{*named, ""})
                   : named.error();
    }
    if (request_.branch.empty()) {
      return repository.head();
    }
    auto tip = repository.branch(request_.branch);
    if (tip && !*tip) {
      const std::string name = files::printable(request_.branch);
      return dsl::Error{fmt::format("there is no branch '{}' any more", name),
                        "`git reflog --all` may still know its last commit; `git branch " + name +
                            " COMMIT` brings it back"};
    }
    return tip ? dsl::Result<git::Project::Head>(git::Project::Head{**tip, request_.branch})
               : tip.error();
  }

  dsl::Status take_repository(git::Project& repository) {
    if (auto found = find_prefix(repository); !found) {
      return found;
    }
    auto head = where_to_begin(repository);
    if (!head) {
      return head.error().within(fmt::format("repository '{}'", repository.git_folder()));
    }
    if (!head->commit) {
      return dsl::Error{fmt::format("the repository of '{}' has no commits yet", project_.folder),
                        repository.work_tree().empty()
                            ? "it is a bare one: push a first commit to it"
                            : "make a first one: git add -A && git commit -m 'first'"};
    }
    if (auto added = store_.add_alternate(repository.objects_folder()); !added) {
      return added;
    }
    project_.objects = repository.objects_folder();
    auto objects = store_.borrow();
    if (!objects) {
      return objects.error();
    }
    auto commit = (*objects)->read_commit(*head->commit);
    if (!commit) {
      return commit.error().within("HEAD");
    }
    auto top = find_entry(**objects, commit->tree, project_.prefix);
    if (!top) {
      return top.error();
    }
    if (!*top || (*top)->kind != Kind::Folder) {
      if (!request_.commit.empty()) {
        return dsl::Error{fmt::format("commit {} has no folder '{}'",
                                      short_id(*head->commit),
                                      files::printable(project_.prefix)),
                          ""};
      }
      project_.prefix.clear();
      return take_folder(
          fmt::format(", which the repository '{}' does not track", repository.work_tree()));
    }
    project_.kind = Project::Kind::Repository;
    project_.head = git::to_hex(*head->commit);
    project_.input = {project_.head, ""};
    if (!project_.prefix.empty()) {
      auto root =
          store_.commit_root(**objects,
                             {(*top)->id, git::empty_tree()},
                             fmt::format("Folder '{}' of {}", project_.prefix, project_.head),
                             commit->time_s);
      if (!root) {
        return root.error();
      }
      project_.input = *std::move(root);
    }
    project_.taken = fmt::format("commit {} '{}' {}",
                                 short_id(*head->commit),
                                 subject_of(*commit),
                                 !request_.commit.empty() ? "(as asked)"
                                 : head->branch.empty()   ? "(detached HEAD)"
                                                          : "on " + head->branch);
    if (!project_.prefix.empty()) {
      project_.taken += fmt::format(", folder '{}'", files::printable(project_.prefix));
    }
    if (repository.work_tree().empty() || !request_.branch.empty() || !request_.commit.empty()) {
      project_.taken += repository.work_tree().empty() ? ", a bare repository" : "";
      return store_.settle(**objects);
    }
    auto dirty = request_.include_dirty ? take_uncommitted(repository, **objects, (*top)->id)
                                        : tell_uncommitted(repository);
    return dirty ? store_.settle(**objects) : dirty;
  }

  dsl::Status tell_uncommitted(git::Project& repository) {
    auto dirty = repository.uncommitted(project_.prefix);
    if (!dirty) {
      return dirty.error();
    }
    const auto changed = static_cast<std::int64_t>(dirty->changed.size());
    if (changed + dirty->untracked > 0) {
      std::string what = changed > 0 ? count_of(changed, "changed") : "";
      if (dirty->untracked > 0) {
        what += (what.empty() ? "" : " and ") + count_of(dirty->untracked, "untracked");
      }
      project_.taken += fmt::format("; {} in the work tree left out (--dirty takes them)", what);
    }
    return dsl::Ok{};
  }

  dsl::Status take_uncommitted(git::Project& repository, Objects& objects, const Oid& committed) {
    auto index = repository.index(objects);
    if (!index) {
      return index.error();
    }
    auto tracked = find_entry(objects, index->all, project_.prefix);
    auto unwatched = find_entry(objects, index->unwatched, project_.prefix);
    if (!tracked || !unwatched) {
      return tracked ? unwatched.error() : tracked.error();
    }
    ScanRequest wanted;
    wanted.before.files =
        *tracked && (*tracked)->kind == Kind::Folder ? (*tracked)->id : git::empty_tree();
    if (auto rules = files::read_file(repository.git_folder() + "/info/exclude", 1 << 20);
        rules && project_.prefix.empty()) {
      wanted.rules = *std::move(rules);
    }
    auto found = scan_project(objects, wanted);
    if (!found) {
      return found.error();
    }
    if (const auto same = put_back_filtered(repository, objects, committed, *found); !same) {
      return same;
    }
    if (*unwatched && (*unwatched)->kind == Kind::Folder) {
      auto whole = unite_trees(objects, (*unwatched)->id, found->after.files);
      if (!whole) {
        return whole.error();
      }
      found->after.files = *whole;
    }
    const Halves committed_files{committed, git::empty_tree()};
    if (found->after == committed_files) {
      return dsl::Ok{};
    }
    auto changed = changes(objects, committed_files, found->after);
    auto commit = store_.commit(
        objects, project_.input, found->after, "Uncommitted changes", request_.time_s);
    if (!changed || !commit) {
      return changed ? commit.error() : changed.error();
    }
    project_.input = *std::move(commit);
    if (!changed->empty()) {
      project_.taken += fmt::format(
          " with {}", count_of(static_cast<std::int64_t>(changed->size()), "uncommitted"));
    }
    return dsl::Ok{};
  }

  /// A file of the work tree may have other bytes (line endings) or another mode than its commit,
  /// and be the same to git: it is taken as committed.
  dsl::Status put_back_filtered(git::Project& repository,
                                Objects& objects,
                                const Oid& committed,
                                Scan& found) {
    auto differences = diff_trees(objects, committed, found.after.files, SIZE_MAX);
    auto dirty = repository.uncommitted(project_.prefix);
    if (!differences || !dirty) {
      return differences ? dirty.error() : differences.error();
    }
    const std::string above = project_.prefix.empty() ? "" : project_.prefix + "/";
    const auto is_file = [](const std::optional<git::Entry>& entry) {
      return entry && (entry->kind == Kind::File || entry->kind == Kind::Executable);
    };
    for (const Difference& one : **differences) {
      if (!is_file(one.before) || !is_file(one.after) ||
          dirty->changed.contains(above + one.path)) {
        continue;
      }
      auto files = put_entry(objects, found.after.files, one.path, one.before);
      if (!files) {
        return files.error();
      }
      found.after.files = *std::move(files);
    }
    return dsl::Ok{};
  }

  // ---- Any other folder
  // ---------------------------------------------------------------------------

  dsl::Status take_folder(const std::string& remark) {
    if (project_.folder == "/") {
      return dsl::Error{"workspace '/' is the whole machine, not a project", kNameFolder};
    }
    auto objects = store_.borrow();
    if (!objects) {
      return objects.error();
    }
    ScanRequest wanted;
    wanted.rules = fmt::format("/{}*/\n", Staging::kPrefix);  // of a delivery that was killed
    auto found = scan_project(**objects, std::move(wanted));
    if (!found) {
      return found.error();
    }
    const std::string name = project_.folder.substr(project_.folder.rfind('/') + 1);
    auto root = store_.commit_root(**objects,
                                   found->after,
                                   fmt::format("Files of '{}'", files::printable(name)),
                                   request_.time_s);
    if (!root) {
      return root.error();
    }
    project_.kind = Project::Kind::Folder;
    project_.input = *std::move(root);
    project_.taken = fmt::format("folder '{}'{}", files::printable(project_.folder), remark);
    return store_.settle(**objects);
  }

  dsl::Result<Scan> scan_project(Objects& objects, ScanRequest wanted) {
    auto folder = files::open_folder(project_.folder);
    if (!folder) {
      return folder.error();
    }
    wanted.folder = folder->get();
    wanted.has_submodules = true;
    wanted.on_read = request_.on_read;
    for (const std::string& path : request_.excluded) {
      auto real = files::real_path(path);
      const auto inside = real ? beneath(project_.folder, *real) : std::nullopt;
      if (inside && !inside->empty()) {
        wanted.skipped.push_back(*inside);
      }
    }
    // Files of a folder are remembered from run to run. Not where a repository is in play: their
    // content may be among its objects, which its owner may prune.
    const bool remember = project_.objects.empty();
    const std::string stamps = store_.stamps_file(project_.folder);
    const StampBook known = remember ? StampBook::load(stamps) : StampBook{};
    StampBook noted;
    wanted.known = &known;
    wanted.noted = remember ? &noted : nullptr;
    const std::int64_t started_ns = files::clock_ns();
    auto found = scan(objects, wanted);
    if (!found) {
      return found.error().within(fmt::format("take '{}'", files::printable(project_.folder)));
    }
    if (remember && noted.size() > 0) {
      // Only makes the next run quicker; changes after the scan began must not go unseen.
      static_cast<void>(files::make_directories(stamps.substr(0, stamps.rfind('/')), 0700));
      static_cast<void>(noted.save(stamps, started_ns));
    }
    // A repository in the folder, or of the folder itself, is not worth a word.
    std::erase_if(found->refused, [](const auto& refused) {
      return refused.first == ".git" || refused.first.ends_with("/.git");
    });
    project_.refused = found->refused;
    return found;
  }

  TreeStore& store_;
  const TakeRequest& request_;
  Project project_;
};

}  // namespace

dsl::Result<Project> take_project(TreeStore& store, const TakeRequest& request) {
  return Taker(store, request).take();
}

dsl::Status reopen_project(TreeStore& store, const Project& project) {
  if (project.objects.empty()) {
    return dsl::Ok{};
  }
  auto added = store.add_alternate(project.objects);
  return added ? added : added.error().within("the project's repository");
}

dsl::Result<Whereabouts> whereabouts_of(const std::string& folder) {
  auto real = files::real_path(folder);
  if (!real) {
    return real.error();
  }
  const auto found = git::Project::find(*real);
  // A repository that pipe does not read has no runs either.
  return Whereabouts{*std::move(real), found && *found ? (*found)->objects_folder() : ""};
}

bool is_at(const Project& project, const Whereabouts& here) {
  if (!here.objects.empty()) {
    return project.objects == here.objects;
  }
  // From above, where several may lie, a repository is not meant without its name.
  return beneath(project.folder, here.folder) ||
         (project.objects.empty() && beneath(here.folder, project.folder));
}

dsl::Result<Project> read_project(const std::string& run_folder) {
  constexpr std::int64_t kCap = 64LL << 20;
  const auto json = files::read_file(run_folder + "/" + kProjectFile, kCap);
  return json ? project_from_json(*json) : json.error();
}

dsl::Result<Project> project_of_run(TreeStore& store, const std::string& run_folder) {
  auto project = read_project(run_folder);
  if (project) {
    if (auto opened = reopen_project(store, *project); !opened) {
      return opened.error();
    }
  }
  return project;
}

// ---- JSON
// -----------------------------------------------------------------------------------------

std::string project_to_json(const Project& project) {
  // Paths may hold any bytes; JSON may not. Hex is exact and never misread.
  const auto hex = [](const std::string& bytes) {
    std::string text;
    for (const char byte : bytes) {
      text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    }
    return text;
  };
  const nlohmann::ordered_json document{
      {"version", 1},
      {"kind", project.kind == Project::Kind::Repository ? "repository" : "folder"},
      {"folder", files::printable(project.folder)},
      {"folder_hex", hex(project.folder)},
      {"prefix_hex", hex(project.prefix)},
      {"objects_hex", hex(project.objects)},
      {"head", project.head},
      {"input", {{"commit", project.input.commit}, {"artifacts", project.input.artifacts}}},
      {"taken", project.taken}};
  return document.dump(2) + "\n";
}

dsl::Result<Project> project_from_json(std::string_view text) {
  const auto document = nlohmann::json::parse(text, nullptr, false);
  const dsl::Error broken{"the run's project file is damaged", "start a new run"};
  if (!document.is_object()) {
    return broken;
  }
  bool whole = true;
  const auto string_at = [&](const nlohmann::json& from, const char* key) {
    const auto found = from.is_object() ? from.find(key) : from.end();
    if (!from.is_object() || found == from.end() || !found->is_string()) {
      whole = false;
      return std::string();
    }
    return found->get<std::string>();
  };
  const auto bytes_at = [&](const char* key) {
    const std::string hex = string_at(document, key);
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      bytes += static_cast<char>(std::strtol(hex.substr(i, 2).c_str(), nullptr, 16));
    }
    return bytes;
  };
  if (document.value("version", 0) != 1) {
    return dsl::Error{"the run was made by a newer pipe", "use that newer pipe"};
  }
  Project project;
  project.kind = string_at(document, "kind") == "repository" ? Project::Kind::Repository
                                                             : Project::Kind::Folder;
  project.folder = bytes_at("folder_hex");
  project.prefix = bytes_at("prefix_hex");
  project.objects = bytes_at("objects_hex");
  project.head = string_at(document, "head");
  const nlohmann::json input = document.value("input", nlohmann::json::object());
  project.input = {string_at(input, "commit"), string_at(input, "artifacts")};
  project.taken = string_at(document, "taken");
  return whole ? dsl::Result<Project>(std::move(project)) : broken;
}

}  // namespace runner
