#include "runner/init/egress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/init/protocol.h"
#include "runner/init/text.h"
#include "runner/init/tools.h"

namespace runner::init {
namespace {

constexpr int kLoopbackIndex = 1;                // in every namespace
constexpr uint32_t kOwnAddress = 0xc6120001;     // 198.18.0.1
constexpr uint32_t kFakeAddresses = 0xc6120000;  // 198.18.0.0
constexpr unsigned char kFakeBits = 15;
constexpr int kBacklog = 128;
constexpr long kPatienceMs = 5'000;
constexpr long kTryAgainMs = 1'000;

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

Address v4_address(uint32_t address, uint16_t port) {
  Address made{};
  made.v4.sin_family = AF_INET;
  made.v4.sin_port = htons(port);
  made.v4.sin_addr.s_addr = htonl(address);
  return made;
}

// ---- setting up ------------------------------------------------------------------------------

/// A request to the kernel's routing, with room for two attributes.
struct Request {
  nlmsghdr header{};
  union {
    ifaddrmsg address;
    rtmsg route;
  } body{};
  char attributes[64]{};
};

template <class Body>
void begin(Request* request, int kind, const Body& body) {
  request->header.nlmsg_type = static_cast<uint16_t>(kind);
  request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  request->header.nlmsg_len = NLMSG_LENGTH(sizeof(body));
  memcpy(&request->body, &body, sizeof(body));
}

void add(Request* request, int kind, uint32_t value) {
  const size_t at = NLMSG_ALIGN(request->header.nlmsg_len);
  rtattr attribute;
  attribute.rta_type = static_cast<uint16_t>(kind);
  attribute.rta_len = RTA_LENGTH(sizeof(value));
  char* const bytes = reinterpret_cast<char*>(request) + at;
  memcpy(bytes, &attribute, sizeof(attribute));
  memcpy(bytes + RTA_LENGTH(0), &value, sizeof(value));
  request->header.nlmsg_len = static_cast<uint32_t>(at + attribute.rta_len);
}

void ask_kernel(int netlink, const Request& request, const char* what) {
  struct {
    nlmsghdr header;
    nlmsgerr error;
    char rest[256];
  } answer{};
  if (send(netlink, &request, request.header.nlmsg_len, 0) < 0 ||
      recv(netlink, &answer, sizeof(answer), 0) < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(int)))) {
    fail("set the network up", what, errno);
  }
  if (answer.header.nlmsg_type != NLMSG_ERROR || answer.error.error != 0) {
    fail("set the network up", what, -answer.error.error);
  }
}

void make_local(int netlink, uint32_t addresses, unsigned char bits, const char* what) {
  rtmsg route{};
  route.rtm_family = AF_INET;
  route.rtm_dst_len = bits;
  route.rtm_table = RT_TABLE_LOCAL;
  route.rtm_protocol = RTPROT_BOOT;
  route.rtm_scope = RT_SCOPE_HOST;
  route.rtm_type = RTN_LOCAL;
  Request add_route;
  begin(&add_route, RTM_NEWROUTE, route);
  if (bits > 0) {
    add(&add_route, RTA_DST, htonl(addresses));
  }
  add(&add_route, RTA_OIF, kLoopbackIndex);
  ask_kernel(netlink, add_route, what);
}

void set_loopback_up(bool every_address) {
  const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (netlink < 0) {
    fail("set the network up", "netlink", errno);
  }
  // With an address that is not of the loopback itself resolvers ask for IPv4 addresses at all.
  ifaddrmsg address{};
  address.ifa_family = AF_INET;
  address.ifa_prefixlen = 32;
  address.ifa_index = kLoopbackIndex;
  Request add_address;
  begin(&add_address, RTM_NEWADDR, address);
  add(&add_address, IFA_LOCAL, htonl(kOwnAddress));
  ask_kernel(netlink, add_address, "198.18.0.1");

  make_local(netlink, kFakeAddresses, kFakeBits, "198.18.0.0/15");
  if (every_address) {
    make_local(netlink, 0, 0, "0.0.0.0/0");
  }
  close(netlink);
}

int bound(int kind, uint32_t address, uint16_t port) {
  const int fd = socket(AF_INET, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const Address at = v4_address(address, port);
  const int yes = 1;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
      (kind == SOCK_DGRAM && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof(yes)) != 0) ||
      bind(fd, &at.any, sizeof(at.v4)) != 0 || (kind == SOCK_STREAM && listen(fd, kBacklog) != 0)) {
    const int error = errno;
    Line name;
    name.add(kind == SOCK_STREAM ? "tcp port " : "udp port ").add(static_cast<long>(port));
    name.add("", 1);  // its end
    fail("listen for the gateway on", name.bytes(), error);
  }
  return fd;
}

void hand_over(int door, const int* sockets, size_t count, const EgressPort* ports) {
  constexpr size_t kMost = kMostEgressPorts + 2;
  iovec bytes{const_cast<EgressPort*>(ports), (count - 2) * sizeof(*ports)};
  alignas(cmsghdr) char control[CMSG_SPACE(kMost * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = static_cast<socklen_t>(CMSG_SPACE(count * sizeof(int)));
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = static_cast<socklen_t>(CMSG_LEN(count * sizeof(int)));
  memcpy(CMSG_DATA(header), sockets, count * sizeof(int));
  if (sendmsg(door, &message, MSG_NOSIGNAL) < 0) {
    fail("hand the network over to the gateway", "", errno);
  }
}

// ---- proving ---------------------------------------------------------------------------------

/// A query for the IPv4 address of a name (RFC 1035); its size, or 0 where the name is none.
size_t write_query(const char* name, unsigned char* query, size_t room) {
  constexpr unsigned char kHead[] = {0x70, 0x69, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  constexpr unsigned char kTail[] = {0, 0, 1, 0, 1};
  const size_t size = strlen(name);
  if (size == 0 || sizeof(kHead) + 1 + size + sizeof(kTail) > room) {
    return 0;
  }
  memcpy(query, kHead, sizeof(kHead));
  size_t at = sizeof(kHead);
  while (*name != '\0') {
    const size_t label = strcspn(name, ".");
    query[at++] = static_cast<unsigned char>(label);
    memcpy(query + at, name, label);
    at += label;
    name += label + (name[label] == '.' ? 1 : 0);
  }
  memcpy(query + at, kTail, sizeof(kTail));
  return at + sizeof(kTail);
}

enum class Answer { None, Refused, Address, Other };

/// Asks the name server of the namespace.
Answer ask(const char* name, int* error) {
  unsigned char query[512];
  const size_t size = write_query(name, query, sizeof(query));
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const Address server = v4_address(INADDR_LOOPBACK, kDnsPort);
  Answer answer = Answer::None;
  *error = ETIMEDOUT;
  if (size == 0 || fd < 0 || connect(fd, &server.any, sizeof(server.v4)) != 0) {
    *error = size == 0 ? EINVAL : errno;
    close(fd);
    return answer;
  }
  for (const long end = monotonic_ms() + kPatienceMs; monotonic_ms() < end;) {
    unsigned char bytes[512];
    pollfd wait{fd, POLLIN, 0};
    if (send(fd, query, size, MSG_NOSIGNAL) < 0) {
      *error = errno;
      break;
    }
    if (poll(&wait, 1, static_cast<int>(kTryAgainMs)) != 1) {
      continue;
    }
    const ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
    if (got < 12) {
      *error = got < 0 ? errno : EPROTO;
      break;
    }
    const int code = bytes[3] & 0x0f;
    const bool has_answer = bytes[6] != 0 || bytes[7] != 0;
    answer = code == 5 && !has_answer  ? Answer::Refused
             : code == 0 && has_answer ? Answer::Address
                                       : Answer::Other;
    break;
  }
  close(fd);
  return answer;
}

/// Where nothing may be reached there is no route, or one that comes back to us: then what is sent
/// there has that very address as its source. 0, or what was found instead. Nothing is sent.
int try_elsewhere(const Address& to, socklen_t size) {
  const int fd = socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return errno == EAFNOSUPPORT ? 0 : errno;  // a kernel without IPv6
  }
  Address from{};
  socklen_t from_size = sizeof(from);
  int error = 0;
  if (connect(fd, &to.any, size) != 0) {
    error = errno == ENETUNREACH || errno == EHOSTUNREACH || errno == EADDRNOTAVAIL ? 0 : errno;
  } else if (to.any.sa_family != AF_INET || getsockname(fd, &from.any, &from_size) != 0 ||
             from.v4.sin_addr.s_addr != to.v4.sin_addr.s_addr) {
    error = EISCONN;
  }
  close(fd);
  return error;
}

}  // namespace

void lead_to_gateway(int door, const EgressWay& way) {
  set_loopback_up(way.every_address);
  int sockets[kMostEgressPorts + 2];
  sockets[0] = bound(SOCK_DGRAM, INADDR_LOOPBACK, kDnsPort);
  // On every address: beside a narrower one nobody could listen for rules that name this port.
  sockets[1] = bound(SOCK_STREAM, INADDR_ANY, kDnsPort);
  const size_t count = way.count;
  for (size_t i = 0; i < count; ++i) {
    const int kind = way.ports[i].kind == kDatagrams ? SOCK_DGRAM : SOCK_STREAM;
    sockets[i + 2] = bound(kind, INADDR_ANY, way.ports[i].number);
  }
  hand_over(door, sockets, count + 2, way.ports);
  char answer = 0;
  ssize_t got = -1;
  do {
    got = recv(door, &answer, 1, 0);
  } while (got < 0 && errno == EINTR);
  if (got != 1 || answer != kServed) {
    fail("hand the network over to the gateway", "it was not taken", 0);
  }
  for (size_t i = 0; i < count + 2; ++i) {
    close(sockets[i]);
  }
  close(door);
}

EgressFailure prove_egress(char** names) {
  if (*names == nullptr) {
    return {};
  }
  int error = 0;
  for (char** name = names; *name != nullptr; ++name) {
    const Answer wanted = name == names ? Answer::Refused : Answer::Address;
    if (const Answer answer = ask(*name, &error); answer != wanted) {
      return {*name, answer == Answer::None ? error : EPROTO};
    }
  }
  const Address v4 = v4_address(0xc0000201, 443);  // 192.0.2.1, which is nobody's
  Address v6{};
  v6.v6.sin6_family = AF_INET6;
  v6.v6.sin6_port = htons(443);
  inet_pton(AF_INET6, "2001:db8::1", &v6.v6.sin6_addr);
  if (const int found = try_elsewhere(v4, sizeof(v4.v4)); found != 0) {
    return {"192.0.2.1", found};
  }
  if (const int found = try_elsewhere(v6, sizeof(v6.v6)); found != 0) {
    return {"2001:db8::1", found};
  }
  return {};
}

}  // namespace runner::init
