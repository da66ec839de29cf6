#include "runner/app/node_engines.h"

#include <algorithm>
#include <map>
#include <memory>
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

/// One image after the other: pulls and builds are slow for other reasons than waiting.
class ImageWork : public std::enable_shared_from_this<ImageWork> {
 public:
  using Done = std::function<void(Result<std::vector<std::string>>)>;

  ImageWork(const Plan& plan, const std::vector<Engine*>& engines, Done done)
      : plan_(plan), engines_(engines), done_(std::move(done)) {
    for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
      if (engines[i] != nullptr) {
        want(engines[i], plan.nodes[i].image);
        for (const dsl::Service& service : plan.nodes[i].services) {
          want(engines[i], service.image);
        }
      }
    }
  }

  void next() {
    if (wanted_.empty()) {
      done_(by_node());
      return;
    }
    const auto [engine, image] = std::move(wanted_.back());
    wanted_.pop_back();
    engine->prepare_image(
        image,
        [self = shared_from_this(), key = key_of(engine, image)](Result<std::string> digest) {
          if (digest) {
            self->digests_[key] = *digest;
            self->next();
          } else {
            self->done_(digest.error());
          }
        });
  }

 private:
  void want(Engine* engine, const Image& image) {
    if (digests_.emplace(key_of(engine, image), "").second) {
      wanted_.emplace_back(engine, image);
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
  const Done done_;
  std::vector<std::pair<Engine*, Image>> wanted_;
  std::map<ImageKey, std::string> digests_;
};

}  // namespace

std::vector<Engine*> choose_engines(const Plan& plan,
                                    const EngineRegistry& registry,
                                    std::vector<Error>& problems) {
  std::vector<Engine*> engines(plan.nodes.size(), nullptr);
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    const PlanNode& node = plan.nodes[i];
    if (!starts_containers(node)) {
      continue;
    }
    const Result<Engine*> chosen = registry.choose(
        node.engine, {node.image, node.resources, node.user, node.runtime, !node.services.empty()});
    if (chosen) {
      engines[i] = *chosen;
      continue;
    }
    const bool told = std::any_of(problems.begin(), problems.end(), [&](const Error& problem) {
      return problem.message == chosen.error().message;
    });
    if (!told) {
      problems.push_back(chosen.error());
    }
  }
  return engines;
}

void prepare_all_images(const Plan& plan,
                        const std::vector<Engine*>& engines,
                        std::function<void(Result<std::vector<std::string>>)> done) {
  std::make_shared<ImageWork>(plan, engines, std::move(done))->next();
}

}  // namespace runner
