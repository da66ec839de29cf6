#include "tests/e2e/scripted_server.h"

#include <array>
#include <atomic>
#include <map>
#include <mutex>
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
      runner::Fd client(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (client) {
        hear(std::move(client));
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
    for (const auto& [_, one] : silent) {
      loop.unwatch(one.watch);
    }
  }

  /// Looks at how it begins, then leaves it to the provider.
  void hear(runner::Fd client) {
    const int number = client.get();
    silent[number] = {std::move(client), 0};
    silent[number].watch = loop.watch_readable(number, [this, number] {
      std::array<char, 8192> begin{};
      const ssize_t got = recv(number, begin.data(), begin.size(), MSG_PEEK);
      if (got > 0) {
        const std::lock_guard lock(mutex);
        heads.append(begin.data(), static_cast<std::size_t>(got));
      }
      loop.unwatch(silent[number].watch);
      provider.serve(kJob, std::move(silent.extract(number).mapped().socket));
    });
  }

  struct Silent {
    runner::Fd socket;
    runner::EventLoop::Watch watch = 0;
  };

  runner::EventLoop loop;
  runner::ScriptedProvider provider;
  runner::Fd listener;
  std::map<int, Silent> silent;
  mutable std::mutex mutex;
  std::string heads;
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

std::string ScriptedServer::heads() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->heads;
}

int ScriptedServer::answers() const {
  return impl_->answers;
}

}  // namespace e2e
