// `pipe-init sudo`: what programs that install things expect in the PATH. It gives nobody anything:
// a job has it only where it is root already, so that no setuid bit is needed and nothing is asked.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/init/execute.h"
#include "runner/init/modes.h"
#include "runner/init/person.h"
#include "runner/init/protocol.h"
#include "runner/init/text.h"

namespace runner::init {
namespace {

struct Options {
  const char* user = nullptr;
  bool shell = false;  // -i, -s: without a command a shell
  bool done = false;   // -v, -k, …: nothing to run
  char** rest = nullptr;
};

[[noreturn]] void refuse(const char* what, const char* which) {
  Line().add("sudo: ").add(what).add(" '").add(which).add("'\n").write_to(STDERR_FILENO);
  _exit(1);
}

/// What an option takes: `-uNAME`, or the next argument.
const char* value_of(char*** at, const char* attached) {
  if (*attached != '\0') {
    return attached;
  }
  if ((*at)[1] == nullptr) {
    refuse("a value is missing for", (*at)[0]);
  }
  ++*at;
  return (*at)[0];
}

bool begins(const char* text, const char* with) {
  return strncmp(text, with, strlen(with)) == 0;
}

/// Options that change nothing where nothing is asked and the environment is kept.
bool means_nothing(const char* option) {
  constexpr const char* kKnown[] = {
      "--non-interactive", "--stdin", "--set-home", "--askpass", "--background"};
  for (const char* const known : kKnown) {
    if (same(option, known)) {
      return true;
    }
  }
  return begins(option, "--preserve-env") || begins(option, "--prompt=");
}

void read_long(char*** at, Options* options) {
  const char* const option = **at;
  if (begins(option, "--user=")) {
    options->user = option + sizeof("--user=") - 1;
  } else if (same(option, "--user")) {
    options->user = value_of(at, "");
  } else if (same(option, "--login") || same(option, "--shell")) {
    options->shell = true;
  } else if (same(option, "--validate") || same(option, "--reset-timestamp") ||
             same(option, "--list") || same(option, "--version")) {
    options->done = true;
  } else if (!means_nothing(option)) {
    refuse("there is no option", option);
  }
}

void read_short(char*** at, Options* options) {
  const char* const all = **at;
  for (const char* letter = all + 1; *letter != '\0'; ++letter) {
    switch (*letter) {
      case 'u':
        options->user = value_of(at, letter + 1);
        return;
      case 'p':
      case 'g':
        static_cast<void>(value_of(at, letter + 1));
        return;
      case 'i':
      case 's':
        options->shell = true;
        break;
      case 'v':
      case 'k':
      case 'K':
      case 'l':
      case 'V':
        options->done = true;
        break;
      case 'n':
      case 'S':
      case 'E':
      case 'H':
      case 'A':
      case 'b':
        break;
      default:
        refuse("there is no option", all);
    }
  }
}

/// Options and NAME=value in any order, up to the command or `--`.
Options read_options(char** argv) {
  Options options;
  for (; *argv != nullptr; ++argv) {
    const bool is_option = **argv == '-';
    if (same(*argv, "--")) {
      ++argv;
      break;
    }
    if (begins(*argv, "--")) {
      read_long(&argv, &options);
    } else if (is_option) {
      read_short(&argv, &options);
    } else if (strchr(*argv, '=') != nullptr) {
      putenv(*argv);
    } else {
      break;
    }
  }
  options.rest = argv;
  return options;
}

}  // namespace

int sudo(char** argv) {
  Options options = read_options(argv + 1);  // argv[0] is the script that led here
  char shell_name[] = "/bin/sh";
  char* shell[] = {shell_name, nullptr};
  if (options.rest[0] == nullptr && options.shell) {
    options.rest = shell;
  }
  if (options.rest[0] == nullptr) {
    return options.done ? 0 : 1;
  }
  setenv("SUDO_USER", "root", 1);
  setenv("SUDO_UID", "0", 1);
  setenv("SUDO_GID", "0", 1);
  if (options.user != nullptr && !same(options.user, "root")) {
    const char* const name = options.user[0] == '#' ? options.user + 1 : options.user;
    Person person;
    if (!find_person(name, &person)) {
      refuse("nobody has the name", name);
    }
    if (!become_person(person)) {
      refuse(strerror(errno), name);
    }
  }
  execute(options.rest, environ, nullptr);
  const int error = errno;
  Line()
      .add("sudo: ")
      .add(options.rest[0])
      .add(": ")
      .add(error == ENOENT ? "command not found" : strerror(error))
      .add("\n")
      .write_to(STDERR_FILENO);
  return error == ENOENT ? kExitMissing : kExitNotExecutable;
}

}  // namespace runner::init
