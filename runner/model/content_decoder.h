#pragma once

// Undoes the Content-Encoding of an answer while it passes. Any thread.

#include <memory>
#include <string>
#include <string_view>

namespace runner {

class ContentDecoder {
 public:
  /// `encoding`: the header's value. "", "identity", "gzip", "x-gzip" and "deflate" are known.
  explicit ContentDecoder(std::string_view encoding);
  ~ContentDecoder();
  ContentDecoder(const ContentDecoder&) = delete;
  ContentDecoder& operator=(const ContentDecoder&) = delete;

  /// What these bytes are; false: they cannot be read, nor can anything after them.
  bool decode(std::string_view bytes, std::string& out);

 private:
  struct Inflate;
  bool known_ = true;
  std::unique_ptr<Inflate> inflate_;  // null: bytes are what they are
};

}  // namespace runner
