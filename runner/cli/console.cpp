#include "runner/cli/console.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dsl/render.h"
#include "runner/report/paint.h"
#include "runner/sys/files.h"

namespace runner::cli {
namespace {

using report::Meaning;
using report::painted;

bool variable_is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool terminal_is_dumb() {
  const char* term = std::getenv("TERM");
  return term == nullptr || std::string_view(term) == "dumb";
}

report::TerminalSize size_of(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return {100, 24};
  }
  return {size.ws_col, size.ws_row};
}

/// Names in a message come from files, images, remotes: whatever they hold is shown, and does
/// nothing to the terminal. Lines stay lines.
std::string harmless(std::string_view message) {
  std::string shown;
  while (true) {
    const std::size_t end = std::min(message.find('\n'), message.size());
    shown += dsl::visible(message.substr(0, end));
    if (end == message.size()) {
      return shown;
    }
    shown += '\n';
    message.remove_prefix(end + 1);
  }
}

}  // namespace

Console::Console()
    : out_terminal_(isatty(STDOUT_FILENO) == 1),
      err_terminal_(isatty(STDERR_FILENO) == 1),
      dumb_(terminal_is_dumb()),
      wants_colour_(!variable_is_set("NO_COLOR") && !dumb_) {}

void Console::out(std::string_view text) {
  if (!out_closed_ && !files::write_all(STDOUT_FILENO, text)) {
    out_closed_ = true;
    if (errno != EPIPE) {
      out_failure_ = files::system_error("write", "STDOUT", errno);
    }
  }
}

void Console::err(std::string_view text) {
  static_cast<void>(files::write_all(STDERR_FILENO, text));  // nobody is left to be told
}

void Console::error(const dsl::Error& error) {
  std::string text =
      painted("error", Meaning::Bad, err_colour()) + ": " + harmless(error.message) + "\n";
  if (!error.remedy.empty()) {
    text += "  " + painted("help", Meaning::Active, err_colour()) + ": " + harmless(error.remedy) +
            "\n";
  }
  err(text);
}

void Console::warning(std::string_view message) {
  err(painted("warning", Meaning::Doubt, err_colour()) + ": " + harmless(message) + "\n");
}

void Console::note(std::string_view message) {
  err(painted("note", Meaning::Active, err_colour()) + ": " + harmless(message) + "\n");
}

ExitCode Console::fail(ExitCode code, const dsl::Error& problem) {
  error(problem);
  return code;
}

dsl::Colour Console::out_colour() const {
  return out_terminal_ && wants_colour_ ? dsl::Colour::Always : dsl::Colour::Never;
}

dsl::Colour Console::err_colour() const {
  return err_terminal_ && wants_colour_ ? dsl::Colour::Always : dsl::Colour::Never;
}

std::size_t Console::width() const {
  return out_terminal_ ? size_of(STDOUT_FILENO).columns : 100;
}

report::TerminalSize Console::size() const {
  return size_of(STDERR_FILENO);
}

report::Sink Console::out_sink() {
  return [this](std::string_view text) { out(text); };
}

report::Sink Console::err_sink() {
  return [this](std::string_view text) { err(text); };
}

}  // namespace runner::cli
