#include "runner/net/http_reader.h"

#include <algorithm>
#include <limits>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include "runner/net/http_word.h"

namespace runner {

namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

std::string text_of(string_view text) {
  return {text.data(), text.size()};
}

std::string_view view_of(string_view text) {
  return {text.data(), text.size()};
}

/// Tells the parts of one message, and keeps none of its body.
template <bool is_request>
class Parser final : public http::basic_parser<is_request> {
 public:
  explicit Parser(const HttpReader::Listener& listener) : listener_(listener) {
    this->header_limit(HttpReader::kMostHead);
    this->body_limit(std::numeric_limits<std::uint64_t>::max());
    this->eager(true);
  }

 private:
  void on_request_impl(http::verb /*verb*/,
                       string_view method,
                       string_view target,
                       int /*version*/,
                       error_code& /*error*/) override {
    head_.method = text_of(method);
    head_.target = text_of(target);
  }
  void on_response_impl(int code, string_view, int /*version*/, error_code& /*error*/) override {
    head_.status = code;
  }
  void on_field_impl(http::field /*field*/,
                     string_view name,
                     string_view value,
                     error_code& /*error*/) override {
    head_.fields.emplace_back(text_of(name), text_of(value));
  }
  void on_header_impl(error_code& /*error*/) override {
    head_.keeps_alive = this->keep_alive();
    head_.is_upgrade = this->upgrade();
    listener_.head(head_);
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/,
                         error_code& /*error*/) override {}
  std::size_t on_body_impl(string_view body, error_code& /*error*/) override {
    listener_.body(view_of(body));
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t /*size*/,
                            string_view /*extensions*/,
                            error_code& /*error*/) override {}
  std::size_t on_chunk_body_impl(std::uint64_t /*left*/,
                                 string_view body,
                                 error_code& /*error*/) override {
    listener_.body(view_of(body));
    return body.size();
  }
  void on_finish_impl(error_code& /*error*/) override {}

  const HttpReader::Listener& listener_;
  HttpMessageHead head_;
};

template <class P>
std::size_t feed(P& parser, std::string_view bytes, HttpReader::State& state) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !parser.is_done()) {
    error_code error;
    const std::size_t step =
        parser.put(boost::asio::buffer(bytes.data() + taken, bytes.size() - taken), error);
    taken += step;
    if (error == http::error::need_more || (!error && step == 0)) {
      break;
    }
    if (error) {
      state = HttpReader::State::Broken;
      return taken;
    }
  }
  if (parser.is_done()) {
    state = HttpReader::State::Whole;
  }
  return taken;
}

template <class P>
HttpReader::State end_of(P& parser) {
  error_code error;
  if (parser.got_some()) {
    parser.put_eof(error);
  }
  return parser.is_done() && !error ? HttpReader::State::Whole : HttpReader::State::Broken;
}

}  // namespace

std::string_view HttpMessageHead::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (is_same_word(key, name)) {
      return value;
    }
  }
  return "";
}

struct HttpReader::Impl {
  std::unique_ptr<Parser<true>> request;
  std::unique_ptr<Parser<false>> answer;
};

HttpReader::HttpReader(Kind kind, Listener listener)
    : kind_(kind), listener_(std::move(listener)), impl_(std::make_unique<Impl>()) {
  begin();
}

HttpReader::~HttpReader() = default;

void HttpReader::begin(bool no_body) {
  state_ = State::More;
  if (kind_ == Kind::Requests) {
    impl_->request = std::make_unique<Parser<true>>(listener_);
  } else {
    impl_->answer = std::make_unique<Parser<false>>(listener_);
    impl_->answer->skip(no_body);
  }
}

std::size_t HttpReader::read(std::string_view bytes) {
  if (state_ != State::More) {
    return 0;
  }
  return kind_ == Kind::Requests ? feed(*impl_->request, bytes, state_)
                                 : feed(*impl_->answer, bytes, state_);
}

HttpReader::State HttpReader::end() {
  if (state_ == State::More) {
    state_ = kind_ == Kind::Requests ? end_of(*impl_->request) : end_of(*impl_->answer);
  }
  return state_;
}

}  // namespace runner
