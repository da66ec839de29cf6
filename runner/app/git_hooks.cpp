#include "runner/app/git_hooks.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "runner/app/user_program.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using dsl::Error;
using dsl::Result;
using dsl::Status;

constexpr std::array kNames = {"pre-commit", "commit-msg", "pre-push"};
constexpr const char* kMark =
    "# Written by `pipe hooks install`; `pipe hooks uninstall` removes it.\n";
constexpr const char* kBefore = ".before-pipe";  // what was there

std::string quoted_for_shell(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted + "'";
}

/// What the hook does; "" nothing is asked of it.
std::string body_of(const std::string& name, const HookRequest& request) {
  const std::string program = quoted_for_shell(request.program);
  if (name == "pre-commit") {
    return "if command -v gitleaks > /dev/null 2>&1; then\n"
           "  gitleaks protect --staged --redact --no-banner || exit 1\n"
           "fi\n";
  }
  const std::string gone = "if [ ! -x " + program +
                           " ]; then\n"
                           "  echo \"$0: pipe is gone; run 'pipe hooks install' again, or remove "
                           "this file\" >&2\n"
                           "  exit 1\n"
                           "fi\n";
  if (name == "commit-msg") {
    return gone + "exec " + program + " hooks check-message \"$1\"\n";
  }
  // Each commit that is pushed, once, whatever is checked out; a ref that goes has none.
  return request.before_push.empty()
             ? ""
             : gone +
                   "unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE\n"
                   "seen=\n"
                   "printf '%s\\n' \"$refs\" | while read -r ref commit remote_ref known; do\n"
                   "  case \"$commit\" in *[!0]*) ;; *) continue ;; esac\n"
                   "  case \" $seen \" in *\" $commit \"*) continue ;; esac\n"
                   "  seen=\"$seen $commit\"\n"
                   "  echo \"pipe: $ref at $commit\" >&2\n"
                   "  " +
                   program + " run " + quoted_for_shell(request.before_push) +
                   " --commit \"$commit\" --no-push < /dev/null >&2 || exit $?\n"
                   "done\n";
}

/// What git says to the hook is for the user's own too.
std::string script_of(const std::string& name, const std::string& body) {
  const bool is_told = name == "pre-push";
  return std::string("#!/bin/sh\n") + kMark + (is_told ? "refs=$(cat)\n" : "") + "before=\"$0" +
         kBefore +
         "\"\n"
         "if [ -x \"$before\" ]; then\n" +
         (is_told ? "  { [ -z \"$refs\" ] || printf '%s\\n' \"$refs\"; } | \"$before\" \"$@\" || "
                    "exit $?\n"
                  : "  \"$before\" \"$@\" || exit $?\n") +
         "fi\n" + body;
}

bool is_there(const std::string& file) {
  return ::access(file.c_str(), F_OK) == 0;
}

bool is_ours(const std::string& file) {
  constexpr std::int64_t kMost = 1 << 16;
  const auto text = files::read_file(file, kMost);
  return text && text->find(kMark) != std::string::npos;
}

Status rename_file(const std::string& from, const std::string& to) {
  return std::rename(from.c_str(), to.c_str()) == 0
             ? Status(dsl::Ok{})
             : Status(files::system_error("rename", from, errno));
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

/// Where the repository's own hooks are.
Result<std::string> hooks_folder(EventLoop& loop, const std::string& folder) {
  UserProgram program(loop, folder);
  const auto ask = [&](std::vector<std::string> what) {
    what.insert(what.begin(), {"git", "rev-parse", "--path-format=absolute"});
    return program.run(std::move(what), UserProgram::kShortTime);
  };
  const auto common = ask({"--git-common-dir"});
  const auto hooks = ask({"--git-path", "hooks"});
  if (!common || !hooks) {
    return Error{fmt::format("'{}' is in no repository that git can use", files::printable(folder)),
                 "make one with `git init`, or run this inside of one"};
  }
  const auto top = ask({"--show-toplevel"});  // an Error in a bare repository
  const std::string path = first_line(*hooks);
  const auto is_beneath = [&](const std::string& above) {
    return !above.empty() && path.starts_with(above + "/");
  };
  if (!is_beneath(first_line(*common)) && !(top && is_beneath(first_line(*top)))) {
    return Error{fmt::format("core.hooksPath leads to '{}', which other repositories may share",
                             files::printable(path)),
                 "give this one its own: `git config core.hooksPath .git/hooks`"};
  }
  if (auto made = files::make_directories(path); !made) {
    return made.error();
  }
  return path;
}

/// Moves a hook of the user out of the way; whether there is one beside ours now.
Result<bool> keep_what_is_there(const std::string& file) {
  const std::string before = file + kBefore;
  if (is_there(file) && !is_ours(file)) {
    if (is_there(before)) {
      return Error{fmt::format("'{}' and '{}' are both there, and neither is ours",
                               files::printable(file),
                               files::printable(before)),
                   "remove one of the two"};
    }
    if (auto moved = rename_file(file, before); !moved) {
      return moved.error();
    }
  }
  return is_there(before);
}

/// Whether there was one of ours.
Result<bool> remove_ours(const std::string& file) {
  if (!is_ours(file)) {
    return false;
  }
  if (is_there(file + kBefore)) {
    auto back = rename_file(file + kBefore, file);
    return back ? Result<bool>(true) : back.error();
  }
  return ::unlink(file.c_str()) == 0 ? Result<bool>(true)
                                     : files::system_error("remove", file, errno);
}

}  // namespace

Result<std::vector<InstalledHook>> install_hooks(EventLoop& loop, const HookRequest& request) {
  auto folder = hooks_folder(loop, request.folder);
  if (!folder) {
    return folder.error();
  }
  std::vector<InstalledHook> installed;
  for (const char* name : kNames) {
    const std::string body = body_of(name, request);
    const std::string file = *folder + "/" + name;
    if (body.empty()) {
      if (auto removed = remove_ours(file); !removed) {
        return removed.error();
      }
      continue;
    }
    auto chained = keep_what_is_there(file);
    if (!chained) {
      return chained.error();
    }
    const Status written =
        files::write_atomically(file, script_of(name, body), files::Durable::No, 0755);
    if (!written) {
      return written.error();
    }
    installed.push_back({name, *chained});
  }
  return installed;
}

Result<std::vector<InstalledHook>> uninstall_hooks(EventLoop& loop, const std::string& folder) {
  auto hooks = hooks_folder(loop, folder);
  if (!hooks) {
    return hooks.error();
  }
  std::vector<InstalledHook> removed;
  for (const char* name : kNames) {
    const std::string file = *hooks + "/" + name;
    const bool chained = is_there(file + kBefore);
    auto was_there = remove_ours(file);
    if (!was_there) {
      return was_there.error();
    }
    if (*was_there) {
      removed.push_back({name, chained});
    }
  }
  return removed;
}

}  // namespace runner
