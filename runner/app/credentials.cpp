#include "runner/app/credentials.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <sys/stat.h>

#include <fmt/format.h>

#include "dsl/value.h"
#include "runner/app/env_file.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

namespace fs = std::filesystem;
using Kind = Credential::Kind;

constexpr std::int64_t kMostBytes = 1 << 20;  // of a file that is looked into

struct Known {
  const char* tool;
  const char* variable;
};
constexpr Known kVariables[] = {
    {"claude", "ANTHROPIC_API_KEY"},
    {"claude", "ANTHROPIC_AUTH_TOKEN"},
    {"claude", "CLAUDE_CODE_OAUTH_TOKEN"},
    {"codex", "CODEX_API_KEY"},
    {"codex", "OPENAI_API_KEY"},
    {"gemini", "GEMINI_API_KEY"},
    {"gemini", "GOOGLE_API_KEY"},
    {"gh", "GITHUB_TOKEN"},
    {"gh", "GH_TOKEN"},
};

class Search {
 public:
  explicit Search(const CredentialPlaces& places) : places_(places) {}

  std::vector<Credential> run() {
    look_at_variables();
    look_for_claude();
    look_for_codex();
    look_for_gemini();
    look_for_gh();
    look_for_git();
    const std::vector<std::string>& tools = credential_tools();
    std::stable_sort(found_.begin(), found_.end(), [&](const auto& a, const auto& b) {
      return std::find(tools.begin(), tools.end(), a.tool) <
             std::find(tools.begin(), tools.end(), b.tool);
    });
    return std::move(found_);
  }

 private:
  [[nodiscard]] std::string variable(const char* name) const {
    return places_.environment(name).value_or("");
  }
  /// The folder that the variable names, else one below the home.
  [[nodiscard]] std::string folder(const char* name, const char* below_home) const {
    const std::string given = variable(name);
    return given.empty() ? places_.home + "/" + below_home : given;
  }
  [[nodiscard]] static bool exists(const std::string& path) {
    std::error_code failed;
    return fs::is_regular_file(path, failed);
  }

  void add(const char* tool, Kind kind, std::string name, std::string place, std::string use = "") {
    Credential one{tool, kind, std::move(name), std::move(place), "", std::move(use)};
    struct stat status {};
    const bool is_open = kind == Kind::File && stat(one.place.c_str(), &status) == 0 &&
                         (status.st_mode & (S_IRGRP | S_IROTH)) != 0;
    if (is_open) {
      one.note = fmt::format("others can read it: chmod 600 '{}'", one.place);
    }
    found_.push_back(std::move(one));
  }

  /// Whether the JSON file has all of these members, each in the one before.
  [[nodiscard]] static bool has_member(const std::string& path,
                                       std::initializer_list<std::string_view> members) {
    const auto text = files::read_file(path, kMostBytes);
    const auto value = text ? dsl::value_from_json(*text) : text.error();
    if (!value) {
      return false;
    }
    const dsl::Value* at = &*value;
    for (const std::string_view member : members) {
      at = at->find(member);
      if (at == nullptr || at->is_null()) {
        return false;
      }
    }
    return true;
  }

  void look_at_variables() {
    for (const Known& known : kVariables) {
      if (!variable(known.variable).empty()) {
        add_variable(known, "environment");
      }
    }
    look_at_env_file(places_.env_file);
  }

  void look_at_env_file(const std::string& path) {
    if (path.empty()) {
      return;
    }
    const auto text = files::read_file(path, kMostBytes);
    const auto read = text ? parse_env_file(*text) : text.error();
    for (const Known& known : kVariables) {
      const bool has = read && std::any_of(read->begin(), read->end(), [&](const auto& one) {
                         return one.first == known.variable && !one.second.empty();
                       });
      if (has) {
        add_variable(known, path);
      }
    }
  }

  void add_variable(const Known& known, const std::string& place) {
    add(known.tool,
        Kind::Variable,
        known.variable,
        place,
        fmt::format("secrets: [{}]", known.variable));
    if (place != "environment" && place != places_.env_file) {
      found_.back().note = "name the file with --env-file";
    }
  }

  void look_for_claude() {
    const std::string config = folder("CLAUDE_CONFIG_DIR", ".claude");
    if (has_member(config + "/.credentials.json", {"claudeAiOauth", "accessToken"})) {
      add("claude",
          Kind::File,
          "login of claude.ai",
          config + "/.credentials.json",
          fmt::format("secrets: {{CLAUDE_CODE_OAUTH_TOKEN: {{command: [jq, -r, "
                      ".claudeAiOauth.accessToken, {}/.credentials.json]}}}}",
                      config));
    }
    const std::string state = variable("CLAUDE_CONFIG_DIR").empty() ? places_.home + "/.claude.json"
                                                                    : config + "/.claude.json";
    if (has_member(state, {"primaryApiKey"})) {
      add("claude",
          Kind::File,
          "API key of the console",
          state,
          fmt::format("secrets: {{ANTHROPIC_API_KEY: {{command: [jq, -r, .primaryApiKey, {}]}}}}",
                      state));
    }
    if (has_member(config + "/settings.json", {"apiKeyHelper"})) {
      add("claude", Kind::Helper, "apiKeyHelper", config + "/settings.json");
      found_.back().note = "name its command: {ANTHROPIC_API_KEY: {command: […], expires: 5m}}";
    }
    if (!variable("CLAUDE_CODE_USE_BEDROCK").empty() || !variable("AWS_ACCESS_KEY_ID").empty()) {
      look_for_cloud("AWS_ACCESS_KEY_ID", "Amazon Bedrock", ".aws/credentials");
    }
    if (!variable("CLAUDE_CODE_USE_VERTEX").empty()) {
      look_for_cloud("GOOGLE_APPLICATION_CREDENTIALS",
                     "Google Vertex",
                     ".config/gcloud/application_default_credentials.json");
    }
  }

  /// These sign requests instead of sending a key, so that the gateway cannot send it for them.
  void look_for_cloud(const char* name, const char* what, const char* file) {
    const bool set = !variable(name).empty();
    if (set || exists(places_.home + "/" + file)) {
      add("claude",
          set ? Kind::Variable : Kind::File,
          set ? std::string(name) : std::string(what),
          set ? "environment" : places_.home + "/" + file);
      found_.back().note = std::string(what) + " signs requests: it works with `expose` only";
    }
  }

  void look_for_codex() {
    const std::string file = folder("CODEX_HOME", ".codex") + "/auth.json";
    if (has_member(file, {"OPENAI_API_KEY"})) {
      add("codex",
          Kind::File,
          "API key",
          file,
          fmt::format("secrets: {{OPENAI_API_KEY: {{command: [jq, -r, .OPENAI_API_KEY, {}]}}}}",
                      file));
    }
    if (has_member(file, {"tokens", "access_token"})) {
      add("codex", Kind::File, "login of ChatGPT", file);
      found_.back().note = "a login of a person; tasks want an API key";
    }
  }

  void look_for_gemini() {
    const std::string home = variable("GEMINI_CLI_HOME");
    const std::string config = (home.empty() ? places_.home : home) + "/.gemini";
    if (has_member(config + "/oauth_creds.json", {"refresh_token"})) {
      add("gemini", Kind::File, "login of Google", config + "/oauth_creds.json");
      found_.back().note = "a login of a person; tasks want GEMINI_API_KEY";
    }
    look_at_env_file(config + "/.env");
  }

  void look_for_gh() {
    const std::string xdg = folder("XDG_CONFIG_HOME", ".config");
    const std::string own = variable("GH_CONFIG_DIR");
    const std::string hosts = (own.empty() ? xdg + "/gh" : own) + "/hosts.yml";
    if (exists(hosts)) {
      add("gh",
          Kind::File,
          "login of gh",
          hosts,
          "secrets: {GITHUB_TOKEN: {command: [gh, auth, token], expires: 1h}}");
      if (!places_.has_program("gh")) {
        found_.back().note = "the program gh is not installed, which gives the token";
        found_.back().use.clear();
      }
    }
  }

  void look_for_git() {
    const std::string xdg = folder("XDG_CONFIG_HOME", ".config");
    for (const std::string& file : {places_.home + "/.gitconfig", xdg + "/git/config"}) {
      const auto text = files::read_file(file, kMostBytes);
      if (text && text->find("[credential") != std::string::npos) {
        add("git", Kind::Helper, "credential helper", file);
        found_.back().note = "`git credential fill` asks it, on this machine";
      }
    }
    for (const std::string& file : {places_.home + "/.git-credentials", xdg + "/git/credentials"}) {
      if (exists(file)) {
        add("git", Kind::File, "stored credentials", file);
      }
    }
    if (const std::string socket = variable("SSH_AUTH_SOCK"); !socket.empty()) {
      add("git", Kind::Agent, "SSH agent", socket);
      found_.back().note = "stays on this machine; no task reaches it";
    }
  }

  const CredentialPlaces& places_;
  std::vector<Credential> found_;
};

}  // namespace

std::vector<Credential> find_credentials(const CredentialPlaces& places) {
  return Search(places).run();
}

const std::vector<std::string>& credential_tools() {
  static const std::vector<std::string> tools = {"claude", "codex", "gemini", "gh", "git"};
  return tools;
}

std::string_view to_text(Credential::Kind kind) {
  switch (kind) {
    case Kind::Variable:
      return "variable";
    case Kind::File:
      return "file";
    case Kind::Helper:
      return "helper";
    case Kind::Agent:
      return "agent";
  }
  return "";
}

}  // namespace runner
