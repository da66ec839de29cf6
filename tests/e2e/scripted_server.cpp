#include "tests/e2e/scripted_server.h"

#include <atomic>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>

#include "runner/rehearsal/provider.h"
#include "runner/rehearsal/script.h"
#include "runner/run/run_state.h"

namespace e2e {
namespace {

constexpr const char* kJob = "job";

runner::Script one_attempt(const std::string& text, const std::string& task) {
  runner::ReadScript read = runner::read_script("script.yaml", text, nullptr);
  const runner::ScriptTask* found = read.script ? read.script->find(dsl::NodeId(task)) : nullptr;
  if (found == nullptr) {
    throw std::runtime_error("no script of '" + task + "'");
  }
  runner::ScriptTask all{task, {{}}, ""};
  for (const auto& attempt : found->attempts) {
    all.attempts[0].insert(all.attempts[0].end(), attempt.begin(), attempt.end());
  }
  runner::Script script;
  script.tasks.push_back(std::move(all));
  return script;
}

runner::Fd listen_here() {
  runner::Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!listener ||
      bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener.get(), SOMAXCONN) != 0) {
    throw std::runtime_error("cannot listen on the loopback");
  }
  return listener;
}

}  // namespace

struct ScriptedServer::Impl {
  Impl(const std::string& script, const std::string& task)
      : provider(loop, one_attempt(script, task)), listener(listen_here()) {
    runner::AttemptStarted started;
    started.node = dsl::NodeId(task);
    started.job = runner::JobName(kJob);
    const dsl::Plan plan;
    provider.on_events(runner::RunState(plan), {runner::Event{1, 0, started}});
    loop.watch_readable(listener.get(), [this] {
      const int client = accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (client >= 0) {
        provider.serve(kJob, runner::Fd(client));
      }
    });
    thread = std::thread([this] {
      while (!over) {
        loop.run_for(dsl::Duration{20});
        answers = static_cast<int>(provider.bills().size());
      }
    });
  }
  ~Impl() {
    over = true;
    thread.join();
  }

  runner::EventLoop loop;
  runner::ScriptedProvider provider;
  runner::Fd listener;
  std::atomic<int> answers{0};
  std::atomic<bool> over{false};
  std::thread thread;
};

ScriptedServer::ScriptedServer(const std::string& script, const std::string& task)
    : impl_(std::make_unique<Impl>(script, task)) {}

ScriptedServer::~ScriptedServer() = default;

std::uint16_t ScriptedServer::port() const {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  getsockname(impl_->listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

int ScriptedServer::answers() const {
  return impl_->answers;
}

}  // namespace e2e
