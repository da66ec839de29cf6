#include "runner/store/checkout.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <climits>
#include <fmt/format.h>

#include "runner/store/tree_paths.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using git::Entries;
using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

dsl::Status check_name(const Entry& entry) {
  if (git::is_safe_name(entry.name)) {
    return dsl::Ok{};
  }
  return dsl::Error{fmt::format("a tree has an entry called '{}', which cannot be laid out",
                                files::printable(entry.name)),
                    "check the repository with 'git fsck'"};
}

/// An open folder that was made in another. The mode is set apart from mkdir because of the umask.
dsl::Result<Fd> make_folder(int parent, const std::string& name) {
  if (::mkdirat(parent, name.c_str(), 0755) != 0) {
    return files::system_error("make folder", name, errno);
  }
  Fd folder(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder || ::fchmod(folder.get(), 0755) != 0) {
    return files::system_error("make folder", name, errno);
  }
  return folder;
}

bool by_name(const Entry& a, const Entry& b) {
  return a.name < b.name;
}

/// One folder of a donor, with its entries at hand.
class DonorFolder {
 public:
  DonorFolder(Objects& objects, const Donor& donor) : folder_(donor.folder) {
    if (folder_ < 0) {
      return;
    }
    if (auto entries = objects.read_tree(donor.tree)) {
      entries_ = *std::move(entries);
      std::sort(entries_.begin(), entries_.end(), by_name);
    }
  }

  /// Links the donor's file; false: it has none that is the same, or cannot give it.
  [[nodiscard]] bool give(const Entry& wanted, int to) const {
    const Entry* mine = find(wanted.name);
    return mine != nullptr && *mine == wanted &&
           ::linkat(folder_, wanted.name.c_str(), to, wanted.name.c_str(), 0) == 0;
  }

  /// The donor of a folder in it; `held` keeps it open.
  [[nodiscard]] Donor below(const std::string& name, Fd& held) const {
    const Entry* mine = find(name);
    if (mine == nullptr || mine->kind != Kind::Folder) {
      return {};
    }
    held = Fd(::openat(folder_, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return {mine->id, held.get()};
  }

 private:
  [[nodiscard]] const Entry* find(const std::string& name) const {
    const auto at = std::lower_bound(
        entries_.begin(), entries_.end(), name, [](const Entry& entry, const std::string& wanted) {
          return entry.name < wanted;
        });
    return at != entries_.end() && at->name == name ? &*at : nullptr;
  }

  int folder_;
  Entries entries_;
};

class Checkout {
 public:
  Checkout(Objects& objects, StampBook* stamps) : objects_(objects), stamps_(stamps) {}

  struct Place {
    int folder = -1;
    std::string prefix;  // "" or ending with '/'
    int depth = 0;
    Donor donor;
  };

  dsl::Status lay_out(const Oid& tree, const Place& place) {
    if (place.depth > kMaxTreeDepth) {
      return too_deep();
    }
    auto entries = objects_.read_tree(tree);
    if (!entries) {
      return entries.error();
    }
    const DonorFolder donor(objects_, place.donor);
    for (const Entry& entry : *entries) {
      if (auto done = lay_out_entry(entry, place, donor); !done) {
        return done;
      }
    }
    return dsl::Ok{};
  }

  /// What has to lie above a folder with `before` to show `after`.
  dsl::Status lay_over(const Oid& before, const Oid& after, const Place& place) {
    if (place.depth > kMaxTreeDepth) {
      return too_deep();
    }
    auto old_entries = objects_.read_tree(before);
    auto new_entries = objects_.read_tree(after);
    if (!old_entries || !new_entries) {
      return old_entries ? new_entries.error() : old_entries.error();
    }
    std::sort(old_entries->begin(), old_entries->end(), by_name);
    std::sort(new_entries->begin(), new_entries->end(), by_name);
    const DonorFolder donor(objects_, place.donor);
    auto was = old_entries->begin();
    for (const Entry& entry : *new_entries) {
      for (; was != old_entries->end() && was->name < entry.name; ++was) {
        if (auto hidden = hide(*was, place); !hidden) {
          return hidden;
        }
      }
      const bool known = was != old_entries->end() && was->name == entry.name;
      if (auto done = lay_entry_over(known ? &*was : nullptr, entry, place, donor); !done) {
        return done;
      }
      was += known ? 1 : 0;
    }
    for (; was != old_entries->end(); ++was) {
      if (auto hidden = hide(*was, place); !hidden) {
        return hidden;
      }
    }
    return dsl::Ok{};
  }

  dsl::Status write(const Entry& entry, int folder, const std::string& prefix) {
    if (entry.kind == Kind::Link) {
      auto target = objects_.read_blob(entry.id, PATH_MAX);
      if (!target) {
        return target.error();
      }
      if (target->find('\0') != std::string::npos ||
          ::symlinkat(target->c_str(), folder, entry.name.c_str()) != 0) {
        return files::system_error("make link", prefix + entry.name, errno);
      }
      return dsl::Ok{};
    }
    const Fd file(::openat(
        folder, entry.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) {
      return files::system_error("write", prefix + entry.name, errno);
    }
    if (auto copied = objects_.copy_blob(entry.id, file.get()); !copied) {
      return copied.error().within(
          fmt::format("write '{}'", files::printable(prefix + entry.name)));
    }
    struct stat status {};
    if (::fchmod(file.get(), entry.kind == Kind::Executable ? 0755 : 0644) != 0 ||
        (stamps_ != nullptr && ::fstat(file.get(), &status) != 0)) {
      return files::system_error("write", prefix + entry.name, errno);
    }
    if (stamps_ != nullptr) {
      stamps_->note(prefix + entry.name, status, entry.id);
    }
    return dsl::Ok{};
  }

 private:
  static dsl::Error too_deep() {
    return {fmt::format("folders are nested deeper than {}", kMaxTreeDepth), ""};
  }

  dsl::Status lay_out_entry(const Entry& entry, const Place& place, const DonorFolder& donor) {
    if (auto safe = check_name(entry); !safe) {
      return safe;
    }
    if (entry.kind != Kind::Folder && entry.kind != Kind::Submodule) {
      return donor.give(entry, place.folder) ? dsl::Status(dsl::Ok{})
                                             : write(entry, place.folder, place.prefix);
    }
    auto below = make_folder(place.folder, entry.name);
    if (!below) {
      return below.error();
    }
    if (entry.kind == Kind::Submodule) {
      return dsl::Ok{};
    }
    Fd held;
    return lay_out(entry.id,
                   {below->get(),
                    place.prefix + entry.name + "/",
                    place.depth + 1,
                    donor.below(entry.name, held)});
  }

  dsl::Status lay_entry_over(const Entry* before,
                             const Entry& after,
                             const Place& place,
                             const DonorFolder& donor) {
    if (before != nullptr && *before == after) {
      return dsl::Ok{};
    }
    if (before == nullptr || before->kind != Kind::Folder || after.kind != Kind::Folder) {
      return lay_out_entry(after, place, donor);
    }
    if (auto safe = check_name(after); !safe) {
      return safe;
    }
    auto below = make_folder(place.folder, after.name);
    if (!below) {
      return below.error();
    }
    Fd held;
    return lay_over(before->id,
                    after.id,
                    {below->get(),
                     place.prefix + after.name + "/",
                     place.depth + 1,
                     donor.below(after.name, held)});
  }

  /// The kernel lets everyone make this one device: it is overlayfs's mark for "not here". All of a
  /// layer are one file with many names.
  dsl::Status hide(const Entry& entry, const Place& place) {
    if (auto safe = check_name(entry); !safe) {
      return safe;
    }
    const char* name = entry.name.c_str();
    if (mark_ && ::linkat(mark_.get(), mark_name_.c_str(), place.folder, name, 0) == 0) {
      return dsl::Ok{};
    }
    if (::mknodat(place.folder, name, S_IFCHR | 0600, makedev(0, 0)) != 0) {
      return files::system_error("hide", place.prefix + entry.name, errno);
    }
    mark_ = Fd(::openat(place.folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    mark_name_ = entry.name;
    return dsl::Ok{};
  }

  Objects& objects_;
  StampBook* stamps_;
  Fd mark_;  // the folder with the first whiteout
  std::string mark_name_;
};

}  // namespace

dsl::Status check_out(git::Objects& objects, const git::Oid& tree, int folder, StampBook* stamps) {
  return Checkout(objects, stamps).lay_out(tree, {folder, "", 0, {}});
}

dsl::Status check_out_shared(git::Objects& objects,
                             const git::Oid& tree,
                             int folder,
                             const Donor& donor) {
  return Checkout(objects, nullptr).lay_out(tree, {folder, "", 0, donor});
}

dsl::Status check_out_layer(git::Objects& objects,
                            const git::Oid& before,
                            const git::Oid& after,
                            int folder,
                            const Donor& donor) {
  return Checkout(objects, nullptr).lay_over(before, after, {folder, "", 0, donor});
}

dsl::Status write_entry(git::Objects& objects,
                        const git::Entry& entry,
                        int folder,
                        const std::string& name) {
  return Checkout(objects, nullptr).write({name, entry.kind, entry.id}, folder, "");
}

}  // namespace runner
