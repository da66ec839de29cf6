// The scripts that bind_script makes, run by real shells with values that try to get out.

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dsl/expression.h"
#include "dsl/shell.h"

namespace dsl {
namespace {

struct Shell {
  const char* name;
  const char* path;
};

void PrintTo(const Shell& shell, std::ostream* out) {
  *out << shell.name;
}

/// Runs `shell -e -c script` in `folder` with exactly this environment; what it printed, and its
/// status behind it when that is not 0.
std::string run(const Shell& shell,
                const std::string& script,
                const std::vector<std::string>& environment,
                const std::string& folder) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) {
    return "no pipe";
  }
  std::vector<char*> env;
  for (const std::string& entry : environment) {
    env.push_back(const_cast<char*>(entry.c_str()));
  }
  env.push_back(nullptr);
  const std::array<const char*, 5> argv = {shell.path, "-e", "-c", script.c_str(), nullptr};
  const pid_t child = fork();
  if (child == 0) {
    if (chdir(folder.c_str()) != 0 || dup2(ends[1], STDOUT_FILENO) < 0) {
      _exit(126);
    }
    close(ends[0]);
    close(ends[1]);
    execve(shell.path, const_cast<char* const*>(argv.data()), env.data());
    _exit(127);
  }
  close(ends[1]);
  std::string output;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = read(ends[0], buffer.data(), buffer.size())) > 0;) {
    output.append(buffer.data(), static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? output : output + "[status " + std::to_string(status) + "]";
}

const std::vector<std::string> kHostile = {
    "plain",
    "",
    "two words",
    "  blanks  around  ",
    "\"; touch marker; #",
    "'; touch marker; '",
    "$(touch marker)",
    "`touch marker`",
    "${HOME}",
    "$HOME",
    "${{ env.x }}",
    "a\nb\n",
    "\n",
    "*",
    "?[a-z]*",
    "~",
    "a;b|c&d>e<f",
    "\\",
    "\\n\\\\",
    "$'x'",
    "&",
    "-n",
    "!!",
    "{a,b}",
    "a[$(touch marker)]",
    "EOF",
    "a\nEOF\ntouch marker\n",
    "\xc3\xa9\xf0\x9f\x98\x80",
    "}",
    "\"",
    "'",
};

/// Each prints the value of X byte by byte, once.
struct Script {
  const char* name;
  const char* text;
  bool bash_only = false;
};

const std::vector<Script> kScripts = {
    {"unquoted", "printf %s X"},
    {"double", "printf %s \"X\""},
    {"between text", "printf '%s' \"$(printf %sb aX)\" | sed '1s/^a//; $s/b$//'"},
    {"assignment", "v=X; printf %s \"$v\""},
    {"assignment in quotes", "v=\"X\"; printf %s \"$v\""},
    {"export", "v=''; export v=X; printf %s \"$v\""},
    {"substitution", "v=\"$(printf %s. X)\"; printf %s \"${v%.}\""},
    {"substitution of substitutions",
     "v=\"$(printf %s \"$(printf %s. X)\")\"; printf %s \"${v%.}\""},
    {"backquotes", "v=`printf %s. X`; printf %s \"${v%.}\""},
    {"backquotes, quoted", "v=\"`printf %s. X`\"; printf %s \"${v%.}\""},
    {"quotes in backquotes, quoted", "v=\"`printf %s. \\\"X\\\"`\"; printf %s \"${v%.}\""},
    {"default", "unset u; v=${u-X}; printf %s \"$v\""},
    {"default, as an argument", "unset u; printf %s ${u-X}"},
    {"default, quoted", "unset u; printf %s \"${u-X}\""},
    {"alternative, quoted", "u=1; printf %s \"${u:+X}\""},
    {"default of a default", "unset u w; printf %s \"${u-${w-X}}\""},
    {"name and operator", "w=.X; printf %s \"${w#.}\""},
    {"prefix", "w=X-end; w=${w#X}; [ \"$w\" = -end ]; printf %s X"},
    {"prefix, quoted", "w=\"X-end\"; w=\"${w#X}\"; [ \"$w\" = -end ]; printf %s X"},
    {"suffix, quoted", "w=\"start-X\"; w=\"${w%X}\"; [ \"$w\" = start- ]; printf %s X"},
    {"replacement", "w=a-b; v=${w/-/X}; v=${v#a}; printf %s \"${v%b}\"", true},
    {"replacement, quoted", "w=a-b; v=\"${w/-/X}\"; v=\"${v#a}\"; printf %s \"${v%b}\"", true},
    {"case", "case X in X) printf %s X;; *) echo no;; esac"},
    {"case in a substitution",
     "v=$(case X in a) :;; X) printf %s. X;; *) echo no;; esac); printf %s \"${v%.}\""},
    {"for", "for v in X; do printf %s \"$v\"; done"},
    {"here-document", "cat <<EOT > out\nX\nEOT\nhead -c -1 out"},
    {"here-document with tabs", "cat <<-EOT > out\n\tX\n\tEOT\nhead -c -1 out"},
    {"substitution in a here-document", "cat <<EOT > out\n$(printf %s. X)\nEOT\nhead -c -2 out"},
    {"default in a here-document", "unset u\ncat <<EOT > out\n${u-X}\nEOT\nhead -c -1 out"},
    {"prefix in quotes in a here-document",
     "w=X-end\ncat <<EOT > out\n$(echo \"${w#X}\")\nEOT\n[ \"$(cat out)\" = -end ]\nprintf %s X"},
    {"here-document in a substitution", "v=$(cat <<EOT\nX.\nEOT\n); printf %s \"${v%.}\""},
    {"after a comment", "# it's \"nothing\" $( `\nprintf %s X # X"},
    {"function", "f() { printf %s \"$1\"; }; f X"},
    {"positional", "set -- X; printf %s \"$1\""},
    {"redirection", "printf %s X > out; cat out"},
    {"here-string", "IFS= read -r -d '' v <<<X || true; printf %s \"${v%?}\"", true},
    {"array", "v=(X Y); printf %s \"${v[0]}\"", true},
    {"test", "[[ X == X ]] && printf %s X", true},
    {"arithmetic nearby", "v=$(( N + 1 )); [ \"$v\" = 3 ]; printf %s X"},
    {"subscript nearby", "v=(X X X); printf %s \"${v[N]}\"; v[N]=a", true},
    {"printf -v", "printf -v v %s X; printf %s \"$v\"", true},
};

class ShellRun : public testing::TestWithParam<Shell> {
 protected:
  ShellRun() {
    std::string pattern = testing::TempDir() + "pipe_shell_XXXXXX";
    folder = mkdtemp(pattern.data());
    std::ofstream(folder + "/file1") << "for globs";
    env["x"].type = ExpressionType::String;
    env["y"].type = ExpressionType::String;
    names.env = &env;
  }
  ShellRun(const ShellRun&) = delete;
  ShellRun& operator=(const ShellRun&) = delete;
  ~ShellRun() override { std::filesystem::remove_all(folder); }

  static void replace(std::string& text, char from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
      text.replace(at, 1, to);
    }
  }

  std::string folder;
  NameTable env;
  VisibleNames names;
};

TEST_P(ShellRun, KeepsEveryByteAndRunsNothing) {
  for (const Script& script : kScripts) {
    if (script.bash_only && std::string_view(GetParam().name) != "bash") {
      continue;
    }
    std::string text = script.text;
    replace(text, 'X', "${{ env.x }}");
    replace(text, 'Y', "${{ env.y }}");
    replace(text, 'N', "${{ run.attempt }}");
    const BoundScript bound = bind_script(text, TextOrigin(0, 0), names);
    ASSERT_TRUE(bound.diagnostics.empty()) << script.name << ": " << bound.diagnostics[0].message;
    for (const std::string& value : kHostile) {
      if (std::string_view(script.name) == "redirection" && value.find('\0') != std::string::npos) {
        continue;
      }
      Scope scope;
      scope.contexts = {{"env", Value(Value::Record{{"x", Value(value)}, {"y", Value("other")}})},
                        {"run", Value(Value::Record{{"attempt", Value(2.0)}})}};
      std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "HOME=/nowhere"};
      for (const EnvVar& variable : bound.env) {
        environment.push_back(variable.name + "=" + *render(variable.value, scope));
      }
      EXPECT_EQ(run(GetParam(), bound.script, environment, folder), value) << script.name << "\n"
                                                                           << bound.script;
      ASSERT_FALSE(std::filesystem::exists(folder + "/marker"))
          << script.name << " ran what stands in " << value;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shells,
                         ShellRun,
                         testing::Values(Shell{"sh", "/bin/sh"}, Shell{"bash", "/bin/bash"}),
                         [](const auto& shell) { return shell.param.name; });

}  // namespace
}  // namespace dsl
