#pragma once

// One task, or one instance of it, or the gate of a phase, as a node of the plan. Internal to the
// compiler; one thread.

#include <string>
#include <string_view>
#include <vector>

#include "dsl/names.h"
#include "dsl/plan.h"
#include "dsl/program.h"

namespace dsl {

/// What is the same for every node.
struct PlanDefaults {
  EngineName engine = EngineName::Auto;  // where no layer says one
  std::vector<std::string> protect;      // always: the pipeline file, and pipe's own settings
};

class TaskLowering {
 public:
  /// All must outlive it; `matrix` is empty for a task without one. `node` is a new one.
  TaskLowering(Program& program,
               const PlanDefaults& defaults,
               Graph::Node unit,
               const std::vector<Layer>& layers,
               const Value::Record& matrix,
               const std::vector<std::string>& axes,
               PlanNode& node);

  /// Makes the node, without id and needs. Mistakes are reported; the node then means nothing.
  void lower();

 private:
  /// The first layer whose member `stated` finds in it, or null.
  template <class Member>
  const Layer* stating(Member TaskSpec::*member) const {
    for (const Layer& layer : layers_) {
      if (layer.body->*member) {
        return &layer;
      }
    }
    return nullptr;
  }
  [[nodiscard]] std::size_t number_of(const Layer& layer) const {
    return static_cast<std::size_t>(&layer - layers_.data());
  }

  const VisibleNames& names(std::size_t layer) { return names_.at(layer, node_.env); }

  // Texts. A layer's number says which names they see.
  Template text(const Text& text, std::size_t layer);
  std::string known(const Text& text, std::size_t layer, std::string_view what);
  std::vector<std::string> known(const std::vector<Text>& texts,
                                 std::size_t layer,
                                 std::string_view what);

  // lower_task.cpp
  void lower_rules();
  void lower_limits();
  void note_reach(const Text& name, const Secret& secret);
  enum class Permits { Yes, No };
  void lower_permission(const Text& text, std::size_t layer, Permits permits);
  Secret lower_secret(const SecretSpec& spec, std::size_t layer);
  void lower_results();

  // lower_command.cpp
  void lower_env();
  void lower_work();
  Command lower_command(const CommandSpec& command,
                        const std::vector<Template>& shell,
                        std::size_t layer,
                        std::vector<EnvVar>& env);
  Template lower_script(const Text& script,
                        std::string_view program,
                        std::size_t layer,
                        std::vector<EnvVar>& env);
  std::vector<Template> shell_for(const Layer& command);
  std::vector<EnvVar> lower_variables(const std::vector<NamedText>& env, std::size_t layer);

  // lower_mounts.cpp
  void lower_mounts();
  void lower_setup();

  // lower_agent.cpp
  void lower_agent();
  void refuse_second_agent(const Layer& first);
  void check_prompt_file(const Text& stated);

  // lower_place.cpp
  void lower_place();
  void lower_resources();
  void lower_workspace();
  Image lower_image(const ImageSpec& image, std::size_t layer);
  void check_engine(const Layer* engine, const Layer* image);

  // lower_docker.cpp
  void lower_docker_daemon();
  void check_docker_daemon();

  // lower_criteria.cpp
  void lower_services();
  void lower_criteria();
  void lower_flagged();
  Criterion lower_criterion(const CriterionSpec& spec, std::size_t layer);
  Service lower_service(const ServiceSpec& spec, std::size_t layer, bool beside_node);
  HttpCheck lower_check(const HttpCheckSpec& spec,
                        const CriterionSpec& criterion,
                        std::size_t layer);
  FileCheck lower_check(const FileCheckSpec& spec, std::size_t layer);
  JsonCheck lower_check(const JsonCheckSpec& spec, std::size_t layer);
  DiffCheck lower_check(const DiffCheckSpec& spec, std::size_t layer);
  void use_service(const Text& name);
  void report_unknown_service(const Text& name);

  Program& program_;
  const PlanDefaults& defaults_;
  const Unit& unit_;
  const std::vector<Layer>& layers_;
  TaskNames names_;
  PlanNode& node_;
};

}  // namespace dsl
