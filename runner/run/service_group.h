#pragma once

// The services beside one job: started in the network that they share with it, waited for until
// they accept connections, ended after it. Loop thread.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/run/engine.h"
#include "runner/run/job_files.h"
#include "runner/run/node_network.h"
#include "runner/run/trees.h"

namespace runner {

struct ServiceOrder {
  struct One {
    const dsl::Service* service = nullptr;  // outlives the group
    std::vector<std::string> argv;
    std::vector<std::pair<std::string, std::string>> env;
    dsl::Image image;
  };
  std::vector<One> services;
  Job like;                    // run, node, name, resources, user, docker of the job they stand by
  const NodeNetwork& network;  // open; outlives the group
  std::string log_part;        // "1.service-" and so on; the service's name is added
  TreeRef tree;                // each works on a copy of its own
  const Masking* masking = nullptr;  // as Job's
};

class ServiceGroup {
 public:
  ServiceGroup(Engine& engine, Trees& trees, JobFiles& files, ServiceOrder order);
  /// REQUIRES: never started, or `stop` has called back.
  ~ServiceGroup();
  ServiceGroup(const ServiceGroup&) = delete;
  ServiceGroup& operator=(const ServiceGroup&) = delete;

  /// An Error names the service that did not get ready, with the end of its log.
  void start(std::function<void(dsl::Status)> ready);

  /// Ends all of them; `done` when nothing of them is left. Also right after a failed `start`, and
  /// while `start` is under way (whose callback then never comes).
  void stop(std::function<void()> done);

  /// A service that ended although somebody still needed it.
  struct Death {
    std::string service;
    JobEnd end;
    std::string tail;  // the last lines of its log
  };
  [[nodiscard]] const std::vector<Death>& deaths() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace runner
