#include "runner/sys/git_job.h"

#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "runner/sys/files.h"
#include "runner/sys/git_bytes.h"
#include "runner/sys/git_error.h"
#include "runner/sys/git_objects.h"

namespace runner::git {
namespace {

constexpr int kCompression = 1;

dsl::Result<Odb> open_loose(const std::string& folder, git_odb_backend** backend) {
  start_library();
  git_odb* made = nullptr;
  if (const int code = git_odb_new(&made); code != 0) {
    return error_of("open objects", code);
  }
  Odb odb(made);
  int code = git_odb_backend_loose(backend, folder.c_str(), kCompression, 0, 0, 0);
  if (code == 0) {
    code = git_odb_add_backend(odb.get(), *backend, 1);
  }
  if (code != 0) {
    return error_of(fmt::format("open '{}'", folder), code);
  }
  return odb;
}

/// Copies a commit with all of its files, and lists these for an index.
class Copy {
 public:
  Copy(Objects& objects, git_odb_backend* to, git_index* index)
      : objects_(objects), to_(to), index_(index) {}

  dsl::Status commit(const Oid& id) {
    auto commit = objects_.read_commit(id);
    if (!commit) {
      return commit.error();
    }
    auto copied = object(id);
    return copied ? tree(commit->tree, "") : copied;
  }

 private:
  dsl::Status object(const Oid& id) {
    if (!done_.insert(id).second) {
      return dsl::Ok{};
    }
    std::string bytes;
    git_object_t type = GIT_OBJECT_BLOB;
    auto poured = objects_.pour(
        id,
        [&](Objects::Type what, std::int64_t size) -> dsl::Status {
          type = what == Objects::Type::Commit ? GIT_OBJECT_COMMIT
                 : what == Objects::Type::Tree ? GIT_OBJECT_TREE
                                               : GIT_OBJECT_BLOB;
          bytes.reserve(static_cast<std::size_t>(size));
          return dsl::Ok{};
        },
        [&](std::string_view part) -> dsl::Status {
          bytes += part;
          return dsl::Ok{};
        });
    if (!poured) {
      return poured;
    }
    const git_oid raw = to_git(id);
    if (const int code = to_->write(to_, &raw, bytes.data(), bytes.size(), type); code != 0) {
      return error_of("write the repository of a job", code);
    }
    return dsl::Ok{};
  }

  dsl::Status tree(const Oid& id, const std::string& prefix) {
    auto entries = objects_.read_tree(id);
    auto copied = entries ? object(id) : dsl::Status(entries.error());
    if (!copied) {
      return copied;
    }
    for (const Entry& entry : *entries) {
      const std::string path = prefix + entry.name;
      if (entry.kind == Kind::Folder) {
        copied = tree(entry.id, path + "/");
      } else {
        copied = entry.kind == Kind::Submodule ? dsl::Ok{} : object(entry.id);
        if (copied) {
          copied = list(path, entry);
        }
      }
      if (!copied) {
        return copied;
      }
    }
    return dsl::Ok{};
  }

  dsl::Status list(const std::string& path, const Entry& entry) {
    git_index_entry one{};
    one.path = path.c_str();
    one.id = to_git(entry.id);
    one.mode = entry.kind == Kind::Executable  ? GIT_FILEMODE_BLOB_EXECUTABLE
               : entry.kind == Kind::Link      ? GIT_FILEMODE_LINK
               : entry.kind == Kind::Submodule ? GIT_FILEMODE_COMMIT
                                               : GIT_FILEMODE_BLOB;
    const int code = git_index_add(index_, &one);
    return code == 0 ? dsl::Status(dsl::Ok{}) : error_of("list '" + path + "'", code);
  }

  Objects& objects_;
  git_odb_backend* to_;
  git_index* index_;
  std::unordered_set<Oid, OidHash> done_;
};

std::string config_of(const std::string& person) {
  const std::size_t open = person.find('<');
  const std::string name = person.substr(0, person.find(" <"));
  const std::string mail =
      open == std::string::npos ? "" : person.substr(open + 1, person.rfind('>') - open - 1);
  const auto quoted = [](const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    }
    return out + "\"";
  };
  return fmt::format(
      "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"
      "\tlogallrefupdates = true\n[user]\n\tname = {}\n\temail = {}\n"
      // What is packed is not read again.
      "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[commit]\n\tgpgSign = false\n",
      quoted(name),
      quoted(mail));
}

}  // namespace

dsl::Status make_job_repository(Objects& objects,
                                const Oid& commit,
                                const std::string& person,
                                const std::string& folder) {
  const std::string git = folder + "/.git";
  for (const char* name : {"/objects/info", "/objects/pack", "/refs/heads", "/refs/tags"}) {
    if (auto made = files::make_directories(git + name); !made) {
      return made;
    }
  }
  git_odb_backend* backend = nullptr;
  auto odb = open_loose(git + "/objects", &backend);
  if (!odb) {
    return odb.error();
  }
  git_index* opened = nullptr;
  if (const int code = git_index_open(&opened, (git + "/index").c_str()); code != 0) {
    return error_of("make an index", code);
  }
  const Held<git_index, git_index_free> index(opened);
  if (auto copied = Copy(objects, backend, index.get()).commit(commit); !copied) {
    return copied.error().within("make the repository of a job");
  }
  if (const int code = git_index_write(index.get()); code != 0) {
    return error_of("write an index", code);
  }
  auto read = objects.read_commit(commit);
  if (!read) {
    return read.error();
  }
  std::vector<std::pair<std::string, std::string>> texts{{"HEAD", "ref: refs/heads/pipe\n"},
                                                         {"refs/heads/pipe", to_hex(commit) + "\n"},
                                                         {"config", config_of(person)}};
  if (!read->parents.empty()) {
    texts.emplace_back("shallow", to_hex(commit) + "\n");
  }
  for (const auto& [name, text] : texts) {
    auto written = files::write_atomically(git + "/" + name, text, files::Durable::No);
    if (!written) {
      return written;
    }
  }
  return dsl::Ok{};
}

struct LeftRepository::Impl {
  Fd git;  // the folder ".git"
  std::string copies;
  Odb odb;

  dsl::Result<Raw> read(const Oid& id, git_object_t type) const {
    const std::string name = loose_name(id);
    const std::string copy = copies + "/" + name;
    const git_oid raw = to_git(id);
    struct stat status {};
    if (::lstat(copy.c_str(), &status) != 0) {
      auto bytes = files::read_beneath(git.get(), "objects/" + name, kLargestObject);
      if (!bytes) {
        return dsl::Error{fmt::format("object {} is not there as a file of its own", to_hex(id)),
                          ""};
      }
      auto kept = files::make_directories(copy.substr(0, copy.rfind('/')));
      kept = kept ? files::write_atomically(copy, *bytes, files::Durable::No) : kept;
      if (!kept) {
        return kept.error();
      }
    }
    std::size_t size = 0;
    git_object_t found{};
    if (git_odb_read_header(&size, &found, odb.get(), &raw) != 0 || found != type) {
      return dsl::Error{fmt::format("object {} is broken", to_hex(id)), ""};
    }
    if (size > static_cast<std::size_t>(kLargestObject)) {
      return dsl::Error{
          fmt::format("object {} is larger than {} bytes", to_hex(id), kLargestObject), ""};
    }
    git_odb_object* object = nullptr;
    if (git_odb_read(&object, odb.get(), &raw) != 0) {
      return dsl::Error{fmt::format("object {} is not what its name says", to_hex(id)), ""};
    }
    return Raw(object);
  }

  static std::string_view bytes_of(const Raw& object) {
    return {static_cast<const char*>(git_odb_object_data(object.get())),
            git_odb_object_size(object.get())};
  }
};

LeftRepository::LeftRepository(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LeftRepository::LeftRepository(LeftRepository&&) noexcept = default;

LeftRepository::~LeftRepository() {
  if (impl_ != nullptr) {
    static_cast<void>(files::remove_tree(impl_->copies));
  }
}

dsl::Result<LeftRepository> LeftRepository::open(int workspace, const std::string& copies) {
  auto impl = std::make_unique<Impl>();
  impl->git = files::open_beneath(workspace, ".git", O_RDONLY | O_DIRECTORY);
  if (!impl->git) {
    return dsl::Error{"its repository is gone", ""};
  }
  impl->copies = copies;
  auto made = files::make_directories(copies, 0700);
  if (!made) {
    return made.error();
  }
  git_odb_backend* backend = nullptr;
  auto odb = open_loose(copies, &backend);
  if (!odb) {
    return odb.error();
  }
  impl->odb = *std::move(odb);
  return LeftRepository(std::move(impl));
}

dsl::Result<Oid> LeftRepository::head() const {
  constexpr std::int64_t kMost = 1 << 20;
  const auto line = [](std::string text) { return text.substr(0, text.find_first_of("\r\n")); };
  std::string name = "HEAD";
  for (int depth = 0; depth < 5; ++depth) {
    auto text = files::read_beneath(impl_->git.get(), name, kMost);
    if (!text) {
      auto packed = files::read_beneath(impl_->git.get(), "packed-refs", kMost);
      const std::size_t at = packed ? ("\n" + *packed).find(" " + name + "\n") : std::string::npos;
      const auto id = at == std::string::npos || at < 40
                          ? std::nullopt
                          : from_hex(std::string_view(("\n" + *packed)).substr(at - 40, 40));
      if (!id) {
        return dsl::Error{"its HEAD leads nowhere", ""};
      }
      return *id;
    }
    const std::string first = line(*std::move(text));
    if (!first.starts_with("ref: refs/")) {
      const auto id = from_hex(first);
      return id ? dsl::Result<Oid>(*id) : dsl::Error{"its HEAD is broken", ""};
    }
    name = first.substr(5);
  }
  return dsl::Error{"its HEAD leads nowhere", ""};
}

dsl::Result<Commit> LeftRepository::read_commit(const Oid& id) {
  auto object = impl_->read(id, GIT_OBJECT_COMMIT);
  return object ? parse_commit(id, Impl::bytes_of(*object)) : object.error();
}

dsl::Result<Entries> LeftRepository::read_tree(const Oid& id) {
  auto object = impl_->read(id, GIT_OBJECT_TREE);
  return object ? parse_tree(id, Impl::bytes_of(*object)) : object.error();
}

dsl::Result<std::string> LeftRepository::read_blob(const Oid& id) {
  auto object = impl_->read(id, GIT_OBJECT_BLOB);
  return object ? dsl::Result<std::string>(std::string(Impl::bytes_of(*object))) : object.error();
}

}  // namespace runner::git
