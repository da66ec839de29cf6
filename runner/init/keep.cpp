// `pipe-init keep`: parent of the host engine's jobs.
//
// Each job's command collects its own orphans (it is a "child subreaper"), so that its tree hangs
// together while it lives. When it ends, what it left becomes ours, and whatever is ours without
// being a job's command is such a leftover and is killed. That is exact, however often a process
// forked or changed its session, and costs a job nothing but one look at /proc.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/init/command.h"
#include "runner/init/modes.h"
#include "runner/init/protocol.h"
#include "runner/init/report.h"
#include "runner/init/text.h"
#include "runner/init/tree.h"

namespace runner::init {
namespace {

struct KeptJob {
  uint32_t number = 0;
  pid_t pid = -1;
  bool ended = false;  // its command; its leftovers may still be dying
  int wait_status = 0;
};

/// A message and the two descriptors that may come with it.
struct Message {
  KeeperRequest request{};
  int descriptors[2] = {-1, -1};
};

class Keeper {
 public:
  explicit Keeper(int control) : control_(control) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    fcntl(control_, F_SETFD, FD_CLOEXEC);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    // An interrupt from the terminal is the runner's to handle; it tells us what it wants.
    signal(SIGINT, SIG_IGN);
    signals_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ < 0) {
      fail("wait for signals", "", errno);
    }
  }

  void keep() {
    for (;;) {
      pollfd waits[2] = {{signals_, POLLIN, 0}, {control_, POLLIN, 0}};
      if (poll(waits, 2, -1) < 0) {
        continue;
      }
      if (waits[0].revents != 0) {
        on_child();
      }
      if (waits[1].revents != 0 && !obey()) {
        end_everything();
        return;
      }
    }
  }

 private:
  /// False at the end of the stream: the runner is gone.
  bool receive(Message* message) const {
    iovec bytes{&message->request, sizeof(message->request)};
    alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &bytes;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
    ssize_t got = -1;
    do {
      got = recvmsg(control_, &header, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got != static_cast<ssize_t>(sizeof(message->request))) {
      return false;
    }
    const cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    if (rights != nullptr && rights->cmsg_len == CMSG_LEN(2 * sizeof(int))) {
      memcpy(message->descriptors, CMSG_DATA(rights), sizeof(message->descriptors));
    }
    return true;
  }

  bool obey() {
    Message message;
    if (!receive(&message)) {
      return false;
    }
    if (message.request.kind == KeeperRequest::Start) {
      start(message);
      return true;
    }
    for (size_t i = 0; i < count_; ++i) {
      if (jobs_[i].number != message.request.job || jobs_[i].ended) {
        continue;
      }
      if (message.request.kind == KeeperRequest::Term) {
        signal_descendants(jobs_[i].pid, SIGTERM);
        kill(jobs_[i].pid, SIGTERM);
      } else {
        kill(jobs_[i].pid, SIGKILL);  // the rest of its tree becomes ours, and is killed then
      }
    }
    return true;
  }

  void start(const Message& message) {
    reserve();
    const Spec spec = read_spec(message.descriptors[0]);
    Launch launch;
    launch.output = message.descriptors[1];
    launch.own_subtree = true;
    const Started started = start_command(spec, launch);
    close(message.descriptors[1]);
    KeptJob job;
    job.number = message.request.job;
    job.pid = started.pid;
    if (started.failure != nullptr) {
      if (started.pid > 0) {
        waitpid(started.pid, nullptr, 0);
      }
      report_failure(control_, name_of(job).bytes(), started);
    } else {
      jobs_[count_++] = job;
    }
    release_spec(spec);
  }

  void on_child() {
    signalfd_siginfo info;
    while (read(signals_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
    }
    bool any_ended = false;
    int status = 0;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
      for (size_t i = 0; i < count_; ++i) {
        if (jobs_[i].pid == pid) {
          jobs_[i].ended = true;
          jobs_[i].wait_status = status;
        }
      }
    }
    for (size_t i = 0; i < count_; ++i) {
      any_ended = any_ended || jobs_[i].ended;
    }
    if (any_ended && !kill_leftovers()) {
      report_ended();
    }
  }

  /// Kills what ended jobs left. True: there was something, and its death will wake us again.
  bool kill_leftovers() {
    leftovers_ = 0;
    for_each_child(
        getpid(),
        [](pid_t child, void* self) { static_cast<Keeper*>(self)->kill_unless_job(child); },
        this);
    return leftovers_ > 0;
  }

  void kill_unless_job(pid_t child) {
    for (size_t i = 0; i < count_; ++i) {
      if (jobs_[i].pid == child && !jobs_[i].ended) {
        return;
      }
    }
    ++leftovers_;
    kill(child, SIGKILL);
    signal_descendants(child, SIGKILL);
  }

  void report_ended() {
    size_t kept = 0;
    for (size_t i = 0; i < count_; ++i) {
      if (jobs_[i].ended) {
        report_end(control_, name_of(jobs_[i]).bytes(), jobs_[i].wait_status);
      } else {
        jobs_[kept++] = jobs_[i];
      }
    }
    count_ = kept;
  }

  static void end_everything() {
    do {
      for_each_child(
          getpid(), [](pid_t child, void*) { kill(child, SIGKILL); }, nullptr);
    } while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR);
  }

  static Line name_of(const KeptJob& job) {
    Line name;
    name.add(static_cast<long>(job.number)).add("", 1);
    return name;
  }

  void reserve() {
    if (count_ < room_) {
      return;
    }
    room_ = room_ == 0 ? 64 : 2 * room_;
    jobs_ = static_cast<KeptJob*>(realloc(static_cast<void*>(jobs_), room_ * sizeof(KeptJob)));
    if (jobs_ == nullptr) {
      fail("keep a job", "", ENOMEM);
    }
  }

  const int control_;
  int signals_ = -1;
  KeptJob* jobs_ = nullptr;
  size_t count_ = 0;
  size_t room_ = 0;
  size_t leftovers_ = 0;
};

}  // namespace

int keep(char** argv) {
  int control = -1;
  for (int at = 0; argv[at] != nullptr; ++at) {
    if (same(argv[at], "--control")) {
      control = option_number(argv, &at);
    } else {
      fail("unknown option", argv[at], 0);
    }
  }
  Keeper(control).keep();
  return 0;
}

}  // namespace runner::init
