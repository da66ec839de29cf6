#pragma once

// What the passes after parsing work on: the specs, and what is known about them. Belongs to one
// compilation, one thread. Internal to the compiler.

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dsl/compile.h"
#include "dsl/expression_check.h"
#include "dsl/findings.h"
#include "dsl/graph.h"
#include "dsl/spec.h"
#include "dsl/text_origin.h"

namespace dsl {

/// What becomes one node, or one for each instance of a matrix: a task, or a phase's gate.
struct Unit {
  std::uint32_t phase = 0;
  TaskSpec* task = nullptr;        // null: the gate of the phase
  std::vector<Graph::Node> needs;  // units
};

/// A step that a task uses, and the steps that this one uses.
struct Layer {
  TaskSpec* body = nullptr;
  const StepSpec* step = nullptr;  // null: body is the pipeline's own
};

struct Program {
  Program(const CompileRequest& of, Sources& read, Findings& found)
      : request(of), sources(read), findings(found) {}

  const CompileRequest& request;
  Sources& sources;
  Findings& findings;

  std::deque<YamlDocument> documents;  // the specs point into them
  std::deque<std::string> own_texts;   // and into these, which stand in no file as they are
  std::string digest_text;             // of all files that were read, for Plan::source_digest

  PipelineSpec pipeline;
  std::map<std::string, std::unique_ptr<StepSpec>, std::less<>> steps;  // by resolved path
  std::unordered_map<const TaskSpec*, StepSpec*> used;  // task or step body -> the step it uses

  NameTable inputs;            // of the pipeline, all known
  Value::Record input_values;  // the same, in order of definition

  /// What an entry of `firewall: {allow}` stands for where it names a preset; by its place (source,
  /// first byte).
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<std::string>> presets;

  /// By the place of a secret's name: whether some task's firewall leads to a host that may have
  /// it.
  struct SecretReach {
    Text name;
    std::string host;  // one of its hosts
    bool reached = false;
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, SecretReach> secret_reach;

  std::vector<Unit> units;  // in file order, a phase's gate behind its tasks
  std::unordered_map<std::string_view, Graph::Node> unit_of;  // by name of task or phase
  std::optional<Graph> graph;      // over units; absent until they are linked
  std::vector<Graph::Node> order;  // empty where there are circles
  PlanPlaces places;

  [[nodiscard]] TextOrigin origin(const Text& text) const;
  /// Span of bytes of the file that `text` came from.
  [[nodiscard]] std::string_view step_path(const StepSpec* step) const {
    return step == nullptr ? request.path : step->path;
  }
  /// The step that the task or step body uses, or null.
  [[nodiscard]] StepSpec* step_of(const TaskSpec* body) const {
    const auto found = used.find(body);
    return found == used.end() ? nullptr : found->second;
  }
};

// The passes, in this order. Each reports what it finds and goes on.

/// importer.cpp: reads the pipeline file and, beneath its folder, every step that is used.
/// False when there is no pipeline to go on with.
bool load_files(Program& program);

/// devcontainers.cpp: reads the devcontainer.json files that images name; then none names one.
void load_devcontainers(Program& program);

/// firewall_presets.cpp: reads the presets that firewalls name.
void load_presets(Program& program);

/// The rules that an entry of `allow` stands for, as a Plan has them; `text` is its value with
/// expressions computed. Nothing where there is a mistake, which is then reported.
std::vector<std::string> expand_allow(const Program& program,
                                      const Text& entry,
                                      const std::string& text,
                                      Firewall::Mode mode);

/// inputs.cpp: `--input` and defaults become values.
void resolve_inputs(Program& program);

/// link.cpp: names become numbers; finds unknown names, circles, and the order.
void link_units(Program& program);

/// check.cpp: what does not go together.
void check_program(Program& program);

/// lower.cpp: the plan; checks all expressions on the way. Also called when mistakes were found
/// (its own are told with them), the result is then thrown away.
Plan lower_program(Program& program);

}  // namespace dsl
