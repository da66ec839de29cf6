#include "runner/init/permissions.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runner/init/protocol.h"
#include "runner/init/text.h"

namespace runner::init {
namespace {

constexpr int kMostWords = 64;

struct Rule {
  bool allows = false;
  const char* words[kMostWords];
  int count = 0;
};

/// Cuts a line into words; false: it is no rule.
bool read_rule(char* line, Rule* rule) {
  char* rest = nullptr;
  const char* const kind = strtok_r(line, " ", &rest);
  rule->count = 0;
  if (kind == nullptr) {
    return false;
  }
  rule->allows = same(kind, "allow");
  for (char* word = strtok_r(nullptr, " ", &rest); word != nullptr && rule->count < kMostWords;
       word = strtok_r(nullptr, " ", &rest)) {
    rule->words[rule->count++] = word;
  }
  return rule->count > 0;
}

bool fits(const Rule& rule, char* const* arguments) {
  int at = 1;
  for (; at < rule.count && *arguments != nullptr; ++arguments) {
    if (fnmatch(rule.words[at], *arguments, 0) == 0) {
      ++at;
    } else if (rule.allows) {
      return false;
    }
  }
  return at == rule.count;
}

struct Address {
  sockaddr_un at{};
  socklen_t size = 0;
};

/// Abstract: it belongs to the network namespace, and no file of the job's is in its way.
Address socket_address() {
  Address address;
  address.at.sun_family = AF_UNIX;
  memcpy(address.at.sun_path + 1, kPermissionSocket, sizeof(kPermissionSocket) - 1);
  address.size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + sizeof(kPermissionSocket));
  return address;
}

/// "N WORD…" of whole words, without a byte that could end a line or mean something to a terminal.
size_t write_denial(char* text, size_t room, int line, const char* name, char* const* arguments) {
  Line all;
  all.add(static_cast<long>(line)).add(" ").add(name);
  size_t size = all.size();
  for (; *arguments != nullptr; ++arguments) {
    all.add(" ").add(*arguments);
    if (all.size() > room) {
      break;
    }
    size = all.size();
  }
  size = size < room ? size : room;
  for (size_t i = 0; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(all.bytes()[i]);
    text[i] = byte < 0x20 || byte == 0x7f ? ' ' : static_cast<char>(byte);
  }
  return size;
}

unsigned long hash_of(const char* bytes, size_t count) {
  unsigned long hash = 14695981039346656037UL;  // FNV-1a
  for (size_t i = 0; i < count; ++i) {
    hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 1099511628211UL;
  }
  return hash;
}

}  // namespace

Decision decide(char* rules, const char* name, char* const* arguments) {
  Decision decision;
  int longest = 0;
  bool some_allowed = false;
  char* line = rules;
  for (int number = 0; *line != '\0' && *line != '\n'; ++number) {
    char* const end = strchrnul(line, '\n');
    const bool last = *end == '\0';
    *end = '\0';
    Rule rule;
    if (read_rule(line, &rule) && same(rule.words[0], name)) {
      some_allowed = some_allowed || rule.allows;
      const bool wins = rule.count > longest || (rule.count == longest && !rule.allows);
      if (wins && fits(rule, arguments)) {
        longest = rule.count;
        decision.denied = !rule.allows;
        decision.line = number;
      }
    }
    line = last ? end : end + 1;
  }
  decision.message = *line == '\n' ? line + 1 : line;
  if (longest == 0 && some_allowed) {
    decision.denied = true;
    decision.line = kNotAllowed;
  }
  return decision;
}

void tell_denial(int line, const char* name, char* const* arguments) {
  char text[kLongestDenial];
  const size_t size = write_denial(text, sizeof(text), line, name, arguments);
  const Address address = socket_address();
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    sendto(fd,
           text,
           size,
           MSG_NOSIGNAL | MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&address.at),
           address.size);
    close(fd);
  }
}

void DenialListener::open() {
  if (access(kPermissionRules, F_OK) != 0) {
    return;
  }
  const Address address = socket_address();
  fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ >= 0 && bind(fd_, reinterpret_cast<const sockaddr*>(&address.at), address.size) != 0) {
    close(fd_);
    fd_ = -1;
  }
}

void DenialListener::pass_on(int report) {
  char text[kLongestDenial];
  for (ssize_t got = recv(fd_, text, sizeof(text), 0); got > 0;
       got = recv(fd_, text, sizeof(text), 0)) {
    const auto size = static_cast<size_t>(got);
    const unsigned long hash = hash_of(text, size);
    bool known = count_ == kMostDenials;
    for (int i = 0; i < count_ && !known; ++i) {
      known = seen_[i] == hash;
    }
    if (known) {
      continue;
    }
    seen_[count_++] = hash;
    // Anybody in the job may have sent it: a line's end in it would begin a report.
    for (char* byte = text; byte < text + size; ++byte) {
      *byte = static_cast<unsigned char>(*byte) < 0x20 ? ' ' : *byte;
    }
    Line().add("denied ").add(text, size).add("\n").write_to(report);
  }
}

}  // namespace runner::init
