#include "runner/engine/container_service.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "runner/engine/container_api.h"
#include "runner/engine/container_socket.h"
#include "runner/sys/fd.h"
#include "runner/sys/files.h"
#include "runner/sys/process.h"

namespace runner {
namespace {

constexpr dsl::Duration kPollPause{10};
constexpr dsl::Duration kStartTimeout{120'000};  // where its process lives; its end is seen at once
constexpr int kIdleSeconds = 5;                  // without a connection; then the service ends
constexpr const char* kSocketPrefix = "podman-";

/// "podman-<pid>.sock" of a runner that is no more.
void remove_stale(const std::string& folder) {
  const auto handle = files::open_folder(folder);
  std::vector<std::string> names;
  if (!handle || !files::list_names(handle->get(), names))
    return;
  for (const std::string& name : names) {
    if (name.rfind(kSocketPrefix, 0) != 0)
      continue;
    const pid_t pid = std::atoi(name.c_str() + 7);
    if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH)
      unlinkat(handle->get(), name.c_str(), 0);
  }
}

}  // namespace

struct ContainerService::Impl {
  Impl(EventLoop& the_loop, const ContainerProgram& the_program)
      : loop(the_loop), program(the_program) {}

  EventLoop& loop;
  const ContainerProgram& program;
  std::string socket;
  std::string own_folder;  // in /tmp, removed with us; "" none
  std::string home;        // where it runs
  dsl::Status usable = dsl::Ok{};

  std::unique_ptr<Process> process;
  bool listening = false;
  std::int64_t deadline_ms = 0;
  std::vector<std::function<void(dsl::Status)>> waiting;
  EventLoop::Timer poll = 0;
  std::unique_ptr<ContainerApi> api;  // its stream of events keeps an idle service alive

  void choose_socket(std::string folder) {
    home = folder;
    usable = files::make_directories(home, 0700);
    const std::string name = fmt::format("{}{}.sock", kSocketPrefix, getpid());
    if (folder.size() + name.size() + 1 >= sizeof(sockaddr_un::sun_path)) {
      auto made = files::make_temporary_folder("/tmp", "pipe-podman-");
      if (!made) {
        usable = made.error();
        return;
      }
      folder = own_folder = *made;
    } else {
      usable = files::make_directories(folder, 0700);
      remove_stale(folder);
    }
    socket = folder + "/" + name;
  }

  void start() {
    unlink(socket.c_str());
    SpawnRequest request;
    request.argv = {program.command};
    request.argv.insert(
        request.argv.end(), program.service_options.begin(), program.service_options.end());
    for (const char* word : {"system", "service", "--time"})
      request.argv.emplace_back(word);
    request.argv.push_back(std::to_string(kIdleSeconds));
    request.argv.push_back("unix://" + socket);
    request.env = program.variables;
    // Podman's monitors write into the folder that they begin in.
    request.working_directory = home;
    auto started = Process::spawn(loop, request, [this](int) {
      listening = false;
      loop.post([this, ended = std::shared_ptr<Process>(std::move(process))] {});
      tell(dsl::Error{"podman's service has ended",
                      "run it by hand to see why: podman system service -t 0"});
    });
    if (!started) {
      loop.post([this, error = started.error()] { tell(error); });
      return;
    }
    process = std::move(*started);
    deadline_ms = loop.monotonic_ms() + kStartTimeout.ms;
    wait();
  }

  void wait() {
    poll = loop.start_timer(kPollPause, [this] {
      poll = 0;
      if (check_socket(socket).listening) {
        listening = true;
        hold();
        tell(dsl::Ok{});
      } else if (loop.monotonic_ms() > deadline_ms) {
        process.reset();
        tell(dsl::Error{
            fmt::format("podman's service does not answer after {}", dsl::to_text(kStartTimeout)),
            "run it by hand to see why: podman system service -t 0"});
      } else if (process) {
        wait();
      }
    });
  }

  /// A stream of events that never come.
  void hold() {
    api = std::make_unique<ContainerApi>(loop, socket);
    ApiCall events;
    events.path = "/events?filters=" + encode_query(R"({"label":["pipe.nothing"]})");
    events.timeout = dsl::Duration{std::int64_t{365} * 24 * 3'600'000};
    api->call(events, [](const dsl::Result<ApiReply>&) {});
  }

  void tell(const dsl::Status& status) {
    for (const auto& then : std::exchange(waiting, {}))
      then(status);
  }
};

ContainerService::ContainerService(EventLoop& loop,
                                   const ContainerProgram& program,
                                   std::string folder)
    : impl_(std::make_unique<Impl>(loop, program)) {
  impl_->choose_socket(std::move(folder));
}

ContainerService::~ContainerService() {
  if (impl_->poll != 0)
    impl_->loop.cancel_timer(impl_->poll);
  impl_->api.reset();
  impl_->process.reset();
  if (!impl_->socket.empty())
    unlink(impl_->socket.c_str());
  if (!impl_->own_folder.empty())
    rmdir(impl_->own_folder.c_str());
}

const std::string& ContainerService::socket() const {
  return impl_->socket;
}

void ContainerService::when_listening(std::function<void(dsl::Status)> then) {
  Impl& us = *impl_;
  if (!us.usable || us.listening) {
    us.loop.post([then = std::move(then), status = us.usable] { then(status); });
    return;
  }
  us.waiting.push_back(std::move(then));
  if (!us.process)
    us.start();
}

}  // namespace runner
