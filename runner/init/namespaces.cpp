#include "runner/init/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/init/egress.h"
#include "runner/init/modes.h"
#include "runner/init/protocol.h"
#include "runner/init/text.h"

namespace runner::init {
namespace {

void write_file(const char* path, const Line& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || !text.write_to(fd)) {
    fail("write", path, errno);
  }
  close(fd);
}

void raise_loopback() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  memcpy(request.ifr_name, "lo", sizeof("lo"));
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0) {
    fail("raise the loopback", "lo", errno);
  }
  close(fd);
}

int open_namespace(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    fail("open", path, errno);
  }
  return fd;
}

void send_descriptor(int socket, int fd) {
  char byte = 'n';
  iovec bytes{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof(int));
  if (sendmsg(socket, &message, MSG_NOSIGNAL) != 1) {
    fail("send the namespace", "", errno);
  }
}

/// What leads to the gateway, among the options of a mode.
struct WayOut {
  int door = -1;
  EgressWay way{};

  /// Whether the option was one of these.
  bool take(char** argv, int* at) {
    if (same(argv[*at], "--egress")) {
      door = option_number(argv, at);
      return true;
    }
    const bool datagrams = same(argv[*at], "--datagram-port");
    if ((datagrams || same(argv[*at], "--port")) && way.count < kMostEgressPorts) {
      way.ports[way.count++] = {static_cast<uint16_t>(option_number(argv, at)),
                                datagrams ? kDatagrams : kStreams};
      return true;
    }
    if (same(argv[*at], "--every-address")) {
      way.every_address = true;
      return true;
    }
    return false;
  }
};

}  // namespace

void enter_new_user(const Mapping& mapping) {
  if (unshare(CLONE_NEWUSER) != 0) {
    fail("make a user namespace", "", errno);
  }
  write_file("/proc/self/setgroups", Line().add("deny"));
  write_file("/proc/self/uid_map", Line().add(mapping.uid).add(" ").add(mapping.uid).add(" 1\n"));
  write_file("/proc/self/gid_map", Line().add(mapping.gid).add(" ").add(mapping.gid).add(" 1\n"));
}

void join_namespace(int fd, const char* what) {
  if (setns(fd, 0) != 0) {
    fail("join the namespace", what, errno);
  }
  close(fd);
}

int new_network(char** argv) {
  int control = -1;
  WayOut way;
  Mapping mapping;
  for (int at = 0; argv[at] != nullptr; ++at) {
    if (same(argv[at], "--control")) {
      control = option_number(argv, &at);
    } else if (same(argv[at], "--new-user")) {
      mapping.uid = option_number(argv, &at);
      mapping.gid = option_number(argv, &at);
    } else if (!way.take(argv, &at)) {
      fail("unknown option", argv[at], 0);
    }
  }
  if (mapping.uid >= 0) {
    enter_new_user(mapping);
    send_descriptor(control, open_namespace("/proc/self/ns/user"));
  }
  if (unshare(CLONE_NEWNET) != 0) {
    fail("make a network namespace", "", errno);
  }
  raise_loopback();
  if (way.door >= 0) {
    lead_to_gateway(way.door, way.way);
  }
  send_descriptor(control, open_namespace("/proc/self/ns/net"));
  return 0;
}

int lead_network(char** argv) {
  int user = -1;
  int network = -1;
  WayOut way;
  for (int at = 0; argv[at] != nullptr; ++at) {
    if (same(argv[at], "--user")) {
      user = option_number(argv, &at);
    } else if (same(argv[at], "--network")) {
      network = option_number(argv, &at);
    } else if (!way.take(argv, &at)) {
      fail("unknown option", argv[at], 0);
    }
  }
  if (user >= 0) {
    join_namespace(user, "user");
  }
  join_namespace(network, "network");
  raise_loopback();
  lead_to_gateway(way.door, way.way);
  return 0;
}

}  // namespace runner::init
