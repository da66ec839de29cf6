#include "runner/engine/container_job.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

#include "runner/engine/attached_stream.h"
#include "runner/engine/container_socket.h"
#include "runner/engine/end_mark.h"
#include "runner/engine/init_report.h"
#include "runner/engine/job_deadline.h"
#include "runner/engine/job_log.h"
#include "runner/init/protocol.h"

namespace runner {
namespace {

using How = JobEnd::How;

constexpr std::size_t report_cap = 64 << 10;
/// A name that is still being removed comes free after a while, on a busy machine a long one.
constexpr dsl::Duration name_retry{100};
constexpr int name_tries = 1'200;

/// What pipe-init (or, before it, the OCI runtime) wrote on the container's STDERR.
struct Report {
  std::optional<JobEnd> end;
  std::optional<dsl::Bytes> peak;
  std::int64_t memory_kills = 0;
  std::string complaint;  // the last line that is no report
};

Report parse_report(const Job& job, const std::string& text) {
  Report report;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string verb;
    std::int64_t peak = 0;
    if (words >> verb && verb == "memory" && words >> peak >> report.memory_kills) {
      if (peak > 0)
        report.peak = dsl::Bytes{peak};
    } else if (auto end = read_init_report(job, line + "\n")) {
      report.end = std::move(end);
    } else if (!line.empty()) {
      report.complaint = line;
    }
  }
  return report;
}

}  // namespace

JobEnd read_container_report(const Job& job, std::string text) {
  auto denials = take_denials(job, text);
  Report report = parse_report(job, text);
  if (!report.end) {
    JobEnd end;
    end.how = How::Lost;
    end.detail =
        report.complaint.empty()
            ? "the container ended and nobody said why: it was killed from outside, or its "
              "engine was restarted"
            : report.complaint;
    end.denials = std::move(denials);
    return end;
  }
  JobEnd end = *std::move(report.end);
  end.denials = std::move(denials);
  end.peak_memory = report.peak;
  // A shell above the process that was killed makes an exit status of it.
  const bool ran = end.how == How::Exited || end.how == How::Signalled;
  if (ran && !end.succeeded() && job.resources.memory && report.memory_kills > 0)
    end.how = How::OutOfMemory;
  return end;
}

struct ContainerJob::Impl {
  enum class State { Making, Ready, Running, Over };

  Impl(EventLoop& the_loop, ContainerApi& the_api, std::string the_name, std::string the_body)
      : loop(the_loop),
        api(the_api),
        name(std::move(the_name)),
        body(std::move(the_body)),
        deadline(loop,
                 {.term =
                      [this] {
                        stream->write({&init::kTerm, 1});
                      },
                  .kill =
                      [this] {
                        stream->write({&init::kKill, 1});
                      },
                  .force = [this] { remove(api, id); }}) {}

  EventLoop& loop;
  ContainerApi& api;
  const std::string name;
  const std::string body;
  std::function<void(dsl::Status)> ready;

  State state = State::Making;
  std::string id;
  std::unique_ptr<AttachedStream> stream;
  std::string report;
  dsl::Error failure;  // why it is Over without having run

  // From run() on.
  std::optional<Job> job;
  std::string request;
  std::function<void(JobEnd)> ended;
  std::unique_ptr<JobLog> log;
  std::optional<EndMark> end_mark;  // until it was found
  std::int64_t begun_ms = 0;
  JobDeadline deadline;
  bool stop_asked = false;  // before it ran
  int tries = 0;

  // Callbacks of the api may come after we are gone.
  std::shared_ptr<Impl*> self = std::make_shared<Impl*>(this);

  std::function<void(dsl::Result<ApiReply>)> guarded(
      std::function<void(Impl&, dsl::Result<ApiReply>)> then) {
    return
        [weak = std::weak_ptr<Impl*>(self), then = std::move(then)](dsl::Result<ApiReply> reply) {
          if (const auto alive = weak.lock())
            then(**alive, std::move(reply));
        };
  }

  // ---- Making the container ----

  void create() {
    ApiCall call;
    call.method = "POST";
    call.path = "/containers/create?name=" + encode_query(name);
    call.body = body;
    api.call_in_turn(
        call,
        [this, weak = std::weak_ptr<Impl*>(self), &the_api = api](dsl::Result<ApiReply> reply) {
          if (weak.lock())
            on_created(std::move(reply));
          else if (reply && reply->ok())
            remove(the_api, id_of(*reply));  // we left while it was made
        });
  }

  static std::string id_of(const ApiReply& reply) {
    const auto json = nlohmann::json::parse(reply.body, nullptr, false);
    return json.is_object() && json.contains("Id") && json["Id"].is_string()
               ? json["Id"].get<std::string>()
               : "";
  }

  static void remove(ContainerApi& the_api, const std::string& container) {
    ContainerJob::remove(the_api, container, [] {});
  }

  void on_created(dsl::Result<ApiReply> reply) {
    if (reply && is_name_taken(*reply) && tries < name_tries) {
      // No job of that name runs, so this one ended and is being removed, or was left behind.
      if (tries++ == 0)
        remove(api, encode_query(name));
      loop.start_timer(name_retry, [weak = std::weak_ptr<Impl*>(self)] {
        if (const auto alive = weak.lock())
          (*alive)->create();
      });
      return;
    }
    if (reply && reply->ok())
      id = id_of(*reply);
    if (id.empty()) {
      give_up(reply ? dsl::Error{"create the container: " + reply->message(), ""}
                    : reply.error().within("create the container"));
      return;
    }
    attach();
  }

  static bool is_name_taken(const ApiReply& reply) {
    return reply.status == 409 ||
           (reply.status >= 400 && reply.body.find("already in use") != std::string::npos);
  }

  void attach() {
    AttachedStream::Events events;
    events.opened = [this] { start(); };
    events.data = [this](AttachedStream::Channel channel, std::string_view bytes) {
      if (channel == AttachedStream::Channel::Errors)
        report.append(bytes.substr(0, report_cap - std::min(report_cap, report.size())));
      else if (log)
        on_output(bytes);
      end_with_mark();
    };
    events.closed = [this](const dsl::Status& status) { on_closed(status); };
    stream = std::make_unique<AttachedStream>(loop, api.socket(), id, std::move(events));
  }

  /// A job whose output cannot be kept is not worth its time.
  void on_output(std::string_view bytes) {
    if (end_mark)
      end_mark->add(bytes, [this](std::string_view output) { log->append(output); });
    else
      log->append(bytes);
    if (log->failure() && state == State::Running)
      deadline.abandon();
  }

  /// All has been said: what is left of the container is the engine's to remove.
  void end_with_mark() {
    if (state != State::Running || !end_mark || !end_mark->found() ||
        !parse_report(*job, report).end)
      return;
    end_mark.reset();
    // Outside the stream's own callback, which we are in.
    loop.post([weak = std::weak_ptr<Impl*>(self)] {
      const auto alive = weak.lock();
      if (alive && (*alive)->state == State::Running)
        (*alive)->on_closed(dsl::Ok{});
    });
  }

  void start() {
    ApiCall call;
    call.method = "POST";
    call.path = "/containers/" + id + "/start";
    api.call(call, guarded([](Impl& us, dsl::Result<ApiReply> reply) {
               if (us.state != State::Making)
                 return;
               if (!reply)
                 us.give_up(reply.error().within("start the container"));
               else if (!reply->ok())
                 us.give_up(dsl::Error{"start the container: " + reply->message(), ""});
               else
                 us.on_ready();
             }));
  }

  void on_ready() {
    if (!stream) {  // it ended at once
      give_up(
          dsl::Error{"the container ended at once: " + parse_report(Job{}, report).complaint, ""});
      return;
    }
    state = State::Ready;
    tell_ready(dsl::Ok{});
  }

  /// What is told may destroy us; if not, a job that waits comes next.
  void tell_ready(const dsl::Status& status) {
    const auto weak = std::weak_ptr<Impl*>(self);
    const auto then = std::move(ready);
    then(status);
    if (!weak.lock() || !job)
      return;
    if (status)
      send_request();
    else
      tell_lost(status.error());
  }

  /// No container, or one that never started: it is not removed by itself.
  void give_up(dsl::Error error) {
    state = State::Over;
    stream.reset();
    if (!id.empty())
      remove(api, id);
    failure = error;
    tell_ready(error);
  }

  // ---- Running the job ----

  void send_request() {
    if (stop_asked) {
      stream.reset();
      JobEnd end;
      end.how = How::Stopped;
      tell(std::move(end));
      return;
    }
    state = State::Running;
    stream->write(request);
    request.clear();
    deadline.start(job->timeout, job->grace);
  }

  void on_closed(const dsl::Status& status) {
    stream.reset();
    if (state == State::Making) {
      // It hung up between attach and start; why is told by the reply to start.
      if (!status)
        give_up(status.error());
      return;
    }
    const bool was_running = state == State::Running;
    state = State::Over;
    failure = {"the container ended before it was used", ""};
    if (!was_running)
      return;
    if (end_mark)
      end_mark->finish([this](std::string_view output) { log->append(output); });
    JobEnd end = read_container_report(*job, report);
    if (deadline.reason() && end.how != How::NotStarted) {
      end.how = *deadline.reason();
      end.detail.clear();
    } else if (end.how == How::Lost && !check_socket(api.socket()).listening) {
      end.detail = "the container engine went away; start it again, then `pipe resume`";
    }
    tell(std::move(end));
  }

  void tell_lost(const dsl::Error& error) {
    JobEnd end = lost_job(error);
    if (stop_asked) {
      end.how = How::Stopped;
      end.detail.clear();
    }
    tell(std::move(end));
  }

  /// The last thing that happens here: the callback may destroy us.
  void tell(JobEnd end) {
    state = State::Over;
    end.took = dsl::Duration{loop.monotonic_ms() - begun_ms};
    log->finish();
    end.log_truncated = log->truncated();
    if (log->failure()) {
      const JobEnd lost = lost_job(*log->failure());
      end.how = lost.how;
      end.detail = lost.detail;
    }
    const auto then = std::move(ended);
    then(std::move(end));
  }
};

ContainerJob::ContainerJob(EventLoop& loop,
                           ContainerApi& api,
                           std::string name,
                           std::string body,
                           std::function<void(dsl::Status)> ready)
    : impl_(std::make_unique<Impl>(loop, api, std::move(name), std::move(body))) {
  impl_->ready = std::move(ready);
  impl_->create();
}

ContainerJob::~ContainerJob() {
  // Created but not started: nothing else would remove it.
  if (impl_->state == Impl::State::Making && !impl_->id.empty())
    Impl::remove(impl_->api, impl_->id);
}

void ContainerJob::remove(ContainerApi& api,
                          const std::string& container,
                          std::function<void()> done) {
  ApiCall call;
  call.method = "DELETE";
  call.path = "/containers/" + container + "?force=1&v=1";
  api.call(call, [done = std::move(done)](const dsl::Result<ApiReply>&) { done(); });
}

const std::string& ContainerJob::id() const {
  return impl_->id;
}

bool ContainerJob::is_over() const {
  return impl_->state == Impl::State::Over;
}

void ContainerJob::run(const Job& job,
                       std::string request,
                       std::string end_mark,
                       std::function<void(JobEnd)> ended) {
  Impl& us = *impl_;
  us.job = job;
  us.request = std::move(request);
  us.ended = std::move(ended);
  us.begun_ms = us.loop.monotonic_ms();
  us.log = std::make_unique<JobLog>(us.loop, job);
  if (!end_mark.empty())
    us.end_mark.emplace(std::move(end_mark));
  if (us.state == Impl::State::Ready) {
    us.send_request();
  } else if (us.state == Impl::State::Over) {
    us.loop.post([weak = std::weak_ptr<Impl*>(us.self)] {
      if (const auto alive = weak.lock())
        (*alive)->tell_lost((*alive)->failure);
    });
  }
}

void ContainerJob::stop(dsl::Duration grace) {
  if (impl_->state == Impl::State::Running)
    impl_->deadline.stop(grace);
  else
    impl_->stop_asked = true;
}

}  // namespace runner
