#include "runner/engine/seccomp.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
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
#include <vector>

#include <nlohmann/json.hpp>

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

/// What the daemon's own profile refuses beside these without a capability that jobs lack. Ours
/// takes its place in a container that has no pipe-init to load ours below it.
const std::array kForbiddenByDaemons = {
    SCMP_SYS(kcmp),
    SCMP_SYS(mbind),
    SCMP_SYS(move_pages),
    SCMP_SYS(get_mempolicy),
    SCMP_SYS(set_mempolicy),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(vhangup),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(settimeofday),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(ustat),
    SCMP_SYS(sysfs),
    SCMP_SYS(uselib),
    SCMP_SYS(chroot),
    SCMP_SYS(syslog),
};

/// A call that fails, always or with such arguments only. Arguments are compared as 64 bits, of
/// which the kernel may look at the lower half: a comparison must refuse whatever else stands in
/// the upper one.
struct Rule {
  int call;
  int error_number;
  std::vector<scmp_arg_cmp> arguments = {};
};

/// Sockets of these families only. Rules compare one argument each, hence the gaps between them;
/// what has more than 32 bits is greater than any.
void allow_socket_families(std::vector<Rule>& rules) {
  static_assert(AF_UNIX == 1 && AF_INET == 2 && AF_INET6 == 10 && AF_NETLINK == 16);
  for (const int call : {SCMP_SYS(socket), SCMP_SYS(socketpair)}) {
    rules.push_back({call, EAFNOSUPPORT, {SCMP_A0_64(SCMP_CMP_EQ, 0)}});
    for (unsigned family = AF_INET + 1; family < AF_NETLINK; ++family) {
      if (family != AF_INET6) {
        rules.push_back({call, EAFNOSUPPORT, {SCMP_A0_64(SCMP_CMP_EQ, family)}});
      }
    }
    rules.push_back({call, EAFNOSUPPORT, {SCMP_A0_64(SCMP_CMP_GT, AF_NETLINK)}});
  }
  rules.push_back({SCMP_SYS(socket),
                   EAFNOSUPPORT,
                   {SCMP_A0_64(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2_64(SCMP_CMP_NE, NETLINK_ROUTE)}});
}

void forbid_new_namespaces(std::vector<Rule>& rules) {
  for (unsigned long flag = 1; flag <= kNewNamespaces; flag <<= 1) {
    if ((kNewNamespaces & flag) != 0) {
      rules.push_back({SCMP_SYS(clone), EPERM, {SCMP_A0_64(SCMP_CMP_MASKED_EQ, flag, flag)}});
    }
  }
}

std::vector<Rule> rules_for_jobs() {
  std::vector<Rule> rules;
  for (const int call : kMissing) {
    rules.push_back({call, ENOSYS});
  }
  for (const int call : kForbidden) {
    rules.push_back({call, EPERM});
  }
  allow_socket_families(rules);
  forbid_new_namespaces(rules);
  constexpr std::uint64_t kLowerHalf = 0xffff'ffff;
  for (const std::uint64_t request : {std::uint64_t{TIOCSTI}, std::uint64_t{TIOCLINUX}}) {
    rules.push_back(
        {SCMP_SYS(ioctl), EPERM, {SCMP_A1_64(SCMP_CMP_MASKED_EQ, kLowerHalf, request)}});
  }
  return rules;
}

const char* word_of(scmp_compare comparison) {
  switch (comparison) {
    case SCMP_CMP_EQ:
      return "SCMP_CMP_EQ";
    case SCMP_CMP_NE:
      return "SCMP_CMP_NE";
    case SCMP_CMP_GT:
      return "SCMP_CMP_GT";
    default:
      return "SCMP_CMP_MASKED_EQ";
  }
}

nlohmann::json daemon_rule(const Rule& rule) {
  const std::unique_ptr<char, decltype(&std::free)> name(
      seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, rule.call), std::free);
  nlohmann::json arguments = nlohmann::json::array();
  for (const scmp_arg_cmp& argument : rule.arguments) {
    arguments.push_back({{"index", argument.arg},
                         {"op", word_of(argument.op)},
                         {"value", argument.datum_a},
                         {"valueTwo", argument.datum_b}});
  }
  return {{"names", {name == nullptr ? "" : name.get()}},
          {"action", "SCMP_ACT_ERRNO"},
          {"errnoRet", rule.error_number},
          {"args", arguments}};
}

}  // namespace

dsl::Result<Fd> make_seccomp_filter() {
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
  if (!filter) {
    return dsl::Error{"make the system call filter: out of memory", ""};
  }
  int refused = seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
  for (const Rule& rule : rules_for_jobs()) {
    refused = refused < 0
                  ? refused
                  : seccomp_rule_add_array(filter.get(),
                                           SCMP_ACT_ERRNO(static_cast<unsigned>(rule.error_number)),
                                           rule.call,
                                           static_cast<unsigned>(rule.arguments.size()),
                                           rule.arguments.data());
  }
  if (refused < 0) {
    return dsl::Error{std::string("make the system call filter: ") + strerrordesc_np(-refused), ""};
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

std::string seccomp_profile() {
  nlohmann::json calls = nlohmann::json::array();
  for (const Rule& rule : rules_for_jobs()) {
    calls.push_back(daemon_rule(rule));
  }
  for (const int call : kForbiddenByDaemons) {
    calls.push_back(daemon_rule({call, EPERM}));
  }
  return nlohmann::json{{"defaultAction", "SCMP_ACT_ALLOW"},
                        {"architectures", {"SCMP_ARCH_X86_64"}},
                        {"syscalls", calls}}
      .dump();
}

dsl::Result<Fd> reopen_filter(const Fd& filter) {
  Fd copy(open(("/proc/self/fd/" + std::to_string(filter.get())).c_str(), O_RDONLY | O_CLOEXEC));
  if (!copy) {
    return dsl::Error{std::string("open the system call filter: ") + strerrordesc_np(errno), ""};
  }
  return copy;
}

}  // namespace runner
