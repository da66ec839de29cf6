#pragma once

// Who may spend how much of what. A task has the budget that it, its step or `defaults:` states;
// those of its phase and of the pipeline hold for all of their tasks together. Internal to the
// compiler, one thread.
//
// Codes: P0501 a part may spend more than its whole, P0503 a timeout that the budget's time makes
// pointless, P0504 (a warning) the parts may together.

#include "dsl/program.h"

namespace dsl {

Budget to_budget(const BudgetSpec& spec);

/// The budget of a task's layers, or null: not what its phase and the pipeline state.
const Layer* budget_layer(const Program& program,
                          const Unit& unit,
                          const std::vector<Layer>& layers);

/// Reports every single part that exceeds its whole.
void check_budgets(Program& program);

/// Warns where all parts of a whole have a cap, and these add up to more than its own: parts may
/// share, but then it is the whole that stops the run first. `plan` knows the instances of a
/// matrix.
void check_shares(const Plan& plan, Program& program);

}  // namespace dsl
