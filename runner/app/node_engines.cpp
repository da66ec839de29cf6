#include "runner/app/node_engines.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

#include "runner/run/verifier.h"

namespace runner {

using dsl::Error;
using dsl::Image;
using dsl::Plan;
using dsl::PlanNode;
using dsl::Result;

namespace {

bool starts_containers(const PlanNode& node) {
  return !node.command.argv.empty() ||
         std::any_of(node.criteria.begin(), node.criteria.end(), needs_container);
}

using ImageKey = std::tuple<Engine*, Image::Kind, std::string, std::string>;

ImageKey key_of(Engine* engine, const Image& image) {
  return {engine, image.kind, image.reference, image.context};
}

/// The same trouble of many nodes is told once, with the place of the first.
class Troubles {
 public:
  explicit Troubles(const PlaceOfNode& place_of) : place_of_(place_of) {}

  void add(std::size_t node, const Error& error) {
    if (told_.insert(error.message).second) {
      const std::string place = place_of_ ? place_of_(node) : "";
      all_.push_back(place.empty() ? error : error.within(place));
    }
  }
  std::vector<Error> take() { return std::move(all_); }

 private:
  const PlaceOfNode place_of_;
  std::set<std::string> told_;
  std::vector<Error> all_;
};

/// One image after the other: pulls and builds are slow for other reasons than waiting.
class ImageWork : public std::enable_shared_from_this<ImageWork> {
 public:
  ImageWork(const Plan& plan,
            const std::vector<Engine*>& engines,
            const PlaceOfNode& place_of,
            std::function<void(NodeImages)> done)
      : plan_(plan), engines_(engines), done_(std::move(done)), troubles_(place_of) {
    for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
      if (engines[i] != nullptr) {
        want(i, plan.nodes[i].image);
        for (const dsl::Service& service : plan.nodes[i].services) {
          want(i, service.image);
        }
      }
    }
  }

  void next() {
    if (wanted_.empty()) {
      done_({by_node(), troubles_.take()});
      return;
    }
    const auto [node, image] = std::move(wanted_.front());
    wanted_.pop_front();
    engines_[node]->prepare_image(
        image, [self = shared_from_this(), node = node, image](Result<std::string> digest) {
          if (digest) {
            self->digests_[key_of(self->engines_[node], image)] = *digest;
          } else {
            self->troubles_.add(node, digest.error());
          }
          self->next();
        });
  }

 private:
  void want(std::size_t node, const Image& image) {
    if (digests_.emplace(key_of(engines_[node], image), "").second) {
      wanted_.emplace_back(node, image);
    }
  }

  std::vector<std::string> by_node() const {
    std::vector<std::string> all(plan_.nodes.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (engines_[i] == nullptr) {
        continue;
      }
      all[i] = digests_.at(key_of(engines_[i], plan_.nodes[i].image));
      for (const dsl::Service& service : plan_.nodes[i].services) {
        all[i] += " " + digests_.at(key_of(engines_[i], service.image));
      }
    }
    return all;
  }

  const Plan& plan_;
  const std::vector<Engine*>& engines_;
  const std::function<void(NodeImages)> done_;
  Troubles troubles_;
  std::deque<std::pair<std::size_t, Image>> wanted_;  // with the first node that does
  std::map<ImageKey, std::string> digests_;
};

}  // namespace

std::vector<Engine*> choose_engines(const Plan& plan,
                                    const EngineRegistry& registry,
                                    const PlaceOfNode& place_of,
                                    std::vector<Error>& problems) {
  std::vector<Engine*> engines(plan.nodes.size(), nullptr);
  Troubles troubles(place_of);
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    const PlanNode& node = plan.nodes[i];
    if (!starts_containers(node)) {
      continue;
    }
    const Result<Engine*> chosen = registry.choose(
        node.engine, {node.image, node.resources, node.user, node.runtime, !node.services.empty()});
    if (chosen) {
      engines[i] = *chosen;
    } else {
      troubles.add(i, chosen.error());
    }
  }
  for (Error& trouble : troubles.take()) {
    problems.push_back(std::move(trouble));
  }
  return engines;
}

void prepare_all_images(const Plan& plan,
                        const std::vector<Engine*>& engines,
                        const PlaceOfNode& place_of,
                        std::function<void(NodeImages)> done) {
  std::make_shared<ImageWork>(plan, engines, place_of, std::move(done))->next();
}

}  // namespace runner
