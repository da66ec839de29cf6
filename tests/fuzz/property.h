#pragma once

// A property that must hold for every input. libFuzzer keeps the input for which it did not.

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace fuzz {

/// Ends the program where `holds` is false.
inline void require(bool holds, const char* property, std::string_view detail = "") {
  if (!holds) {
    std::fprintf(stderr,
                 "property broken: %s\n%.*s\n",
                 property,
                 static_cast<int>(detail.size()),
                 detail.data());
    std::abort();
  }
}

}  // namespace fuzz
