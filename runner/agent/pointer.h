#pragma once

// RFC 6901 pointers into a JSON value, with one addition: a part `*` stands for every member. Any
// thread; pure.

#include <string>
#include <string_view>
#include <vector>

#include "dsl/value.h"

namespace runner {

class Pointer {
 public:
  /// `text` is "" or begins with '/'.
  explicit Pointer(std::string_view text);

  /// All that is there, in the document's order; they live as long as `document`.
  [[nodiscard]] std::vector<const dsl::Value*> find(const dsl::Value& document) const;

 private:
  std::vector<std::string> parts_;  // decoded; a `*` that is meant as such is `every_`
  std::vector<bool> every_;
};

}  // namespace runner
