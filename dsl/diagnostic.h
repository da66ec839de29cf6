#pragma once

// One mistake (or doubt) about a pipeline file, as data; render.h prints it. Any thread.

#include <string>
#include <vector>

#include "dsl/source.h"

namespace dsl {

struct Diagnostic {
  enum class Severity { Error, Warning };

  struct Note {
    Span span;
    std::string message;
  };

  Severity severity = Severity::Error;
  std::string code;  // stable, "P0123"; the list is docs-by-test in tests/golden
  Span span;
  std::string message;      // lower case, no full stop, names in 'quotes', expected and found
  std::string remedy;       // what to write instead; may be empty
  std::vector<Note> notes;  // other places that belong to it ("first defined here")
};

}  // namespace dsl
