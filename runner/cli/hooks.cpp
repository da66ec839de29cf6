// pipe hooks install | uninstall | check-message: hooks for the user's own commits and pushes.

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "dsl/conventional_commit.h"
#include "runner/app/git_hooks.h"
#include "runner/cli/commands.h"
#include "runner/sys/files.h"

namespace runner::cli {
namespace {

struct Arguments {
  std::string action;
  std::string file;
  std::string before_push;
};

void say(const std::vector<InstalledHook>& hooks, std::string_view done, Console& console) {
  for (const InstalledHook& hook : hooks) {
    console.out(fmt::format("{} {}{}\n",
                            done,
                            hook.name,
                            !hook.chained         ? ""
                            : done == "installed" ? "; the hook that was there runs first"
                                                  : "; the hook that was there is back"));
  }
}

ExitCode install(const Arguments& arguments, Console& console) {
  if (!arguments.before_push.empty()) {
    if (const auto there = files::real_path(arguments.before_push); !there) {
      return console.fail(ExitCode::Invalid, there.error());
    }
  }
  const auto program = files::real_path("/proc/self/exe");
  if (!program) {
    return console.fail(ExitCode::Environment, program.error());
  }
  HookRequest request{".", *program, arguments.before_push};
  if (!request.before_push.empty()) {
    request.before_push = *files::real_path(arguments.before_push);
  }
  EventLoop loop;
  const auto installed = install_hooks(loop, request);
  if (!installed) {
    return console.fail(ExitCode::Environment, installed.error());
  }
  say(*installed, "installed", console);
  console.note("`git commit --no-verify` and `git push --no-verify` leave them out once");
  return ExitCode::Passed;
}

ExitCode uninstall(Console& console) {
  EventLoop loop;
  const auto removed = uninstall_hooks(loop, ".");
  if (!removed) {
    return console.fail(ExitCode::Environment, removed.error());
  }
  say(*removed, "removed", console);
  if (removed->empty()) {
    console.note("there are no hooks of ours");
  }
  return ExitCode::Passed;
}

/// The message as git will keep it: without the lines that it only shows to who writes it.
std::string without_comments(const std::string& text) {
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (!line.starts_with('#') && !(kept.empty() && line.empty())) {
      kept += line + "\n";
    }
    at = end + 1;
  }
  return kept;
}

ExitCode check_message(const Arguments& arguments, Console& console) {
  constexpr std::int64_t kMost = 1 << 20;
  if (arguments.file.empty()) {
    return console.fail(ExitCode::Invalid,
                        {"'check-message' needs the file of a message", "git's hook names it"});
  }
  const auto text = files::read_file(arguments.file, kMost);
  if (!text) {
    return console.fail(ExitCode::Environment, text.error());
  }
  std::string message = without_comments(*text);
  for (const std::string_view kind : {"fixup! ", "squash! ", "amend! "}) {
    message.erase(0, message.starts_with(kind) ? kind.size() : 0);  // git melts these in later
  }
  if (const auto problem = dsl::conventional_problem(message)) {
    return console.fail(ExitCode::Failed, *problem);
  }
  return ExitCode::Passed;
}

ExitCode hooks(const Arguments& arguments, Console& console) {
  if (arguments.action == "install") {
    return install(arguments, console);
  }
  return arguments.action == "uninstall" ? uninstall(console) : check_message(arguments, console);
}

}  // namespace

Command hooks_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "hooks";
  command.summary = "install git hooks: messages, leaks, a check at push";
  command.description =
      "Installs hooks in the repository of this folder: pre-commit looks for secrets with\n"
      "gitleaks where that is installed, commit-msg wants conventional commits, pre-push\n"
      "runs a pipeline that must pass. A hook that is there is kept and runs first;\n"
      "`uninstall` puts it back. `check-message` is what the commit-msg hook calls.";
  command.positionals = {
      {"ACTION",
       "what to do",
       true,
       Completes::Nothing,
       {"install", "uninstall", "check-message"},
       &arguments->action},
      {"FILE", "the message, for check-message", false, Completes::File, {}, &arguments->file}};
  command.options = {
      {"--pre-push", "PIPELINE", "must pass before a push", {}, &arguments->before_push}};
  command.examples = {"pipe hooks install --pre-push check.yaml", "pipe hooks uninstall"};
  command.action = [arguments, &console] { return hooks(*arguments, console); };
  return command;
}

}  // namespace runner::cli
