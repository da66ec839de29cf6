#include "runner/init/execute.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace runner::init {
namespace {

const char* path_of(char** env) {
  for (; *env != nullptr; ++env) {
    if (strncmp(*env, "PATH=", 5) == 0) {
      return *env + 5;
    }
  }
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

bool is_same_file(const char* left, const char* right) {
  struct stat a;
  struct stat b;
  return right != nullptr && stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

}  // namespace

void execute(char** argv, char** env, const char* passed_over) {
  const char* const name = argv[0];
  if (strchr(name, '/') != nullptr || *name == '\0') {
    execve(name, argv, env);
    return;
  }
  const size_t name_size = strlen(name);
  int best_error = ENOENT;
  for (const char* at = path_of(env);; ++at) {
    const char* const folder = at;
    at = strchrnul(at, ':');
    const size_t folder_size = static_cast<size_t>(at - folder);
    char file[4096];
    if (folder_size + name_size + 2 <= sizeof(file)) {
      memcpy(file, folder, folder_size);
      file[folder_size] = '/';
      memcpy(file + folder_size + (folder_size > 0 ? 1 : 0), name, name_size + 1);
      if (!is_same_file(file, passed_over)) {
        execve(file, argv, env);
        if (errno != ENOENT && errno != ENOTDIR) {
          best_error = errno;
        }
      }
    }
    if (*at == '\0') {
      break;
    }
  }
  errno = best_error;
}

}  // namespace runner::init
