// `pipe-init run`: process 1 of a container.

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/init/command.h"
#include "runner/init/egress.h"
#include "runner/init/modes.h"
#include "runner/init/permissions.h"
#include "runner/init/person.h"
#include "runner/init/protocol.h"
#include "runner/init/report.h"
#include "runner/init/secrets.h"
#include "runner/init/text.h"
#include "runner/init/tree.h"

namespace runner::init {
namespace {

struct Options {
  int spec = -1;
  int control = -1;
  int status = -1;
  const char* status_file = nullptr;
  bool attached = false;
  const char* user = nullptr;   // whom the command runs as
  const char* owner = nullptr;  // whose the folders are in the end
  const char* directory = "";
  char** argv = nullptr;  // the command; the folders where it comes over standard input
};

Options parse_options(char** argv) {
  Options options;
  int at = 0;
  for (; argv[at] != nullptr; ++at) {
    if (same(argv[at], "--spec")) {
      options.spec = option_number(argv, &at);
    } else if (same(argv[at], "--control")) {
      options.control = option_number(argv, &at);
    } else if (same(argv[at], "--status")) {
      options.status = option_number(argv, &at);
    } else if (same(argv[at], "--status-file")) {
      options.status_file = option_value(argv, &at);
    } else if (same(argv[at], "--attached")) {
      options.attached = true;
      options.control = STDIN_FILENO;
      options.status = STDERR_FILENO;
    } else if (same(argv[at], "--user")) {
      options.user = option_value(argv, &at);
    } else if (same(argv[at], "--owner")) {
      options.owner = option_value(argv, &at);
    } else if (same(argv[at], "--chdir")) {
      options.directory = option_value(argv, &at);
    } else if (same(argv[at], "--")) {
      ++at;
      break;
    } else {
      fail("unknown option", argv[at], 0);
    }
  }
  options.argv = argv + at;
  if (options.spec < 0 && !options.attached && options.argv[0] == nullptr) {
    fail("no command to run", "", 0);
  }
  return options;
}

/// Whether the kernel ends everything with us, and `kill(-1)` reaches the job and nothing else.
bool is_process_one() {
  return getpid() == 1;
}

class Runner {
 public:
  explicit Runner(const Options& options)
      : options_(options), control_(options.control), status_(options.status) {
    // What we hold is not the job's to read: neither our memory nor our descriptors.
    prctl(PR_SET_DUMPABLE, 0);
    syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (!is_process_one()) {
      prctl(PR_SET_CHILD_SUBREAPER, 1);
    }
    if (options.status_file != nullptr) {
      status_ = open(options.status_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
      if (status_ < 0) {
        fail("write", options.status_file, errno);
      }
    }
    keep_standard_input_from_the_job();
    sigset_t signals;
    sigemptyset(&signals);
    constexpr int kWatched[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    for (const int number : kWatched) {
      sigaddset(&signals, number);
    }
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    signals_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ < 0) {
      fail("wait for signals", "", errno);
    }
  }

  int run(const Spec& spec) {
    denials_.open();
    const Started started = start(spec);
    main_ = started.pid;
    while (main_ > 0) {
      wait_for_something();
    }
    denials_.pass_on(status_);
    if (!is_process_one() || options_.attached) {
      end_leftovers();
    }
    give_back();
    if (spec.end_mark != nullptr) {
      write_all(STDOUT_FILENO, spec.end_mark, spec.end_mark_size);
    }
    if (started.failure != nullptr) {
      return report_failure(status_, nullptr, started);
    }
    if (options_.attached) {
      report_memory(status_);
    }
    return report_end(status_, nullptr, wait_status_);
  }

 private:
  Started start(const Spec& spec) {
    if (const EgressFailure failure = prove_egress(spec.proof); failure.name != nullptr) {
      Started open;
      open.failure = "no-egress";
      open.error_number = failure.error_number;
      open.name = failure.name;
      return open;
    }
    Launch launch;
    if (options_.attached) {
      launch.output = STDOUT_FILENO;  // both streams, so that their order is kept
    }
    Person user;
    if (options_.user != nullptr) {
      if (!find_person(options_.user, &user)) {
        Started nobody;
        nobody.failure = "no-user";
        nobody.error_number = ENOENT;
        nobody.name = options_.user;
        return nobody;
      }
      give(options_.argv, user);
      // Who opens /dev/stdout opens it anew.
      static_cast<void>(fchown(STDOUT_FILENO, user.uid, user.gid));
      launch.as = &user;
    }
    if (const char* const failed = write_secrets(spec.secrets, launch.as); failed != nullptr) {
      Started open;
      open.failure = "no-secrets";
      open.error_number = errno;
      open.name = failed;
      return open;
    }
    return start_command(spec, launch);
  }

  void give_back() {
    Person owner;
    if (options_.owner != nullptr && find_person(options_.owner, &owner)) {
      give(options_.argv, owner);
    }
  }

  void keep_standard_input_from_the_job() {
    if (control_ == STDIN_FILENO) {
      control_ = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
      const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
      if (control_ < 0 || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0) {
        fail("open", "/dev/null", errno);
      }
    }
  }

  void wait_for_something() {
    // Descriptors below 0 are passed over.
    pollfd waits[3] = {{signals_, POLLIN, 0}, {control_, POLLIN, 0}, {denials_.fd(), POLLIN, 0}};
    if (poll(waits, 3, -1) < 0) {
      return;
    }
    if (waits[2].revents != 0) {
      denials_.pass_on(status_);
    }
    if (waits[1].revents != 0) {
      obey_control();
    }
    if (waits[0].revents != 0) {
      obey_signals();
    }
  }

  void obey_control() {
    char byte = kKill;
    const ssize_t got = read(control_, &byte, 1);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
      return;
    }
    if (got == 1 && byte == kTerm) {
      signal_tree(SIGTERM);
      return;
    }
    signal_tree(SIGKILL);
    if (got != 1) {
      control_ = -1;
    }
  }

  void obey_signals() {
    signalfd_siginfo info;
    while (read(signals_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
      if (info.ssi_signo != SIGCHLD) {
        signal_tree(static_cast<int>(info.ssi_signo));
      }
    }
    reap();
  }

  void reap() {
    int status = 0;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
      if (pid == main_) {
        main_ = -1;
        wait_status_ = status;
        return;
      }
    }
  }

  static void signal_tree(int number) {
    if (is_process_one()) {
      kill(-1, number);
    } else {
      signal_descendants(getpid(), number);
    }
  }

  /// Orphans come to us, so that killing our children until there are none ends them all.
  static void end_leftovers() {
    do {
      signal_tree(SIGKILL);
    } while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR);
  }

  const Options options_;
  int control_;
  int status_;
  int signals_ = -1;
  DenialListener denials_;
  pid_t main_ = -1;
  int wait_status_ = 0;
};

}  // namespace

int run(char** argv, char** env) {
  const Options options = parse_options(argv);
  Spec spec;
  char* none[] = {nullptr};
  if (options.attached) {
    spec = receive_spec(STDIN_FILENO);
  } else if (options.spec >= 0) {
    spec = read_spec(options.spec);
  } else {
    spec.directory = options.directory;
    spec.env = env;
    spec.cgroups = none;
    spec.proof = none;
    spec.argv = options.argv;
  }
  Runner runner(options);
  return runner.run(spec);
}

}  // namespace runner::init
