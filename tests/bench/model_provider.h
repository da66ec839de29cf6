#pragma once

// A provider of models on a port of this machine, as fast as one can be: it streams an answer as
// soon as a request is there. Threads of its own, until it goes.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runner/sys/fd.h"

namespace bench {

class ModelProvider {
 public:
  /// `together` 1: each request is answered at once. More: no answer goes on behind its first event
  /// before so many have begun; then each goes on for some two seconds.
  explicit ModelProvider(int together);
  ModelProvider(const ModelProvider&) = delete;
  ModelProvider& operator=(const ModelProvider&) = delete;
  /// REQUIRES: every client has gone.
  ~ModelProvider();

  [[nodiscard]] std::string url() const;
  /// How many answers were under way at once, at the most.
  [[nodiscard]] int most_at_once() const { return most_; }

 private:
  void accept_all();
  void serve(int client);
  void answer(int client);

  const int together_;
  runner::Fd listener_;
  std::mutex mutex_;  // begun_ and under_way_
  std::condition_variable all_began_;
  int begun_ = 0;
  int under_way_ = 0;
  std::atomic<int> most_{0};
  std::atomic<bool> over_{false};
  std::vector<std::thread> threads_;  // of the connections: the accepting thread's
  std::thread accepting_;
};

}  // namespace bench
