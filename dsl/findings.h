#pragma once

// Where the passes of the compiler put what they find. Belongs to one compilation, one thread.

#include <string>
#include <utility>
#include <vector>

#include "dsl/diagnostic.h"

namespace dsl {

class Findings {
 public:
  void error(std::string_view code,
             const Span& span,
             std::string message,
             std::string remedy = "",
             std::vector<Diagnostic::Note> notes = {});
  void warning(std::string_view code,
               const Span& span,
               std::string message,
               std::string remedy = "",
               std::vector<Diagnostic::Note> notes = {});
  void add(Diagnostic diagnostic);
  void add(std::vector<Diagnostic> diagnostics);

  [[nodiscard]] bool has_errors() const { return errors_ != 0; }

  /// Everything found, by source and position, nothing twice. Leaves nothing behind.
  std::vector<Diagnostic> take();

 private:
  std::vector<Diagnostic> found_;
  std::size_t errors_ = 0;
};

}  // namespace dsl
