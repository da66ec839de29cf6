#include "runner/run/node_network.h"

#include <utility>

#include "dsl/egress.h"

namespace runner {

NodeNetwork::NodeNetwork(Engine& engine, Egress* egress, Order order)
    : engine_(engine), egress_(egress), order_(std::move(order)) {}

bool NodeNetwork::is_needed() const {
  return order_.shared || leads_out();
}

bool NodeNetwork::leads_out() const {
  const bool is_led = egress_ != nullptr && engine_.traits().egress;
  return order_.model || !order_.firewall.allow.empty() ||
         (is_led && egress_->wants_door(order_.firewall));
}

dsl::Firewall NodeNetwork::firewall() const {
  dsl::Firewall firewall = order_.firewall;
  if (order_.model) {
    firewall.allow.push_back(order_.model->provider.host + ":" + std::to_string(dsl::kHttpPort));
  }
  return firewall;
}

void NodeNetwork::open(std::function<void(dsl::Status)> opened) {
  const auto done = [this, opened = std::move(opened)](dsl::Status status) {
    open_ = status.has_value();
    opened(std::move(status));
  };
  if (!leads_out()) {
    engine_.open_network(order_.name, done);
    return;
  }
  if (egress_ == nullptr || !engine_.traits().egress) {
    done(dsl::Error{"BUG: a node with a firewall, and nothing that could keep it", ""});
    return;
  }
  auto door = egress_->open(order_.name, order_.node, firewall(), order_.denied);
  if (!door) {
    done(door.error());
    return;
  }
  door_ = *std::move(door);
  egress_->lend(order_.name, order_.lent);
  if (order_.model) {
    if (dsl::Status metered = egress_->meter(order_.name, *order_.model); !metered) {
      done(metered.error());
      return;
    }
  }
  engine_.open_network_to(
      order_.name, *door_, order_.shared ? NetworkUse::Group : NetworkUse::OneJob, done);
}

void NodeNetwork::close() {
  if (std::exchange(open_, false)) {
    engine_.close_network(order_.name);
  }
  if (door_) {
    egress_->close(order_.name);
    door_.reset();
  }
}

void NodeNetwork::join(Job& job) const {
  if (open_) {
    job.network = order_.name;
  }
  if (door_) {
    job.egress_proof = door_->proof;
  }
}

}  // namespace runner
