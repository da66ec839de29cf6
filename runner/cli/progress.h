#pragma once

// Which observers show a run on this console. Main thread.

#include <memory>
#include <string>
#include <vector>

#include "runner/cli/command.h"
#include "runner/cli/console.h"
#include "runner/run/clock.h"
#include "runner/run/observer.h"

namespace runner::cli {

struct ProgressOptions {
  std::string progress = "auto";    // auto, live, plain, none
  bool plain = false;               // --plain is --progress plain
  bool json = false;                // events on STDOUT
  std::string log_format = "text";  // json: events on STDERR instead of text
  bool learn_firewall = false;      // ends with the rules that the run would have needed
};

/// --progress, --plain, --json, --log-format.
void add_progress_options(std::vector<Option>& options, ProgressOptions& progress);

std::vector<std::unique_ptr<Observer>> make_progress(const ProgressOptions& options,
                                                     Console& console,
                                                     Clock& clock);

}  // namespace runner::cli
