#include "runner/run/flagged.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "dsl/render.h"

namespace runner {
namespace {

/// A file's name, a folder with a final '/', or several of these; lower case.
struct Known {
  std::string_view path;
  std::string_view who;
};

constexpr std::string_view kActions = "GitHub Actions runs it";
constexpr std::string_view kRequests = "GitHub obeys it";
constexpr std::string_view kCi = "continuous integration runs it";
constexpr std::string_view kGit = "git obeys it";
constexpr std::string_view kHook = "a git hook runs it";
constexpr std::string_view kClaude = "Claude Code obeys it";
constexpr std::string_view kAgent = "coding agents obey it";
constexpr std::string_view kEditor = "editors run what it says";
constexpr std::string_view kShell = "shells run it";
constexpr std::string_view kTool = "package managers obey it";
constexpr std::string_view kContainer = "development containers are made by it";

// As the products' own documentation has them, October 2026.
constexpr std::array kKnown = {
    Known{".github/workflows/", kActions},
    Known{".github/actions/", kActions},
    Known{"action.yml", kActions},
    Known{"action.yaml", kActions},
    Known{".github/copilot-instructions.md", kAgent},
    Known{".github/instructions/", kAgent},
    Known{".github/dependabot.yml", kRequests},
    Known{".github/dependabot.yaml", kRequests},
    Known{"codeowners", "it says who must review"},
    Known{".gitea/workflows/", kCi},
    Known{".forgejo/workflows/", kCi},
    Known{".gitlab-ci.yml", kCi},
    Known{".gitlab-ci.yaml", kCi},
    Known{".gitlab/", kCi},
    Known{".circleci/", kCi},
    Known{".travis.yml", kCi},
    Known{"azure-pipelines.yml", kCi},
    Known{"azure-pipelines.yaml", kCi},
    Known{".azure-pipelines/", kCi},
    Known{"bitbucket-pipelines.yml", kCi},
    Known{"jenkinsfile", kCi},
    Known{".drone.yml", kCi},
    Known{".woodpecker.yml", kCi},
    Known{".woodpecker.yaml", kCi},
    Known{".woodpecker/", kCi},
    Known{".buildkite/", kCi},
    Known{".cirrus.yml", kCi},
    Known{".appveyor.yml", kCi},
    Known{"appveyor.yml", kCi},
    Known{".build.yml", kCi},
    Known{".builds/", kCi},
    Known{"cloudbuild.yaml", kCi},
    Known{"cloudbuild.yml", kCi},
    Known{".semaphore/", kCi},
    Known{".teamcity/", kCi},
    Known{".tekton/", kCi},
    Known{".ci/", kCi},
    Known{".gitattributes", "git obeys it, with the filters of who checks it out"},
    Known{".gitmodules", "git fetches what it names"},
    Known{".gitconfig", kGit},
    Known{".githooks/", kHook},
    Known{".husky/", kHook},
    Known{".pre-commit-config.yaml", kHook},
    Known{"lefthook.yml", kHook},
    Known{".lefthook.yml", kHook},
    Known{"lefthook.yaml", kHook},
    Known{".lefthook.yaml", kHook},
    Known{".claude/", kClaude},
    Known{"claude.md", kClaude},
    Known{"claude.local.md", kClaude},
    Known{".mcp.json", "agents start the programs that it names"},
    Known{"agents.md", kAgent},
    Known{"gemini.md", kAgent},
    Known{".codex/", kAgent},
    Known{".gemini/", kAgent},
    Known{".cursor/", kAgent},
    Known{".cursorrules", kAgent},
    Known{".windsurfrules", kAgent},
    Known{".windsurf/", kAgent},
    Known{".clinerules", kAgent},
    Known{".clinerules/", kAgent},
    Known{".roo/", kAgent},
    Known{".continue/", kAgent},
    Known{".opencode/", kAgent},
    Known{"opencode.json", kAgent},
    Known{".aider.conf.yml", kAgent},
    Known{".vscode/", kEditor},
    Known{".idea/", kEditor},
    Known{".zed/", kEditor},
    Known{".fleet/", kEditor},
    Known{".vimrc", kEditor},
    Known{".nvimrc", kEditor},
    Known{".nvim.lua", kEditor},
    Known{".exrc", kEditor},
    Known{".dir-locals.el", kEditor},
    Known{".devcontainer/", kContainer},
    Known{".devcontainer.json", kContainer},
    Known{".gitpod.yml", kContainer},
    Known{".envrc", kShell},
    Known{".bashrc", kShell},
    Known{".bash_profile", kShell},
    Known{".profile", kShell},
    Known{".zshrc", kShell},
    Known{".zshenv", kShell},
    Known{"mise.toml", kShell},
    Known{".mise.toml", kShell},
    Known{".ssh/", "ssh obeys it"},
    Known{".npmrc", kTool},
    Known{".yarnrc", kTool},
    Known{".yarnrc.yml", kTool},
    Known{".cargo/", kTool},
    Known{".pipe/", "pipe obeys it"},
};
constexpr std::string_view kWorkspaceFile = ".code-workspace";

bool fits(std::string_view rest, std::string_view known) {
  return known.back() == '/' ? rest.starts_with(known) : rest == known;
}

/// The character at `at`, which then is behind it; -1 where there is none.
std::int32_t next_character(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  if (first < 0x80) {
    return first;
  }
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC2 ? 1 : -1;
  if (more < 0 || first > 0xF4 || at + static_cast<std::size_t>(more) > text.size()) {
    return -1;
  }
  auto value = static_cast<std::int32_t>(first & (0x3FU >> static_cast<unsigned>(more)));
  for (int i = 0; i < more; ++i) {
    const auto byte = static_cast<unsigned char>(text[at++]);
    if ((byte & 0xC0U) != 0x80) {
      return -1;
    }
    value = value << 6 | static_cast<std::int32_t>(byte & 0x3FU);
  }
  return value;
}

bool shows_something_else(std::int32_t c) {
  constexpr std::array<std::pair<std::int32_t, std::int32_t>, 9> kHidden = {{{0x00, 0x1F},
                                                                             {0x7F, 0x9F},
                                                                             {0xAD, 0xAD},
                                                                             {0x200B, 0x200F},
                                                                             {0x2028, 0x202E},
                                                                             {0x2060, 0x206F},
                                                                             {0xFEFF, 0xFEFF},
                                                                             {0xFFF9, 0xFFFB},
                                                                             {0xE0000, 0xE007F}}};
  return c < 0 || std::any_of(kHidden.begin(), kHidden.end(), [c](const auto& range) {
           return c >= range.first && c <= range.second;
         });
}

}  // namespace

std::string folded(std::string_view name) {
  std::string result(name);
  for (char& c : result) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return result;
}

std::string_view runs_elsewhere(std::string_view path) {
  const std::string name = folded(path);
  for (std::size_t at = 0; at != std::string::npos;) {
    const std::string_view rest = std::string_view(name).substr(at);
    for (const Known& known : kKnown) {
      if (fits(rest, known.path)) {
        return known.who;
      }
    }
    const std::size_t slash = name.find('/', at);
    at = slash == std::string::npos ? slash : slash + 1;
  }
  return name.ends_with(kWorkspaceFile) ? kEditor : "";
}

bool is_deceptive(std::string_view path) {
  for (std::size_t at = 0; at < path.size();) {
    if (shows_something_else(next_character(path, at))) {
      return true;
    }
  }
  return false;
}

bool leads_out(std::string_view path, std::string_view target) {
  if (target.starts_with('/')) {
    return true;
  }
  std::ptrdiff_t depth = std::count(path.begin(), path.end(), '/');
  for (std::size_t at = 0; at <= target.size();) {
    const std::size_t end = std::min(target.find('/', at), target.size());
    const std::string_view name = target.substr(at, end - at);
    depth += name == ".." ? -1 : name.empty() || name == "." ? 0 : 1;
    if (depth < 0) {
      return true;
    }
    at = end + 1;
  }
  return false;
}

std::string flagged_text(const std::vector<FlaggedPath>& flagged) {
  constexpr std::size_t kShown = 10;
  std::vector<std::pair<std::string_view, std::vector<std::string_view>>> reasons;
  for (const FlaggedPath& one : flagged) {
    const auto found = std::find_if(
        reasons.begin(), reasons.end(), [&](const auto& known) { return known.first == one.why; });
    (found == reasons.end() ? reasons.emplace_back(one.why, std::vector<std::string_view>{})
                            : *found)
        .second.push_back(one.path);
  }
  std::string text;
  for (const auto& [why, paths] : reasons) {
    text += text.empty() ? "" : "; ";
    for (std::size_t i = 0; i < paths.size() && i < kShown; ++i) {
      text += fmt::format("{}'{}'", i == 0 ? "" : ", ", dsl::visible(paths[i]));
    }
    if (paths.size() > kShown) {
      text += fmt::format(" and {} more", paths.size() - kShown);
    }
    text += ": ";
    text += why;
  }
  return text;
}

}  // namespace runner
