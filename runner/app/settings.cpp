#include "runner/app/settings.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/egress.h"
#include "dsl/findings.h"
#include "dsl/plan_words.h"
#include "dsl/render.h"
#include "dsl/source.h"
#include "dsl/suggest.h"
#include "dsl/units.h"
#include "dsl/yaml.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using dsl::EngineName;
using dsl::Error;
using dsl::Ok;
using dsl::Status;

constexpr std::int64_t kMaxConfigBytes = 1 << 20;
constexpr int kMaxJobs = 4096;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// ---- The keys: how each is read, and who may set it
// ----------------------------------------------

enum class Owner { Anyone, User };

/// Why a project may not set a key to this value; no value: it may. A project's file may come from
/// anywhere, and may ask for less than the user allows, never for more.
using Refusal = std::optional<Error> (*)(const Settings& settings);

struct Key {
  std::string_view name;
  Owner owner;
  std::string_view expected;  // for messages
  Status (*set)(Settings& settings, const std::string& text);
  Refusal refuse = nullptr;  // of a project's file; asked once the value is set
};

std::optional<Error> refuse_host(const Settings& settings) {
  if (settings.engine != EngineName::Host) {
    return std::nullopt;
  }
  return Error{"a project cannot choose the engine 'host', which isolates nothing",
               "name it in the pipeline, with `--engine host`, or in ~/.config/pipe/config.yaml"};
}

/// Whoever stops a run shall not wait for ever.
std::optional<Error> refuse_long_grace(const Settings& settings) {
  constexpr dsl::Duration kLongest{600'000};
  if (settings.grace.ms <= kLongest.ms) {
    return std::nullopt;
  }
  return Error{"a project cannot ask for a grace time above " + dsl::to_text(kLongest),
               "write it into ~/.config/pipe/config.yaml"};
}

Error expected(std::string_view what, const std::string& text) {
  return {fmt::format("expected {}, found {}", what, dsl::quoted(text)), ""};
}

Status set_engine(Settings& settings, const std::string& text) {
  const auto engine = engine_from_word(text);
  if (!engine) {
    return expected(fmt::format("one of {}", fmt::join(engine_words(), ", ")), text);
  }
  settings.engine = *engine;
  return Ok{};
}

Status set_jobs(Settings& settings, const std::string& text) {
  const bool digits = !text.empty() && text.size() <= 4 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  const int jobs = digits ? std::stoi(text) : -1;
  if (jobs < 0 || jobs > kMaxJobs) {
    return expected(fmt::format("a number from 0 (as many as processors) to {}", kMaxJobs), text);
  }
  settings.jobs = jobs;
  return Ok{};
}

Status set_state_dir(Settings& settings, const std::string& text) {
  std::string path = text;
  if (path == "~" || path.starts_with("~/")) {
    path = variable("HOME") + path.substr(1);
  }
  if (!path.starts_with('/')) {
    return expected("an absolute path", text);
  }
  settings.state_dir = std::filesystem::path(path).lexically_normal().string();
  if (settings.state_dir.size() > 1 && settings.state_dir.ends_with('/')) {
    settings.state_dir.pop_back();
  }
  return Ok{};
}

Status set_docker_socket(Settings& settings, const std::string& text) {
  if (!text.empty() && !text.starts_with('/') && !text.starts_with("unix:///")) {
    return expected("an absolute path of a socket", text);
  }
  settings.docker_socket = text;
  return Ok{};
}

Status set_container_prefix(Settings& settings, const std::string& text) {
  const bool fits =
      !text.empty() && text.size() <= 16 && text.front() >= 'a' && text.front() <= 'z' &&
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (!fits) {
    return expected("at most 16 of a-z, 0-9 and '-', beginning with a letter", text);
  }
  settings.container_prefix = text;
  return Ok{};
}

Status set_grace(Settings& settings, const std::string& text) {
  const auto grace = dsl::parse_duration(text);
  if (!grace) {
    return grace.error();
  }
  settings.grace = *grace;
  return Ok{};
}

/// "api.anthropic.com=http://127.0.0.1:8080", several with blanks between them.
Status set_model_upstreams(Settings& settings, const std::string& text) {
  settings.model_upstreams.clear();
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word.find(',') != std::string::npos) {
      return Error{"there is a ',' in '" + word + "'",
                   "write several with blanks between them: HOST=URL HOST=URL"};
    }
    const std::size_t equals = word.find('=');
    const std::string host = word.substr(0, equals);
    if (equals == std::string::npos || dsl::canonical_host(host) != host) {
      return expected("HOST=URL, the host being that of a model's provider", word);
    }
    const auto upstream = parse_model_upstream(word.substr(equals + 1));
    if (!upstream) {
      return upstream.error();
    }
    settings.model_upstreams[host] = *upstream;
  }
  return Ok{};
}

Status set_env_file(Settings& settings, const std::string& text) {
  settings.env_file = text.starts_with("~/") ? variable("HOME") + text.substr(1) : text;
  return Ok{};
}

/// Its own files are a project's to choose.
std::optional<Error> refuse_far_env_file(const Settings& settings) {
  const std::filesystem::path path(settings.env_file);
  const auto climbs = std::find(path.begin(), path.end(), "..") != path.end();
  if (!path.is_absolute() && !climbs) {
    return std::nullopt;
  }
  return Error{"a project's env file lies below the project",
               "name another one with --env-file, or in ~/.config/pipe/config.yaml"};
}

Status set_allowed_signers(Settings& settings, const std::string& text) {
  const std::string path = text.starts_with("~/") ? variable("HOME") + text.substr(1) : text;
  if (!path.empty() && !path.starts_with('/')) {
    return expected("an absolute path", text);
  }
  settings.allowed_signers = path;
  return Ok{};
}

constexpr std::array<Key, 9> kKeys{{
    {"engine", Owner::Anyone, "an engine", set_engine, refuse_host},
    {"jobs", Owner::Anyone, "a number", set_jobs},
    {"grace", Owner::Anyone, "a duration", set_grace, refuse_long_grace},
    {"env_file", Owner::Anyone, "a path", set_env_file, refuse_far_env_file},
    {"state_dir", Owner::User, "a path", set_state_dir},
    {"docker_socket", Owner::User, "a path", set_docker_socket},
    {"container_prefix", Owner::User, "a word", set_container_prefix},
    {"allowed_signers", Owner::User, "a path", set_allowed_signers},
    {"model_upstreams", Owner::User, "HOST=URL", set_model_upstreams},
}};

const Key* find_key(std::string_view name) {
  for (const Key& key : kKeys) {
    if (key.name == name) {
      return &key;
    }
  }
  return nullptr;
}

// ---- The layers
// ----------------------------------------------------------------------------------

class Loader {
 public:
  /// Applies one value; `origin` is what `pipe config` shows.
  Status set(const Key& key, const std::string& text, const std::string& origin) {
    if (Status set = key.set(settings_, text); !set) {
      return set;
    }
    for (Settings::Line& line : settings_.lines) {
      if (line.key == key.name) {
        line.value = shown(key.name, text);
        line.origin = origin;
        return Ok{};
      }
    }
    settings_.lines.push_back({std::string(key.name), shown(key.name, text), origin});
    return Ok{};
  }

  Status set_default(std::string_view name, const std::string& text, const std::string& origin) {
    return set(*find_key(name), text, origin);
  }

  Status read_variable(const char* name, std::string_view key) {
    const std::string text = variable(name);
    if (text.empty()) {
      return Ok{};
    }
    const Status set_it = set(*find_key(key), text, name);
    return set_it ? set_it : set_it.error().within(name);
  }

  void read_file(const std::string& path, Owner owner) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
      return;
    }
    auto text = files::read_file(path, kMaxConfigBytes);
    if (!text) {
      problems_.push_back(text.error());
      return;
    }
    dsl::Sources sources;
    const std::uint32_t source = sources.add(path, *std::move(text));
    dsl::Findings findings;
    if (const auto document = dsl::YamlDocument::parse(sources, source, findings)) {
      read_keys(document->root(), path, owner, findings);
    }
    keep_problems(findings, sources);
  }

  /// Every mistake of the files, in one go.
  [[nodiscard]] Status check() const {
    if (problems_.empty()) {
      return Ok{};
    }
    if (problems_.size() == 1) {
      return problems_.front();
    }
    Error all{fmt::format("{} mistakes in the settings", problems_.size()), ""};
    for (const Error& problem : problems_) {
      all.message += "\n  " + problem.message;
      all.message += problem.remedy.empty() ? "" : "\n    help: " + problem.remedy;
    }
    return all;
  }

  Settings take() { return std::move(settings_); }

 private:
  /// The value as it counts: a path with ~ put in, for instance.
  [[nodiscard]] std::string shown(std::string_view key, const std::string& text) const {
    return key == "state_dir" ? settings_.state_dir : text;
  }

  void read_keys(dsl::YamlValue root,
                 const std::string& path,
                 Owner owner,
                 dsl::Findings& findings) {
    if (root.kind() == dsl::YamlValue::Kind::Null) {
      return;
    }
    if (root.kind() != dsl::YamlValue::Kind::Map) {
      findings.error(dsl::kWrongKind, root.span(), "settings are a map, for example `jobs: 4`");
      return;
    }
    root.each_entry([&](dsl::YamlValue name, dsl::YamlValue value) {
      read_key(name, value, path, owner, findings);
    });
  }

  void read_key(dsl::YamlValue name,
                dsl::YamlValue value,
                const std::string& path,
                Owner owner,
                dsl::Findings& findings) {
    const Key* key = find_key(name.text());
    if (key == nullptr) {
      std::vector<std::string_view> known;
      for (const Key& one : kKeys) {
        known.push_back(one.name);
      }
      const std::string meant = dsl::did_you_mean(name.text(), known);
      findings.error(dsl::kUnknownKey,
                     name.span(),
                     "unknown setting " + dsl::quoted(name.text()),
                     meant.empty() ? fmt::format("known are {}", fmt::join(known, ", ")) : meant);
      return;
    }
    if (key->owner == Owner::User && owner != Owner::User) {
      findings.error(dsl::kUselessKey,
                     name.span(),
                     fmt::format("a project cannot set '{}'", key->name),
                     "write it into ~/.config/pipe/config.yaml");
      return;
    }
    if (value.kind() != dsl::YamlValue::Kind::Scalar) {
      findings.error(
          dsl::kWrongKind,
          name.span(),
          fmt::format("'{}' is {}, found {}", key->name, key->expected, value.described()));
      return;
    }
    if (const Status done = set(*key, std::string(value.text()), path); !done) {
      findings.error(dsl::kUnknownWord,
                     value.span(),
                     fmt::format("'{}': {}", key->name, done.error().message),
                     done.error().remedy);
      return;
    }
    const bool asks = owner != Owner::User && key->refuse != nullptr;
    if (const auto refusal = asks ? key->refuse(settings_) : std::nullopt) {
      findings.error(dsl::kUselessKey, value.span(), refusal->message, refusal->remedy);
    }
  }

  void keep_problems(dsl::Findings& findings, const dsl::Sources& sources) {
    for (const dsl::Diagnostic& found : findings.take()) {
      if (found.severity == dsl::Diagnostic::Severity::Error && found.code != dsl::kEmptyFile) {
        const dsl::Place place = sources.place(found.span.source, found.span.begin);
        problems_.push_back({fmt::format("{}:{}:{}: {}",
                                         sources.name(found.span.source),
                                         place.line,
                                         place.column,
                                         found.message),
                             found.remedy});
      }
    }
  }

  Settings settings_;
  std::vector<Error> problems_;
};

/// $XDG_xxx_HOME/pipe, else the folder below HOME; the second is what it came from.
std::pair<std::string, std::string> user_folder(const char* xdg, const std::string& below_home) {
  const std::string given = variable(xdg);
  if (given.starts_with('/')) {
    return {given + "/pipe", xdg};
  }
  const std::string home = variable("HOME");
  return {home.starts_with('/') ? home + below_home : "", "default"};
}

Status load_defaults(Loader& loader) {
  const Settings defaults;
  const auto [state, origin] = user_folder("XDG_STATE_HOME", "/.local/state/pipe");
  if (state.empty() && variable("PIPE_STATE").empty()) {
    return Error{"there is no place for the run store: HOME is not set",
                 "set HOME, or PIPE_STATE to an absolute path"};
  }
  const std::array<std::array<std::string, 3>, 9> all{{
      {"state_dir", state.empty() ? "/" : state, origin},
      {"engine", std::string(engine_word(defaults.engine)), "default"},
      {"jobs", std::to_string(defaults.jobs), "default"},
      {"docker_socket", defaults.docker_socket, "default"},
      {"container_prefix", defaults.container_prefix, "default"},
      {"grace", dsl::to_text(defaults.grace), "default"},
      {"env_file", defaults.env_file, "default"},
      {"allowed_signers", defaults.allowed_signers, "default"},
      {"model_upstreams", "", "default"},
  }};
  for (const auto& [key, value, from] : all) {
    if (Status set = loader.set_default(key, value, from); !set) {
      return set;
    }
  }
  return Ok{};
}

}  // namespace

std::string_view engine_word(EngineName engine) {
  return dsl::word_of(engine);
}

std::optional<EngineName> engine_from_word(std::string_view word) {
  for (const auto& [name, known] : dsl::kEngineNameWords) {
    if (known == word) {
      return name;
    }
  }
  return std::nullopt;
}

const std::vector<std::string>& engine_words() {
  static const std::vector<std::string> kWords = [] {
    std::vector<std::string> all;
    for (const auto& [name, word] : dsl::kEngineNameWords) {
      all.emplace_back(word);
    }
    return all;
  }();
  return kWords;
}

dsl::Result<Settings> load_settings(const std::string& project) {
  Loader loader;
  if (Status done = load_defaults(loader); !done) {
    return done.error();
  }
  const std::string user = user_folder("XDG_CONFIG_HOME", "/.config/pipe").first;
  if (!user.empty()) {
    loader.read_file(user + "/config.yaml", Owner::User);
  }
  const std::string folder = project.empty() ? "." : project;
  loader.read_file(folder + "/.pipe/config.yaml", Owner::Anyone);
  if (Status done = loader.check(); !done) {
    return done.error();
  }
  constexpr std::array<std::pair<const char*, std::string_view>, 3> variables{
      {{"PIPE_STATE", "state_dir"}, {"PIPE_ENGINE", "engine"}, {"PIPE_JOBS", "jobs"}}};
  for (const auto& [name, key] : variables) {
    if (Status done = loader.read_variable(name, key); !done) {
      return done.error();
    }
  }
  Settings settings = loader.take();
  if (!settings.env_file.empty() && !settings.env_file.starts_with('/')) {
    std::error_code failed;  // without a current folder it stays relative, and reading it says so
    settings.env_file =
        (std::filesystem::absolute(folder, failed) / settings.env_file).lexically_normal();
  }
  return settings;
}

}  // namespace runner
