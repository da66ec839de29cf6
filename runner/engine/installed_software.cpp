#include "runner/engine/installed_software.h"

#include <algorithm>
#include <deque>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "runner/sys/fd.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

/// Each run looks at them: a tenth of a second. Machines that hold every version of every tool in
/// /opt have ten times as many.
constexpr std::size_t kMostInAFolder = 50'000;

std::string read_whole(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string time_of(const struct stat& status) {
  return fmt::format("{}.{}", status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

}  // namespace

void add_stamps_beneath(const std::string& folder, std::size_t most, dsl::Sha256& digest) {
  std::deque<std::string> folders = {folder};
  std::size_t seen = 0;
  std::vector<std::string> names;
  while (!folders.empty() && seen < most) {
    const std::string path = std::move(folders.front());
    folders.pop_front();
    const Fd open_folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    names.clear();
    if (!open_folder || !files::list_names(open_folder.get(), names)) {
      continue;  // what we cannot see, a job of ours cannot either
    }
    std::sort(names.begin(), names.end());
    seen += names.size();
    digest.add(path + "\n");
    for (const std::string& name : names) {
      struct stat status {};
      if (fstatat(open_folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        continue;
      }
      const bool is_folder = S_ISDIR(status.st_mode);
      digest.add(fmt::format("{} {:o} {} {}\n",
                             name,
                             status.st_mode,
                             is_folder ? 0 : status.st_size,
                             time_of(status)));
      if (is_folder) {
        folders.push_back(path + "/" + name);
      }
    }
  }
}

std::string installed_software_digest() {
  dsl::Sha256 digest;
  utsname name{};
  if (uname(&name) == 0) {
    digest.add(name.machine);
  }
  for (const char* const path :
       {"/etc/os-release", "/var/lib/dpkg/status", "/lib/apk/db/installed"}) {
    digest.add(read_whole(path));
    digest.add("\n");
  }
  for (const char* const path : {"/var/lib/rpm/rpmdb.sqlite",
                                 "/var/lib/rpm/Packages",
                                 "/var/lib/pacman/local",
                                 "/nix/store",
                                 "/nix/var/nix/profiles"}) {
    struct stat status {};
    if (stat(path, &status) == 0) {
      digest.add(fmt::format("{} {}\n", path, time_of(status)));
    }
  }
  for (const char* const folder : {"/usr/bin", "/usr/sbin", "/usr/local", "/opt"}) {
    add_stamps_beneath(folder, kMostInAFolder, digest);
  }
  return "sha256:" + digest.finish();
}

}  // namespace runner
