// pipe-init: a static program that works in any image. It is process 1 of every container, makes
// what must be there before a sandbox starts, keeps the processes of the host engine, and asks
// questions on loopback for criteria. See modes.h and tools.h.

#include <string.h>
#include <unistd.h>

#include "runner/init/modes.h"
#include "runner/init/protocol.h"
#include "runner/init/text.h"
#include "runner/init/tools.h"

int main(int argc, char** argv, char** env) {
  using namespace runner::init;
  const char* const mode = argc > 1 ? argv[1] : "";
  char** const rest = argc > 1 ? argv + 2 : argv + argc;
  if (same(mode, "run")) {
    return run(rest, env);
  }
  if (same(mode, "keep")) {
    return keep(rest);
  }
  if (same(mode, "stage")) {
    return stage(rest, env);
  }
  if (same(mode, "new-network")) {
    return new_network(rest);
  }
  if (same(mode, "lead-network")) {
    return lead_network(rest);
  }
  if (strncmp(mode, kPermit, sizeof(kPermit) - 1) == 0) {
    return permit(mode + sizeof(kPermit) - 1, rest, env);
  }
  if (same(mode, "sudo")) {
    return sudo(rest);
  }
  if (same(mode, "nothing")) {
    return nothing();
  }
  return run_tool(argv + 1);
}
