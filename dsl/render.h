#pragma once

// Diagnostics for people and for programs. Pure; any thread.
//
//   error[P0201]: unknown key 'depends_on' in a task
//     --> pipeline.yaml:7:9
//      |
//    7 |         depends_on: [build]
//      |         ^~~~~~~~~~
//   help: write 'needs:'

#include <string>
#include <vector>

#include "dsl/colour.h"
#include "dsl/diagnostic.h"
#include "dsl/source.h"

namespace dsl {

/// One diagnostic with its line, a caret under every column of its span (to the end of the first
/// line), its notes and its remedy. Ends with a newline. Control characters of the file, and the
/// characters that turn the direction of text, are shown as "\x1b" and never sent to a terminal; a
/// line longer than the screen is cut round the caret.
std::string render_text(const Diagnostic& diagnostic, const Sources& sources, Colour colour);

/// All of them, an empty line between two, and a last line that counts: "2 errors, 1 warning".
/// Nothing for none. After `limit` diagnostics the rest is only counted.
std::string render_text(const std::vector<Diagnostic>& diagnostics,
                        const Sources& sources,
                        Colour colour,
                        std::size_t limit = 100);

/// One JSON document: {"diagnostics":[{severity, code, message, remedy, file, line, column,
/// end_line, end_column, notes:[{message, file, line, column, end_line, end_column}]}]}, indented.
/// Lines and columns are 1-based, columns count code points, the end is exclusive.
std::string render_json(const std::vector<Diagnostic>& diagnostics, const Sources& sources);

/// "'name'" with control characters shown, cut after 60 characters: for names of unknown origin in
/// messages.
std::string quoted(std::string_view name);

/// The text with every control character, direction mark and malformed byte shown as an escape.
std::string visible(std::string_view text);

}  // namespace dsl
