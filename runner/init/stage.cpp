// `pipe-init stage`: what must be there before a sandbox starts.

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "runner/init/modes.h"
#include "runner/init/namespaces.h"
#include "runner/init/text.h"

namespace runner::init {
namespace {

/// One `--overlay`; points into argv.
struct Overlay {
  const char* target = nullptr;
  const char* upper = nullptr;
  const char* work = nullptr;
  char** lower = nullptr;  // topmost first
  int lower_count = 0;
};

constexpr int kMaxOverlays = 4;

struct Options {
  int userns = -1;
  int netns = -1;
  Mapping mapping;
  Overlay overlays[kMaxOverlays];
  int overlay_count = 0;
  char** argv = nullptr;
};

Overlay parse_overlay(char** argv, int* at) {
  Overlay overlay;
  overlay.target = option_value(argv, at);
  overlay.upper = option_value(argv, at);
  overlay.work = option_value(argv, at);
  overlay.lower = argv + *at + 1;
  while (!same(option_value(argv, at), ";")) {
    ++overlay.lower_count;
  }
  return overlay;
}

void join_cgroup(const char* folder) {
  const int directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int procs = directory < 0 ? -1 : openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (procs < 0 || write(procs, "0", 1) != 1) {
    fail("join the cgroup", folder, errno);
  }
  close(procs);
  close(directory);
}

/// Cgroups are joined at once: in a user namespace their files would not be ours to write.
Options parse_options(char** argv) {
  Options options;
  int at = 0;
  for (; argv[at] != nullptr; ++at) {
    if (same(argv[at], "--userns")) {
      options.userns = option_number(argv, &at);
    } else if (same(argv[at], "--netns")) {
      options.netns = option_number(argv, &at);
    } else if (same(argv[at], "--new-user")) {
      options.mapping.uid = option_number(argv, &at);
      options.mapping.gid = option_number(argv, &at);
    } else if (same(argv[at], "--cgroup")) {
      join_cgroup(option_value(argv, &at));
    } else if (same(argv[at], "--overlay") && options.overlay_count < kMaxOverlays) {
      options.overlays[options.overlay_count++] = parse_overlay(argv, &at);
    } else if (same(argv[at], "--")) {
      ++at;
      break;
    } else {
      fail("unknown option", argv[at], 0);
    }
  }
  options.argv = argv + at;
  if (options.argv[0] == nullptr) {
    fail("nothing to start", "", 0);
  }
  return options;
}

/// A folder as a path that holds none of the characters that mean something among mount options,
/// and that is short: mount(2) takes one page of options.
void add_folder(Line* text, const char* folder) {
  const int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    fail("open the folder", folder, errno);
  }
  text->add("/proc/self/fd/").add(static_cast<long>(fd));
}

/// A volatile overlay leaves a mark in its work folder that forbids mounting it again, since after
/// a crash of the machine its files could be incomplete. Ours are made anew then; the mark goes.
void remove_volatile_mark(const char* work) {
  Line path;
  path.add(work).add("/work/incompat/volatile");
  Line dirty = path;
  unlink(dirty.add("/dirty").add("", 1).bytes());
  rmdir(path.add("", 1).bytes());
}

void mount_overlay(const Overlay& overlay, bool in_user_namespace) {
  Line options;
  options.add("lowerdir=");
  for (int i = 0; i < overlay.lower_count; ++i) {
    if (i > 0) {
      options.add(":");
    }
    add_folder(&options, overlay.lower[i]);
  }
  options.add(",upperdir=");
  add_folder(&options, overlay.upper);
  options.add(",workdir=");
  add_folder(&options, overlay.work);
  if (in_user_namespace) {
    options.add(",userxattr");
  }
  Line fast = options;
  fast.add(",volatile").add("", 1);
  options.add("", 1);
  if (fast.size() >= 4096) {
    fail("too many layers below", overlay.target, E2BIG);
  }
  remove_volatile_mark(overlay.work);
  constexpr unsigned long kFlags = MS_NODEV | MS_NOSUID;
  // Volatile: unmounting need not wait for the disk. Kernels before 5.10 do not know it.
  if (mount("overlay", overlay.target, "overlay", kFlags, fast.bytes()) != 0 &&
      mount("overlay", overlay.target, "overlay", kFlags, options.bytes()) != 0) {
    fail("mount an overlay at", overlay.target, errno);
  }
}

void mount_overlays(const Options& options, bool in_user_namespace) {
  if (unshare(CLONE_NEWNS) != 0) {
    fail("make a mount namespace", "", errno);
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    fail("make the mounts private", "/", errno);
  }
  for (int i = 0; i < options.overlay_count; ++i) {
    mount_overlay(options.overlays[i], in_user_namespace);
  }
}

}  // namespace

int stage(char** argv, char** env) {
  const Options options = parse_options(argv);
  if (options.userns >= 0) {
    join_namespace(options.userns, "user");
  } else if (options.mapping.uid >= 0) {
    enter_new_user(options.mapping);
  }
  if (options.netns >= 0) {
    join_namespace(options.netns, "net");
  }
  if (options.overlay_count > 0) {
    mount_overlays(options, options.userns >= 0 || options.mapping.uid >= 0);
  }
  execve(options.argv[0], options.argv, env);
  fail("start", options.argv[0], errno);
}

}  // namespace runner::init
