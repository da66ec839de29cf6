#include "runner/engine/seccomp.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/netlink.h>
#include <memory>
#include <sched.h>
#include <seccomp.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace runner {
namespace {

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

constexpr unsigned long kNewNamespaces = CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET |
                                         CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS;

const std::array kMissing = {
    SCMP_SYS(clone3),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
};

const std::array kForbidden = {
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(open_tree),
    SCMP_SYS(move_mount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(quotactl),
    SCMP_SYS(acct),
    SCMP_SYS(reboot),
};

/// Remembers whether any rule was refused, so that each need not be asked about on its own line.
class Rules {
 public:
  explicit Rules(void* filter) : filter_(filter) {}

  void refuse(int call, int error_number) {
    note(seccomp_rule_add(filter_, SCMP_ACT_ERRNO(static_cast<unsigned>(error_number)), call, 0));
  }
  void refuse(int call, int error_number, scmp_arg_cmp argument) {
    note(seccomp_rule_add(
        filter_, SCMP_ACT_ERRNO(static_cast<unsigned>(error_number)), call, 1, argument));
  }
  void refuse(int call, int error_number, scmp_arg_cmp first, scmp_arg_cmp second) {
    note(seccomp_rule_add(
        filter_, SCMP_ACT_ERRNO(static_cast<unsigned>(error_number)), call, 2, first, second));
  }
  void note(int result) {
    if (result < 0 && error_ == 0) {
      error_ = -result;
    }
  }
  [[nodiscard]] int error() const { return error_; }

 private:
  void* filter_;
  int error_ = 0;
};

/// Sockets of these families only. Rules compare one argument each, hence the gaps between them.
void allow_socket_families(Rules& rules) {
  static_assert(AF_UNIX == 1 && AF_INET == 2 && AF_INET6 == 10 && AF_NETLINK == 16);
  for (const int call : {SCMP_SYS(socket), SCMP_SYS(socketpair)}) {
    rules.refuse(call, EAFNOSUPPORT, SCMP_A0_32(SCMP_CMP_EQ, 0));
    for (unsigned family = AF_INET + 1; family < AF_NETLINK; ++family) {
      if (family != AF_INET6) {
        rules.refuse(call, EAFNOSUPPORT, SCMP_A0_32(SCMP_CMP_EQ, family));
      }
    }
    rules.refuse(call, EAFNOSUPPORT, SCMP_A0_32(SCMP_CMP_GT, AF_NETLINK));
  }
  rules.refuse(SCMP_SYS(socket),
               EAFNOSUPPORT,
               SCMP_A0_32(SCMP_CMP_EQ, AF_NETLINK),
               SCMP_A2_32(SCMP_CMP_NE, NETLINK_ROUTE));
}

void forbid_new_namespaces(Rules& rules) {
  for (unsigned long flag = 1; flag <= kNewNamespaces; flag <<= 1) {
    if ((kNewNamespaces & flag) != 0) {
      rules.refuse(SCMP_SYS(clone), EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag));
    }
  }
}

}  // namespace

dsl::Result<Fd> make_seccomp_filter() {
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
  if (!filter) {
    return dsl::Error{"make the system call filter: out of memory", ""};
  }
  Rules rules(filter.get());
  rules.note(seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)));
  for (const int call : kMissing) {
    rules.refuse(call, ENOSYS);
  }
  for (const int call : kForbidden) {
    rules.refuse(call, EPERM);
  }
  allow_socket_families(rules);
  forbid_new_namespaces(rules);
  for (const unsigned request : {unsigned{TIOCSTI}, unsigned{TIOCLINUX}}) {
    rules.refuse(SCMP_SYS(ioctl), EPERM, SCMP_A1_32(SCMP_CMP_EQ, request));
  }
  if (rules.error() != 0) {
    return dsl::Error{std::string("make the system call filter: ") + strerrordesc_np(rules.error()),
                      ""};
  }
  Fd file(memfd_create("pipe-seccomp", MFD_CLOEXEC));
  if (!file) {
    return dsl::Error{std::string("make the system call filter: ") + strerrordesc_np(errno), ""};
  }
  if (const int result = seccomp_export_bpf(filter.get(), file.get()); result < 0) {
    return dsl::Error{std::string("export the system call filter: ") + strerrordesc_np(-result),
                      ""};
  }
  return file;
}

dsl::Result<Fd> reopen_filter(const Fd& filter) {
  Fd copy(open(("/proc/self/fd/" + std::to_string(filter.get())).c_str(), O_RDONLY | O_CLOEXEC));
  if (!copy) {
    return dsl::Error{std::string("open the system call filter: ") + strerrordesc_np(errno), ""};
  }
  return copy;
}

}  // namespace runner
