// Where a node runs: engine, image, resources, workspace.

#include <utility>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/image_reference.h"
#include "dsl/lower_task.h"
#include "dsl/plan_words.h"
#include "dsl/render.h"

namespace dsl {
namespace {

bool is_container_engine(EngineName engine) {
  return engine == EngineName::Docker || engine == EngineName::Podman;
}

}  // namespace

Image TaskLowering::lower_image(const ImageSpec& image, std::size_t layer) {
  Image lowered{image.kind, "", ""};
  if (image.kind != Image::Kind::Host) {
    lowered.reference = known(image.reference, layer, "'image'");
    lowered.context = known(image.context, layer, "'context'");
  }
  if (lowered.kind == Image::Kind::Reference && lowered.reference == "host") {
    return {Image::Kind::Host, "", ""};  // an input said so
  }
  if (lowered.kind == Image::Kind::Reference && !lowered.reference.empty() &&
      !is_image_reference(lowered.reference)) {
    program_.findings.error(kBadName,
                            image.span,
                            fmt::format("{} is no image reference", quoted(lowered.reference)),
                            "write it like 'debian:bookworm-slim'");
  }
  if (lowered.kind == Image::Kind::Build && lowered.context.empty()) {
    lowered.context = '.';
  }
  return lowered;
}

void TaskLowering::lower_place() {
  const Layer* engine = stating(&TaskSpec::engine);
  const Layer* image = stating(&TaskSpec::image);
  node_.engine = program_.request.engine ? *program_.request.engine
                 : engine != nullptr     ? engine->body->engine.value
                                         : defaults_.engine;
  if (image != nullptr) {
    node_.image = lower_image(*image->body->image, number_of(*image));
  }
  if (const Layer* layer = stating(&TaskSpec::working_directory)) {
    node_.working_directory =
        known(layer->body->working_directory, number_of(*layer), "'working_directory'");
  }
  if (const Layer* layer = stating(&TaskSpec::user)) {
    node_.user = known(layer->body->user, number_of(*layer), "'user'");
  }
  if (const Layer* layer = stating(&TaskSpec::runtime)) {
    node_.runtime = known(layer->body->runtime, number_of(*layer), "'runtime'");
  }
  lower_resources();
  lower_workspace();
  const bool runs_something = unit_.task != nullptr
                                  ? !unit_.task->approval
                                  : !program_.pipeline.phases[unit_.phase].criteria.items.empty();
  if (runs_something) {
    check_engine(engine, image);
  }
}

/// Key by key, the nearest wins.
void TaskLowering::lower_resources() {
  const auto take = [](auto& into, const auto& from) {
    if (from) {
      into = from.value;
    }
  };
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    if (const auto& resources = layer->body->resources) {
      take(node_.resources.cpus, resources->cpus);
      take(node_.resources.memory, resources->memory);
      take(node_.resources.pids, resources->pids);
      take(node_.resources.disk, resources->disk);
    }
  }
}

/// Paths to protect add up.
void TaskLowering::lower_workspace() {
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    if (const auto& workspace = layer->body->workspace) {
      if (workspace->mode) {
        node_.workspace.mode = workspace->mode.value;
      }
      for (std::string& path :
           known(workspace->protect.items, number_of(*(layer.base() - 1)), "a protected path")) {
        node_.workspace.protect.push_back(std::move(path));
      }
    }
  }
  if (const auto& workspace = program_.pipeline.common.workspace) {
    if (workspace->source) {
      node_.workspace.source = std::string(workspace->source.value);
    }
  }
  node_.workspace.protect.insert(
      node_.workspace.protect.end(), defaults_.protect.begin(), defaults_.protect.end());
  const auto& git = program_.pipeline.git;
  node_.own_commits = unit_.task != nullptr && !unit_.task->approval && git != nullptr &&
                      git->commits.value == Commits::Own &&
                      node_.workspace.mode == Workspace::Mode::Copy;
}

/// What no machine can make true is told here; what depends on the machine, at preflight.
void TaskLowering::check_engine(const Layer* engine, const Layer* image) {
  const bool is_forced = program_.request.engine.has_value();
  const Image::Kind kind = node_.image.kind;
  const std::string_view word = word_of(node_.engine);
  std::string problem;
  std::string remedy;
  if (node_.engine == EngineName::Host && kind != Image::Kind::Host) {
    problem = "the engine 'host' runs on this machine as it is, it has no image";
    remedy = "write 'image: host', or another engine";
  } else if (is_container_engine(node_.engine) && kind == Image::Kind::Host) {
    problem = fmt::format("the engine '{}' needs an image", word);
    remedy = "write 'image:' with a reference like 'debian:bookworm-slim', or 'engine: sandbox'";
  } else if (node_.engine == EngineName::Sandbox &&
             (kind == Image::Kind::Reference || kind == Image::Kind::Build ||
              kind == Image::Kind::Devcontainer)) {
    problem =
        "the engine 'sandbox' cannot get this image, it takes 'host', {rootfs: …} or {archive: …}";
    remedy = "write 'image: host', or 'engine: docker'";
  } else if (!node_.runtime.empty() &&
             (node_.engine == EngineName::Sandbox || node_.engine == EngineName::Host)) {
    problem = fmt::format("the engine '{}' has no OCI runtimes", word);
    remedy = "remove 'runtime', or write 'engine: docker'";
  }
  if (problem.empty()) {
    return;
  }
  Span place = unit_.task != nullptr ? unit_.task->name.span
                                     : program_.pipeline.phases[unit_.phase].name.span;
  std::vector<Diagnostic::Note> notes;
  if (const Layer* runtime = stating(&TaskSpec::runtime);
      runtime != nullptr && problem.find("runtime") != std::string::npos) {
    place = runtime->body->runtime.span;
  } else if (image != nullptr) {
    place = image->body->image->span;
  } else if (engine != nullptr && !is_forced) {
    place = engine->body->engine.span;
  }
  if (is_forced) {
    problem += fmt::format(" (--engine {})", word);
  } else if (engine != nullptr && engine->body->engine.span != place) {
    notes.push_back({engine->body->engine.span, "the engine is named here"});
  }
  program_.findings.error(
      kEngineCannot, place, std::move(problem), std::move(remedy), std::move(notes));
}

}  // namespace dsl
