#pragma once

// Every command of `pipe`, one file each. `console` outlives the commands. Main thread.

#include <vector>

#include "runner/cli/command.h"
#include "runner/cli/console.h"

namespace runner::cli {

Command run_command(Console& console);
Command rehearse_command(Console& console);
Command validate_command(Console& console);
Command plan_command(Console& console);
Command show_plan_command(Console& console);
Command diff_plan_command(Console& console);
Command graph_command(Console& console);
Command import_command(Console& console);
Command report_command(Console& console);
Command firewall_command(Console& console);
Command ls_command(Console& console);
Command show_command(Console& console);
Command logs_command(Console& console);
Command diff_command(Console& console);
Command review_command(Console& console);
Command push_command(Console& console);
Command undo_command(Console& console);
Command attach_command(Console& console);
Command stop_command(Console& console);
Command resume_command(Console& console);
Command approve_command(Console& console);
Command reject_command(Console& console);
Command clean_command(Console& console);
Command hooks_command(Console& console);
Command config_command(Console& console);
Command costs_command(Console& console);
Command credentials_command(Console& console);
Command doctor_command(Console& console);
Command completion_command(Console& console);

/// All of them, in the order of the help page.
std::vector<Command> all_commands(Console& console);

}  // namespace runner::cli
