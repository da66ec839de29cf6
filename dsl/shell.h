#pragma once

// `run:` scripts: an expression is never pasted into shell text. It becomes an environment
// variable, and the script a quoted reference to it, as the place in the script needs it; where a
// variable would not expand, or its value could still become code, it is a mistake with a remedy.
// Any thread; pure, linear in the script.
//
// What stays the author's own doing: handing such a value to what runs or evaluates text by itself
// (`eval`, `sh -c`, `let`, `declare -i`, `test -v`).
//
// Codes: P0731 in single quotes, P0732 in $'…', P0733 in a here-document whose delimiter is quoted,
// P0734 behind a backslash or a '$', P0735 where a name belongs, P0736 not a number in arithmetic,
// P0737 in nested backquotes, P0738 nested too deeply, P0739 in a script of another language, P0740
// in a pattern inside of a here-document.

#include <string>
#include <string_view>
#include <vector>

#include "dsl/diagnostic.h"
#include "dsl/expression_check.h"
#include "dsl/plan.h"
#include "dsl/text_origin.h"

namespace dsl {

struct BoundScript {
  std::vector<Diagnostic> diagnostics;  // by position; the rest means nothing where there are any
  std::string script;                   // free of holes, for `sh -c` or `bash -c`
  /// PIPE_EXPR_1, PIPE_EXPR_2, … in order of first use; equal expressions share one.
  std::vector<EnvVar> env;
};

/// For POSIX sh and bash. Holes in comments are left alone.
BoundScript bind_script(std::string_view script,
                        const TextOrigin& origin,
                        const VisibleNames& names);

/// For `shell:` of any other kind: one diagnostic a hole, with the remedy to go through `env:`.
std::vector<Diagnostic> refuse_expressions(std::string_view script,
                                           const TextOrigin& origin,
                                           std::string_view shell);

}  // namespace dsl
