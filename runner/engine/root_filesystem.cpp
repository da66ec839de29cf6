#include "runner/engine/root_filesystem.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <climits>
#include <fmt/format.h>

#include "dsl/digest.h"
#include "runner/sys/fd.h"
#include "runner/sys/files.h"

namespace runner {
namespace fs = std::filesystem;

namespace {

struct Entry {
  std::string path;  // beneath the folder
  struct stat status {};
};

dsl::Result<std::vector<Entry>> entries_of(const std::string& folder) {
  std::vector<Entry> entries;
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  // Step by step: a loop over a range throws where a folder goes while it is walked.
  for (auto entry = fs::recursive_directory_iterator(folder, options, error);
       !error && entry != fs::recursive_directory_iterator();
       entry.increment(error)) {
    Entry one{entry->path().lexically_relative(folder).string(), {}};
    if (::lstat(entry->path().c_str(), &one.status) == 0) {
      entries.push_back(std::move(one));
    }
  }
  if (error) {
    return files::system_error("read the root filesystem", folder, error.value());
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& left, const Entry& right) {
    return left.path < right.path;
  });
  return entries;
}

std::string stamps_digest(const std::vector<Entry>& entries) {
  dsl::Sha256 digest;
  for (const Entry& entry : entries) {
    digest.add(entry.path + '\0' + files::stamp_of(entry.status) + "\n");
  }
  return digest.finish();
}

/// "": it cannot be read.
std::string content_of(int folder, const Entry& entry) {
  if (S_ISLNK(entry.status.st_mode)) {
    std::string target(PATH_MAX, '\0');
    const ssize_t size = ::readlinkat(folder, entry.path.c_str(), target.data(), target.size());
    return size < 0 ? "" : dsl::sha256_hex(target.substr(0, static_cast<std::size_t>(size)));
  }
  const Fd file = files::open_beneath(folder, entry.path.c_str(), O_RDONLY);
  if (!file) {
    return "";
  }
  dsl::Sha256 digest;
  std::vector<char> buffer(std::size_t{128} << 10);
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return got < 0 ? "" : digest.finish();
    }
    digest.add({buffer.data(), static_cast<std::size_t>(got)});
  }
}

dsl::Result<std::string> contents_digest(const std::string& folder,
                                         const std::vector<Entry>& entries) {
  const auto root = files::open_folder(folder);
  if (!root) {
    return root.error();
  }
  dsl::Sha256 digest;
  for (const Entry& entry : entries) {
    digest.add(entry.path + '\0' + fmt::format("{:o} ", entry.status.st_mode));
    if (S_ISREG(entry.status.st_mode) || S_ISLNK(entry.status.st_mode)) {
      const std::string content = content_of(root->get(), entry);
      digest.add(content.empty() ? files::stamp_of(entry.status) : content);
    }
    digest.add("\n");
  }
  return digest.finish();
}

}  // namespace

dsl::Result<RootImage> open_root_filesystem(const std::string& state_dir,
                                            const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return dsl::Error{"the root filesystem '" + folder + "' is no folder",
                      "unpack it there, for example with mmdebstrap"};
  }
  const std::string real = fs::canonical(folder, error).string();
  if (error) {
    return files::system_error("read the root filesystem", folder, error.value());
  }
  const auto entries = entries_of(real);
  if (!entries) {
    return entries.error();
  }
  RootImage image;
  image.root = folder;
  const std::string known = state_dir + "/images/folders/" + stamps_digest(*entries);
  if (const auto digest = files::read_file(known, 100)) {
    image.digest = *digest;
    return image;
  }
  const auto digest = contents_digest(real, *entries);
  if (!digest) {
    return digest.error();
  }
  image.digest = "sha256:" + *digest;
  // What was read may have changed meanwhile: then it is somebody else's digest.
  const auto after = entries_of(real);
  if (!after || stamps_digest(*after) != stamps_digest(*entries)) {
    return dsl::Error{"the root filesystem '" + folder + "' changes while it is read",
                      "let what writes to it end, and start again"};
  }
  auto written = files::make_directories(state_dir + "/images/folders");
  if (written) {
    written = files::write_atomically(known, image.digest, files::Durable::No);
  }
  if (!written) {
    return written.error();
  }
  return image;
}

}  // namespace runner
