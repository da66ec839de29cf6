#include "runner/cli/plan_file.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <system_error>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "dsl/render.h"
#include "dsl/suggest.h"
#include "dsl/yaml.h"
#include "runner/app/settings.h"
#include "runner/report/escape.h"
#include "runner/sys/files.h"

namespace runner::cli {
namespace {

namespace fs = std::filesystem;

bool is_yaml(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

/// The names of YAML files in a folder, sorted; at most 1,000 entries are looked at.
std::vector<std::string> yaml_files(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code stopped;
  int seen = 0;
  for (fs::directory_iterator it(folder, stopped), end; !stopped && it != end && ++seen <= 1000;
       it.increment(stopped)) {
    if (is_yaml(it->path())) {
      names.push_back(it->path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string below(const std::string& folder, const std::string& name) {
  return folder == "." ? name : (fs::path(folder) / name).string();
}

dsl::Error no_such_file(const std::string& file) {
  const std::string folder = folder_of(file);
  const std::vector<std::string> names = yaml_files(folder);
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::string remedy = "give the path of a pipeline file";
  if (const auto near = dsl::nearest_name(fs::path(file).filename().string(), views)) {
    remedy = "did you mean " + dsl::quoted(below(folder, *near)) + "?";
  }
  return {"no such file: " + dsl::quoted(file), remedy};
}

dsl::Error is_a_folder(const std::string& file) {
  const std::vector<std::string> names = yaml_files(file);
  return {dsl::quoted(file) + " is a folder, not a pipeline file",
          names.empty() ? "give the path of a pipeline file"
                        : "for example " + dsl::quoted(below(file, names.front()))};
}

constexpr const char* kStdin = "-";

dsl::Result<std::string> read_stdin() {
  std::string text;
  std::string piece(std::size_t{64} << 10, '\0');
  while (text.size() <= dsl::YamlDocument::kMaxBytes && std::cin) {
    std::cin.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    text.append(piece, 0, static_cast<std::size_t>(std::cin.gcount()));
  }
  return std::cin.bad() ? dsl::Result<std::string>(dsl::Error{"cannot read STDIN", ""})
                        : std::move(text);
}

dsl::Result<std::string> read_plan_file(const PlanSource& source) {
  const std::string& file = source.file;
  if (file == kStdin && source.may_be_stdin) {
    return read_stdin();
  }
  if (file == kStdin) {
    return dsl::Error{"what is run or sealed is a file, not what STDIN says",
                      "write it to one; `pipe validate -`, `pipe plan -` and `pipe graph -` look "
                      "at STDIN"};
  }
  std::error_code failed;
  const fs::file_status status = fs::status(file, failed);
  if (status.type() == fs::file_type::not_found) {
    return no_such_file(file);
  }
  if (fs::is_directory(status)) {
    return is_a_folder(file);
  }
  const std::uintmax_t size = fs::is_regular_file(status) ? fs::file_size(file, failed) : 0;
  if (!failed && size > dsl::YamlDocument::kMaxBytes) {
    return dsl::Error{
        fmt::format("{} has {} MB, more than the {} MiB that a pipeline file may have",
                    dsl::quoted(file),
                    size / 1'000'000,
                    dsl::YamlDocument::kMaxBytes >> 20U),
        "is this another file? tasks that are alike are shorter as `matrix` or `for_each`"};
  }
  auto text = files::read_file(file, static_cast<std::int64_t>(dsl::YamlDocument::kMaxBytes));
  if (!text && text.error().remedy.empty()) {
    return dsl::Error{text.error().message, "give the path of a pipeline file"};
  }
  return text;
}

/// What the file is when it is reached by a link, as seen from the link's folder; "" when it is
/// none.
std::string link_target_of(const std::string& file) {
  std::error_code failed;
  if (!fs::is_symlink(file, failed)) {
    return "";
  }
  const fs::path target = fs::canonical(file, failed);
  const fs::path folder = fs::canonical(folder_of(file), failed);
  return failed ? "" : target.lexically_relative(folder).string();
}

dsl::Result<dsl::CompileRequest> request_of(const PlanSource& source) {
  dsl::CompileRequest request;
  request.path = source.file;
  for (const std::string& input : source.inputs) {
    const std::size_t equals = input.find('=');
    if (equals == std::string::npos || equals == 0) {
      return dsl::Error{"--input is NAME=VALUE, not " + dsl::quoted(input),
                        "for example `--input service=session-gateway`"};
    }
    const std::string name = input.substr(0, equals);
    if (!request.inputs.emplace(name, input.substr(equals + 1)).second) {
      return dsl::Error{"--input " + dsl::quoted(name) + " is given twice", "leave one out"};
    }
  }
  if (!source.engine.empty()) {
    request.engine = engine_from_word(source.engine);
  }
  std::error_code failed;  // without a current folder, paths that climb out of it stay unknown
  request.directory = fs::current_path(failed).string();
  request.link_target = link_target_of(source.file);
  return request;
}

/// What `--instructions` says: a text, or that of the file behind '@'.
dsl::Result<std::string> instructions_of(const PlanSource& source) {
  constexpr std::size_t kMost = 64 << 10;
  if (source.instructions.empty()) {
    return source.instructions_as_sealed;
  }
  const bool is_file = source.instructions.front() == '@';
  auto text = is_file ? files::read_file(source.instructions.substr(1), kMost)
                      : dsl::Result<std::string>(source.instructions);
  if (!text) {
    return text.error().within("--instructions");
  }
  const std::size_t end = text->find_last_not_of(" \t\r\n");
  if (end == std::string::npos) {
    return dsl::Error{"--instructions says nothing", "give a text, or @FILE"};
  }
  text->resize(end + 1);
  if (text->size() > kMost) {
    return dsl::Error{"--instructions is longer than 64 KiB",
                      "put it into a file of the project, and name that file"};
  }
  if (!report::is_utf8(*text) || text->find('\0') != std::string::npos) {
    return dsl::Error{"--instructions is no text in UTF-8", ""};
  }
  return text;
}

/// For the agents; an Error where there is none that could be told.
dsl::Status put_in_instructions(dsl::Plan& plan, const PlanSource& source) {
  auto text = instructions_of(source);
  if (!text) {
    return text.error();
  }
  const bool has_agent = std::any_of(plan.nodes.begin(), plan.nodes.end(), [](const auto& node) {
    return node.agent.has_value();
  });
  if (!text->empty() && !has_agent) {
    return dsl::Error{"--instructions is for agents, and no task of this pipeline has one",
                      "leave it out"};
  }
  plan.instructions = *std::move(text);
  return dsl::Ok{};
}

void put_in_engine(dsl::Plan& plan, dsl::EngineName engine) {
  if (plan.engine == dsl::EngineName::Auto) {
    plan.engine = engine;
  }
  for (dsl::PlanNode& node : plan.nodes) {
    if (node.engine == dsl::EngineName::Auto) {
      node.engine = engine;
    }
  }
}

}  // namespace

std::string folder_of(const std::string& file) {
  const std::string folder = fs::path(file).parent_path().string();
  return folder.empty() ? "." : folder;
}

void add_plan_options(std::vector<Option>& options, PlanSource& source) {
  options.push_back(
      {"-i,--input", "NAME=VALUE", "give an input of the pipeline", {}, &source.inputs});
  options.push_back({"-e,--engine", "ENGINE", "run in", engine_words(), &source.engine});
}

void add_continue_options(std::vector<Option>& options, ContinueSource& source) {
  options.push_back(
      {"--continue", "RUN", "go on from what this run made, with --prompt", {}, &source.run});
  options.push_back({"--prompt", "TEXT", "what its agent is asked now", {}, &source.prompt});
  options.push_back({"--task", "TASK", "which agent, where there are several", {}, &source.task});
}

dsl::Status check_goes_on(const ContinueSource& source,
                          const PlanSource& otherwise,
                          bool is_made_otherwise) {
  if (source.run.empty()) {
    return source.prompt.empty() && source.task.empty()
               ? dsl::Status(dsl::Ok{})
               : dsl::Error{"--prompt and --task are for a run that goes on from another",
                            "name that with --continue"};
  }
  if (source.prompt.find_first_not_of(" \t\r\n") == std::string::npos) {
    return dsl::Error{"--continue needs what is to be done now", "say it with --prompt"};
  }
  if (is_made_otherwise || !otherwise.file.empty() || !otherwise.inputs.empty() ||
      !otherwise.engine.empty() || otherwise.dirty || !otherwise.instructions.empty()) {
    return dsl::Error{
        "--continue runs the plan of the run that it names; FILE, --plan, --input, --engine, "
        "--commit, --dirty and --instructions would make another one",
        "leave them out"};
  }
  return dsl::Ok{};
}

void add_input_options(std::vector<Option>& options, PlanSource& source) {
  options.push_back(
      {"--env-file", "FILE", "look for secrets in this file first", {}, &source.env_files});
  options.push_back(
      {"--dirty", "", "take uncommitted changes of the project too", {}, &source.dirty});
  options.push_back({"--instructions",
                     "TEXT|@FILE",
                     "tell all of its agents this too",
                     {},
                     &source.instructions});
}

dsl::Result<dsl::Compilation> compile_file(const PlanSource& source) {
  auto request = request_of(source);
  if (!request) {
    return request.error();
  }
  auto text = read_plan_file(source);
  if (!text) {
    return text.error();
  }
  request->read_file = [&](const std::string& path) {
    return path == source.file
               ? dsl::Result<std::string>(*text)
               : files::read_file(path, static_cast<std::int64_t>(dsl::YamlDocument::kMaxBytes));
  };
  return dsl::compile(*request);
}

std::optional<PlanAndSettings> plan_of(const PlanSource& source, Console& console) {
  auto compilation = compile_file(source);
  if (!compilation) {
    console.error(compilation.error());
    return std::nullopt;
  }
  console.err(
      dsl::render_text(compilation->diagnostics, compilation->sources, console.err_colour()));
  if (!compilation->plan) {
    return std::nullopt;
  }
  auto settings = load_settings(folder_of(source.file));
  if (!settings) {
    console.error(settings.error());
    return std::nullopt;
  }
  if (source.engine.empty()) {
    put_in_engine(*compilation->plan, settings->engine);
  }
  dsl::Plan plan = *std::move(compilation->plan);
  if (const dsl::Status told = put_in_instructions(plan, source); !told) {
    console.error(told.error());
    return std::nullopt;
  }
  std::vector<dsl::SealedFile> files;
  for (std::uint32_t i = 0; i < compilation->sources.size(); ++i) {
    files.push_back({std::string(compilation->sources.name(i)),
                     dsl::SealedFile::Role::Source,
                     dsl::sha256_hex(compilation->sources.text(i))});
  }
  PlacesInFile places;
  const auto text_of = [&](const std::optional<dsl::Span>& span) {
    return span ? compilation->sources.text_of(*span) : std::string();
  };
  places.workspace_source = text_of(compilation->places.workspace_source);
  places.require_approval = text_of(compilation->places.require_approval);
  places.node = [kept = std::make_shared<dsl::Compilation>(*std::move(compilation))](
                    std::size_t node) { return kept->sources.text_of(kept->places.nodes[node]); };
  return PlanAndSettings{
      std::move(plan), std::move(places), *std::move(settings), std::move(files)};
}

RunRequest request_of(PlanAndSettings&& compiled, const PlanSource& source) {
  RunRequest request;
  request.sources.origin.file = source.file;
  for (const std::string& input : source.inputs) {
    const std::size_t equals = input.find('=');
    request.sources.origin.inputs[input.substr(0, equals)] = input.substr(equals + 1);
  }
  request.sources.origin.engine = source.engine;
  request.sources.origin.env_files = source.env_files;
  request.sources.origin.settings_env_file = compiled.settings.env_file;
  request.sources.origin.dirty = source.dirty;
  request.sources.files = std::move(compiled.files);
  request.plan = std::move(compiled.plan);
  request.places = std::move(compiled.places);
  request.file = source.file;
  request.env_files = source.env_files;
  request.include_dirty = source.dirty;
  return request;
}

}  // namespace runner::cli
