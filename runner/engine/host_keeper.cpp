#include "runner/engine/host_keeper.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <span>
#include <sys/socket.h>
#include <utility>

#include "runner/sys/descriptors.h"

namespace runner {

HostKeeper::HostKeeper(EventLoop& loop, Events events) : loop_(loop), events_(std::move(events)) {}

HostKeeper::~HostKeeper() {
  if (watch_ != 0) {
    loop_.unwatch(watch_);
  }
  // The keeper sees its stream end, kills what it has, and goes; its own death would leave orphans.
  socket_.reset();
  if (process_) {
    process_->wait();
  }
}

dsl::Result<std::unique_ptr<HostKeeper>> HostKeeper::start(EventLoop& loop,
                                                           const std::string& init,
                                                           Events events) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return dsl::Error{std::string("make a socket: ") + strerrordesc_np(errno),
                      "raise the limit of open files (ulimit -n)"};
  }
  std::unique_ptr<HostKeeper> keeper(new HostKeeper(loop, std::move(events)));
  keeper->socket_ = Fd(ends[0]);
  const Fd theirs(ends[1]);
  SpawnRequest request;
  request.argv = {init, "keep", "--control", "3"};
  request.descriptors = {{theirs.get(), 3}};
  // The end of its stream tells us of its end as well, after the last report.
  auto process = Process::spawn(loop, request, [](int) {});
  if (!process) {
    return process.error();
  }
  keeper->process_ = std::move(*process);
  keeper->watch_ = loop.watch_readable(ends[0], [self = keeper.get()] { self->on_readable(); });
  return keeper;
}

dsl::Status HostKeeper::start_job(std::uint32_t job, int spec, int output) {
  const init::KeeperRequest request{job, init::KeeperRequest::Start};
  const std::array<int, 2> descriptors = {spec, output};
  if (!send_descriptors(socket_.get(),
                        std::as_bytes(std::span(&request, 1)),
                        descriptors,
                        MSG_NOSIGNAL | MSG_DONTWAIT)) {
    return dsl::Error{std::string("hand the job to its keeper: ") + strerrordesc_np(errno), ""};
  }
  return dsl::Ok{};
}

void HostKeeper::term(std::uint32_t job) {
  send(job, init::KeeperRequest::Term);
}
void HostKeeper::kill(std::uint32_t job) {
  send(job, init::KeeperRequest::Kill);
}

void HostKeeper::send(std::uint32_t job, init::KeeperRequest::Kind kind) const {
  const init::KeeperRequest request{job, kind};
  ::send(socket_.get(), &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void HostKeeper::on_readable() {
  std::array<char, 8192> message{};
  const ssize_t got = recv(socket_.get(), message.data(), message.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (got <= 0) {
    loop_.unwatch(std::exchange(watch_, 0));
    events_.lost();
    return;
  }
  const std::string_view text(message.data(), static_cast<std::size_t>(got));
  const std::size_t blank = text.find(' ');
  std::uint32_t job = 0;
  if (blank != std::string_view::npos &&
      std::from_chars(text.data(), text.data() + blank, job).ec == std::errc()) {
    events_.ended(job, text.substr(blank + 1));
  }
}

}  // namespace runner
