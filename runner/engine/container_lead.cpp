#include "runner/engine/container_lead.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "runner/engine/network_namespace.h"

namespace runner {
namespace {

/// A container counts as started a moment before its first process becomes pipe-init.
constexpr dsl::Duration kPause{2};
constexpr dsl::Duration kPatience{20'000};

/// The number of the container's first process; 0 where it runs no more.
pid_t first_process(const std::string& inspected) {
  const auto json = nlohmann::json::parse(inspected, nullptr, false);
  if (!json.is_object() || !json.contains("State") || !json["State"].is_object())
    return 0;
  return json["State"].value("Running", false) ? json["State"].value("Pid", 0) : 0;
}

}  // namespace

ContainerLead::ContainerLead(EventLoop& loop,
                             ContainerApi& api,
                             Order order,
                             std::function<void(dsl::Status)> done)
    : loop_(loop),
      order_(std::move(order)),
      done_(std::move(done)),
      self_(std::make_shared<ContainerLead*>(this)) {
  ApiCall inspect;
  inspect.path = "/containers/" + order_.container + "/json";
  api.call(inspect, [weak = std::weak_ptr(self_)](const dsl::Result<ApiReply>& reply) {
    if (const auto alive = weak.lock())
      (*alive)->on_inspected(reply);
  });
}

ContainerLead::~ContainerLead() {
  if (pause_ != 0)
    loop_.cancel_timer(pause_);
}

void ContainerLead::on_inspected(const dsl::Result<ApiReply>& reply) {
  if (!reply || !reply->ok()) {
    finish(reply ? dsl::Error{"inspect the container: " + reply->message(), ""}
                 : reply.error().within("inspect the container"));
    return;
  }
  const pid_t process = first_process(reply->body);
  if (process <= 0) {
    finish(dsl::Error{"the container ended before its network led anywhere", ""});
    return;
  }
  entered_ms_ = loop_.monotonic_ms();
  enter(process);
}

void ContainerLead::enter(pid_t process) {
  const auto network = open_network_of(process, order_.init);
  if (!network) {
    finish(network.error());
  } else if (*network) {
    lead(**network);
  } else if (loop_.monotonic_ms() - entered_ms_ < kPatience.ms) {
    pause_ = loop_.start_timer(kPause, [this, process] {
      pause_ = 0;
      enter(process);
    });
  } else {
    finish(dsl::Error{"enter the container's network: its first process is not pipe-init",
                      "run pipe on the machine of the container engine"});
  }
}

void ContainerLead::lead(const NetworkNamespace& network) {
  auto leader = NetworkLeader::start(
      loop_, order_.init, network, order_.to_door, order_.door, [this](dsl::Status status) {
        finish(std::move(status));
      });
  if (!leader) {
    finish(leader.error());
    return;
  }
  leader_ = std::move(*leader);
  order_.to_door.reset();
}

void ContainerLead::finish(dsl::Status status) {
  const auto done = std::move(done_);  // it may destroy us
  done(std::move(status));
}

}  // namespace runner
