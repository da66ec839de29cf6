#pragma once

// Reads what an answer of a provider takes, while its bytes pass. It changes none of them. Memory
// is bounded. Any thread.

#include <optional>
#include <string>
#include <string_view>

#include "runner/model/content_decoder.h"
#include "runner/model/event_stream.h"
#include "runner/model/usage.h"

namespace runner {

class UsageReader {
 public:
  static constexpr std::size_t kLongest = 16U << 20U;  // bytes of an answer that is no stream

  /// With the values of the answer's headers.
  UsageReader(ModelApi api, std::string_view content_type, std::string_view content_encoding);

  /// The next bytes of the body, cut anywhere.
  void read(std::string_view bytes);
  /// The body is whole.
  void finish();

  /// What came of an answer that is no stream, until `finish`.
  [[nodiscard]] std::string_view body() const { return whole_; }

  /// What the provider has said so far; nothing where it said nothing that could be read.
  [[nodiscard]] const std::optional<Usage>& usage() const { return tally_.usage(); }
  /// It is what the provider bills: the answer came to its end, and no part of it was missed.
  [[nodiscard]] bool is_final() const { return !unreadable_ && tally_.is_final(); }

 private:
  UsageTally tally_;
  ContentDecoder decoder_;
  EventStream events_;
  const bool is_stream_;
  std::string whole_;  // of an answer that is no stream
  std::string decoded_;
  bool unreadable_ = false;
};

}  // namespace runner
