// What does not go together, and what nobody will miss: pools, outputs, unused
// definitions, tasks that nothing verifies.

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/names.h"
#include "dsl/program.h"
#include "dsl/render.h"
#include "dsl/suggest.h"

namespace dsl {
namespace {

class Check {
 public:
  explicit Check(Program& program)
      : program_(program), pipeline_(program.pipeline), findings_(program.findings) {}

  void run() {
    check_pool(pipeline_.defaults.pool);
    for (const PhaseSpec& phase : pipeline_.phases) {
      for (const TaskSpec& task : phase.tasks) {
        check_pool(task.pool);
        if (task.approval) {
          check_approval(task);
        }
      }
    }
    for (const Unit& unit : program_.units) {
      if (unit.task != nullptr) {
        check_outputs(unit);
        check_verified(unit);
      }
    }
    report_unverified();
    check_unused_pools();
    check_unused_services();
  }

 private:
  // ---- names -----------------------------------------------------------------------------------

  void check_pool(const Text& pool) {
    if (!pool) {
      return;
    }
    std::vector<std::string_view> names;
    for (const auto& [name, size] : pipeline_.pools) {
      names.push_back(name.value);
    }
    if (std::find(names.begin(), names.end(), pool.value) != names.end()) {
      used_pools_.insert(pool.value);
      return;
    }
    unknown_pool_ = true;
    std::string remedy = did_you_mean(pool.value, names);
    if (remedy.empty()) {
      remedy = names.empty()
                   ? fmt::format("define it at the top: pools: {{{}: 2}}", visible(pool.value))
                   : fmt::format("the pools are {}", fmt::join(names, ", "));
    }
    findings_.error(kUnknownPool,
                    pool.span,
                    fmt::format("there is no pool {}", quoted(pool.value)),
                    std::move(remedy));
  }

  void check_unused_pools() {
    if (unknown_pool_) {
      return;  // a misspelt name would make the right one look unused
    }
    for (const auto& [name, size] : pipeline_.pools) {
      if (used_pools_.count(name.value) == 0) {
        findings_.warning(kUnusedDefinition,
                          name.span,
                          fmt::format("no task is in the pool {}", quoted(name.value)),
                          fmt::format("write 'pool: {}' in a task, or remove it", name.value));
      }
    }
  }

  void check_unused_services() {
    std::set<std::string_view> used;
    const auto add_criteria = [&](const StatedList<CriterionSpec>& criteria) {
      for (const CriterionSpec& criterion : criteria.items) {
        used.insert(criterion.service.value);
      }
    };
    if (pipeline_.services.empty()) {
      return;
    }
    for (const PhaseSpec& phase : pipeline_.phases) {
      add_criteria(phase.criteria);
      for (const TaskSpec& task : phase.tasks) {
        add_criteria(task.criteria);
        if (task.services != nullptr) {
          for (const Text& name : task.services->names) {
            used.insert(name.value);
          }
        }
      }
    }
    for (const auto& [path, step] : program_.steps) {
      if (step != nullptr) {
        add_criteria(step->body.criteria);
      }
    }
    used.erase("");
    const auto is_defined = [&](std::string_view name) {
      return std::any_of(pipeline_.services.begin(),
                         pipeline_.services.end(),
                         [&](const ServiceSpec& service) { return service.name.value == name; });
    };
    if (!std::all_of(used.begin(), used.end(), is_defined)) {
      return;  // a task's own, or a misspelt name that would make the right one look unused
    }
    for (const ServiceSpec& service : pipeline_.services) {
      if (used.count(service.name.value) == 0) {
        findings_.warning(kUnusedDefinition,
                          service.name.span,
                          fmt::format("nothing uses the service {}", quoted(service.name.value)),
                          "name it under a task's 'services' or in a criterion, or remove it");
      }
    }
  }

  // ---- approvals -------------------------------------------------------------------------------

  /// A person's word runs nothing, so whatever is about running means nothing.
  void check_approval(const TaskSpec& task) {
    const std::pair<std::string_view, Span> useless[] = {
        {"success_criteria", task.criteria.span},
        {"outputs", task.outputs.empty() ? Span{} : task.outputs.front().name.span},
        {"matrix", task.matrix != nullptr ? task.matrix->span : Span{}},
        {"for_each", task.for_each.span},
        {"image", task.image != nullptr ? task.image->span : Span{}},
        {"retry", task.retry != nullptr ? task.retry->attempts.span : Span{}},
        {"working_directory", task.working_directory.span},
    };
    for (const auto& [key, span] : useless) {
      if (span.end != 0) {
        findings_.error(
            kUselessKey,
            span,
            fmt::format("an approval runs nothing, '{}' has no meaning here", key),
            fmt::format("remove '{}', or make it another task that needs this one", key));
      }
    }
  }

  // ---- outputs, criteria -----------------------------------------------------------------------

  void check_outputs(const Unit& unit) {
    std::vector<const OutputSpec*> outputs;
    for (const OutputSpec& output : unit.task->outputs) {
      for (const OutputSpec* other : outputs) {
        if (output.file && output.file.value == other->file.value) {
          findings_.warning(kSameOutputFile,
                            output.file.span,
                            fmt::format("{} is read for two outputs", quoted(output.file.value)),
                            "give each output a file of its own",
                            {{other->file.span, "the other stands here"}});
        }
      }
      outputs.push_back(&output);
    }
  }

  void check_verified(const Unit& unit) {
    const bool works = unit.task->run || unit.task->uses;  // else it is an approval, or broken
    const bool is_complete = !unit.task->uses || program_.step_of(unit.task) != nullptr;
    if (!works || !is_complete || pipeline_.phases[unit.phase].criteria) {
      return;
    }
    for (const Layer& layer : layers_of(program_, unit)) {
      if (layer.body->criteria) {
        return;
      }
    }
    unverified_.push_back(&unit.task->name);
  }

  void report_unverified() {
    if (unverified_.empty()) {
      return;
    }
    const Text& first = *unverified_.front();
    std::string message = fmt::format("the task {} has no success criteria", quoted(first.value));
    std::vector<Diagnostic::Note> notes;
    if (unverified_.size() > 1) {
      message = fmt::format("{} tasks have no success criteria, the first is {}",
                            unverified_.size(),
                            quoted(first.value));
      for (std::size_t i = 1; i < std::min<std::size_t>(unverified_.size(), 3); ++i) {
        notes.push_back({unverified_[i]->span, "this one neither"});
      }
    }
    findings_.warning(kNoCriteria,
                      first.span,
                      std::move(message),
                      "add success_criteria: [\"[ ] what must be true\": COMMAND]; without them an "
                      "exit code is all that is known",
                      std::move(notes));
  }

  Program& program_;
  PipelineSpec& pipeline_;
  Findings& findings_;
  std::set<std::string_view> used_pools_;
  bool unknown_pool_ = false;
  std::vector<const Text*> unverified_;
};

}  // namespace

void check_program(Program& program) {
  Check(program).run();
}

}  // namespace dsl
