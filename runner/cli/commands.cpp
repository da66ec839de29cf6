#include "runner/cli/commands.h"

namespace runner::cli {

std::vector<Command> all_commands(Console& console) {
  return {
      run_command(console),      rehearse_command(console),   validate_command(console),
      plan_command(console),     show_plan_command(console),  diff_plan_command(console),
      graph_command(console),    import_command(console),     report_command(console),
      firewall_command(console), ls_command(console),         show_command(console),
      logs_command(console),     diff_command(console),       review_command(console),
      push_command(console),     undo_command(console),       attach_command(console),
      stop_command(console),     resume_command(console),     approve_command(console),
      reject_command(console),   costs_command(console),      clean_command(console),
      hooks_command(console),    config_command(console),     credentials_command(console),
      doctor_command(console),   completion_command(console),
  };
}

}  // namespace runner::cli
