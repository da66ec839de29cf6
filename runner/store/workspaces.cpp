#include "runner/store/workspaces.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "runner/store/checkout.h"
#include "runner/store/flagged.h"
#include "runner/store/handed_over.h"
#include "runner/store/protected.h"
#include "runner/store/tree_paths.h"
#include "runner/store/tree_reading.h"
#include "runner/sys/files.h"
#include "runner/sys/git_job.h"

namespace runner {
namespace {

using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

constexpr int kFewFiles = 16;  // copied quicker than an overlay is mounted
constexpr std::int64_t kFewBytes = 256 << 10;
constexpr std::int64_t kStampsFromBytes = 64 << 20;
constexpr std::size_t kStampsFrom = 64;  // fewer files are read again instead

/// Whether laying out the tree by copying costs next to nothing.
dsl::Result<bool> is_cheap(Objects& objects, const Oid& tree) {
  if (tree == git::empty_tree()) {
    return true;
  }
  int files = 0;
  std::int64_t bytes = 0;
  bool cheap = true;
  const dsl::Error enough{"enough", ""};  // ends the walk
  auto walked =
      for_each_entry(objects, tree, [&](const std::string&, const Entry& entry) -> dsl::Status {
        if (entry.kind == Kind::File || entry.kind == Kind::Executable) {
          auto size = objects.blob_size(entry.id);
          if (!size) {
            return size.error();
          }
          bytes += *size;
        }
        cheap = ++files <= kFewFiles && bytes <= kFewBytes;
        return cheap ? dsl::Status(dsl::Ok{}) : enough;
      });
  if (!walked && cheap) {
    return walked.error();
  }
  return cheap;
}

}  // namespace

Workspaces::Workspaces(TreeStore& store, dsl::RunId run, Places places)
    : store_(store),
      run_(std::move(run)),
      places_(std::move(places)),
      caches_(places_.caches, places_.owner),
      layers_(places_.bases, places_.work + "/layers") {}

// ---- Before the job -----------------------------------------------------------------------------

dsl::Result<Halves> Workspaces::effective(git::Objects& objects, const WorkspaceRequest& request) {
  auto both = halves_of(objects, request.tree);
  if (!both || request.protect.empty()) {
    return both;
  }
  auto from = halves_of(objects, request.protect_from);
  if (!from) {
    return from;
  }
  if (!request.protect_else.commit.empty() && request.protect_else != request.protect_from) {
    auto verified = halves_of(objects, request.protect_else);
    from = verified ? approved_first(objects, *from, *verified, request.protect) : verified;
    if (!from) {
      return from;
    }
  }
  return put_back(objects, *both, request.protect, *from);
}

namespace {

/// The job's folder: all of a workspace is in one.
std::string folder_of(const PreparedWorkspace& workspace) {
  return workspace.mount.directory.substr(0, workspace.mount.directory.rfind('/'));
}

}  // namespace

PreparedWorkspace Workspaces::describe(const WorkspaceRequest& request,
                                       const std::string& job,
                                       const LaidOut& laid_out) {
  PreparedWorkspace workspace;
  workspace.job = request.job;
  workspace.tree = request.tree;
  workspace.laid_out_files = laid_out.files;
  workspace.laid_out_artifacts = laid_out.artifacts;
  workspace.mount.directory = job + "/ws";
  workspace.mount.lower = laid_out.lower;
  if (is_overlay(workspace)) {
    workspace.mount.upper = job + "/upper";
    workspace.mount.work = job + "/over";
  }
  workspace.mount.read_only = request.read_only;
  workspace.mount.read_only_paths = laid_out.read_only_paths;
  workspace.left_writable = laid_out.left_writable;
  workspace.scratch = job + "/pipe";
  workspace.home = job + "/pipe/home";
  workspace.caches = request.caches;
  return workspace;
}

dsl::Result<PreparedWorkspace> Workspaces::prepare(const WorkspaceRequest& request,
                                                   const SpareFolder* spare) {
  auto objects = store_.borrow();
  if (!objects) {
    return objects.error();
  }
  auto both = effective(**objects, request);
  if (!both) {
    return both.error();
  }
  auto layout = unite_trees(**objects, both->files, both->artifacts);
  if (!layout) {
    return layout.error();
  }
  const std::string job =
      spare != nullptr ? spare->path : fmt::format("{}/{}", places_.work, ++folders_);
  if (auto made = make_job_folder(job, spare); !made) {
    return made.error();
  }
  auto laid_out = std::make_shared<LaidOut>();
  laid_out->request = request;
  laid_out->files = git::to_hex(both->files);
  laid_out->artifacts = git::to_hex(both->artifacts);
  auto input = halves_of(**objects, request.tree);
  if (!input) {
    return input.error();
  }
  laid_out->is_input = *both == *input;
  auto done = lay_out(**objects, request, job, *layout, *laid_out);
  if (done && !request.read_only) {
    done = find_read_only(**objects, request, job, *layout, *laid_out);
  }
  PreparedWorkspace workspace = describe(request, job, *laid_out);
  if (done && request.repository) {
    done = make_repository(**objects, workspace);
  }
  if (done && !workspace.caches.empty()) {
    done = restore_caches(workspace);
  }
  if (!done) {
    static_cast<void>(files::remove_tree(job));
    return done.error();
  }
  std::vector<std::string> folders{"ws"};
  if (is_overlay(workspace)) {
    folders.emplace_back("upper");
  }
  if (workspace.caches.empty() && !request.repository && note_traces(job, folders, *laid_out)) {
    workspace.laid_out = std::move(laid_out);
  }
  return workspace;
}

dsl::Status Workspaces::make_repository(git::Objects& objects, const PreparedWorkspace& workspace) {
  auto commit = git::parse_oid(workspace.tree.commit);
  return commit ? git::make_job_repository(
                      objects, *commit, store_.options().author, written_folder(workspace))
                : commit.error();
}

PreparedWorkspace Workspaces::take_over(const WorkspaceRequest& request, const SpareFolder& spare) {
  PreparedWorkspace workspace = describe(request, spare.path, *spare.laid_out);
  workspace.laid_out = spare.laid_out;
  return workspace;
}

dsl::Status Workspaces::lay_out(git::Objects& objects,
                                const WorkspaceRequest& request,
                                const std::string& job,
                                const git::Oid& layout,
                                LaidOut& laid_out) {
  if (layout == git::empty_tree()) {
    return dsl::Ok{};
  }
  if (!request.overlay) {
    return lay_out_plain(objects, layout, job);
  }
  auto cheap = is_cheap(objects, layout);
  if (!cheap) {
    return cheap.error();
  }
  if (*cheap) {
    return lay_out_plain(objects, layout, job);
  }
  auto lower = layers_.folders_for(objects, layout);
  if (!lower) {
    return lower.error();
  }
  laid_out.lower = *std::move(lower);
  for (const char* name : {"/upper", "/over"}) {
    const std::string path = job + name;
    // The upper folder's mode becomes the workspace's own; the umask shall not matter.
    if (::mkdir(path.c_str(), 0755) != 0 || ::chmod(path.c_str(), 0755) != 0) {
      return files::system_error("make folder", path, errno);
    }
  }
  return dsl::Ok{};
}

dsl::Status Workspaces::lay_out_plain(git::Objects& objects,
                                      const git::Oid& layout,
                                      const std::string& job) {
  auto folder = files::open_folder(job + "/ws");
  if (!folder) {
    return folder.error();
  }
  StampBook stamps;
  if (auto done = check_out(objects, layout, folder->get(), &stamps); !done) {
    return done.error().within("lay out the workspace");
  }
  if (stamps.size() < kStampsFrom && stamps.bytes() < kStampsFromBytes) {
    return dsl::Ok{};
  }
  if (stamps.bytes() >= kStampsFromBytes) {
    // The file written last may be a giant that must not be read again for being too young.
    ::usleep(StampBook::kTooLate_ns / 1'000);
  }
  return stamps.save(job + "/stamps", files::clock_ns());
}

namespace {

/// Each is a mount, and costs the start of the job some tenths of a millisecond.
constexpr std::size_t kMostReadOnly = 64;

/// The folders that hold what the job sees at `path`, topmost first: of a file the one that counts.
std::vector<std::string> holders_of(const std::vector<std::string>& folders,
                                    const std::string& path) {
  std::vector<std::string> holders;
  for (const std::string& folder : folders) {
    const auto root = files::open_folder(folder);
    const Fd entry =
        root ? files::open_beneath(root->get(), path.c_str(), O_PATH | O_NOFOLLOW) : Fd();
    struct stat status {};
    const bool is_there = entry && ::fstat(entry.get(), &status) == 0;
    if (is_there && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) {
      holders.push_back(folder);
    }
  }
  return holders;
}

}  // namespace

dsl::Status Workspaces::find_read_only(git::Objects& objects,
                                       const WorkspaceRequest& request,
                                       const std::string& job,
                                       const git::Oid& layout,
                                       LaidOut& laid_out) {
  auto named = named_entries(objects, layout, request.read_only_paths, kMostReadOnly);
  if (!named) {
    return named.error();
  }
  const std::vector<std::string> folders =
      laid_out.lower.empty() ? std::vector<std::string>{job + "/ws"} : laid_out.lower;
  const auto add = [&](const std::string& path) {
    const std::vector<std::string> holders = holders_of(folders, path);
    if (!holders.empty() && laid_out.read_only_paths.size() < kMostReadOnly) {
      laid_out.read_only_paths.push_back({path, holders.front() + "/" + path});
    } else {
      ++laid_out.left_writable;
    }
  };
  laid_out.left_writable = named->more;
  for (const auto& [path, entry] : named->entries) {
    if (entry.kind != Kind::Folder || holders_of(folders, path).size() == 1) {
      add(path);
      continue;
    }
    // A folder of several layers: file by file.
    auto walked = for_each_entry(
        objects,
        entry.id,
        [&, above = path + "/"](const std::string& below, const Entry& one) -> dsl::Status {
          if (one.kind == Kind::File || one.kind == Kind::Executable) {
            add(above + below);
          }
          return dsl::Ok{};
        });
    if (!walked) {
      return walked;
    }
  }
  return dsl::Ok{};
}

// ---- After the job ------------------------------------------------------------------------------

namespace {

/// Those of its caches that lie in the workspace, as a tree has them.
std::vector<std::string> cached_paths(const PreparedWorkspace& workspace) {
  std::vector<std::string> paths;
  for (const CachePath& cache : workspace.caches) {
    for (std::string path : cache.paths) {
      while (path.ends_with('/')) {
        path.pop_back();
      }
      if (!path.starts_with("~/")) {
        paths.push_back(path.starts_with("./") ? path.substr(2) : path);
      }
    }
  }
  return paths;
}

/// What the job was given at the paths of its caches: there nothing is put back, and what is new is
/// neither of the cache's nor of the tree's.
dsl::Result<std::vector<std::string>> shadowed_caches(Objects& objects,
                                                      const PreparedWorkspace& workspace,
                                                      const Halves& input) {
  std::vector<std::string> shadowed;
  for (const std::string& path : cached_paths(workspace)) {
    const auto kind = kind_of(objects, input, path);
    if (!kind) {
      return kind.error();
    }
    if (*kind != PathKind::Absent) {
      shadowed.push_back(path);
    }
  }
  return shadowed;
}

}  // namespace

dsl::Result<Scan> Workspaces::read_back(git::Objects& objects,
                                        const CaptureRequest& request,
                                        const Halves& before) {
  const PreparedWorkspace& workspace = request.workspace;
  auto folder = files::open_folder(written_folder(workspace));
  if (!folder) {
    return folder.error();
  }
  ScanRequest wanted;
  wanted.folder = folder->get();
  wanted.what = is_overlay(workspace) ? Scanned::OverlayTop : Scanned::Whole;
  wanted.before = before;
  wanted.has_repository = request.own_commits;
  std::vector<std::string> globs;
  for (const dsl::ArtifactDecl& artifact : request.artifacts) {
    globs.insert(globs.end(), artifact.paths.begin(), artifact.paths.end());
  }
  wanted.artifacts = dsl::GlobSet(globs);
  wanted.skipped = cached_paths(workspace);
  StampBook stamps;
  if (!is_overlay(workspace) && before != Halves{}) {
    stamps = StampBook::load(workspace.mount.directory + "/../stamps");
    wanted.known = &stamps;
  }
  return scan(objects, wanted);
}

dsl::Result<Workspaces::Left> Workspaces::what_was_left(git::Objects& objects,
                                                        const CaptureRequest& request,
                                                        const Halves& input) {
  const PreparedWorkspace& workspace = request.workspace;
  auto files_tree = git::parse_oid(workspace.laid_out_files);
  auto artifacts_tree = git::parse_oid(workspace.laid_out_artifacts);
  if (!files_tree || !artifacts_tree) {
    return files_tree ? artifacts_tree.error() : files_tree.error();
  }
  Left left;
  left.files = {*files_tree, *artifacts_tree};
  const bool untouched =
      workspace.laid_out != nullptr && is_untouched(folder_of(workspace), *workspace.laid_out);
  if (!workspace.mount.read_only && !untouched) {
    auto scanned = read_back(objects, request, left.files);
    if (!scanned) {
      return scanned.error();
    }
    left.files = scanned->after;
    left.refused = std::move(scanned->refused);
  }
  if (left.files == input || request.protect.empty()) {
    return left;
  }
  auto allowed = put_back(objects, left.files, request.protect, input);
  auto untaken = allowed ? changes(objects, *allowed, left.files) : allowed.error();
  if (!untaken) {
    return untaken.error();
  }
  left.files = *allowed;
  for (ChangedPath& change : *untaken) {
    left.untaken.push_back(std::move(change.path));
  }
  return left;
}

dsl::Result<OwnCommits> Workspaces::take_own(git::Objects& objects,
                                             const CaptureRequest& request,
                                             const Halves& input) {
  const PreparedWorkspace& workspace = request.workspace;
  auto folder = files::open_folder(written_folder(workspace));
  auto base = git::parse_oid(workspace.tree.commit);
  if (!folder || !base) {
    return folder ? base.error() : folder.error();
  }
  OwnCommitsRequest wanted;
  wanted.folder = folder->get();
  wanted.copies = folder_of(workspace) + "/taken";
  wanted.base = *base;
  wanted.input = input;
  wanted.protect = request.protect;
  wanted.committer = store_.options().author;
  wanted.latest_s = request.commit_time_s;
  wanted.conventional = request.conventional;
  wanted.secrets = request.secrets;
  return take_own_commits(objects, wanted);
}

dsl::Result<Capture> Workspaces::capture(const CaptureRequest& request) {
  const PreparedWorkspace& workspace = request.workspace;
  auto objects = store_.borrow();
  if (!objects) {
    return objects.error();
  }
  auto input = halves_of(**objects, workspace.tree);
  auto left = input ? what_was_left(**objects, request, *input) : input.error();
  if (!left) {
    return left.error();
  }
  const Halves& after = left->files;
  Capture result;
  result.refused = std::move(left->refused);
  result.untaken = std::move(left->untaken);
  result.tree = workspace.tree;
  std::vector<Oid> own;
  if (after != *input) {
    TreeRef parent = workspace.tree;
    if (request.own_commits && after.files != input->files) {
      auto taken = take_own(**objects, request, *input);
      if (!taken) {
        return taken.error();
      }
      parent.commit = taken->head ? git::to_hex(*taken->head) : parent.commit;
      own = std::move(taken->trees);
      if (!taken->problem.empty()) {
        result.notes.push_back("its own commits are not kept: " + taken->problem);
      }
    }
    auto committed =
        store_.commit(**objects, parent, after, request.commit_message, request.commit_time_s);
    auto changed = changes(**objects, *input, after);
    if (!committed || !changed) {
      return committed ? changed.error() : committed.error();
    }
    result.tree = *std::move(committed);
    result.changes = *std::move(changed);
  }
  if (result.tree != request.since) {
    auto since = halves_of(**objects, request.since);
    own.push_back(after.files);
    auto flagged =
        since ? flagged_changes(**objects, since->files, own, request.secrets) : since.error();
    if (!flagged) {
      return flagged.error();
    }
    result.flagged = *std::move(flagged);
  }
  if (request.save_caches) {
    auto missing = missing_artifacts(**objects, request.artifacts, after);
    if (!missing) {
      return missing.error();
    }
    result.refused.insert(result.refused.end(), missing->begin(), missing->end());
  }
  for (const dsl::OutputDecl& output : request.outputs) {
    result.outputs.push_back(read_output(**objects, workspace, after, output));
  }
  if (!workspace.caches.empty()) {
    auto shadowed = shadowed_caches(**objects, workspace, *input);
    if (!shadowed) {
      return shadowed.error();
    }
    for (std::string& path : *shadowed) {
      result.refused.emplace_back(std::move(path),
                                  "the project has it: as the path of a cache it is not put back, "
                                  "and new files in it are not taken");
    }
    if (auto saved = stage_caches(workspace, request.save_caches); !saved) {
      return saved.error();
    }
  }
  if (auto settled = store_.settle(**objects); !settled) {
    return settled.error();
  }
  if (result.tree != workspace.tree) {
    if (auto kept = keep(workspace.job.value, result.tree); !kept) {
      return kept.error();
    }
  }
  return result;
}

dsl::Status Workspaces::keep(const std::string& name, const TreeRef& tree) {
  const std::string reference = fmt::format("refs/pipe/runs/{}/{}", run_.value, name);
  auto objects = store_.borrow();
  if (!objects) {
    return objects.error();
  }
  for (const auto& [suffix, hex] :
       {std::pair("", tree.commit), std::pair(".artifacts", tree.artifacts)}) {
    if (hex.empty()) {
      continue;
    }
    auto id = git::parse_oid(hex);
    if (!id) {
      return id.error();
    }
    // The user's own commits are not ours to keep, and the store has no names for them.
    if (!(*objects)->owns(*id)) {
      continue;
    }
    if (auto set = store_.database().set_reference(reference + suffix, *id); !set) {
      return set;
    }
  }
  return dsl::Ok{};
}

// ---- Caches -------------------------------------------------------------------------------------

dsl::Status Workspaces::restore_caches(const PreparedWorkspace& workspace) {
  auto folder = files::open_folder(written_folder(workspace));
  auto home = files::open_folder(workspace.home);
  if (!folder || !home) {
    return folder ? home.error() : folder.error();
  }
  for (const CachePath& cache : workspace.caches) {
    if (auto restored = caches_.restore(cache, {folder->get(), home->get()}); !restored) {
      return restored;
    }
  }
  return dsl::Ok{};
}

std::string Workspaces::staged_caches(const JobName& job) const {
  return places_.work + "/caches/" + job.value;
}

dsl::Status Workspaces::stage_caches(const PreparedWorkspace& workspace, bool save) {
  auto folder = files::open_folder(written_folder(workspace));
  if (!folder) {
    return folder.error();
  }
  // A job may do away with its home; then nothing beneath it is kept.
  const Fd home(::open(workspace.home.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!home && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
    return files::system_error("open folder", workspace.home, errno);
  }
  for (const CachePath& cache : workspace.caches) {
    const CacheRoots roots{folder->get(), home.get()};
    if (cache.kept_anyway) {
      const std::string now = staged_caches(workspace.job) + ".now";
      auto kept = caches_.stage(cache, roots, now);
      if (kept) {
        kept = caches_.keep(now);
      }
      if (!kept) {
        return kept;
      }
    } else if (save) {
      if (auto staged = caches_.stage(cache, roots, staged_caches(workspace.job)); !staged) {
        return staged;
      }
    }
  }
  return dsl::Ok{};
}

dsl::Status Workspaces::settle_caches(const JobName& job, CachesOf verdict) {
  const std::string staged = staged_caches(job);
  return verdict == CachesOf::Passed ? caches_.keep(staged) : files::remove_tree(staged);
}

std::optional<SpareFolder> Workspaces::left_alone(const CaptureRequest& request) {
  const PreparedWorkspace& workspace = request.workspace;
  const std::string job = folder_of(workspace);
  const bool nothing_to_read = request.outputs.empty() && request.artifacts.empty() &&
                               workspace.caches.empty() && workspace.tree == request.since &&
                               workspace.laid_out != nullptr && workspace.laid_out->is_input;
  if (!nothing_to_read || !is_all_untouched(job, *workspace.laid_out)) {
    return std::nullopt;
  }
  return SpareFolder{job, workspace.laid_out};
}

// ---- The end ------------------------------------------------------------------------------------

dsl::Result<std::optional<SpareFolder>> Workspaces::discard(const PreparedWorkspace& workspace) {
  const std::string job = folder_of(workspace);
  if (auto spare = reclaim_job_folder(job, workspace.laid_out)) {
    return spare;
  }
  if (auto removed = files::remove_tree(job); !removed) {
    return removed.error();
  }
  return std::optional<SpareFolder>();
}

}  // namespace runner
