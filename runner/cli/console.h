#pragma once

// The two streams of the program: STDOUT has the result, STDERR the talk. Main thread; made once,
// in main.cpp.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "dsl/colour.h"
#include "dsl/result.h"
#include "runner/app/session.h"
#include "runner/report/console_live.h"
#include "runner/report/sink.h"

namespace runner::cli {

class Console {
 public:
  /// Looks at the terminal, NO_COLOR and TERM.
  Console();

  /// Written at once; text that ends no line stays so. Nothing is thrown where nobody reads any
  /// more; `out_is_closed` tells.
  void out(std::string_view text);
  void err(std::string_view text);
  [[nodiscard]] bool out_is_closed() const { return out_closed_; }
  /// What kept a result from being written; nobody reading any more is not that.
  [[nodiscard]] const std::optional<dsl::Error>& out_failure() const { return out_failure_; }

  /// "error: message" and "  help: remedy" on STDERR, in colour where it is a terminal.
  void error(const dsl::Error& error);
  void warning(std::string_view message);
  /// A hint or a fact beside the result: "note: …".
  void note(std::string_view message);

  /// `error`, and the code for `return console.fail(…)`.
  ExitCode fail(ExitCode code, const dsl::Error& problem);

  [[nodiscard]] bool out_is_terminal() const { return out_terminal_; }
  [[nodiscard]] bool err_is_terminal() const { return err_terminal_; }
  /// Does the terminal know how to move the cursor?
  [[nodiscard]] bool can_redraw() const { return !dumb_; }
  [[nodiscard]] dsl::Colour out_colour() const;
  [[nodiscard]] dsl::Colour err_colour() const;
  /// Of the terminal, 100 columns where there is none.
  [[nodiscard]] std::size_t width() const;
  /// Of the terminal behind STDERR, now.
  [[nodiscard]] report::TerminalSize size() const;

  [[nodiscard]] report::Sink out_sink();
  [[nodiscard]] report::Sink err_sink();

 private:
  bool out_terminal_;  // constant after construction
  bool err_terminal_;  // constant after construction
  bool dumb_;          // constant after construction
  bool wants_colour_;  // constant after construction
  bool out_closed_ = false;
  std::optional<dsl::Error> out_failure_;
};

}  // namespace runner::cli
