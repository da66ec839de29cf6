#include "tests/adversarial/mischief.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace attack {
namespace {

bool write_file(const char* name, mode_t mode) {
  const int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
  const bool made = fd >= 0 && write(fd, "x", 1) == 1 && fchmod(fd, mode) == 0;
  const int error = errno;
  close(fd);
  errno = error;
  return made;
}

bool make_socket(const char* name) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, name, sizeof(address.sun_path) - 1);
  const bool made = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  const int error = errno;
  close(fd);
  errno = error;
  return made;
}

bool make_giant(const char* name) {
  const int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  const bool made = ftruncate(fd, 900LL << 30) == 0;  // no byte of it is written
  const int error = errno;
  close(fd);
  errno = error;
  return made;
}

}  // namespace

std::vector<std::string> odd_files() {
  std::vector<std::string> lines;
  const auto tell = [&lines](const char* what, bool made) {
    lines.push_back(std::string(what) +
                    (made ? " made" : std::string(" refused: ") + strerrordesc_np(errno)));
  };
  tell("fifo", mkfifo("a-fifo", 0644) == 0);
  tell("socket", make_socket("a-socket"));
  tell("device", mknod("a-device", S_IFCHR | 0666, makedev(1, 3)) == 0);
  tell("setuid", write_file("a-setuid", 06755));
  tell("link out", symlink("/etc/passwd", "a-link") == 0);
  tell("giant", make_giant("a-giant"));
  tell("newline", write_file("two\nlines", 0644));
  tell("escape", write_file("a\x1b]0;owned\a\x1b[2Jb", 0644));
  tell("option", write_file("-rf", 0644));
  tell("invalid", write_file("not-\xff\xfe-text", 0644));
  tell("case", write_file("Same", 0644) && write_file("sAME", 0644));
  return lines;
}

int fork_idlers(int count) {
  std::array<int, 2> never{};
  if (pipe2(never.data(), O_CLOEXEC) != 0) {
    return -1;
  }
  int started = 0;
  for (; started < count; ++started) {
    const pid_t child = fork();
    if (child < 0) {
      break;
    }
    if (child == 0) {
      close(never[1]);
      char byte = 0;
      static_cast<void>(read(never[0], &byte, 1));  // until the parent has ended
      _exit(0);
    }
  }
  close(never[1]);
  while (wait(nullptr) > 0) {
  }
  return started;
}

int fill_memory(int mebibytes) {
  int filled = 0;
  for (; filled < mebibytes; ++filled) {
    void* const page = mmap(nullptr,
                            1 << 20,
                            PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
                            -1,
                            0);
    if (page == MAP_FAILED) {
      break;
    }
    std::memset(page, filled + 1, 1 << 20);
  }
  return filled;
}

int leave_behind(int count, int seconds) {
  int started = 0;
  for (; started < count; ++started) {
    const pid_t child = fork();
    if (child < 0) {
      break;
    }
    if (child == 0) {
      setsid();
      for (const int deaf : {SIGTERM, SIGHUP, SIGINT}) {
        signal(deaf, SIG_IGN);
      }
      sleep(static_cast<unsigned>(seconds));
      _exit(0);
    }
  }
  return started;
}

int open_disks() {
  std::FILE* const partitions = std::fopen("/proc/partitions", "re");
  int opened = 0;
  std::array<char, 256> line{};
  while (partitions != nullptr && std::fgets(line.data(), line.size(), partitions) != nullptr) {
    unsigned major = 0;
    unsigned minor = 0;
    if (std::sscanf(line.data(), "%u %u", &major, &minor) != 2) {
      continue;
    }
    unlink("a-disk");
    if (mknod("a-disk", S_IFBLK | 0600, makedev(major, minor)) == 0) {
      const int fd = open("a-disk", O_RDONLY | O_CLOEXEC);
      char byte = 0;
      opened += fd >= 0 && read(fd, &byte, 1) == 1 ? 1 : 0;
      close(fd);
    }
  }
  unlink("a-disk");
  return opened;
}

void flood(int mebibytes) {
  std::string lines;
  while (lines.size() < (1 << 20)) {
    lines += "all work and no play makes a log long\n";
  }
  for (int i = 0; i < mebibytes; ++i) {
    for (std::size_t at = 0; at < lines.size();) {
      const ssize_t put = write(STDOUT_FILENO, lines.data() + at, lines.size() - at);
      if (put <= 0) {
        return;
      }
      at += static_cast<std::size_t>(put);
    }
  }
}

}  // namespace attack
