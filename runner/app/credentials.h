#pragma once

// Which credentials this machine has for agents, GitHub and git: names and places, and how a
// pipeline would name them. Values are never kept or told. Sources of the places: the documentation
// of Claude Code, Codex CLI, Gemini CLI, gh (environment, config folder) and git (gitcredentials).

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace runner {

struct Credential {
  enum class Kind {
    Variable,  // of the environment or an env file
    File,      // holds a key or a login
    Helper,    // a program that gives the value when asked
    Agent,     // a socket that signs, and never gives the key
  };
  std::string tool;  // "claude", "codex", "gemini", "gh", "git"
  Kind kind = Kind::Variable;
  std::string name;   // "ANTHROPIC_API_KEY", "login of claude.ai"
  std::string place;  // "environment", a path
  std::string note;   // what should be known of it, "" nothing
  std::string use;    // for `secrets:` of a pipeline; "" it cannot be used as it is
};

/// Where to look; the real ones, or a test's.
struct CredentialPlaces {
  std::string home;
  std::function<std::optional<std::string>(const std::string& variable)> environment;
  std::function<bool(const std::string& program)> has_program;
  std::string env_file;  // of the settings, "" none
};

/// What there is, by tool.
std::vector<Credential> find_credentials(const CredentialPlaces& places);

/// The tools that are looked for.
const std::vector<std::string>& credential_tools();

std::string_view to_text(Credential::Kind kind);

}  // namespace runner
