#include "dsl/pattern.h"

#include <re2/re2.h>

namespace dsl {

namespace {

RE2::Options options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(8 << 20);
  options.set_encoding(RE2::Options::EncodingLatin1);  // bytes
  return options;
}

Error refused(const RE2& compiled) {
  return {compiled.error(), "write it without look-around and back-references (RE2's syntax)"};
}

}  // namespace

Status check_pattern(const std::string& pattern) {
  const RE2 compiled(pattern, options());
  return compiled.ok() ? Status(Ok{}) : Status(refused(compiled));
}

Result<bool> matches_pattern(const std::string& pattern, std::string_view text) {
  const RE2 compiled("(?m)" + pattern, options());
  if (!compiled.ok()) {
    return refused(compiled);
  }
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), compiled);
}

}  // namespace dsl
