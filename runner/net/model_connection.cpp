#include "runner/net/model_connection.h"

#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

#include <fmt/format.h>

#include "runner/model/rate_limit.h"
#include "runner/net/http_word.h"
#include "runner/sys/send.h"

namespace runner {

namespace {

constexpr std::size_t kReadSize = 64 << 10;
constexpr std::size_t kMostWaiting = 256 << 10;  // bytes that a slow client has not taken
constexpr int kFirstFinalStatus = 200;
constexpr int kFirstError = 400;
constexpr int kTooManyRequests = 429;

/// Fields that are about one connection, or that we write ourselves.
bool is_ours(std::string_view name) {
  for (const char* ours : {"Host",
                           "Content-Length",
                           "Transfer-Encoding",
                           "Connection",
                           "Keep-Alive",
                           "Proxy-Connection",
                           "Proxy-Authorization",
                           "TE",
                           "Trailer",
                           "Upgrade",
                           "Expect",
                           "Accept-Encoding"}) {
    if (is_same_word(name, ours)) {
      return true;
    }
  }
  return false;
}

bool would_block() {
  return errno == EAGAIN || errno == EINTR;
}

}  // namespace

ModelConnection::ModelConnection(ModelHome& home, Fd client)
    : home_(home),
      client_(std::move(client)),
      requests_(HttpReader::Kind::Requests,
                {[this](const HttpMessageHead& head) { on_request_head(head); },
                 [this](std::string_view bytes) { on_request_body(bytes); }}),
      answers_(HttpReader::Kind::Answers,
               {[this](const HttpMessageHead& head) { on_answer_head(head); },
                [this](std::string_view bytes) {
                  if (usage_ != nullptr) {
                    usage_->read(bytes);
                  }
                  if (told_as_ && told_.size() + bytes.size() <= kMostTold) {
                    told_ += bytes;
                  }
                }}),
      echo_(*home.values) {
  const int on = 1;
  setsockopt(client_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

ModelConnection::~ModelConnection() {
  abort();
}

void ModelConnection::start() {
  watch_client();
}

void ModelConnection::abort() {
  settle(false);
  counting_.reset();
  release_body();
  drop_provider();
  unwatch(client_watch_);
  unwatch(client_write_watch_);
  if (client_) {
    const linger at_once{1, 0};
    setsockopt(client_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    client_.reset();
  }
}

void ModelConnection::end() {
  const auto alive = shared_from_this();
  abort();
  home_.ended(*this);
}

/// As `end`, but the client sees that it has everything.
void ModelConnection::close_client() {
  const auto alive = shared_from_this();
  unwatch(client_watch_);
  unwatch(client_write_watch_);
  client_.reset();
  end();
}

void ModelConnection::unwatch(EventLoop::Watch& watch) {
  if (watch != 0) {
    home_.loop.unwatch(std::exchange(watch, 0));
  }
}

// ---- from the client ---------------------------------------------------------------------------

void ModelConnection::watch_client() {
  if (client_watch_ == 0) {
    client_watch_ = home_.loop.watch_readable(client_.get(), [this, self = weak_from_this()] {
      if (const auto alive = self.lock()) {
        on_client_readable();
      }
    });
  }
}

/// While an answer is under way this tells whether anybody still wants it.
void ModelConnection::on_client_readable() {
  static std::array<char, kReadSize> buffer;  // one for all: loop thread, and nothing is kept in it
  const ssize_t got = recv(client_.get(), buffer.data(), buffer.size(), 0);
  if (got < 0 && would_block()) {
    return;
  }
  if (got <= 0) {
    end();
    return;
  }
  from_client_.append(buffer.data(), static_cast<std::size_t>(got));
  if (stage_ == Stage::Reading) {
    read_request();
  } else if (from_client_.size() > kReadSize) {
    unwatch(client_watch_);  // the next request can wait
  }
}

void ModelConnection::read_request() {
  const std::size_t taken = requests_.read(from_client_);
  from_client_.erase(0, taken);
  switch (requests_.state()) {
    case HttpReader::State::More:
      watch_client();
      break;
    case HttpReader::State::Broken:
      closes_ = true;
      refuse(home_.desk.refuse(400, "this is no HTTP/1 request"));
      break;
    case HttpReader::State::Whole:
      decide();
      break;
  }
}

void ModelConnection::on_request_head(const HttpMessageHead& head) {
  head_ = head;
  refused_.reset();
  closes_ = !head.keeps_alive;
  if (head.is_upgrade) {
    refused_ = home_.desk.refuse(426, "only HTTP/1.1 without an upgrade is metered");
  } else if (const std::string_view encoding = head.field("Content-Encoding");
             !encoding.empty() && encoding != "identity") {
    refused_ = home_.desk.refuse(415, "a request that is compressed is not metered");
  } else if (is_same_word(head.field("Expect"), "100-continue")) {
    tell_client("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

void ModelConnection::on_request_body(std::string_view bytes) {
  if (refused_) {
    return;
  }
  if (body_.size() + bytes.size() > kMostBody || home_.held + bytes.size() > kMostHeld) {
    refused_ = home_.desk.refuse(413, "the requests of this task are too large");
    closes_ = true;
    release_body();
    return;
  }
  body_ += bytes;
  home_.held += bytes.size();
}

void ModelConnection::release_body() {
  home_.held -= body_.size();
  body_ = {};
}

void ModelConnection::decide() {
  stage_ = Stage::Deciding;
  std::string body = std::exchange(body_, {});
  home_.held -= body.size();
  if (refused_) {
    refuse(*refused_);
    return;
  }
  ModelDesk& desk = home_.desk;
  desk.ask(
      head_.method,
      head_.target,
      std::move(body),
      [self = weak_from_this(), &desk](ModelDesk::Decision decision) {
        const auto alive = self.lock();
        auto* const passage = std::get_if<ModelPassage>(&decision);
        if (!alive || !alive->client_) {
          if (passage != nullptr) {
            ModelAnswerEnd never;
            never.was_sent = false;
            desk.settle(*passage, never);
          }
        } else if (passage != nullptr) {
          alive->send(std::move(*passage));
        } else {
          alive->refuse(std::get<ModelRefusal>(decision));
        }
      },
      [self = weak_from_this()](const CountRequest& question,
                                std::function<void(std::optional<std::string>)> answered) {
        if (const auto alive = self.lock(); alive && alive->client_) {
          alive->count(question, std::move(answered));
        }
      });
  if (stage_ == Stage::Deciding && client_) {
    ensure_provider();  // meanwhile; it hears nothing before the decision
  }
}

/// On the line on which the request will go, since not everybody takes two at once, and with its
/// headers, so that the provider takes it for the same.
void ModelConnection::count(const CountRequest& question,
                            std::function<void(std::optional<std::string>)> answered) {
  if (!ensure_provider()) {
    answered(std::nullopt);
    return;
  }
  unwatch(provider_watch_);
  counting_ = std::make_shared<CountExchange>(
      home_.loop,
      CountExchange::Line{std::move(provider_), std::exchange(connection_, nullptr)},
      [this, self = weak_from_this(), answered = std::move(answered)](
          CountExchange::Line line, std::optional<std::string> answer) {
        if (const auto alive = self.lock()) {
          counting_.reset();
          provider_ = std::move(line.end);
          connection_ = std::move(line.connection);
          if (provider_) {
            watch_provider();
          }
          answered(std::move(answer));
        }
      });
  counting_->start(head_of_request("POST", question.target, question.body.size()) + question.body);
}

void ModelConnection::refuse(const ModelRefusal& refusal) {
  const bool has_body = head_.method != "HEAD";
  tell_client(fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n{}",
      refusal.status,
      refusal.status < 500 ? "Refused" : "Unavailable",
      refusal.body.size(),
      closes_ ? "Connection: close\r\n" : "",
      has_body ? refusal.body : ""));
  end_of_answer(!closes_);
}

// ---- to the provider, and back -----------------------------------------------------------------

void ModelConnection::send(ModelPassage passage) {
  stage_ = Stage::Answering;
  status_ = 0;
  answered_ = false;
  usage_.reset();
  from_provider_.clear();
  answers_.begin(head_.method == "HEAD");
  to_provider_ = head_of_request(head_.method, head_.target, passage.body.size());
  to_provider_ += std::exchange(passage.body, {});
  passage_ = std::move(passage);
  told_as_.reset();
  told_ = {};
  if (home_.listener.asked && passage_->number != 0) {
    told_as_ = home_.listener.asked(home_.network);
  }
  if (!ensure_provider()) {
    denied_ = true;
    on_provider_end();
    return;
  }
  flush_to_provider();
}

std::string ModelConnection::head_of_request(std::string_view method,
                                             std::string_view target,
                                             std::size_t length) const {
  std::string head = fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: identity\r\n",
                                 method,
                                 home_.path,
                                 target,
                                 home_.host);
  for (const auto& [name, value] : head_.fields) {
    if (!is_ours(name)) {
      head += name + ": " + value + "\r\n";
    }
  }
  if (length > 0 || method == "POST") {
    head += fmt::format("Content-Length: {}\r\n", length);
  }
  return head + "\r\n";
}

bool ModelConnection::ensure_provider() {
  if (!provider_) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
      return false;
    }
    provider_ = Fd(ends[0]);
    denied_ = false;
    connection_ = home_.dial(Fd(ends[1]), [self = weak_from_this()] {
      if (const auto alive = self.lock()) {
        alive->denied_ = true;
      }
    });
  }
  watch_provider();
  return true;
}

void ModelConnection::watch_provider() {
  if (provider_watch_ == 0) {
    provider_watch_ = home_.loop.watch_readable(provider_.get(), [this, self = weak_from_this()] {
      if (const auto alive = self.lock()) {
        on_provider_readable();
      }
    });
  }
}

void ModelConnection::flush_to_provider() {
  if (send_from(provider_.get(), to_provider_) != Sent::Blocked) {
    to_provider_ = {};  // where it is broken, its end is read soon
    unwatch(provider_write_watch_);
  } else if (provider_write_watch_ == 0) {
    provider_write_watch_ =
        home_.loop.watch_writable(provider_.get(), [this, self = weak_from_this()] {
          if (const auto alive = self.lock()) {
            flush_to_provider();
          }
        });
  }
}

void ModelConnection::on_provider_readable() {
  static std::array<char, kReadSize> buffer;
  const ssize_t got = recv(provider_.get(), buffer.data(), buffer.size(), 0);
  if (got < 0 && would_block()) {
    return;
  }
  if (got <= 0 || stage_ != Stage::Answering) {
    on_provider_end();  // what nobody asked for is an end too
    return;
  }
  read_answer({buffer.data(), static_cast<std::size_t>(got)});
}

void ModelConnection::read_answer(std::string_view bytes) {
  const auto alive = shared_from_this();
  from_provider_ += bytes;
  while (stage_ == Stage::Answering && !from_provider_.empty()) {
    const std::size_t taken = answers_.read(from_provider_);
    answered_ = answered_ || taken > 0;
    const HttpReader::State state = answers_.state();
    std::string passed;
    echo_.add(std::string_view(from_provider_).substr(0, taken), passed);
    if (state != HttpReader::State::More) {
      echo_.finish(passed);
    }
    from_provider_.erase(0, taken);
    if (is_of_model()) {
      home_.desk.heard();
    }
    if (state == HttpReader::State::Whole && status_ >= kFirstFinalStatus) {
      settle(true);  // before the client can know
    }
    tell_client(passed);
    if (!client_ || state == HttpReader::State::More) {
      return;
    }
    if (state == HttpReader::State::Broken) {
      end();
      return;
    }
    if (status_ < kFirstFinalStatus) {  // "100 Continue", and the real one follows
      answers_.begin(head_.method == "HEAD");
    } else {
      end_of_answer(provider_keeps_ && !closes_);
    }
  }
}

/// What comes is the answer of a model: neither an error nor what costs nothing, which somebody may
/// ask for again and again.
bool ModelConnection::is_of_model() const {
  return passage_ && passage_->number != 0 && status_ >= kFirstFinalStatus && status_ < kFirstError;
}

void ModelConnection::on_answer_head(const HttpMessageHead& head) {
  status_ = head.status;
  provider_keeps_ = head.keeps_alive;
  answer_head_ = status_ == kTooManyRequests || told_as_ ? head : HttpMessageHead{};
  if (passage_ && head.status >= kFirstFinalStatus) {
    usage_ = std::make_unique<UsageReader>(
        passage_->api, head.field("Content-Type"), head.field("Content-Encoding"));
  }
}

void ModelConnection::on_provider_end() {
  const auto alive = shared_from_this();
  if (stage_ != Stage::Answering) {
    drop_provider();  // it keeps nothing open for us any longer
    return;
  }
  const bool is_whole = answers_.end() == HttpReader::State::Whole && status_ >= kFirstFinalStatus;
  settle(is_whole);
  drop_provider();
  if (is_whole) {
    std::string rest;
    echo_.finish(rest);
    tell_client(rest);
    end_of_answer(false);
  } else if (answered_) {
    end();  // so that nobody takes what came for the whole
  } else {
    closes_ = true;
    refuse(home_.desk.error(503, "the model's provider could not be reached, or hung up"));
  }
}

/// Charges for the request that is under way, if one is.
void ModelConnection::settle(bool is_whole) {
  if (!passage_) {
    return;
  }
  ModelAnswerEnd end;
  end.was_sent = !denied_;
  end.status = status_;
  end.is_whole = is_whole;
  if (usage_ != nullptr) {
    if (status_ == kTooManyRequests) {
      end.limit = read_rate_limit(
          passage_->api,
          [this](std::string_view name) { return answer_head_.field(name); },
          usage_->body(),
          home_.loop.wall_ms());
    }
    if (is_whole) {
      usage_->finish();
    }
    end.usage = usage_->usage();
    end.usage_is_final = usage_->is_final();
  }
  tell_listener(end);
  home_.desk.settle(*std::exchange(passage_, std::nullopt), end);
  usage_.reset();
}

void ModelConnection::tell_listener(const ModelAnswerEnd& end) {
  if (!told_as_) {
    return;
  }
  HeardAnswer heard;
  heard.status = static_cast<unsigned>(end.status);
  heard.retry_after = answer_head_.field("Retry-After");
  // Codex hangs up at the last event, before the end of the body.
  heard.whole = end.is_whole || end.usage_is_final;
  if (end.limit && end.limit->is_shut && end.limit->resets_at_ms > home_.loop.wall_ms()) {
    heard.resets_after = dsl::Duration{end.limit->resets_at_ms - home_.loop.wall_ms()};
  }
  ContentDecoder decoder(answer_head_.field("Content-Encoding"));
  if (!decoder.decode(std::exchange(told_, {}), heard.body)) {
    heard.body.clear();
  }
  home_.listener.heard(home_.network, *std::exchange(told_as_, std::nullopt), passage_->api, heard);
}

void ModelConnection::end_of_answer(bool keeps_alive) {
  stage_ = Stage::Reading;
  if (!keeps_alive) {
    over_ = true;
    drop_provider();
    flush_to_client();
    return;
  }
  if (!provider_keeps_) {
    drop_provider();
  }
  requests_.begin();
  if (from_client_.empty()) {
    watch_client();
    return;
  }
  home_.loop.post([self = weak_from_this()] {  // never one inside another
    const auto alive = self.lock();
    if (alive && alive->client_ && alive->stage_ == Stage::Reading) {
      alive->read_request();
    }
  });
}

void ModelConnection::drop_provider() {
  unwatch(provider_watch_);
  unwatch(provider_write_watch_);
  if (connection_ != nullptr) {
    std::exchange(connection_, nullptr)->abort();
  }
  provider_.reset();
  to_provider_ = {};
  from_provider_ = {};
}

// ---- to the client -----------------------------------------------------------------------------

void ModelConnection::tell_client(std::string_view bytes) {
  to_client_ += bytes;
  flush_to_client();
}

void ModelConnection::flush_to_client() {
  const Sent sent = client_ ? send_from(client_.get(), to_client_) : Sent::All;
  if (sent == Sent::Broken) {
    end();
    return;
  }
  if (sent == Sent::Blocked && client_write_watch_ == 0) {
    client_write_watch_ = home_.loop.watch_writable(client_.get(), [this, self = weak_from_this()] {
      if (const auto alive = self.lock()) {
        flush_to_client();
      }
    });
  }
  if (to_client_.size() > kMostWaiting) {
    unwatch(provider_watch_);
  } else if (provider_ && stage_ == Stage::Answering) {
    watch_provider();
  }
  if (to_client_.empty()) {
    to_client_ = {};
    unwatch(client_write_watch_);
    if (over_ && client_) {
      close_client();
    }
  }
}

}  // namespace runner
