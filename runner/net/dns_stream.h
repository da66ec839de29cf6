#pragma once

// A name query over TCP (RFC 7766): lengths before messages, one after the other. Loop thread.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

class DnsStream {
 public:
  /// Without a query for so long it ends.
  static constexpr dsl::Duration kIdleTime{5'000};

  /// `ended` is called once; it may destroy this.
  DnsStream(EventLoop& loop,
            Fd client,
            std::function<std::string(std::string_view)> answer,
            std::function<void(DnsStream&)> ended);
  DnsStream(const DnsStream&) = delete;
  DnsStream& operator=(const DnsStream&) = delete;
  ~DnsStream();

 private:
  void on_readable();
  /// False: no more is wanted of this client.
  bool answer_all();
  void end();

  EventLoop& loop_;
  Fd client_;
  std::function<std::string(std::string_view)> answer_;
  std::function<void(DnsStream&)> ended_;
  std::string held_;
  EventLoop::Watch watch_ = 0;
  EventLoop::Timer timer_ = 0;
};

}  // namespace runner
