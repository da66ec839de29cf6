#pragma once

// One connection of a node's agent with its model's provider. Requests are read whole, decided by
// the desk, and sent on with a head of our own; answers pass as they come, and are read along. Each
// client has a connection of its own to the provider, which lasts as long; it is dialled while the
// desk decides, and carries nothing before that. Loop thread.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "runner/model/model_listener.h"
#include "runner/model/usage_reader.h"
#include "runner/net/connection.h"
#include "runner/net/count_exchange.h"
#include "runner/net/echo_mask.h"
#include "runner/net/http_reader.h"
#include "runner/net/model_desk.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

class ModelConnection;

/// What the connections of one network with its model share. Outlives them.
struct ModelHome {
  EventLoop& loop;
  ModelDesk& desk;
  /// Makes a connection to the provider, for which `client` is where requests come from.
  /// `denied` is told, before it is cut, where it does not come about.
  std::function<std::shared_ptr<Connection>(Fd client, std::function<void()> denied)> dial;
  std::string host;                             // for the Host header
  std::string path;                             // stands before that of each request
  std::size_t held;                             // bytes of requests that are not yet decided
  const std::set<std::string>* values;          // that were put into requests, and never come back
  std::function<void(ModelConnection&)> ended;  // it may be forgotten
  std::string network = {};
  ModelListener listener = {};  // whom requests and answers are told to
};

class ModelConnection : public std::enable_shared_from_this<ModelConnection> {
 public:
  static constexpr std::size_t kMostBody = 32U << 20U;  // bytes; what Anthropic takes at most
  static constexpr std::size_t kMostHeld = 64U << 20U;  // of all connections of a network
  static constexpr std::size_t kMostTold = 16U << 20U;  // of an answer, to a ModelListener

  /// `client` is non-blocking.
  ModelConnection(ModelHome& home, Fd client);
  ModelConnection(const ModelConnection&) = delete;
  ModelConnection& operator=(const ModelConnection&) = delete;
  ~ModelConnection();

  void start();
  /// Cuts both sides, and charges for what was under way. `ended` is not called.
  void abort();

 private:
  enum class Stage { Reading, Deciding, Answering };

  // From the client.
  void on_client_readable();
  void read_request();
  void on_request_head(const HttpMessageHead& head);
  void on_request_body(std::string_view bytes);
  void decide();
  void count(const CountRequest& question,
             std::function<void(std::optional<std::string>)> answered);
  void refuse(const ModelRefusal& refusal);

  // To the provider, and back.
  void send(ModelPassage passage);
  [[nodiscard]] std::string head_of_request(std::string_view method,
                                            std::string_view target,
                                            std::size_t length) const;
  bool ensure_provider();
  void flush_to_provider();
  void on_provider_readable();
  void read_answer(std::string_view bytes);
  void on_answer_head(const HttpMessageHead& head);
  [[nodiscard]] bool is_of_model() const;
  void on_provider_end();
  void settle(bool is_whole);
  void tell_listener(const ModelAnswerEnd& end);
  void end_of_answer(bool keeps_alive);
  void drop_provider();

  // To the client.
  void tell_client(std::string_view bytes);
  void flush_to_client();
  void watch_client();
  void unwatch(EventLoop::Watch& watch);
  void watch_provider();
  void release_body();
  void close_client();
  void end();

  ModelHome& home_;
  Stage stage_ = Stage::Reading;

  Fd client_;
  HttpReader requests_;
  std::string from_client_;  // came, and is not read
  HttpMessageHead head_;     // of the request
  std::string body_;
  std::optional<ModelRefusal> refused_;  // before it was whole
  std::string to_client_;
  bool closes_ = false;  // behind the answer to this request
  bool over_ = false;    // that was the last; once to_client_ is gone the client is told

  std::shared_ptr<CountExchange> counting_;  // while it is decided; then it has the provider

  Fd provider_;  // our end of what leads there
  std::shared_ptr<Connection> connection_;
  HttpReader answers_;
  std::string from_provider_;
  EchoMask echo_;
  std::string to_provider_;
  std::optional<ModelPassage> passage_;  // under way
  std::unique_ptr<UsageReader> usage_;
  std::optional<std::size_t> told_as_;  // the listener's number of the request under way
  std::string told_;                    // of its answer, as it came
  int status_ = 0;                      // of the answer
  HttpMessageHead answer_head_;         // where its status is 429
  bool provider_keeps_ = false;
  bool denied_ = false;    // the provider was never reached
  bool answered_ = false;  // the client has got something of it

  EventLoop::Watch client_watch_ = 0;
  EventLoop::Watch client_write_watch_ = 0;
  EventLoop::Watch provider_watch_ = 0;
  EventLoop::Watch provider_write_watch_ = 0;
};

}  // namespace runner
