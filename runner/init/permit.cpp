// `pipe-init permit:NAME`: what stands in front of a program that a job may not use, or not for
// everything.

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runner/init/execute.h"
#include "runner/init/file.h"
#include "runner/init/modes.h"
#include "runner/init/permissions.h"
#include "runner/init/protocol.h"
#include "runner/init/text.h"

namespace runner::init {
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
  if (strchr(name, '/') != nullptr) {
    fail("no rule denies", name, 0);  // and what it is lies below us
  }
  Line script;
  script.add(kPermissionPrograms).add("/").add(name).add("", 1);
  argv[0] = const_cast<char*>(name);
  execute(argv, env, script.bytes());
  Line().add("pipe: '").add(name).add("' is in no folder of the PATH\n").write_to(STDERR_FILENO);
  return kExitMissing;
}

}  // namespace runner::init
