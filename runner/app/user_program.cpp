#include "runner/app/user_program.h"

#include <csignal>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "runner/app/own_environment.h"
#include "runner/report/escape.h"
#include "runner/sys/process.h"

namespace runner {
namespace {

constexpr std::size_t kMostOutput = 1 << 20;

/// The end of what it wrote.
std::string said(const Finished& finished) {
  if (finished.timed_out) {
    return "took too long";
  }
  std::string text = report::lines(finished.err.empty() ? finished.out : finished.err);
  constexpr std::size_t kMost = 400;
  if (text.size() > kMost) {
    text.erase(0, text.find('\n', text.size() - kMost) + 1);
  }
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at)) {
    text.replace(at, 1, "; ");
  }
  return text.empty() ? "failed without a word" : "said: " + text;
}

std::vector<std::pair<std::string, std::string>> environment() {
  auto all = own_environment();
  // Of a hook that we may be called from; the folder says which repository is meant.
  std::erase_if(all, [](const auto& variable) {
    return variable.first == "GIT_DIR" || variable.first == "GIT_WORK_TREE" ||
           variable.first == "GIT_INDEX_FILE" || variable.first == "GIT_TERMINAL_PROMPT" ||
           variable.first == "GH_PROMPT_DISABLED";
  });
  all.emplace_back("GIT_TERMINAL_PROMPT", "0");
  all.emplace_back("GH_PROMPT_DISABLED", "1");
  return all;
}

}  // namespace

struct UserProgram::Signals {
  bool stopped = false;
  std::function<void()> kill;  // what is running; may be empty
};

UserProgram::UserProgram(EventLoop& loop, std::string folder)
    : loop_(loop), folder_(std::move(folder)), signals_(std::make_shared<Signals>()) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    loop_.on_signal(number, [signals = signals_](int) {
      signals->stopped = true;
      if (signals->kill) {
        signals->kill();
      }
    });
  }
}

bool UserProgram::stopped() const {
  return signals_->stopped;
}

dsl::Result<std::string> UserProgram::run(std::vector<std::string> argv, dsl::Duration limit) {
  SpawnRequest request;
  const std::string name = argv.front() + (argv.size() > 1 ? " " + argv[1] : "");
  if (signals_->stopped) {
    return dsl::Error{fmt::format("stopped before `{}`", name), ""};
  }
  request.argv = std::move(argv);
  request.env = environment();
  request.working_directory = folder_;
  std::optional<dsl::Result<Finished>> finished;
  signals_->kill =
      run_to_end(loop_, std::move(request), limit, kMostOutput, [&](dsl::Result<Finished> how) {
        finished = std::move(how);
      });
  while (!finished) {
    loop_.run_for(dsl::Duration{1'000});
  }
  signals_->kill = nullptr;
  if (signals_->stopped) {
    return dsl::Error{fmt::format("`{}` was stopped", name), ""};
  }
  if (!*finished) {
    return finished->error();
  }
  if (!(*finished)->ok()) {
    return dsl::Error{fmt::format("`{}` {}", name, said(**finished)), ""};
  }
  return (*finished)->out;
}

}  // namespace runner
