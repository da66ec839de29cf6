#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/init/text.h"
#include "runner/init/tools.h"

namespace runner::init {
namespace {

/// http://HOST[:PORT]/PATH, cut into pieces.
struct Url {
  char host[256];
  char authority[272];  // as it stands in the URL, for the Host header
  int port = 80;
  const char* path = "/";  // and query, without fragment
  size_t path_size = 1;
};

bool copy_to(char* to, size_t room, const char* bytes, size_t size) {
  if (size == 0 || size >= room) {
    return false;
  }
  memcpy(to, bytes, size);
  to[size] = '\0';
  return true;
}

bool parse_url(const char* text, Url* url) {
  constexpr const char* kScheme = "http://";
  if (strncasecmp(text, kScheme, strlen(kScheme)) != 0) {
    return false;
  }
  const char* const authority = text + strlen(kScheme);
  const size_t authority_size = strcspn(authority, "/?#");
  if (!copy_to(url->authority, sizeof(url->authority), authority, authority_size) ||
      strchr(url->authority, '@') != nullptr) {
    return false;
  }
  const char* host = url->authority;
  const char* host_end = host + strcspn(host, ":");
  const char* port = host_end;
  if (*host == '[') {
    ++host;
    host_end = host + strcspn(host, "]");
    port = *host_end == ']' ? host_end + 1 : host_end;
  }
  if (!copy_to(url->host, sizeof(url->host), host, static_cast<size_t>(host_end - host))) {
    return false;
  }
  if (*port == ':') {
    const long number = parse_number(port + 1);
    if (number < 1 || number > 65535) {
      return false;
    }
    url->port = static_cast<int>(number);
  } else if (*port != '\0') {
    return false;
  }
  const char* const rest = authority + authority_size;
  const size_t rest_size = strcspn(rest, "#");
  if (rest_size > 0) {
    url->path = rest;
    url->path_size = rest_size;
  }
  for (const char* at = text; *at != '\0'; ++at) {
    if (*at <= ' ' || *at == '\x7f') {
      return false;
    }
  }
  return true;
}

/// The stream of an answer, read as it is needed, until the deadline.
class Stream {
 public:
  Stream(int fd, long deadline_ms) : fd_(fd), deadline_ms_(deadline_ms) {}

  bool send(const char* bytes, size_t count) {
    while (count > 0) {
      const ssize_t done = ::send(fd_, bytes, count, MSG_NOSIGNAL);
      if (done > 0) {
        bytes += done;
        count -= static_cast<size_t>(done);
      } else if (errno != EAGAIN || !wait_for(POLLOUT)) {
        return false;
      }
    }
    return true;
  }

  /// More bytes into the buffer; false at the end, on an error or at the deadline.
  bool fill() {
    begin_ = end_ = 0;
    for (;;) {
      const ssize_t got = recv(fd_, buffer_, sizeof(buffer_), 0);
      if (got > 0) {
        end_ = static_cast<size_t>(got);
        return true;
      }
      if (got == 0) {
        at_end_ = true;
        return false;
      }
      if (errno != EAGAIN || !wait_for(POLLIN)) {
        return false;
      }
    }
  }

  bool read_byte(char* byte) {
    if (begin_ == end_ && !fill()) {
      return false;
    }
    *byte = buffer_[begin_++];
    return true;
  }

  /// A line without its end; what does not fit is left out. False: the stream ended first.
  bool read_line(char* line, size_t room) {
    size_t size = 0;
    char byte = 0;
    while (read_byte(&byte)) {
      if (byte == '\n') {
        if (size > 0 && line[size - 1] == '\r') {
          --size;
        }
        line[size] = '\0';
        return true;
      }
      if (size + 1 < room) {
        line[size++] = byte;
      }
    }
    return false;
  }

  /// At most `limit` bytes that are there already or come next; 0 when no more come.
  size_t read_some(size_t limit, const char** bytes) {
    if (begin_ == end_ && !fill()) {
      return 0;
    }
    const size_t there = end_ - begin_;
    const size_t taken = there < limit ? there : limit;
    *bytes = buffer_ + begin_;
    begin_ += taken;
    return taken;
  }

  [[nodiscard]] bool at_end() const { return at_end_; }

 private:
  bool wait_for(short events) const {
    const long left = deadline_ms_ - monotonic_ms();
    pollfd wait{fd_, events, 0};
    return left > 0 && poll(&wait, 1, static_cast<int>(left)) == 1;
  }

  const int fd_;
  const long deadline_ms_;
  char buffer_[16384];
  size_t begin_ = 0;
  size_t end_ = 0;
  bool at_end_ = false;
};

/// How the end of a body is known.
struct Framing {
  bool chunked = false;
  long long length = -1;  // -1: until the stream ends
};

/// Prints a body up to the cap.
class BodyPrinter {
 public:
  bool print(Stream& stream, long long count) {
    while (count != 0) {
      const char* bytes = nullptr;
      constexpr size_t kStep = 1 << 14;
      const size_t wanted =
          count < 0 || count > static_cast<long long>(kStep) ? kStep : static_cast<size_t>(count);
      const size_t got = stream.read_some(wanted, &bytes);
      if (got == 0) {
        return count < 0 && stream.at_end();
      }
      const size_t shown = got < room_ ? got : room_;
      write_all(STDOUT_FILENO, bytes, shown);
      room_ -= shown;
      if (count > 0) {
        count -= static_cast<long long>(got);
      }
    }
    return true;
  }

 private:
  size_t room_ = kHttpBodyCap;
};

/// The value of the header, or null where the line is another one.
const char* header_value(const char* line, const char* name) {
  const size_t size = strlen(name);
  if (strncasecmp(line, name, size) != 0 || line[size] != ':') {
    return nullptr;
  }
  line += size + 1;
  return line + strspn(line, " \t");
}

/// The status and the framing of the answer's head; -1 where it is no HTTP.
int read_head(Stream& stream, Framing* framing) {
  char line[8192];
  if (!stream.read_line(line, sizeof(line)) || strncmp(line, "HTTP/1.", 7) != 0 ||
      strlen(line) < 12) {
    return -1;
  }
  char code[4] = {line[9], line[10], line[11], '\0'};
  const long status = parse_number(code);
  for (;;) {
    if (!stream.read_line(line, sizeof(line))) {
      return -1;
    }
    if (*line == '\0') {
      return static_cast<int>(status);
    }
    if (const char* const encoding = header_value(line, "transfer-encoding")) {
      framing->chunked = strcasestr(encoding, "chunked") != nullptr;
    }
    if (const char* const length = header_value(line, "content-length")) {
      framing->length = strtoll(length, nullptr, 10);
    }
  }
}

bool print_chunks(Stream& stream, BodyPrinter& body) {
  char line[256];
  while (stream.read_line(line, sizeof(line))) {
    char* after = nullptr;
    const unsigned long long size = strtoull(line, &after, 16);
    if (after == line || size > (1ULL << 40)) {
      return false;
    }
    if (size == 0) {
      return true;  // what may follow are trailers, which nobody asked for
    }
    if (!body.print(stream, static_cast<long long>(size)) ||
        !stream.read_line(line, sizeof(line))) {
      return false;
    }
  }
  return false;
}

bool send_request(Stream& stream, const char* method, const Url& url, char** headers) {
  Line head;
  head.add(method).add(" ");
  if (*url.path != '/') {
    head.add("/");
  }
  bool sent = stream.send(head.bytes(), head.size()) && stream.send(url.path, url.path_size);
  bool own_host = false;
  for (char** at = headers; at[0] != nullptr && at[1] != nullptr; at += 2) {
    own_host = own_host || header_value(at[1], "host") != nullptr;
  }
  Line rest;
  rest.add(" HTTP/1.1\r\n");
  if (!own_host) {
    rest.add("Host: ").add(url.authority).add("\r\n");
  }
  rest.add("User-Agent: pipe\r\nAccept: */*\r\nConnection: close\r\n");
  sent = sent && stream.send(rest.bytes(), rest.size());
  for (char** at = headers; sent && at[0] != nullptr && at[1] != nullptr; at += 2) {
    sent = stream.send(at[1], strlen(at[1])) && stream.send("\r\n", 2);
  }
  return sent && stream.send("\r\n", 2);
}

bool are_headers(char** headers) {
  for (; headers[0] != nullptr; headers += 2) {
    if (!same(headers[0], "-H") || headers[1] == nullptr ||
        strpbrk(headers[1], "\r\n") != nullptr || strchr(headers[1], ':') == nullptr) {
      return false;
    }
  }
  return true;
}

int no_answer(const char* url, const char* why) {
  Line().add("no answer from ").add(url).add(": ").add(why).add("\n").write_to(STDERR_FILENO);
  return kHttpNoAnswer;
}

}  // namespace

int http(char** argv) {
  const char* const method = argv[1];
  const char* const text = method == nullptr ? nullptr : argv[2];
  const long timeout = text == nullptr || argv[3] == nullptr ? -1 : parse_number(argv[3]);
  Url url;
  if (timeout < 0 || !are_headers(argv + 4) || strpbrk(method, " \r\n") != nullptr) {
    Line()
        .add("pipe-init: usage: http METHOD URL TIMEOUT_MS [-H 'Name: value']…\n")
        .write_to(STDERR_FILENO);
    return kHttpUsage;
  }
  if (!parse_url(text, &url)) {
    Line().add("not an http:// address: '").add(text).add("'\n").write_to(STDERR_FILENO);
    return kHttpUsage;
  }
  const long deadline = monotonic_ms() + timeout;
  const int fd = connect_loopback(url.host, url.port, deadline, false);
  if (fd < 0) {
    Line()
        .add("could not connect to ")
        .add(url.host)
        .add(" port ")
        .add(static_cast<long>(url.port))
        .add("\n")
        .write_to(STDERR_FILENO);
    return kHttpNotConnected;
  }
  // One segment: a server may answer and hang up after the first, and would not hear the others.
  const int corked = 1;
  const int uncorked = 0;
  setsockopt(fd, IPPROTO_TCP, TCP_CORK, &corked, sizeof(corked));
  Stream stream(fd, deadline);
  if (!send_request(stream, method, url, argv + 4)) {
    return no_answer(text, "it stopped listening");
  }
  setsockopt(fd, IPPROTO_TCP, TCP_CORK, &uncorked, sizeof(uncorked));
  Framing framing;
  int status = read_head(stream, &framing);
  while (status >= 100 && status < 200) {  // "100 Continue" and the like come before the answer
    framing = Framing{};
    status = read_head(stream, &framing);
  }
  if (status < 0) {
    return no_answer(text, "it sent no HTTP status, or none in time");
  }
  Line().add("status ").add(static_cast<long>(status)).add("\n").write_to(STDOUT_FILENO);
  if (same(method, "HEAD") || status == 204 || status == 304) {
    return kHttpAnswered;
  }
  BodyPrinter body;
  const bool whole =
      framing.chunked ? print_chunks(stream, body) : body.print(stream, framing.length);
  return whole ? kHttpAnswered : no_answer(text, "its body was cut off");
}

}  // namespace runner::init
