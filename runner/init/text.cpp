#include "runner/init/text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runner/init/protocol.h"

namespace runner::init {

Line& Line::add(const char* bytes, size_t count) {
  const size_t room = sizeof(bytes_) - size_;
  const size_t taken = count < room ? count : room;
  memcpy(bytes_ + size_, bytes, taken);
  size_ += taken;
  return *this;
}

Line& Line::add(const char* text) {
  return add(text, strlen(text));
}

Line& Line::add(long number) {
  char digits[24];
  char* at = digits + sizeof(digits);
  unsigned long rest =
      number < 0 ? 0UL - static_cast<unsigned long>(number) : static_cast<unsigned long>(number);
  do {
    *--at = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (number < 0) {
    *--at = '-';
  }
  return add(at, static_cast<size_t>(digits + sizeof(digits) - at));
}

bool Line::write_to(int fd) const {
  return write_all(fd, bytes_, size_);
}

bool write_all(int fd, const char* bytes, size_t count) {
  while (count > 0) {
    const ssize_t done = write(fd, bytes, count);
    if (done < 0 && errno == EINTR) {
      continue;
    }
    if (done <= 0) {
      return false;
    }
    bytes += done;
    count -= static_cast<size_t>(done);
  }
  return true;
}

long parse_number(const char* text) {
  if (*text == '\0') {
    return -1;
  }
  long number = 0;
  for (; *text != '\0'; ++text) {
    if (*text < '0' || *text > '9' || number > 100'000'000) {
      return -1;
    }
    number = number * 10 + (*text - '0');
  }
  return number;
}

void fail(const char* what, const char* name, int error_number) {
  Line line;
  line.add("pipe-init: ").add(what);
  if (*name != '\0') {
    line.add(" '").add(name).add("'");
  }
  if (error_number != 0) {
    line.add(": ").add(strerror(error_number));
  }
  line.add("\n").write_to(STDERR_FILENO);
  _exit(kExitBroken);
}

const char* option_value(char** argv, int* at) {
  if (argv[*at + 1] == nullptr) {
    fail("no value after option", argv[*at], 0);
  }
  return argv[++*at];
}

int option_number(char** argv, int* at) {
  const long number = parse_number(option_value(argv, at));
  if (number < 0) {
    fail("not a number:", argv[*at], 0);
  }
  return static_cast<int>(number);
}

bool same(const char* left, const char* right) {
  return strcmp(left, right) == 0;
}

}  // namespace runner::init
