// What becomes of the run's commits: `git:`.

#include <fmt/format.h>

#include "dsl/commit_message.h"
#include "dsl/glob.h"
#include "dsl/parse_parts.h"

namespace dsl {
namespace {

constexpr Field<PullRequestSpec> kPullRequestFields[] = {
    {"title", into<&PullRequestSpec::title, read_plain_word>},
    {"body", into<&PullRequestSpec::body, read_plain_word>},
    {"base", into<&PullRequestSpec::base, read_plain_word>},
    {"draft", into<&PullRequestSpec::draft, read_flag>},
    {"labels", into<&PullRequestSpec::labels, read_texts>},
};
constexpr Record<PullRequestSpec> kPullRequest{"a pull request", kPullRequestFields};

/// `true` is a pull request with nothing said of it, `false` none.
void read_pull_request(YamlValue key, YamlValue value, GitSpec& git, Findings& findings) {
  auto wanted = std::make_unique<PullRequestSpec>();
  wanted->span = key.span();
  if (value.kind() != YamlValue::Kind::Map) {
    if (read_flag(key, value, findings).value) {
      git.pull_request = std::move(wanted);
    }
    return;
  }
  if (read_record(value, key.span(), kPullRequest, *wanted, findings)) {
    git.pull_request = std::move(wanted);
  }
}

constexpr Field<GitSpec> kGitFields[] = {
    {"message", into<&GitSpec::message, read_plain_word>},
    {"conventional", into<&GitSpec::conventional, read_flag>},
    {"commits", into<&GitSpec::commits, read_enum<Commits>>},
    {"protected", into<&GitSpec::protected_branches, read_texts>},
    {"push", into<&GitSpec::push, read_flag>},
    {"remote", into<&GitSpec::remote, read_plain_word>},
    {"pull_request", read_pull_request},
};
constexpr Record<GitSpec> kGit{"git", kGitFields};

/// A name of the user's own repository, never an address: where a push goes to, and with what
/// credentials, is for the user's git to say.
bool is_name_of_remote(std::string_view text) {
  constexpr std::string_view kNames =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !text.starts_with('-') && text.find_first_not_of(kNames) == std::string_view::npos;
}

}  // namespace

Section<GitSpec> parse_git(YamlValue key, YamlValue value, Findings& findings) {
  auto git = std::make_unique<GitSpec>();
  if (!read_record(value, key.span(), kGit, *git, findings)) {
    return nullptr;
  }
  if (git->message) {
    if (const auto problem = commit_template_problem(git->message.value)) {
      findings.error(kBadCommitMessage, git->message.span, problem->message, problem->remedy);
      git->message = {};
    }
  }
  for (const Text& branch : git->protected_branches.items) {
    if (!Glob(branch.value).is_well_formed()) {
      findings.error(kBadPattern,
                     branch.span,
                     fmt::format("{} is no pattern of branches", quoted(branch.value)),
                     "write a name, or a pattern such as 'release/*'");
    }
  }
  if (git->remote && !is_name_of_remote(git->remote.value)) {
    findings.error(kBadName,
                   git->remote.span,
                   fmt::format("{} is no name of a remote", quoted(git->remote.value)),
                   "name one of `git remote`, such as 'origin'; its address is git's to know");
  }
  if (git->remote && !git->push.value) {
    findings.error(
        kUselessKey, git->remote.span, "nothing is pushed to this remote", "add 'push: true'");
  }
  if (git->pull_request != nullptr && !git->push.value) {
    findings.error(kUselessKey,
                   git->pull_request->span,
                   "a pull request needs its branch pushed",
                   "add 'push: true'");
  }
  return git;
}

void append_git_keys(KnownKeys& known) {
  append_keys(kGit, "git", known);
  append_keys(kPullRequest, "pull_request", known);
}

}  // namespace dsl
