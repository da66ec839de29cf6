// The devcontainer.json files that images name: what they say becomes part of the task (or the
// pipeline, or the step) that names one, beneath what that says itself.

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/devcontainer.h"
#include "dsl/expression_holes.h"
#include "dsl/fields.h"
#include "dsl/importer.h"
#include "dsl/program.h"
#include "dsl/render.h"

namespace dsl {
namespace {

class Devcontainers {
 public:
  explicit Devcontainers(Program& program) : program_(program) {}

  void load() {
    PipelineSpec& pipeline = program_.pipeline;
    take_in(pipeline.common);
    take_in(pipeline.defaults);
    for (PhaseSpec& phase : pipeline.phases) {
      take_in(phase.common);
      for (TaskSpec& task : phase.tasks) {
        take_in(task);
      }
    }
    for (auto& [path, step] : program_.steps) {
      if (step != nullptr) {
        take_in(step->body);
      }
    }
    refuse_for(pipeline.services);
  }

 private:
  /// The text lives as long as the program; its place is the image's.
  Text kept(std::string text, Span place) {
    return {program_.own_texts.emplace_back(std::move(text)), place};
  }

  void take_in(TaskSpec& task) {
    if (task.services != nullptr) {
      refuse_for(task.services->own);
    }
    if (task.image == nullptr || task.image->kind != Image::Kind::Devcontainer) {
      return;
    }
    const Text file = task.image->reference;
    const std::optional<Devcontainer> read = read_file(file);
    if (!read) {
      task.image->kind = Image::Kind::Reference;  // some image, so that nothing more is said of it
      return;
    }
    const Span place = file.span;
    task.image->kind = read->image.kind;
    task.image->reference = kept(read->image.reference, place);
    if (!read->image.context.empty()) {
      task.image->context = kept(read->image.context, place);
    }
    std::vector<NamedText> env;
    for (const auto& [name, value] : read->env) {
      const auto is_same = [&, &key = name](const NamedText& own) { return own.name.value == key; };
      const NamedText variable{kept(name, place), kept(value, place)};
      if (std::none_of(task.env.begin(), task.env.end(), is_same) &&
          check_variable_name(variable.name, program_.findings)) {
        env.push_back(variable);
      }
    }
    task.env.insert(task.env.begin(), env.begin(), env.end());
    if (!task.user && !read->user.empty()) {
      task.user = kept(read->user, place);
    }
    if (!task.setup && !read->setup.empty()) {
      task.setup = kept(read->setup, place);
    }
    if (!task.mounts && !read->mounts.empty()) {
      task.mounts.span = place;
      for (const HostMount& mount : read->mounts) {
        task.mounts.items.push_back(
            {kept(mount.source, place), kept(mount.target, place), {mount.writable, place}});
      }
    }
  }

  /// Nothing: told.
  std::optional<Devcontainer> read_file(const Text& file) {
    const auto refuse = [&](std::string message, std::string remedy) {
      program_.findings.error(kBadDevcontainer, file.span, std::move(message), std::move(remedy));
      return std::nullopt;
    };
    if (has_hole(file.value)) {
      return refuse("an expression cannot stand in 'devcontainer'", "name the file itself");
    }
    const auto path = resolve_step_path("./" + std::string(file.value), "");
    if (!path) {
      return refuse(fmt::format("{} leads out of the pipeline's folder", quoted(file.value)),
                    "put the pipeline file above it");
    }
    const std::string& pipeline = program_.request.path;
    const std::size_t slash = pipeline.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : pipeline.substr(0, slash + 1);
    const auto text = program_.request.read_file(folder + *path);
    if (!text) {
      return refuse(text.error().message, text.error().remedy);
    }
    program_.digest_text += fmt::format("{}:{}:{}\n", *path, text->size(), *text);
    Devcontainer read = read_devcontainer(*text, *path);
    for (const Error& problem : read.problems) {
      refuse(fmt::format("{} {}", quoted(file.value), problem.message), problem.remedy);
    }
    if (has_hole(*text)) {
      return refuse(fmt::format("{} has a '${{{{', which is an expression in a pipeline", *path),
                    "write it in the pipeline instead");
    }
    return read.problems.empty() ? std::optional(std::move(read)) : std::nullopt;
  }

  void refuse_for(std::vector<ServiceSpec>& services) {
    for (ServiceSpec& service : services) {
      if (service.image != nullptr && service.image->kind == Image::Kind::Devcontainer) {
        program_.findings.error(kBadDevcontainer,
                                service.image->span,
                                "a service has no devcontainer.json",
                                "name its image, or its Dockerfile with {build: …}");
        service.image->kind = Image::Kind::Reference;
      }
    }
  }

  Program& program_;
};

}  // namespace

void load_devcontainers(Program& program) {
  Devcontainers(program).load();
}

}  // namespace dsl
