// What the jobs of the contract suite run: one static program that works in any image, so that the
// suite needs no shell. Each command does one thing and tells by its exit status or output.

#include <arpa/inet.h>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

extern char** environ;

namespace {

int exit_with(char** argv) {
  return std::atoi(argv[0]);
}

int signal_self(char** argv) {
  const int number = std::atoi(argv[0]);
  std::signal(number, SIG_DFL);
  kill(getpid(), number);
  pause();
  return 0;
}

/// The environment in its own order, one variable a line; then how much stdin had.
int environment(char** argv) {
  static_cast<void>(argv);
  for (char** variable = environ; *variable != nullptr; ++variable) {
    std::puts(*variable);
  }
  return 0;
}

int read_stdin(char** argv) {
  static_cast<void>(argv);
  char byte = 0;
  std::printf("read %zd\n", read(STDIN_FILENO, &byte, 1));
  return 0;
}

/// Everything that one wants to know about where one is.
int whereami(char** argv) {
  static_cast<void>(argv);
  char folder[4096];
  std::printf("cwd %s\nuid %u\nsession %d\n",
              getcwd(folder, sizeof(folder)),
              getuid(),
              static_cast<int>(getsid(0) == getpid()));
  return 0;
}

int arguments(char** argv) {
  for (; *argv != nullptr; ++argv) {
    std::printf("[%s]\n", *argv);
  }
  return 0;
}

/// Lines that alternate between the two streams.
int alternate(char** argv) {
  const int count = std::atoi(argv[0]);
  for (int i = 0; i < count; ++i) {
    dprintf(i % 2 == 0 ? STDOUT_FILENO : STDERR_FILENO, "line %d\n", i);
  }
  return 0;
}

int flood(char** argv) {
  const std::string line = std::string(99, 'x') + "\n";
  std::string block;
  while (block.size() < 100'000) {
    block += line;
  }
  for (int left = std::atoi(argv[0]) * 10; left > 0; --left) {
    for (std::size_t at = 0; at < block.size();) {
      const ssize_t done = write(STDOUT_FILENO, block.data() + at, block.size() - at);
      if (done <= 0) {
        return 1;
      }
      at += static_cast<std::size_t>(done);
    }
  }
  return 0;
}

/// Touches that much memory.
int eat(char** argv) {
  const std::size_t size = static_cast<std::size_t>(std::atoi(argv[0])) << 20;
  void* const memory =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return 1;
  }
  for (std::size_t at = 0; at < size; at += 4096) {
    static_cast<volatile char*>(memory)[at] = 1;
  }
  return 0;
}

/// How many children could be had at once.
int multiply(char** argv) {
  int count = 0;
  for (const int wanted = std::atoi(argv[0]); count < wanted; ++count) {
    const pid_t pid = fork();
    if (pid < 0) {
      break;
    }
    if (pid == 0) {
      pause();
    }
  }
  std::printf("children %d\n", count);
  return 0;
}

int write_file(char** argv) {
  const int fd = open(argv[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, argv[1], std::strlen(argv[1])) < 0) {
    std::printf("%s\n", std::strerror(errno));
    return 1;
  }
  return 0;
}

int read_file(char** argv) {
  const int fd = open(argv[0], O_RDONLY | O_CLOEXEC);
  char bytes[4096];
  const ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
  if (got < 0) {
    std::printf("%s\n", std::strerror(errno));
    return 1;
  }
  std::fwrite(bytes, 1, static_cast<std::size_t>(got), stdout);
  return 0;
}

/// Holds the FIFO open for writing as long as it lives, and ignores TERM.
void hold(const char* fifo) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    std::signal(number, SIG_IGN);
  }
  if (open(fifo, O_WRONLY | O_CLOEXEC) < 0) {
    _exit(1);
  }
}

/// Leaves a grandchild behind that has a session of its own, ignores TERM and holds the FIFO. Then
/// `stay` keeps the command running (and holding, too), `leave` ends it.
int linger(char** argv) {
  int told[2];
  if (pipe(told) != 0) {
    return 1;
  }
  if (fork() == 0) {
    setsid();
    if (fork() == 0) {
      setsid();
      hold(argv[0]);
      for (int fd = 0; fd <= 2; ++fd) {
        close(fd);
      }
      static_cast<void>(write(told[1], "x", 1));
      for (;;) {
        pause();
      }
    }
    _exit(0);
  }
  char byte = 0;
  if (read(told[0], &byte, 1) != 1) {
    return 1;
  }
  std::puts("lingering");
  std::fflush(stdout);
  if (std::strcmp(argv[1], "stay") == 0) {
    hold(argv[0]);
    for (;;) {
      pause();
    }
  }
  return 0;
}

/// Says "ready", waits for TERM, says "bye" and exits with 7.
int wait_for_term(char** argv) {
  static_cast<void>(argv);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  std::puts("ready");
  std::fflush(stdout);
  int number = 0;
  sigwait(&set, &number);
  std::puts("bye");
  return 7;
}

sockaddr_in address_of(const char* host, const char* port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(port)));
  inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

/// Accepts on loopback for ever and answers each connection with a small HTTP page.
int serve(char** argv) {
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = address_of("127.0.0.1", argv[0]);
  // The host engine's jobs have the machine's own loopback, where the port that the suite's last
  // run served on is in TIME_WAIT for a minute.
  const int yes = 1;
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (bind(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(server, 8) != 0) {
    std::printf("%s\n", std::strerror(errno));
    return 1;
  }
  std::puts("serving");
  std::fflush(stdout);
  for (;;) {
    const int client = accept(server, nullptr, nullptr);
    char request[4096];
    if (read(client, request, sizeof(request)) > 0) {
      dprintf(client, "HTTP/1.1 203 Fine\r\nContent-Length: 6\r\n\r\nhello\n");
    }
    close(client);
  }
}

/// 0: something accepts there; 1: nothing does.
int dial(char** argv) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = address_of(argv[0], argv[1]);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    std::printf("%s\n", std::strerror(errno));
    return 1;
  }
  return 0;
}

/// "ok", or the errno, of things that no job may do.
void attempt(const char* what, bool done) {
  std::printf("%s: %s\n", what, done ? "ok" : std::strerror(errno));
}

int forbidden(char** argv) {
  static_cast<void>(argv);
  attempt("packet socket", socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0);
  attempt("raw socket", socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP) >= 0);
  attempt("vsock", socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
  attempt("netfilter", socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 12) >= 0);
  attempt("unshare", syscall(SYS_unshare, 0x10000000) == 0);
  attempt("mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, nullptr) == 0);
  attempt("keyctl", syscall(SYS_keyctl, 0, -3, 1) >= 0);
  attempt("bpf", syscall(SYS_bpf, 0, nullptr, 0) >= 0);
  attempt("io_uring", syscall(SYS_io_uring_setup, 1, nullptr) >= 0);
  attempt("mknod", mknod("/tmp/device", S_IFCHR | 0600, 0x0101) == 0);
  attempt("chown", chown("/tmp", 12345, 12345) == 0);
  return 0;
}

/// Prints what can be opened for writing beneath a folder of the kernel's. Own processes' files are
/// theirs to write.
void find_writable(const std::string& folder) {
  DIR* open_folder = opendir(folder.c_str());
  if (open_folder == nullptr) {
    return;
  }
  while (const dirent* entry = readdir(open_folder)) {
    const std::string name = entry->d_name;
    const bool process = folder == "/proc" && (std::isdigit(name[0]) != 0 || name == "self" ||
                                               name == "thread-self" || name == "net");
    if (name == "." || name == ".." || process) {
      continue;
    }
    const std::string path = folder + "/" + name;
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0 || S_ISLNK(status.st_mode)) {
      continue;
    }
    if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3)) {
      continue;  // engines put /dev/null over what nobody shall see
    }
    if (S_ISDIR(status.st_mode)) {
      find_writable(path);
      continue;
    }
    const int fd = open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0) {
      std::printf("%s\n", path.c_str());
      close(fd);
    }
  }
  closedir(open_folder);
}

int kernel_files(char** argv) {
  find_writable(argv[0]);
  return 0;
}

struct Command {
  const char* name;
  int (*run)(char** argv);
  int arguments;
};

const Command kCommands[] = {
    {"exit", exit_with, 1},
    {"signal", signal_self, 1},
    {"env", environment, 0},
    {"stdin", read_stdin, 0},
    {"whereami", whereami, 0},
    {"args", arguments, 0},
    {"alternate", alternate, 1},
    {"flood", flood, 1},
    {"eat", eat, 1},
    {"multiply", multiply, 1},
    {"write", write_file, 2},
    {"read", read_file, 1},
    {"linger", linger, 2},
    {"term", wait_for_term, 0},
    {"serve", serve, 1},
    {"dial", dial, 2},
    {"forbidden", forbidden, 0},
    {"kernel-files", kernel_files, 1},
};

}  // namespace

int main(int argc, char** argv) {
  for (const Command& command : kCommands) {
    if (argc >= 2 + command.arguments && std::strcmp(argv[1], command.name) == 0) {
      return command.run(argv + 2);
    }
  }
  std::fputs("usage: contract-probe COMMAND ARGUMENTS\n", stderr);
  return 99;
}
