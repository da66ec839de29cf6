#include "runner/store/layers.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "runner/store/checkout.h"
#include "runner/store/tree_paths.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using git::Oid;

constexpr std::size_t kMostDifferences = 1'000;  // a layer of more becomes a base
constexpr std::size_t kMostCandidates = 4;       // bases to compare a tree with
constexpr std::size_t kKeptBases = 6;            // unused ones beyond that are removed

std::string boot_id() {
  auto id = files::read_file("/proc/sys/kernel/random/boot_id", 100);
  return id ? id->substr(0, 8) : "unknown";
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

/// Renames a finished folder to its name. Somebody else's, made meanwhile, is just as good.
dsl::Status publish(const std::string& made, const std::string& path) {
  if (::rename(made.c_str(), path.c_str()) == 0) {
    return dsl::Ok{};
  }
  if (errno == EEXIST || errno == ENOTEMPTY) {
    return files::remove_tree(made);
  }
  return files::system_error("make", path, errno);
}

struct Base {
  Oid tree;
  std::int64_t used_ns = 0;
};

/// Latest use first.
std::vector<Base> list_bases(const std::string& folder) {
  std::vector<Base> bases;
  const Fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::vector<std::string> names;
  if (!opened || !files::list_names(opened.get(), names)) {
    return bases;
  }
  for (const std::string& name : names) {
    constexpr std::size_t kHex = 40;
    const auto tree = git::from_hex(name.substr(0, kHex));
    struct stat status {};
    if (tree && name.substr(kHex) == ".lock" &&
        ::fstatat(opened.get(), name.c_str(), &status, 0) == 0) {
      bases.push_back(
          {*tree, std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec});
    }
  }
  std::sort(bases.begin(), bases.end(), [](const Base& a, const Base& b) {
    return a.used_ns > b.used_ns;
  });
  return bases;
}

}  // namespace

Layers::Layers(std::string bases, std::string layers)
    : bases_(std::move(bases)), layers_(std::move(layers)), boot_(boot_id()) {}

std::string Layers::base_path(const git::Oid& tree) const {
  return fmt::format("{}/{}-{}", bases_, git::to_hex(tree), boot_);
}

bool Layers::has_base(const git::Oid& tree) const {
  return exists(base_path(tree));
}

std::vector<git::Oid> Layers::candidates() const {
  std::vector<Oid> found;
  auto last = files::read_file(layers_ + "/base", 100);
  if (last) {
    if (const auto tree = git::from_hex(*last); tree && has_base(*tree)) {
      found.push_back(*tree);
    }
  }
  for (const Base& base : list_bases(bases_)) {
    if (found.size() == kMostCandidates) {
      break;
    }
    if (has_base(base.tree) && std::find(found.begin(), found.end(), base.tree) == found.end()) {
      found.push_back(base.tree);
    }
  }
  return found;
}

dsl::Result<std::vector<std::string>> Layers::folders_for(git::Objects& objects,
                                                          const git::Oid& tree) {
  if (auto made = files::make_directories(layers_); !made) {
    return made.error();
  }
  if (!has_base(tree)) {
    for (const Oid& base : candidates()) {
      auto differences = diff_trees(objects, base, tree, kMostDifferences);
      if (!differences || !differences->has_value()) {
        continue;  // that base's objects may be pruned already; too many: not a good base
      }
      if (auto used = use_base(objects, base); !used) {
        return used.error();
      }
      auto layer = use_layer(objects, base, tree);
      if (layer) {
        return std::vector<std::string>{*std::move(layer), base_path(base)};
      }
      break;  // the file system takes no whiteouts: a base of its own
    }
  }
  if (auto used = use_base(objects, tree); !used) {
    return used.error();
  }
  return std::vector<std::string>{base_path(tree)};
}

dsl::Status Layers::use_base(git::Objects& objects, const git::Oid& tree) {
  const std::string lock = fmt::format("{}/{}.lock", bases_, git::to_hex(tree));
  if (auto made = files::make_directories(bases_); !made) {
    return made;
  }
  // Held before looking, so that remove_unused cannot take it away in between.
  if (auto held = locks_.hold(lock); !held) {
    return held;
  }
  ::utimensat(AT_FDCWD, lock.c_str(), nullptr, 0);
  if (has_base(tree)) {
    return dsl::Ok{};
  }
  {
    auto building = FileLock::take(fmt::format("{}/{}.build", bases_, git::to_hex(tree)),
                                   FileLock::How::Exclusive);
    if (!building) {
      return building.error();
    }
    if (!has_base(tree)) {
      if (auto built = build_base(objects, tree); !built) {
        return built;
      }
    }
  }
  // Only a hint for the next tree; without it all bases are compared.
  static_cast<void>(
      files::write_atomically(layers_ + "/base", git::to_hex(tree), files::Durable::No));
  static_cast<void>(remove_unused(bases_, kKeptBases));
  return dsl::Ok{};
}

namespace {

/// Makes a folder under another name, has it filled, and gives it its name: nobody sees a part.
template <class Fill>
dsl::Status build(const std::string& parent, const std::string& path, Fill fill) {
  auto folder = files::make_temporary_folder(parent, ".building-");
  if (!folder) {
    return folder.error();
  }
  auto opened = files::open_folder(*folder);
  dsl::Status done = dsl::Ok{};
  if (!opened || ::fchmod(opened->get(), 0755) != 0) {
    done = files::system_error("make folder", *folder, errno);
  } else {
    done = fill(opened->get());
  }
  if (!done) {
    static_cast<void>(files::remove_tree(*folder));
    return done;
  }
  return publish(*folder, path);
}

Fd open_donor(const std::string& path) {
  return Fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

dsl::Status Layers::build_base(git::Objects& objects, const git::Oid& tree) const {
  // Any other base of this store may share files with this one; the one used last most likely does.
  const std::vector<Oid> others = candidates();
  Fd folder;
  Donor donor;
  if (!others.empty()) {
    folder = open_donor(base_path(others.front()));
    donor = {others.front(), folder.get()};
  }
  auto built = build(bases_, base_path(tree), [&](int target) {
    return check_out_shared(objects, tree, target, donor);
  });
  return built ? built : built.error().within("lay out the project's files");
}

std::string Layers::layer_path(const git::Oid& base, const git::Oid& tree) const {
  return fmt::format(
      "{}/{}@{}-{}", layers_, git::to_hex(tree), git::to_hex(base).substr(0, 12), boot_);
}

dsl::Result<std::string> Layers::use_layer(git::Objects& objects,
                                           const git::Oid& base,
                                           const git::Oid& tree) const {
  const std::string path = layer_path(base, tree);
  if (exists(path)) {
    return path;
  }
  // The layer made last is that of the node before, as a rule.
  Fd folder;
  Donor donor;
  const std::string note = layers_ + "/last";
  if (auto last = files::read_file(note, 100)) {
    if (const auto other = git::from_hex(*last)) {
      folder = open_donor(layer_path(base, *other));
      donor = {*other, folder.get()};
    }
  }
  auto built = build(layers_, path, [&](int target) {
    return check_out_layer(objects, base, tree, target, donor);
  });
  if (!built) {
    return built.error();
  }
  static_cast<void>(files::write_atomically(note, git::to_hex(tree), files::Durable::No));
  return path;
}

dsl::Result<int> Layers::remove_unused(const std::string& bases, std::size_t keep) {
  std::vector<Base> all = list_bases(bases);
  int removed = 0;
  for (std::size_t i = keep; i < all.size(); ++i) {
    const std::string hex = git::to_hex(all[i].tree);
    const std::string lock_path = fmt::format("{}/{}.lock", bases, hex);
    auto lock = FileLock::try_take(lock_path, FileLock::How::Exclusive);
    if (!lock || !*lock) {
      continue;  // in use
    }
    const Fd folder(::open(bases.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::vector<std::string> names;
    if (!folder || !files::list_names(folder.get(), names)) {
      return files::system_error("read folder", bases, errno);
    }
    for (const std::string& name : names) {
      if (name.starts_with(hex + "-") || name == hex + ".build") {
        if (auto gone = files::remove_tree(bases + "/" + name); !gone) {
          return gone.error();
        }
      }
    }
    ::unlink(lock_path.c_str());
    ++removed;
  }
  return removed;
}

}  // namespace runner
