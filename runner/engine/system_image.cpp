#include "runner/engine/system_image.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "dsl/digest.h"
#include "runner/sys/files.h"

namespace runner {
namespace fs = std::filesystem;

namespace {

/// Files and folders of /etc that a job sees. A name ending in '*' is the beginning of one.
constexpr std::array kEtc = {
    "ImageMagick-*",
    "OpenCL",
    "alternatives",
    "bash.bashrc",
    "bash_completion.d",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "cmake",
    "debconf.conf",
    "debian_version",
    "dictionaries-common",
    "dpkg",
    "emacs",
    "environment.d",
    "erlang",
    "fonts",
    "gai.conf",
    "ghc",
    "glvnd",
    "gprofng.rc",
    "host.conf",
    "inputrc",
    "java*",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "libaudit.conf",
    "libnl-3",
    "locale.alias",
    "locale.conf",
    "localtime",
    "login.defs",
    "lsb-release",
    "magic",
    "magic.mime",
    "mailcap",
    "maven",
    "mime.types",
    "mke2fs.conf",
    "networks",
    "nodejs",
    "os-release",
    "papersize",
    "perl",
    "php",
    "pki",
    "profile",
    "profile.d",
    "protocols",
    "pulse",
    "python*",
    "rpc",
    "rpm",
    "ruby",
    "sensors3.conf",
    "services",
    "sgml",
    "shells",
    "skel",
    "ssl",
    "subversion",
    "terminfo",
    "texmf",
    "timezone",
    "valgrindrc",
    "vulkan",
    "wgetrc",
    "xattr.conf",
    "xdg",
    "xml",
};

/// Folders below those that hold secrets where somebody opened them to all.
constexpr std::array kNever = {"ssl/private", "pki/tls/private"};

constexpr std::array kSystemFolders = {"/usr", "/opt", "/nix"};
constexpr std::array kIntoUsr = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};

bool is_shown(const std::string& name) {
  return std::any_of(kEtc.begin(), kEtc.end(), [&](std::string_view wanted) {
    return wanted.ends_with('*') ? name.starts_with(wanted.substr(0, wanted.size() - 1))
                                 : name == wanted;
  });
}

/// One thing of /etc, by its path beneath it.
struct Entry {
  std::string path;
  struct stat status {};
};

void collect(const fs::path& root, const fs::path& below, std::vector<Entry>& entries) {
  Entry entry{below.string(), {}};
  const fs::path path = root / below;
  if (std::find(kNever.begin(), kNever.end(), entry.path) != kNever.end() ||
      lstat(path.c_str(), &entry.status) != 0) {
    return;
  }
  const bool folder = S_ISDIR(entry.status.st_mode);
  const bool readable = (entry.status.st_mode & (folder ? S_IXOTH : S_IROTH)) != 0;
  if (!S_ISLNK(entry.status.st_mode) && !(readable && (folder || S_ISREG(entry.status.st_mode)))) {
    return;
  }
  entries.push_back(entry);
  if (!folder) {
    return;
  }
  std::error_code error;
  for (const fs::directory_entry& child : fs::directory_iterator(path, error)) {
    collect(root, below / child.path().filename(), entries);
  }
}

std::vector<Entry> list_etc(const fs::path& root) {
  std::vector<Entry> entries;
  std::error_code error;
  for (const fs::directory_entry& child : fs::directory_iterator(root, error)) {
    if (is_shown(child.path().filename().string())) {
      collect(root, child.path().filename(), entries);
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& left, const Entry& right) {
    return left.path < right.path;
  });
  return entries;
}

struct OwnFile {
  const char* path;
  std::string text;
};

std::vector<OwnFile> own_files(uid_t uid, gid_t gid) {
  std::string passwd = "root:x:0:0:root:/pipe/home:/bin/sh\n";
  std::string group = "root:x:0:\n";
  if (uid != 0) {
    passwd +=
        "pipe:x:" + std::to_string(uid) + ":" + std::to_string(gid) + ":pipe:/pipe/home:/bin/sh\n";
  }
  if (gid != 0) {
    group += "pipe:x:" + std::to_string(gid) + ":\n";
  }
  passwd += "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
  group += "tty:x:5:\nnogroup:x:65534:\n";
  return {
      {"passwd", passwd},
      {"group", group},
      {"hosts", "127.0.0.1 localhost pipe\n::1 localhost ip6-localhost ip6-loopback\n"},
      {"hostname", "pipe\n"},
      {"resolv.conf", "nameserver 127.0.0.1\n"},
      {"nsswitch.conf",
       "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n"
       "protocols: files\nservices: files\nrpc: files\n"},
  };
}

std::string digest_of(const std::vector<Entry>& entries, const std::vector<OwnFile>& own) {
  dsl::Sha256 digest;
  for (const Entry& entry : entries) {
    digest.add(entry.path + "\n" + files::stamp_of(entry.status) + "\n");
  }
  for (const OwnFile& file : own) {
    digest.add(file.path);
    digest.add(file.text);
  }
  return digest.finish();
}

std::error_code copy_etc(const fs::path& root,
                         const std::vector<Entry>& entries,
                         const std::vector<OwnFile>& own,
                         const fs::path& target) {
  std::error_code error;
  fs::create_directories(target, error);
  for (const Entry& entry : entries) {
    if (error) {
      return error;
    }
    if (S_ISDIR(entry.status.st_mode)) {
      fs::create_directory(target / entry.path, error);
    } else if (S_ISLNK(entry.status.st_mode)) {
      fs::copy_symlink(root / entry.path, target / entry.path, error);
    } else {
      fs::copy_file(root / entry.path, target / entry.path, error);
    }
  }
  for (const OwnFile& file : own) {
    std::ofstream out(target / file.path, std::ios::binary | std::ios::trunc);
    out << file.text;
    out.close();
    if (!out && !error) {
      error = std::make_error_code(std::errc::io_error);
    }
  }
  if (!error) {
    fs::create_symlink("/proc/self/mounts", target / "mtab", error);
  }
  return error;
}

dsl::Result<std::string> make_etc(const std::string& state_dir, uid_t uid, gid_t gid) {
  const fs::path root = "/etc";
  const std::vector<Entry> entries = list_etc(root);
  const std::vector<OwnFile> own = own_files(uid, gid);
  const fs::path images = fs::path(state_dir) / "images";
  const fs::path finished = images / ("etc-" + digest_of(entries, own).substr(0, 32));
  std::error_code error;
  if (fs::exists(finished, error)) {
    return finished.string();
  }
  const fs::path draft = images / (".draft-etc-" + std::to_string(getpid()));
  fs::remove_all(draft, error);
  error = copy_etc(root, entries, own, draft);
  if (!error) {
    fs::rename(draft, finished, error);
    if (error && fs::exists(finished)) {
      error.clear();  // another runner was faster
    }
  }
  std::error_code ignored;
  fs::remove_all(draft, ignored);
  if (error) {
    return files::system_error("copy /etc to", finished.string(), error.value());
  }
  return finished.string();
}

}  // namespace

dsl::Result<SystemImage> prepare_system_image(const std::string& state_dir, uid_t uid, gid_t gid) {
  SystemImage image;
  auto etc = make_etc(state_dir, uid, gid);
  if (!etc) {
    return etc.error();
  }
  image.etc = std::move(*etc);
  std::error_code error;
  for (const char* const folder : kSystemFolders) {
    if (fs::is_directory(folder, error) && !fs::is_empty(folder, error)) {
      image.folders.emplace_back(folder);
    }
  }
  for (const char* const path : kIntoUsr) {
    if (fs::is_symlink(path, error)) {
      image.links.emplace_back(fs::read_symlink(path, error).string(), path);
    } else if (fs::is_directory(path, error)) {
      image.folders.emplace_back(path);
    }
  }
  return image;
}

}  // namespace runner
