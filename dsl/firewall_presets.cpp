// Lists of rules that a firewall names: those of the library, and the project's own files.

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/firewall_entry.h"
#include "dsl/importer.h"
#include "dsl/program.h"
#include "dsl/render.h"
#include "dsl/stdlib.h"

namespace dsl {
namespace {

std::string folder_of(std::string_view path) {
  return std::string(path.substr(0, path.rfind('/') + 1));
}

class PresetReader {
 public:
  explicit PresetReader(Program& program) : program_(program) {}

  /// `file`: path of the file that says it, relative to the pipeline's folder; "" is the pipeline.
  void read(const TaskSpec& body, std::string_view file) {
    if (body.firewall == nullptr) {
      return;
    }
    for (const Text& entry : body.firewall->allow.items) {
      if (is_preset_file(entry.value)) {
        read_file(entry, file);
      } else if (const auto text =
                     is_preset(entry.value) ? stdlib_preset(entry.value) : std::nullopt) {
        parse(entry, fmt::format("std/firewall/{}", entry.value), std::string(*text));
      }
    }
  }

 private:
  void read_file(const Text& entry, std::string_view file) {
    const auto path = resolve_step_path(entry.value, folder_of(file));
    if (!path) {
      program_.findings.error(kStepOutside, entry.span, path.error().message, path.error().remedy);
      return;
    }
    const std::string name = folder_of(program_.request.path) + *path;
    auto text = program_.request.read_file(name);
    if (!text) {
      program_.findings.error(
          kStepUnreadable, entry.span, text.error().message, text.error().remedy);
      return;
    }
    parse(entry, name, *std::move(text));
  }

  void parse(const Text& entry, const std::string& name, std::string text) {
    auto& rules = program_.presets[{entry.span.source, entry.span.begin}];
    if (const auto known = read_.find(name); known != read_.end()) {
      rules = known->second;
      return;
    }
    program_.digest_text += fmt::format("{}:{}:{}\n", name, text.size(), text);
    const std::uint32_t source = program_.sources.add(name, std::move(text));
    if (const auto document = YamlDocument::parse(program_.sources, source, program_.findings)) {
      rules = read_preset(document->root(), program_.findings);
    }
    read_.emplace(name, rules);
  }

  Program& program_;
  std::map<std::string, std::vector<std::string>> read_;
};

}  // namespace

void load_presets(Program& program) {
  PresetReader reader(program);
  const PipelineSpec& pipeline = program.pipeline;
  reader.read(pipeline.common, "");
  reader.read(pipeline.defaults, "");
  for (const PhaseSpec& phase : pipeline.phases) {
    reader.read(phase.common, "");
    for (const TaskSpec& task : phase.tasks) {
      reader.read(task, "");
    }
  }
  for (const auto& [path, step] : program.steps) {
    if (step != nullptr) {
      reader.read(step->body, path);
    }
  }
}

std::vector<std::string> expand_allow(const Program& program,
                                      const Text& entry,
                                      const std::string& text,
                                      Firewall::Mode mode) {
  if (const auto preset = program.presets.find({entry.span.source, entry.span.begin});
      preset != program.presets.end()) {
    return preset->second;
  }
  if (text.empty() || is_preset_file(entry.value)) {
    return {};  // reported where it was computed or read
  }
  if (text != entry.value && is_preset(text)) {
    program.findings.error(kBadFirewallEntry,
                           entry.span,
                           fmt::format("the preset {} comes from an expression", quoted(text)),
                           "name presets directly; expressions are for hosts and ports");
    return {};
  }
  if (const auto problem = allow_entry_problem(text, mode)) {
    if (text != entry.value) {  // else the parser has said so
      program.findings.error(kBadFirewallEntry, entry.span, problem->message, problem->remedy);
    }
    return {};
  }
  return {planned_rule(text)};
}

}  // namespace dsl
