#include "runner/init/report.h"

#include <errno.h>
#include <sys/wait.h>

#include "runner/init/protocol.h"
#include "runner/init/text.h"

namespace runner::init {
namespace {

void send(int fd, const char* prefix, const Line& report) {
  if (fd < 0) {
    return;
  }
  Line line;
  if (prefix != nullptr) {
    line.add(prefix).add(" ");
  }
  line.add(report.bytes(), report.size()).add("\n").write_to(fd);
}

}  // namespace

int report_end(int fd, const char* prefix, int wait_status) {
  const bool exited = WIFEXITED(wait_status);
  const int code = exited ? WEXITSTATUS(wait_status) : WTERMSIG(wait_status);
  send(fd, prefix, Line().add(exited ? "exited " : "signalled ").add(static_cast<long>(code)));
  return exited ? code : 128 + code;
}

int report_failure(int fd, const char* prefix, const Started& started) {
  const auto number = static_cast<long>(started.error_number);
  send(fd, prefix, Line().add(started.failure).add(" ").add(number).add(" ").add(started.name));
  return started.error_number == ENOENT ? kExitMissing : kExitNotExecutable;
}

}  // namespace runner::init
