#include "dsl/compile.h"

#include <utility>

#include "dsl/budgets.h"
#include "dsl/program.h"

namespace dsl {

Compilation compile(const CompileRequest& request) {
  Compilation compilation;
  Findings findings;
  Program program(request, compilation.sources, findings);

  // A file that is no YAML ends it here. From then on every pass runs, whatever the ones before
  // have found, so that an author sees all mistakes at once; a pass takes what was reported as
  // absent and does not report it again.
  if (load_files(program)) {
    load_devcontainers(program);
    load_presets(program);
    resolve_inputs(program);
    link_units(program);
    check_program(program);
    check_budgets(program);
    Plan plan = lower_program(program);
    check_shares(plan, program);

    // Beyond this point nothing is found any more.
    if (!findings.has_errors()) {
      compilation.plan = std::move(plan);
      compilation.places = std::move(program.places);
    }
  }
  compilation.diagnostics = findings.take();
  return compilation;
}

}  // namespace dsl
