#include "dsl/pattern.h"

#include <re2/re2.h>

namespace dsl {

Status check_pattern(const std::string& pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(8 << 20);
  options.set_encoding(RE2::Options::EncodingLatin1);
  const RE2 compiled(pattern, options);
  if (!compiled.ok()) {
    return Error{compiled.error(),
                 "write it without look-around and back-references (RE2's syntax)"};
  }
  return Ok{};
}

}  // namespace dsl
