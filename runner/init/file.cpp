#include "runner/init/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

namespace runner::init {

char* read_file(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return nullptr;
  }
  size_t size = 0;
  size_t room = 4096;
  char* bytes = static_cast<char*>(malloc(room));
  while (bytes != nullptr) {
    const ssize_t got = read(fd, bytes + size, room - size - 1);
    if (got <= 0) {
      bytes[size] = '\0';
      break;
    }
    size += static_cast<size_t>(got);
    if (room - size < 2) {
      room *= 2;
      bytes = static_cast<char*>(realloc(bytes, room));
    }
  }
  close(fd);
  return bytes;
}

}  // namespace runner::init
