#include "runner/app/sealing.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "dsl/plan_changes.h"
#include "dsl/plan_words.h"
#include "runner/app/remote_address.h"
#include "runner/app/secret_programs.h"
#include "runner/sys/files.h"

namespace runner {

namespace {

using dsl::SealedFile;
using dsl::SealedPlan;

/// Where an engine says what it runs: the image's digest, then those of the services.
dsl::SealedPlace place_of(const dsl::PlanNode& node,
                          const Engine& engine,
                          const std::string& digests) {
  dsl::SealedPlace place;
  place.node = node.id.value;
  place.engine = dsl::word_of(engine.traits().name);
  std::size_t at = std::min(digests.find(' '), digests.size());
  place.image = digests.substr(0, at);
  while (at < digests.size()) {
    const std::size_t end = std::min(digests.find(' ', at + 1), digests.size());
    place.services.push_back(digests.substr(at + 1, end - at - 1));
    at = end;
  }
  return place;
}

/// Words of a script that may name a file of the project.
void add_words(std::string_view script, std::set<std::string>& words) {
  constexpr std::string_view kBetween = " \t\n'\"`;|&()<>=$";
  while (!script.empty()) {
    const std::size_t end = std::min(script.find_first_of(kBetween), script.size());
    std::string_view word = script.substr(0, end);
    word = word.starts_with("./") ? word.substr(2) : word;
    if (!word.empty() && !word.starts_with('/') && !word.starts_with('-')) {
      words.emplace(word);
    }
    script.remove_prefix(std::min(end + 1, script.size()));
  }
}

void add_words(const dsl::Command& command, std::set<std::string>& words) {
  for (const dsl::Template& argument : command.argv) {
    for (const dsl::Template::Piece& piece : argument.pieces) {
      add_words(piece.text, words);
    }
  }
}

std::set<std::string> words_of_checks(const dsl::Plan& plan) {
  std::set<std::string> words;
  for (const dsl::PlanNode& node : plan.nodes) {
    for (const dsl::Criterion& criterion : node.criteria) {
      if (const auto* run = std::get_if<dsl::RunCheck>(&criterion.check)) {
        add_words(run->command, words);
        add_words(node.setup, words);
      } else if (const auto* json = std::get_if<dsl::JsonCheck>(&criterion.check);
                 json != nullptr && json->schema) {
        words.insert(*json->schema);
      }
    }
  }
  return words;
}

std::set<std::string> protected_names(const dsl::Plan& plan) {
  std::set<std::string> names(plan.workspace.protect.begin(), plan.workspace.protect.end());
  for (const dsl::PlanNode& node : plan.nodes) {
    names.insert(node.workspace.protect.begin(), node.workspace.protect.end());
  }
  return names;
}

/// The pipeline protects itself, and is there already.
bool is_source(const std::string& name, const std::vector<SealedFile>& files) {
  return std::any_of(files.begin(), files.end(), [&](const SealedFile& file) {
    return file.role == SealedFile::Role::Source &&
           (file.path == name || file.path.ends_with("/" + name));
  });
}

dsl::Status add_files_of_input(const Project& project, TreeStore& trees, SealedPlan& sealed) {
  std::vector<SealedFile>& files = sealed.files;
  for (const std::string& word : words_of_checks(sealed.plan)) {
    const auto kind = trees.kind_of(project.input, word);
    if (!kind) {
      return kind.error();
    }
    if (*kind != PathKind::File) {
      continue;
    }
    auto id = trees.id_of(project.input, word);
    if (!id) {
      return id.error();
    }
    files.push_back({word, SealedFile::Role::Check, *std::move(id)});
  }
  const std::set<std::string> names = protected_names(sealed.plan);
  const auto everywhere = trees.behind_links(project.input, {names.begin(), names.end()});
  if (!everywhere) {
    return everywhere.error();
  }
  for (const std::string& name : *everywhere) {
    if (is_source(name, files)) {
      continue;
    }
    std::string path = name;
    while (path.ends_with('/')) {
      path.pop_back();
    }
    // A tree of many files is walked for patterns alone.
    const bool is_pattern = path.find_first_of("*?[{") != std::string::npos;
    auto digest = is_pattern ? trees.hash_files(project.input, {path, path + "/**"})
                             : trees.id_of(project.input, path);
    if (!digest) {
      return digest.error();
    }
    if (!digest->empty()) {
      files.push_back({name, SealedFile::Role::Protected, *std::move(digest)});
    }
  }
  return dsl::Ok{};
}

}  // namespace

dsl::Result<std::optional<SealedPlan>> sealed_of_run(const std::string& run_folder) {
  const std::string file = run_folder + "/" + kSealedFile;
  if (::access(file.c_str(), F_OK) != 0) {
    return std::optional<SealedPlan>();
  }
  const auto text = files::read_file(file, std::int64_t{1} << 30);
  auto sealed = text ? dsl::sealed_plan_from_json(*text) : dsl::Result<SealedPlan>(text.error());
  if (!sealed) {
    return sealed.error().within("what was sealed for the run");
  }
  return std::optional(*std::move(sealed));
}

SealedPlan as_far_as_files_say(SealedPlan sealed, dsl::Plan plan, const PlanSources& sources) {
  sealed.origin = sources.origin;
  sealed.plan = std::move(plan);
  std::erase_if(sealed.files,
                [](const SealedFile& file) { return file.role == SealedFile::Role::Source; });
  sealed.files.insert(sealed.files.begin(), sources.files.begin(), sources.files.end());
  return sealed;
}

dsl::Status add_programs(const dsl::Plan& plan, SealedPlan& sealed) {
  auto programs = programs_of_secrets(plan);
  if (!programs) {
    return programs.error();
  }
  std::vector<SealedFile>& files = sealed.files;
  std::erase_if(files,
                [](const SealedFile& file) { return file.role == SealedFile::Role::Program; });
  const auto after_sources = std::find_if(files.begin(), files.end(), [](const SealedFile& file) {
    return file.role != SealedFile::Role::Source;
  });
  files.insert(after_sources, programs->begin(), programs->end());
  return dsl::Ok{};
}

dsl::Status add_remote(const dsl::Plan& plan, const Project& project, SealedPlan& sealed) {
  if (!plan.git.push || project.kind != Project::Kind::Repository) {
    return dsl::Ok{};  // nothing is pushed; where it should be, the run says so
  }
  auto address = push_address(project.folder, plan.git.remote);
  if (!address) {
    return dsl::Error{"where the branch is pushed cannot be sealed: " + address.error().message,
                      "name a remote that the repository has, in `git: {remote: …}`"};
  }
  sealed.remote = *std::move(address);
  return dsl::Ok{};
}

dsl::Status add_input(const Project& project, TreeStore& trees, SealedPlan& sealed) {
  sealed.taken = project.taken;
  auto content = trees.content_of(project.input);
  if (!content) {
    return content.error().within("the plan's input");
  }
  sealed.input_tree = *std::move(content);
  std::erase_if(sealed.files, [](const SealedFile& file) {
    return file.role == SealedFile::Role::Check || file.role == SealedFile::Role::Protected;
  });
  if (const dsl::Status added = add_files_of_input(project, trees, sealed); !added) {
    return added.error().within("the plan's input");
  }
  return dsl::Ok{};
}

std::vector<dsl::SealedPlace> sealed_places(const dsl::Plan& plan,
                                            const std::vector<Engine*>& engines,
                                            const std::vector<std::string>& digests) {
  std::vector<dsl::SealedPlace> places;
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    if (engines[i] != nullptr) {
      places.push_back(place_of(plan.nodes[i], *engines[i], digests[i]));
    }
  }
  return places;
}

std::vector<dsl::Error> drift_of(const SealedPlan& sealed, const SealedPlan& now) {
  std::vector<dsl::Error> drifted;
  for (const dsl::PlanChange& change : dsl::plan_changes(sealed, now)) {
    drifted.push_back({fmt::format("not as sealed: {}: {}", change.part, change.text), ""});
  }
  if (!drifted.empty()) {
    drifted.back().remedy =
        "put it back, or seal the plan again (`pipe plan FILE -o …`), see what changed with `pipe "
        "diff-plan`, and have it approved";
  }
  return drifted;
}

}  // namespace runner
