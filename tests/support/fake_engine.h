#pragma once

// An engine without containers: a job ends as the test's script says for its last word, and works
// on the tree through what the script writes into FakeTrees.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runner/run/engine.h"
#include "tests/support/fake_clock.h"

namespace runner::test {

class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(FakeClock& clock) : clock_(clock) {}

  struct Answer {
    JobEnd end;
    dsl::Duration takes{0};
  };
  /// Asked for each job; the default is success at once.
  std::function<Answer(const Job&)> script = [](const Job&) { return Answer{}; };

  std::vector<Job> started;  // in order
  std::size_t running = 0;
  std::size_t most_running = 0;

  EngineTraits own_traits;
  [[nodiscard]] const EngineTraits& traits() const override { return own_traits; }
  [[nodiscard]] std::vector<dsl::Error> unsupported(const JobNeeds&) const override { return {}; }
  void prepare_image(const dsl::Image&,
                     std::function<void(dsl::Result<std::string>)> done) override {
    clock_.after({0}, [done] { done(std::string("sha256:fake")); });
  }
  void start(Job job, std::function<void(JobEnd)> ended) override {
    started.push_back(job);
    most_running = std::max(most_running, ++running);
    const Answer answer = script(job);
    live_[job.name] = ended;
    clock_.after(answer.takes, [this, name = job.name, answer] { end(name, answer.end); });
  }
  void stop(const JobName& job, dsl::Duration) override {
    clock_.after({0}, [this, job] {
      JobEnd stopped;
      stopped.how = JobEnd::How::Stopped;
      end(job, stopped);
    });
  }
  void open_network(const std::string& network, std::function<void(dsl::Status)> done) override {
    networks.push_back(network);
    clock_.after({0}, [done] { done(dsl::Ok{}); });
  }
  void open_network_to(const std::string& network,
                       const EgressDoor&,
                       NetworkUse,
                       std::function<void(dsl::Status)> done) override {
    open_network(network, std::move(done));
  }
  void close_network(const std::string& network) override { std::erase(networks, network); }
  void remove_leftovers(const dsl::RunId&, std::function<void(dsl::Status)> done) override {
    clock_.after({0}, [done] { done(dsl::Ok{}); });
  }

  std::vector<std::string> networks;  // open ones

 private:
  void end(const JobName& name, const JobEnd& how) {
    const auto found = live_.find(name);
    if (found == live_.end()) {
      return;
    }
    const auto ended = std::move(found->second);
    live_.erase(found);
    --running;
    ended(how);
  }

  FakeClock& clock_;
  std::map<JobName, std::function<void(JobEnd)>> live_;
};

}  // namespace runner::test
