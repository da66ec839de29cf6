// `pipe-init permit:NAME`: what stands in front of a program that a job may not use, or not for
// everything.

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/init/file.h"
#include "runner/init/modes.h"
#include "runner/init/permissions.h"
#include "runner/init/protocol.h"
#include "runner/init/text.h"

namespace runner::init {
namespace {

constexpr size_t kLongestPath = 4096;  // as much as a Line holds

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
  return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

/// Executes the first program of that name in the PATH that is not the script before it, by
/// whatever name its folder goes. Returns where there is none.
void execute_next(const char* name, const char* script, char** argv, char** env) {
  for (const char* at = path_of(env);; ++at) {
    const char* const folder = at;
    at = strchrnul(at, ':');
    Line file;
    file.add(folder, static_cast<size_t>(at - folder)).add(at == folder ? "./" : "/").add(name);
    file.add("", 1);  // its end
    if (file.size() < kLongestPath && !is_same_file(file.bytes(), script)) {
      execve(file.bytes(), argv, env);
    }
    if (*at == '\0') {
      return;
    }
  }
}

}  // namespace

int permit(const char* name, char** argv, char** env) {
  if (argv[0] == nullptr) {
    fail("nothing to permit", name, 0);
  }
  char* const rules = read_file(kPermissionRules);
  if (rules == nullptr) {
    fail("read", kPermissionRules, errno);
  }
  const Decision decision = decide(rules, name, argv + 1);
  if (decision.denied) {
    tell_denial(decision.line, name, argv + 1);
    Line()
        .add("pipe: denied: this task may not run '")
        .add(name)
        .add(argv[1] == nullptr ? "'\n" : "' with these arguments\n")
        .write_to(STDERR_FILENO);
    write_all(STDERR_FILENO, decision.message, strlen(decision.message));
    return kExitNotExecutable;
  }
  Line script;
  script.add(kPermissionPrograms).add("/").add(name).add("", 1);
  argv[0] = const_cast<char*>(name);
  execute_next(name, script.bytes(), argv, env);
  Line().add("pipe: '").add(name).add("' is in no folder of the PATH\n").write_to(STDERR_FILENO);
  return kExitMissing;
}

}  // namespace runner::init
