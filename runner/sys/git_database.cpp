// The bare repository and its references; declared in git.h.

#include <algorithm>
#include <mutex>
#include <unistd.h>

#include <fmt/format.h>

#include "runner/sys/files.h"
#include "runner/sys/git_objects.h"
#include "runner/sys/locks.h"

namespace runner::git {
namespace {

constexpr int kCompression = 1;  // trees are short-lived; speed counts
constexpr int kAlternateDepth = 5;

/// The folders that `objects/info/alternates` names, as absolute paths.
std::vector<std::string> alternates_of(const std::string& objects) {
  std::vector<std::string> found;
  auto text = files::read_file(objects + "/info/alternates", 1 << 20);
  if (!text) {
    return found;  // there is no such file
  }
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.empty() && line.front() != '#') {
      found.push_back(line.front() == '/' ? std::string(line) : objects + "/" + std::string(line));
    }
  }
  return found;
}

}  // namespace

void start_library() {
  static const bool kStarted = [] {
    git_libgit2_init();
    // The user's and the system's configuration must not change what a tree is; a repository's
    // owner is checked by Project, by rules of our own.
    for (const int level : {GIT_CONFIG_LEVEL_PROGRAMDATA,
                            GIT_CONFIG_LEVEL_SYSTEM,
                            GIT_CONFIG_LEVEL_XDG,
                            GIT_CONFIG_LEVEL_GLOBAL}) {
      git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    }
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, static_cast<ssize_t>(8) << 20);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, static_cast<std::size_t>(4) << 20);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, static_cast<std::size_t>(64) << 20);
    return true;
  }();
  static_cast<void>(kStarted);
}
struct ObjectDatabase::Impl {
  std::string folder;                                    // of the bare repository
  std::string objects;                                   // folder + "/objects"
  Held<git_repository, git_repository_free> repository;  // for references; under `mutex`

  std::mutex mutex;                     // guards what follows
  std::vector<std::string> alternates;  // only ever grows
  std::vector<std::unique_ptr<Objects>> idle;

  static dsl::Result<Odb> open_odb(const std::string& objects, git_odb_backend** loose) {
    git_odb* made = nullptr;
    if (const int code = git_odb_new(&made); code != 0) {
      return error_of("open objects", code);
    }
    Odb odb(made);
    git_odb_backend* backend = nullptr;
    int code = git_odb_backend_loose(&backend, objects.c_str(), kCompression, 0, 0, 0);
    if (code == 0) {
      code = git_odb_add_backend(odb.get(), backend, 1);
      if (loose != nullptr) {
        *loose = backend;
      }
    }
    if (code == 0) {
      code = git_odb_backend_pack(&backend, objects.c_str());
    }
    if (code == 0) {
      code = git_odb_add_backend(odb.get(), backend, 2);
    }
    if (code != 0) {
      return error_of(fmt::format("open '{}'", objects), code);
    }
    return odb;
  }

  dsl::Result<std::unique_ptr<Objects>> make_objects() const {
    auto impl = std::make_unique<Objects::Impl>();
    impl->folder = objects;
    impl->folder_fd = Fd(::open(objects.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!impl->folder_fd) {
      return files::system_error("open", objects, errno);
    }
    auto own = open_odb(objects, &impl->loose);
    auto all = open_odb(objects, nullptr);
    if (!own || !all) {
      return own ? all.error() : own.error();
    }
    impl->own = *std::move(own);
    impl->all = *std::move(all);
    return std::make_unique<Objects>(std::move(impl));
  }

  dsl::Status add_missing_alternates(Objects::Impl& objects_impl) const {
    for (; objects_impl.alternates < alternates.size(); ++objects_impl.alternates) {
      const std::string& path = alternates[objects_impl.alternates];
      if (const int code = git_odb_add_disk_alternate(objects_impl.all.get(), path.c_str());
          code != 0) {
        return error_of(fmt::format("open '{}'", path), code);
      }
    }
    return dsl::Ok{};
  }

  void add(const std::string& objects_folder, int depth) {
    if (std::find(alternates.begin(), alternates.end(), objects_folder) != alternates.end()) {
      return;
    }
    alternates.push_back(objects_folder);
    for (const std::string& next : alternates_of(objects_folder)) {
      if (auto real = files::real_path(next); real && depth < kAlternateDepth) {
        add(*real, depth + 1);
      }
    }
  }
};

ObjectDatabase::ObjectDatabase() : impl_(std::make_unique<Impl>()) {}
ObjectDatabase::~ObjectDatabase() = default;

const std::string& ObjectDatabase::objects_folder() const {
  return impl_->objects;
}

dsl::Result<std::unique_ptr<ObjectDatabase>> ObjectDatabase::open(const std::string& folder) {
  start_library();
  std::unique_ptr<ObjectDatabase> database(new ObjectDatabase);
  Impl& impl = *database->impl_;
  impl.folder = folder;
  impl.objects = folder + "/objects";
  git_repository* opened = nullptr;
  int code = git_repository_open_bare(&opened, folder.c_str());
  if (code == GIT_ENOTFOUND) {
    // Of several that start at once one makes it: they would trip over each other's files.
    const std::string above = folder.substr(0, folder.rfind('/'));
    if (const auto made = files::make_directories(above.empty() ? "/" : above); !made) {
      return made.error();
    }
    const auto alone = FileLock::take(folder + ".lock", FileLock::How::Exclusive);
    if (!alone) {
      return alone.error();
    }
    code = git_repository_open_bare(&opened, folder.c_str());
    if (code == GIT_ENOTFOUND) {
      git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
      options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
      options.mode = GIT_REPOSITORY_INIT_SHARED_UMASK;
      options.initial_head = "main";
      code = git_repository_init_ext(&opened, folder.c_str(), &options);
    }
  }
  if (code != 0) {
    return error_of(fmt::format("open '{}'", folder), code);
  }
  impl.repository.reset(opened);
  auto objects = database->borrow();
  if (!objects) {
    return objects.error();
  }
  const Oid empty = empty_tree();
  if (!(*objects)->owns(empty)) {
    // Not through write_tree, which knows that tree without looking.
    const git_oid raw = to_git(empty);
    git_odb_backend* loose = (*objects)->impl_->loose;
    if (const int written = loose->write(loose, &raw, "", 0, GIT_OBJECT_TREE); written != 0) {
      return error_of(fmt::format("write to '{}'", folder), written);
    }
  }
  return database;
}

dsl::Status ObjectDatabase::add_alternate(const std::string& objects_folder) {
  auto real = files::real_path(objects_folder);
  if (!real) {
    return real.error();
  }
  const std::lock_guard lock(impl_->mutex);
  impl_->add(*real, 0);
  return dsl::Ok{};
}

ObjectDatabase::Lease::Lease(ObjectDatabase& owner, std::unique_ptr<Objects> objects)
    : owner_(&owner), objects_(std::move(objects)) {}

ObjectDatabase::Lease::Lease(Lease&&) noexcept = default;

ObjectDatabase::Lease::~Lease() {
  if (objects_ != nullptr) {
    objects_->impl_->fresh.clear();
    objects_->forget();
    const std::lock_guard lock(owner_->impl_->mutex);
    owner_->impl_->idle.push_back(std::move(objects_));
  }
}

dsl::Result<ObjectDatabase::Lease> ObjectDatabase::borrow() {
  std::unique_ptr<Objects> objects;
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->idle.empty()) {
    objects = std::move(impl_->idle.back());
    impl_->idle.pop_back();
  } else {
    auto made = impl_->make_objects();
    if (!made) {
      return made.error();
    }
    objects = *std::move(made);
  }
  if (auto added = impl_->add_missing_alternates(*objects->impl_); !added) {
    return added.error();
  }
  return Lease(*this, std::move(objects));
}

namespace {

/// What a process that was killed while it wrote the reference left; nobody else writes it.
void remove_stale_lock(git_repository* repository, const std::string& name) {
  ::unlink((git_repository_path(repository) + name + ".lock").c_str());
}

}  // namespace

dsl::Status ObjectDatabase::set_reference(const std::string& name, const Oid& target) {
  const git_oid raw = to_git(target);
  const std::lock_guard lock(impl_->mutex);
  remove_stale_lock(impl_->repository.get(), name);
  git_reference* made = nullptr;
  const int code =
      git_reference_create(&made, impl_->repository.get(), name.c_str(), &raw, 1, nullptr);
  if (code != 0) {
    return error_of(fmt::format("reference '{}'", name), code);
  }
  git_reference_free(made);
  return dsl::Ok{};
}

dsl::Status ObjectDatabase::remove_references(const std::string& prefix) {
  const std::lock_guard lock(impl_->mutex);
  git_reference_iterator* made = nullptr;
  if (const int code =
          git_reference_iterator_glob_new(&made, impl_->repository.get(), (prefix + "*").c_str());
      code != 0) {
    return error_of(fmt::format("references '{}'", prefix), code);
  }
  const Held<git_reference_iterator, git_reference_iterator_free> iterator(made);
  std::vector<std::string> names;
  const char* name = nullptr;
  while (git_reference_next_name(&name, iterator.get()) == 0) {
    names.emplace_back(name);
  }
  for (const std::string& found : names) {
    remove_stale_lock(impl_->repository.get(), found);
    if (const int code = git_reference_remove(impl_->repository.get(), found.c_str()); code != 0) {
      return error_of(fmt::format("reference '{}'", found), code);
    }
  }
  return dsl::Ok{};
}

dsl::Result<std::vector<Oid>> ObjectDatabase::reference_targets() {
  const std::lock_guard lock(impl_->mutex);
  git_reference_iterator* made = nullptr;
  if (const int code = git_reference_iterator_new(&made, impl_->repository.get()); code != 0) {
    return error_of("references", code);
  }
  const Held<git_reference_iterator, git_reference_iterator_free> iterator(made);
  std::vector<Oid> targets;
  git_reference* next = nullptr;
  while (git_reference_next(&next, iterator.get()) == 0) {
    const Held<git_reference, git_reference_free> reference(next);
    if (const git_oid* target = git_reference_target(reference.get())) {
      targets.push_back(from_git(*target));
    }
  }
  return targets;
}

}  // namespace runner::git
