#include "runner/app/publish.h"

#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "dsl/render.h"
#include "dsl/value.h"
#include "runner/app/remote_address.h"
#include "runner/app/user_program.h"
#include "runner/report/escape.h"

namespace runner {
namespace {

using dsl::Error;
using dsl::Result;
using dsl::Status;

constexpr dsl::Duration kLongTime{30 * 60'000};  // a hook of the user may run his tests

std::string without_line_end(std::string text) {
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  return text;
}

/// The hook that git runs before it pushes; "" none.
std::string push_hook(UserProgram& program) {
  const auto path =
      program.run({"git", "rev-parse", "--path-format=absolute", "--git-path", "hooks/pre-push"},
                  UserProgram::kShortTime);
  const std::string file = path ? without_line_end(*path) : "";
  return !file.empty() && ::access(file.c_str(), X_OK) == 0 ? file : "";
}

/// The address of the branch's pull request; "" there is none.
Result<std::string> find_pull_request(UserProgram& program, const std::string& branch) {
  auto listed = program.run(
      {"gh", "pr", "list", "--head", branch, "--state", "all", "--limit", "1", "--json", "url"},
      UserProgram::kShortTime);
  if (!listed) {
    return listed;
  }
  const auto document = dsl::value_from_json(*listed);
  const auto* list = document ? std::get_if<dsl::Value::List>(&document->held) : nullptr;
  if (list == nullptr) {
    return Error{"`gh pr list` gave no list of pull requests", "update gh"};
  }
  const dsl::Value* url = list->empty() ? nullptr : list->front().find("url");
  return url == nullptr ? "" : dsl::to_text(*url);
}

Result<std::string> create_pull_request(UserProgram& program,
                                        const dsl::PullRequest& request,
                                        const std::string& branch) {
  std::vector<std::string> argv = {"gh",
                                   "pr",
                                   "create",
                                   "--head=" + branch,
                                   "--title=" + request.title,
                                   "--body=" + request.body};
  if (!request.base.empty()) {
    argv.push_back("--base=" + request.base);
  }
  if (request.draft) {
    argv.emplace_back("--draft");
  }
  for (const std::string& label : request.labels) {
    argv.push_back("--label=" + label);
  }
  auto created = program.run(std::move(argv), kLongTime);
  if (!created) {
    return created;
  }
  const std::string text = without_line_end(*std::move(created));
  const std::string url = report::one_line(text.substr(text.rfind('\n') + 1));
  return url.empty() ? branch : url;  // it is open, whatever gh says of it
}

}  // namespace

Status check_can_publish(const Project& project, const dsl::Git& git) {
  if (!git.push) {
    return dsl::Ok{};
  }
  if (project.kind != Project::Kind::Repository) {
    return Error{fmt::format("`git: {{push: true}}`, and '{}' is no repository",
                             report::one_line(project.folder)),
                 "make one with `git init`, or run with --no-push"};
  }
  EventLoop loop;  // gone at the end, with what it does on a signal
  UserProgram program(loop, project.folder);
  if (auto known =
          program.run({"git", "remote", "get-url", "--", git.remote}, UserProgram::kShortTime);
      !known) {
    const std::string name = report::one_line(git.remote);
    return Error{
        fmt::format(
            "the repository has no remote '{}' to push to: {}", name, known.error().message),
        fmt::format("add it with `git remote add {} URL`, name another one in `git: "
                    "{{remote: …}}`, or run with --no-push",
                    name)};
  }
  if (git.pull_request) {
    if (auto there = program.run({"gh", "--version"}, UserProgram::kShortTime); !there) {
      return Error{"a pull request needs the program gh, which does not run here",
                   "install it (https://cli.github.com), or run with --no-pr"};
    }
  }
  return dsl::Ok{};
}

namespace {

Status check_leads_where_sealed(UserProgram& program, const Remote& remote) {
  if (remote.address.empty()) {
    return dsl::Ok{};
  }
  const auto now = push_address(program, remote.name);
  if (!now) {
    return now.error();
  }
  if (*now != remote.address) {
    return Error{
        fmt::format("not as sealed: the remote '{}' leads to {} and not to {}; nothing was "
                    "pushed",
                    report::one_line(remote.name),
                    report::one_line(*now),
                    report::one_line(remote.address)),
        fmt::format("put it back (`git remote set-url {} …`)", report::one_line(remote.name))};
  }
  return dsl::Ok{};
}

/// Why the remote did not take the branch, as far as it can still be asked.
std::string remedy_of_push(UserProgram& program,
                           const std::string& remote,
                           const std::string& reference) {
  const auto there =
      program.run({"git", "ls-remote", "--", remote, reference}, UserProgram::kShortTime);
  const std::string name = report::one_line(remote);
  if (!there) {
    return fmt::format("see that `git ls-remote {}` works: address, network, credentials", name);
  }
  const auto here =
      program.run({"git", "rev-parse", "--verify", reference}, UserProgram::kShortTime);
  if (!there->empty() && here && !there->starts_with(without_line_end(*here))) {
    return fmt::format(
        "{} has a branch of this name with other commits, which pipe never overwrites; rename or "
        "remove it there (`git push {} --delete {}`)",
        name,
        name,
        report::one_line(reference.substr(std::string_view("refs/heads/").size())));
  }
  return "see what a hook or a rule of the remote asks for";
}

}  // namespace

Status push_branch(EventLoop& loop,
                   const std::string& folder,
                   const Remote& to,
                   const std::string& branch,
                   const std::string& commit,
                   const RecordFact& record) {
  UserProgram program(loop, folder);
  const std::string& remote = to.name;
  if (const Status as_sealed = check_leads_where_sealed(program, to); !as_sealed) {
    return as_sealed;
  }
  if (auto told = record(PushStarted{remote, branch, push_hook(program)}); !told) {
    return told;
  }
  const std::string reference = "refs/heads/" + branch;
  const auto pushed = program.run({"git",
                                   "push",
                                   "--no-recurse-submodules",
                                   "--no-follow-tags",
                                   "--",
                                   remote,
                                   commit + ":" + reference},
                                  kLongTime);
  if (auto told = record(PushEnded{remote, pushed ? "" : pushed.error().message}); !told) {
    return told;
  }
  if (pushed) {
    return dsl::Ok{};
  }
  return Error{"the branch was not pushed: " + pushed.error().message,
               program.stopped() ? "" : remedy_of_push(program, remote, reference)};
}

Status open_pull_request(EventLoop& loop,
                         const std::string& folder,
                         const std::string& branch,
                         const dsl::PullRequest& request,
                         const RecordFact& record) {
  UserProgram program(loop, folder);
  if (auto told = record(PullRequestStarted{branch}); !told) {
    return told;
  }
  Result<std::string> url = find_pull_request(program, branch);
  if (url && url->empty()) {
    url = create_pull_request(program, request, branch);
  }
  const PullRequestEnded ended{url ? *url : "", url ? "" : url.error().message};
  if (auto told = record(ended); !told) {
    return told;
  }
  if (url) {
    return dsl::Ok{};
  }
  return Error{
      "no pull request was opened: " + url.error().message,
      program.stopped() ? "" : "see that `gh auth status` and `gh pr list` work in the project"};
}

}  // namespace runner
