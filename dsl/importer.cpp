#include "dsl/importer.h"

#include <algorithm>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/expression_holes.h"
#include "dsl/parse.h"
#include "dsl/program.h"
#include "dsl/render.h"
#include "dsl/stdlib.h"
#include "dsl/suggest.h"

namespace dsl {
namespace {

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? "" : std::string(path.substr(0, slash + 1));
}

class Importer {
 public:
  explicit Importer(Program& program) : program_(program) {}

  bool load_pipeline() {
    const std::string& path = program_.request.path;
    const auto document = read(path, path, Span{});
    if (document == nullptr) {
      return false;
    }
    program_.pipeline = parse_pipeline(document->root(), program_.findings);
    return true;
  }

  void load_steps() {
    for (PhaseSpec& phase : program_.pipeline.phases) {
      for (TaskSpec& task : phase.tasks) {
        if (task.uses) {
          load_step(task, "");
        }
      }
    }
    for (std::size_t i = 0; i < loaded_.size(); ++i) {  // grows while steps use steps
      StepSpec& step = *loaded_[i];
      if (step.body.uses) {
        load_step(step.body, is_std(step.path) ? step.path : folder_of(step.path));
      }
    }
    refuse_circles();
  }

 private:
  static bool is_std(std::string_view path) { return path.substr(0, 4) == "std/"; }

  /// The document, or null, reported: at `place`, or at the file itself when that is empty.
  const YamlDocument* read(const std::string& path, std::string_view shown, const Span& place) {
    std::string text;
    if (is_std(path)) {
      text = *stdlib_step(path);
    } else {
      auto file = program_.request.read_file(path);
      if (!file) {
        const bool is_pipeline = place.end == 0;
        const Span where = is_pipeline ? Span{program_.sources.add(path, ""), 0, 0} : place;
        const bool has_remedy = is_pipeline || !file.error().remedy.empty();
        program_.findings.error(is_pipeline ? kUnreadable : kStepUnreadable,
                                where,
                                file.error().message,
                                has_remedy
                                    ? file.error().remedy
                                    : "give the step's path as seen from the file that uses it");
        return nullptr;
      }
      text = std::move(*file);
    }
    program_.digest_text += fmt::format("{}:{}:{}\n", shown, text.size(), text);
    const std::uint32_t source = program_.sources.add(std::string(shown), std::move(text));
    auto document = YamlDocument::parse(program_.sources, source, program_.findings);
    return document ? &program_.documents.emplace_back(std::move(*document)) : nullptr;
  }

  void load_step(TaskSpec& user, std::string_view folder) {
    const Text& uses = user.uses;
    if (has_hole(uses.value)) {
      program_.findings.error(kNoExpression,
                              uses.span,
                              "an expression cannot stand in 'uses'",
                              "name the step itself; what varies is for 'with'");
      return;
    }
    const auto path = resolve_step_path(uses.value, is_std(folder) ? "" : folder);
    if (!path) {
      program_.findings.error(kStepOutside, uses.span, path.error().message, path.error().remedy);
      return;
    }
    auto known = program_.steps.find(*path);
    if (known == program_.steps.end()) {
      known = program_.steps.emplace(*path, nullptr).first;
      if (is_std(*path) && !stdlib_step(*path)) {
        std::string remedy = did_you_mean(*path, stdlib_names());
        if (remedy.empty()) {
          remedy = "'pipe' knows " + fmt::format("{}", fmt::join(stdlib_names(), ", "));
        }
        program_.findings.error(kUnknownStep,
                                uses.span,
                                fmt::format("the library has no step {}", quoted(*path)),
                                std::move(remedy));
        return;
      }
      const std::string file = is_std(*path) ? *path : folder_of(program_.request.path) + *path;
      if (const YamlDocument* document = read(file, file, uses.span)) {
        known->second = std::make_unique<StepSpec>(
            parse_step(document->root(), known->first, program_.findings));
        loaded_.push_back(known->second.get());
      }
    }
    if (known->second != nullptr) {
      program_.used.emplace(&user, known->second.get());
    }
  }

  void refuse_circles() {
    for (StepSpec* start : loaded_) {
      std::vector<StepSpec*> way{start};
      while (StepSpec* next = program_.step_of(&way.back()->body)) {
        const auto seen = std::find(way.begin(), way.end(), next);
        if (seen == way.end()) {
          way.push_back(next);
          continue;
        }
        std::string path;
        for (auto step = seen; step != way.end(); ++step) {
          path += fmt::format("'{}' uses ", (*step)->path);
        }
        const Span place = way.back()->body.uses.span;
        program_.findings.error(
            kStepCycle,
            place,
            fmt::format("steps use each other in a circle: {}'{}'", path, next->path),
            "take one of these 'uses' out");
        program_.used.erase(&way.back()->body);  // told once, and no later pass runs round
      }
    }
  }

  Program& program_;
  std::vector<StepSpec*> loaded_;
};

}  // namespace

Result<std::string> resolve_step_path(std::string_view uses, std::string_view folder) {
  if (uses.substr(0, 4) == "std/") {
    return std::string(uses);
  }
  if (uses.substr(0, 1) == "/") {
    return Error{fmt::format("{} is an absolute path", quoted(uses)),
                 fmt::format("put the step beneath the pipeline file's folder, and write './{}'",
                             visible(uses.substr(uses.rfind('/') + 1)))};
  }
  if (uses.substr(0, 2) != "./" && uses.substr(0, 3) != "../") {
    return Error{fmt::format("{} is neither a file nor a step of the library", quoted(uses)),
                 fmt::format("write './{}' for a file, 'std/…' for the library", visible(uses))};
  }
  std::vector<std::string_view> parts;
  std::string joined(folder);
  joined += uses;
  for (std::size_t begin = 0; begin <= joined.size();) {
    const std::size_t slash = std::min(joined.find('/', begin), joined.size());
    const std::string_view part = std::string_view(joined).substr(begin, slash - begin);
    begin = slash + 1;
    if (part == "..") {
      if (parts.empty()) {
        return Error{fmt::format("{} leads out of the pipeline's folder", quoted(uses)),
                     "put the step file beneath the folder of the pipeline file"};
      }
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  return fmt::format("{}", fmt::join(parts, "/"));
}

TextOrigin Program::origin(const Text& text) const {
  const std::string_view file = sources.text(text.span.source);
  if (text.value.data() >= file.data() && text.value.data() <= file.data() + file.size()) {
    return {text.span.source, static_cast<std::size_t>(text.value.data() - file.data())};
  }
  return TextOrigin::align(text.span.source,
                           text.span.begin,
                           file.substr(text.span.begin, text.span.end - text.span.begin),
                           text.value);
}

bool load_files(Program& program) {
  Importer importer(program);
  if (!importer.load_pipeline()) {
    return false;
  }
  importer.load_steps();
  return true;
}

}  // namespace dsl
