#include "runner/run/pattern.h"

#include <re2/re2.h>

namespace runner {

dsl::Result<bool> matches_pattern(const std::string& pattern, std::string_view text) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(8 << 20);
  options.set_encoding(RE2::Options::EncodingLatin1);  // bytes: a file need not be UTF-8
  const RE2 re("(?m)" + pattern, options);
  if (!re.ok()) {
    return dsl::Error{"pattern '" + pattern + "': " + re.error(),
                      "write it as RE2 takes it: no look-around, no back-references"};
  }
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), re);
}

}  // namespace runner
