#include "runner/engine/docker_broker.h"

#include <map>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runner/engine/broker_session.h"
#include "runner/sys/unix_socket.h"

namespace runner {
namespace {

constexpr dsl::Duration kPause{100};
constexpr int kMostRounds = 300;

}  // namespace

struct DockerBroker::Impl : std::enable_shared_from_this<DockerBroker::Impl> {
  Impl(EventLoop& the_loop, ContainerApi& the_api, BrokerOwner the_owner)
      : loop(the_loop), api(the_api), owner(std::move(the_owner)) {}

  void stop_listening() {
    if (watch != 0) {
      loop.unwatch(std::exchange(watch, 0));
      listener.reset();
      unlink_unix(path);
    }
    sessions.clear();
  }

  void accept() {
    Fd client(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client || sessions.size() >= kMostSessions) {
      return;  // one too many is closed
    }
    BrokerSession::Home home{
        loop,
        api.socket(),
        [this](const BrokerRequest& request, auto answer) { ask(request, std::move(answer)); },
        [this](BrokerSession* session) { sessions.erase(session); }};
    auto session = std::make_unique<BrokerSession>(std::move(home), std::move(client));
    BrokerSession* const key = session.get();
    sessions[key] = std::move(session);
  }

  using Answer = std::function<void(BrokerDecision)>;

  void ask(const BrokerRequest& request, const Answer& answer) {
    BrokerDecision decision = decide(request, owner);
    if (std::holds_alternative<BrokerAnswer>(decision)) {
      answer(std::move(decision));
      return;
    }
    auto call = std::get<BrokerCall>(std::move(decision));
    if (call.creates) {
      create(std::move(call), answer);
    } else if (!call.exec.empty()) {
      with_exec(std::move(call), answer);
    } else if (!call.container.empty()) {
      const std::string wanted = call.container;
      with_container(std::move(call), wanted, answer);
    } else {
      answer(std::move(call));
    }
  }

  /// `then` gets what the daemon says; where it says nothing, or we end
  /// meanwhile, `answer` does.
  void read(const std::string& what,
            const Answer& answer,
            std::function<void(const std::string& body)> then) {
    ApiCall call;
    call.path = what;
    api.call(call,
             [weak = weak_from_this(), answer, then = std::move(then)](
                 const dsl::Result<ApiReply>& reply) {
               if (!weak.lock()) {
                 return;
               }
               if (!reply) {
                 answer(broker_refusal(502, reply.error().message));
               } else if (!reply->ok()) {
                 answer(broker_refusal(404, "there is no such container of this task"));
               } else {
                 then(reply->body);
               }
             });
  }

  void with_container(BrokerCall call, const std::string& wanted, const Answer& answer) {
    read(broker_list_path(owner), answer, [this, call, wanted, answer](const std::string& list) {
      const std::string id = find_own_container(list, owner, wanted);
      if (id.empty()) {
        answer(broker_refusal(404, "No such container: this task has none that is called so"));
        return;
      }
      BrokerCall complete = call;
      complete.before += (call.exec.empty() ? id : call.exec) + call.after;
      answer(std::move(complete));
    });
  }

  void with_exec(BrokerCall call, const Answer& answer) {
    read("/exec/" + call.exec + "/json", answer, [this, call, answer](const std::string& body) {
      const auto json = nlohmann::json::parse(body, nullptr, false);
      const std::string container = json.is_object() ? json.value("ContainerID", "") : "";
      with_container(call, container.empty() ? "none" : container, answer);
    });
  }

  /// Through us and not through the session: what is made after the node has
  /// gone is known all the same, and removed.
  void create(BrokerCall call, const Answer& answer) {
    if (owner.network.empty()) {
      answer(broker_refusal(503, "the task has not begun"));
      return;
    }
    read(broker_list_path(owner), answer, [this, call, answer](const std::string& list) {
      if (listed_containers(list).size() + creating >= kMostContainers) {
        answer(
            broker_refusal(403, fmt::format("a task has at most {} containers", kMostContainers)));
        return;
      }
      ++creating;
      ApiCall made;
      made.method = call.method;
      made.path = call.before;
      made.body = call.body;
      api.call_in_turn(made,
                       [self = shared_from_this(), answer](const dsl::Result<ApiReply>& reply) {
                         --self->creating;
                         answer(reply ? BrokerAnswer{reply->status, reply->body}
                                      : broker_refusal(502, reply.error().message));
                       });
    });
  }

  // ---- The end ----

  void remove_all() {
    ApiCall list;
    list.path = broker_list_path(owner);
    api.call(list, [self = shared_from_this()](const dsl::Result<ApiReply>& reply) {
      if (!reply || !reply->ok()) {
        self->tell_end(dsl::Error{
            "list the containers of a task: " + (reply ? reply->message() : reply.error().message),
            "pipe clean removes what is left"});
        return;
      }
      const std::vector<std::string> ids = listed_containers(reply->body);
      if (ids.empty() && self->creating == 0) {
        self->tell_end(dsl::Ok{});
        return;
      }
      if (++self->rounds > kMostRounds) {
        self->tell_end(
            dsl::Error{fmt::format("{} containers of a task cannot be removed", ids.size()),
                       "pipe clean tries again"});
        return;
      }
      for (const std::string& id : ids) {
        ApiCall call;
        call.method = "DELETE";
        call.path = "/containers/" + id + "?force=1&v=1";
        self->api.call(call, [](const dsl::Result<ApiReply>&) {});
      }
      self->loop.start_timer(kPause, [self] { self->remove_all(); });
    });
  }

  void tell_end(dsl::Status status) {
    const auto done = std::exchange(ended, nullptr);
    done(std::move(status));
  }

  EventLoop& loop;
  ContainerApi& api;
  BrokerOwner owner;
  std::string path;
  Fd listener;
  EventLoop::Watch watch = 0;
  std::map<BrokerSession*, std::unique_ptr<BrokerSession>> sessions;
  std::size_t creating = 0;  // that the daemon has not answered yet
  int rounds = 0;
  std::function<void(dsl::Status)> ended;
};

DockerBroker::DockerBroker(EventLoop& loop, ContainerApi& api, BrokerOwner owner)
    : impl_(std::make_shared<Impl>(loop, api, std::move(owner))) {}

DockerBroker::~DockerBroker() {
  impl_->stop_listening();
}

dsl::Status DockerBroker::listen(const std::string& path) {
  auto listener = listen_unix_stream(path);
  if (!listener) {
    return listener.error();
  }
  impl_->path = path;
  impl_->listener = *std::move(listener);
  impl_->watch =
      impl_->loop.watch_readable(impl_->listener.get(), [impl = impl_.get()] { impl->accept(); });
  return dsl::Ok{};
}

void DockerBroker::set_network(const std::string& container) {
  impl_->owner.network = container;
}

void DockerBroker::end(std::function<void(dsl::Status)> done) {
  impl_->stop_listening();
  impl_->ended = std::move(done);
  impl_->remove_all();
}

}  // namespace runner
