#include "runner/init/tools.h"

#include <unistd.h>

#include "runner/init/text.h"

namespace runner::init {

bool is_tool(char* const* argv) {
  return same(argv[0], kToolName);
}

int run_tool(char** argv) {
  if (argv[0] != nullptr && same(argv[0], "http")) {
    return http(argv);
  }
  if (argv[0] != nullptr && same(argv[0], "wait-tcp")) {
    return wait_tcp(argv);
  }
  Line()
      .add("pipe-init: usage: http METHOD URL TIMEOUT_MS [-H HEADER]… | wait-tcp PORT TIMEOUT_MS\n")
      .write_to(STDERR_FILENO);
  return kHttpUsage;
}

}  // namespace runner::init
