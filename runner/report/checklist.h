#pragma once

// What a run came to, for a person: a line a task, a box a criterion, and what to do next. `pipe
// run` ends with it, `pipe show` prints it at any time. Any thread; pure.

#include <cstddef>
#include <cstdint>
#include <string>

#include "runner/report/paint.h"
#include "runner/run/run_state.h"

namespace runner::report {

/// Whether a runner holds the run. A journal alone cannot tell a run that goes on from one whose
/// runner was killed.
enum class Runner { Alive, Gone };

struct ChecklistOptions {
  std::size_t width = 100;  // columns; never less than 40 are used
  bool cut = true;          // to that width; false where it goes to a file or program
  Colour colour = Colour::Never;
  Runner runner = Runner::Gone;
  std::int64_t until_ms = 0;       // wall clock, for what goes on; 0: of the last event
  std::string run;                 // its name, for one that has not begun and cannot tell it
  std::string run_folder;          // logs are named beneath it; "" leaves it out
  std::size_t excerpt_lines = 10;  // of what a failed task or criterion wrote
};

/// All nodes that are worth a line, and the result. Ends with a newline.
std::string checklist(const RunState& state, const ChecklistOptions& options);

/// The last lines alone: how the run came out, where its result is, and the command to type next.
/// Ends with a newline.
std::string result_text(const RunState& state, const ChecklistOptions& options);

}  // namespace runner::report
