#pragma once

// From YAML to specs: keys, kinds of values, units, names. Nothing is looked up here. Any thread.

#include <string_view>
#include <utility>
#include <vector>

#include "dsl/findings.h"
#include "dsl/spec.h"
#include "dsl/yaml.h"

namespace dsl {

/// Whatever is wrong is reported, and the rest is returned.
PipelineSpec parse_pipeline(YamlValue root, Findings& findings);

/// `path` is how the step is named in messages; it must outlive the spec.
StepSpec parse_step(YamlValue root, std::string_view path, Findings& findings);

/// Every kind of map that the parser knows ("pipeline", "task", …) with its keys, in the order in
/// which the tables list them. For the test of the JSON Schema.
std::vector<std::pair<std::string_view, std::vector<std::string_view>>> known_keys();

}  // namespace dsl
