#include "runner/engine/container_image_tag.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <climits>
#include <fmt/format.h>

#include "dsl/digest.h"
#include "runner/sys/fd.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

/// What a file or folder is, for the digest: its mode and size, and what it points to or holds.
/// `Contents::Stamps` takes the time of change for the bytes: for big trees that we do not read.
enum class Contents { Bytes, Stamps };

dsl::Status add_entry(int parent,
                      const std::string& name,
                      const std::string& path,
                      Contents contents,
                      dsl::Sha256& digest);

dsl::Status add_folder(int parent,
                       const std::string& name,
                       const std::string& path,
                       Contents contents,
                       dsl::Sha256& digest) {
  const Fd folder(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder)
    return files::system_error("read", path, errno);
  std::vector<std::string> names;
  if (!files::list_names(folder.get(), names))
    return files::system_error("read", path, errno);
  std::sort(names.begin(), names.end());
  for (const std::string& inner : names) {
    if (dsl::Status added = add_entry(folder.get(), inner, path + "/" + inner, contents, digest);
        !added)
      return added;
  }
  return dsl::Ok{};
}

dsl::Status add_bytes(int parent,
                      const std::string& name,
                      const std::string& path,
                      dsl::Sha256& digest) {
  const Fd file(openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file)
    return files::system_error("read", path, errno);
  std::vector<char> buffer(1 << 16);
  for (;;) {
    const ssize_t got = read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return files::system_error("read", path, errno);
    if (got == 0)
      return dsl::Ok{};
    digest.add({buffer.data(), static_cast<std::size_t>(got)});
  }
}

dsl::Status add_entry(int parent,
                      const std::string& name,
                      const std::string& path,
                      Contents contents,
                      dsl::Sha256& digest) {
  struct stat status {};
  if (fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return files::system_error("read", path, errno);
  digest.add(fmt::format(
      "{} {:o} {}", name, status.st_mode, S_ISDIR(status.st_mode) ? 0 : status.st_size));
  digest.add({"\0", 1});
  if (S_ISDIR(status.st_mode))
    return add_folder(parent, name, path, contents, digest);
  if (S_ISLNK(status.st_mode)) {
    std::vector<char> target(PATH_MAX);
    const ssize_t size = readlinkat(parent, name.c_str(), target.data(), target.size());
    digest.add({target.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))});
  } else if (S_ISREG(status.st_mode) && contents == Contents::Bytes) {
    return add_bytes(parent, name, path, digest);
  } else {
    digest.add(fmt::format("{} {} {}", files::stamp_of(status), status.st_uid, status.st_gid));
  }
  return dsl::Ok{};
}

dsl::Status add_path(const std::string& path, Contents contents, dsl::Sha256& digest) {
  return add_entry(AT_FDCWD, path, path, contents, digest);
}

}  // namespace

dsl::Result<std::string> image_tag(const dsl::Image& image, const std::string& store) {
  dsl::Sha256 digest;
  const char* repository = "";
  dsl::Status added = dsl::Ok{};
  switch (image.kind) {
    case dsl::Image::Kind::Build:
      repository = "pipe-build";
      added = add_path(image.reference, Contents::Bytes, digest);
      if (added)
        added = add_path(image.context, Contents::Bytes, digest);
      break;
    case dsl::Image::Kind::RootFs:
      repository = "pipe-rootfs";
      added = add_path(image.reference, Contents::Stamps, digest);
      break;
    case dsl::Image::Kind::OciArchive:
      repository = "pipe-archive";
      added = add_path(image.reference, Contents::Bytes, digest);
      break;
    case dsl::Image::Kind::Host:
    case dsl::Image::Kind::Reference:
    case dsl::Image::Kind::Devcontainer:
      break;
  }
  if (!added)
    return added.error();
  return fmt::format(
      "{}:{}{}{}", repository, digest.finish().substr(0, 32), store.empty() ? "" : "-", store);
}

bool is_tag_of(std::string_view tag, std::string_view store) {
  const std::size_t slash = tag.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? tag : tag.substr(slash + 1);
  const bool made_by_us = name.starts_with("pipe-build:") || name.starts_with("pipe-rootfs:") ||
                          name.starts_with("pipe-archive:");
  return made_by_us && !store.empty() && name.ends_with("-" + std::string(store));
}

}  // namespace runner
