#pragma once

// Reads HTTP/1 messages, one at a time, from bytes that come in pieces. One thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace runner {

struct HttpMessageHead {
  std::string method;  // of a request
  std::string target;
  int status = 0;  // of an answer
  std::vector<std::pair<std::string, std::string>> fields;
  bool keeps_alive = false;
  bool is_upgrade = false;

  /// The value of the first field of that name, "" none.
  [[nodiscard]] std::string_view field(std::string_view name) const;
};

class HttpReader {
 public:
  enum class Kind { Requests, Answers };
  enum class State { More, Whole, Broken };
  static constexpr std::size_t kMostHead = 16 << 10;  // bytes

  struct Listener {
    std::function<void(const HttpMessageHead&)> head;
    std::function<void(std::string_view)> body;  // the next bytes, without framing
  };
  HttpReader(Kind kind, Listener listener);
  ~HttpReader();
  HttpReader(const HttpReader&) = delete;
  HttpReader& operator=(const HttpReader&) = delete;

  /// The next message begins. `no_body`: an answer to HEAD.
  void begin(bool no_body = false);
  /// How many of these bytes belong to the message. The rest is to come again, with more behind it.
  /// Once it is Whole or Broken, nothing more is taken.
  std::size_t read(std::string_view bytes);
  /// No more bytes come: Whole where that is how the message ends, else Broken.
  State end();
  [[nodiscard]] State state() const { return state_; }

 private:
  struct Impl;
  const Kind kind_;
  const Listener listener_;
  std::unique_ptr<Impl> impl_;
  State state_ = State::More;
};

}  // namespace runner
