#include "runner/model/content_decoder.h"

#include <array>
#include <zlib.h>

namespace runner {

namespace {

constexpr int kGzipOrZlib = 15 + 32;  // the largest window; its head says which of the two
constexpr std::size_t kMostAtOnce = 32U << 20U;  // bytes that one call may become

}  // namespace

struct ContentDecoder::Inflate {
  Inflate() { ready = inflateInit2(&stream, kGzipOrZlib) == Z_OK; }
  ~Inflate() {
    if (ready) {
      inflateEnd(&stream);
    }
  }
  Inflate(const Inflate&) = delete;
  Inflate& operator=(const Inflate&) = delete;

  z_stream stream{};
  bool ready = false;
};

ContentDecoder::ContentDecoder(std::string_view encoding) {
  if (encoding == "gzip" || encoding == "x-gzip" || encoding == "deflate") {
    inflate_ = std::make_unique<Inflate>();
  } else {
    known_ = encoding.empty() || encoding == "identity";
  }
}

ContentDecoder::~ContentDecoder() = default;

bool ContentDecoder::decode(std::string_view bytes, std::string& out) {
  if (!known_ || !inflate_) {
    out.append(known_ ? bytes : std::string_view());
    return known_;
  }
  z_stream& stream = inflate_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  const std::size_t before = out.size();
  std::array<char, 16 << 10> buffer{};
  while (inflate_->ready) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    const int result = inflate(&stream, Z_SYNC_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
    if (result == Z_BUF_ERROR || (result == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)) {
      return true;  // wants more
    }
    if (result == Z_STREAM_END) {
      inflate_->ready = inflateReset(&stream) == Z_OK;  // another part may follow
      if (stream.avail_in == 0) {
        return true;
      }
    } else if (result != Z_OK || out.size() - before > kMostAtOnce) {
      inflateEnd(&stream);
      inflate_->ready = false;
    }
  }
  return false;
}

}  // namespace runner
