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

class Checkout {
 public:
  Checkout(Objects& objects, StampBook* stamps) : objects_(objects), stamps_(stamps) {}

  dsl::Status lay_out(const Oid& tree, int folder, const std::string& prefix, int depth) {
    if (depth > kMaxTreeDepth) {
      return dsl::Error{fmt::format("folders are nested deeper than {}", kMaxTreeDepth), ""};
    }
    auto entries = objects_.read_tree(tree);
    if (!entries) {
      return entries.error();
    }
    for (const Entry& entry : *entries) {
      if (auto done = lay_out_entry(entry, folder, prefix, depth); !done) {
        return done;
      }
    }
    return dsl::Ok{};
  }

  dsl::Status lay_out_entry(const Entry& entry, int folder, const std::string& prefix, int depth) {
    if (auto safe = check_name(entry); !safe) {
      return safe;
    }
    if (entry.kind != Kind::Folder && entry.kind != Kind::Submodule) {
      return write(entry, folder, prefix);
    }
    auto below = make_folder(folder, entry.name);
    if (!below) {
      return below.error();
    }
    if (entry.kind == Kind::Submodule) {
      return dsl::Ok{};
    }
    return lay_out(entry.id, below->get(), prefix + entry.name + "/", depth + 1);
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

  dsl::Status lay_over(
      const Oid& before, const Oid& after, int folder, const std::string& prefix, int depth) {
    if (depth > kMaxTreeDepth) {
      return dsl::Error{fmt::format("folders are nested deeper than {}", kMaxTreeDepth), ""};
    }
    auto old_entries = objects_.read_tree(before);
    auto new_entries = objects_.read_tree(after);
    if (!old_entries || !new_entries) {
      return old_entries ? new_entries.error() : old_entries.error();
    }
    const auto by_name = [](const Entry& a, const Entry& b) { return a.name < b.name; };
    std::sort(old_entries->begin(), old_entries->end(), by_name);
    std::sort(new_entries->begin(), new_entries->end(), by_name);
    auto was = old_entries->begin();
    for (const Entry& entry : *new_entries) {
      for (; was != old_entries->end() && was->name < entry.name; ++was) {
        if (auto hidden = hide(*was, folder, prefix); !hidden) {
          return hidden;
        }
      }
      const bool known = was != old_entries->end() && was->name == entry.name;
      auto done = lay_entry_over(known ? &*was : nullptr, entry, folder, prefix, depth);
      if (!done) {
        return done;
      }
      was += known ? 1 : 0;
    }
    for (; was != old_entries->end(); ++was) {
      if (auto hidden = hide(*was, folder, prefix); !hidden) {
        return hidden;
      }
    }
    return dsl::Ok{};
  }

 private:
  dsl::Status lay_entry_over(
      const Entry* before, const Entry& after, int folder, const std::string& prefix, int depth) {
    if (before != nullptr && *before == after) {
      return dsl::Ok{};
    }
    if (before == nullptr || before->kind != Kind::Folder || after.kind != Kind::Folder) {
      return lay_out_entry(after, folder, prefix, depth);
    }
    if (auto safe = check_name(after); !safe) {
      return safe;
    }
    auto below = make_folder(folder, after.name);
    if (!below) {
      return below.error();
    }
    return lay_over(before->id, after.id, below->get(), prefix + after.name + "/", depth + 1);
  }

  static dsl::Status hide(const Entry& entry, int folder, const std::string& prefix) {
    if (auto safe = check_name(entry); !safe) {
      return safe;
    }
    // The kernel lets everyone make this one device: it is overlayfs's mark for "not here".
    if (::mknodat(folder, entry.name.c_str(), S_IFCHR | 0600, makedev(0, 0)) != 0) {
      return files::system_error("hide", prefix + entry.name, errno);
    }
    return dsl::Ok{};
  }

  Objects& objects_;
  StampBook* stamps_;
};

}  // namespace

dsl::Status check_out(git::Objects& objects, const git::Oid& tree, int folder, StampBook* stamps) {
  return Checkout(objects, stamps).lay_out(tree, folder, "", 0);
}

dsl::Status check_out_layer(git::Objects& objects,
                            const git::Oid& before,
                            const git::Oid& after,
                            int folder) {
  return Checkout(objects, nullptr).lay_over(before, after, folder, "", 0);
}

dsl::Status write_entry(git::Objects& objects,
                        const git::Entry& entry,
                        int folder,
                        const std::string& name) {
  return Checkout(objects, nullptr).write({name, entry.kind, entry.id}, folder, "");
}

}  // namespace runner
