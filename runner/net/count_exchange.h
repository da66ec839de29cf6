#pragma once

// Asks a model's provider one thing while whoever made a request waits: how many tokens it has. It
// has the line to the provider for that time, takes what comes within a few seconds and nothing
// else. Loop thread.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "dsl/units.h"
#include "runner/net/connection.h"
#include "runner/net/http_reader.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

class CountExchange : public std::enable_shared_from_this<CountExchange> {
 public:
  static constexpr dsl::Duration kLongest{3'000};         // a request waits for it
  static constexpr std::size_t kMostAnswer = 64U << 10U;  // bytes

  /// What leads to the provider. Nobody else looks at it meanwhile.
  struct Line {
    Fd end;  // ours
    std::shared_ptr<Connection> connection;
  };
  /// The line, empty where it can be of no more use; and the body of an answer of status 200,
  /// nothing where there was none.
  using Done = std::function<void(Line line, std::optional<std::string> answer)>;

  /// `loop` outlives this. `done` is called once, never inside a call, unless this is destroyed
  /// before, which cuts the line.
  CountExchange(EventLoop& loop, Line line, Done done);
  CountExchange(const CountExchange&) = delete;
  CountExchange& operator=(const CountExchange&) = delete;
  ~CountExchange();

  /// `request`: head and body, as HTTP/1 has them.
  void start(std::string request);

 private:
  void send();
  void receive();
  void end(bool is_answered);
  void stop_waiting();
  void cut();

  EventLoop& loop_;
  Done done_;
  Line line_;
  HttpReader reader_;
  std::string request_;  // what is not yet sent
  std::string unread_;
  std::string answer_;
  int status_ = 0;
  bool keeps_alive_ = false;
  EventLoop::Watch read_watch_ = 0;
  EventLoop::Watch write_watch_ = 0;
  EventLoop::Timer timer_ = 0;
};

}  // namespace runner
