#include "runner/model/usage_reader.h"

namespace runner {

UsageReader::UsageReader(ModelApi api,
                         std::string_view content_type,
                         std::string_view content_encoding)
    : tally_(api),
      decoder_(content_encoding),
      events_([this](std::string_view data) { tally_.read(data); }),
      is_stream_(content_type.starts_with("text/event-stream")) {}

void UsageReader::read(std::string_view bytes) {
  if (unreadable_) {
    return;
  }
  decoded_.clear();
  if (!decoder_.decode(bytes, decoded_)) {
    unreadable_ = true;
    return;
  }
  if (is_stream_) {
    events_.read(decoded_);
    unreadable_ = events_.has_missed();
  } else if (whole_.size() + decoded_.size() > kLongest) {
    unreadable_ = true;
    whole_ = {};
  } else {
    whole_ += decoded_;
  }
}

void UsageReader::finish() {
  if (!is_stream_ && !unreadable_) {
    tally_.read(whole_);
  }
  whole_ = {};
}

}  // namespace runner
