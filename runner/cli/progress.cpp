#include "runner/cli/progress.h"

#include "runner/report/console_live.h"
#include "runner/report/console_plain.h"
#include "runner/report/jsonl.h"

namespace runner::cli {
namespace {

std::string chosen(const ProgressOptions& options, const Console& console) {
  if (options.plain) {
    return "plain";
  }
  if (options.progress != "auto") {
    return options.progress;
  }
  return console.err_is_terminal() && console.can_redraw() ? "live" : "plain";
}

}  // namespace

void add_progress_options(std::vector<Option>& options, ProgressOptions& progress) {
  options.push_back(
      {"--progress", "KIND", "show", {"auto", "live", "plain", "none"}, &progress.progress});
  options.push_back({"--plain", "", "the same as `--progress plain`", {}, &progress.plain});
  options.push_back({"--json", "", "every event as a line of JSON on STDOUT", {}, &progress.json});
  options.push_back(
      {"--log-format", "FORMAT", "of the talk on STDERR", {"text", "json"}, &progress.log_format});
}

std::vector<std::unique_ptr<Observer>> make_progress(const ProgressOptions& options,
                                                     Console& console,
                                                     Clock& clock) {
  std::vector<std::unique_ptr<Observer>> observers;
  if (options.json) {
    observers.push_back(std::make_unique<report::JsonLines>(console.out_sink()));
  }
  if (options.log_format == "json") {
    observers.push_back(std::make_unique<report::JsonLines>(console.err_sink()));
    return observers;
  }
  const std::string kind = chosen(options, console);
  if (kind == "live") {
    observers.push_back(std::make_unique<report::ConsoleLive>(
        console.err_sink(), [&console] { return console.size(); }, clock, console.err_colour()));
  } else if (kind == "plain") {
    observers.push_back(
        std::make_unique<report::ConsolePlain>(console.err_sink(), console.err_colour()));
  }
  return observers;
}

}  // namespace runner::cli
