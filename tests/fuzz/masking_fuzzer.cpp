// Any text round any value, in pieces: what is masked does not depend on the pieces, the value is
// gone, and what is not masked is there in its order.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "runner/run/masking.h"
#include "tests/fuzz/property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 8) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t length =
      std::min<std::size_t>(runner::kLeastMasked + data[0] % 40, bytes.size());
  const std::size_t step = 1 + data[1];
  const std::string value(bytes.substr(0, length));
  const std::string text = std::string(bytes.substr(length)) + value + std::string(bytes);
  runner::Masking masking;
  masking.add(value);
  masking.add("another-value");
  const std::string whole = masking.masked(text);
  std::string pieces;
  runner::MaskStream stream(masking);
  for (std::size_t at = 0; at < text.size(); at += step) {
    stream.add(std::string_view(text).substr(at, step), pieces);
  }
  stream.finish(pieces);
  fuzz::require(pieces == whole, "pieces do not change what is masked", pieces);
  if (value.find('*') == std::string::npos) {
    fuzz::require(whole.find(value) == std::string::npos, "the value is gone", whole);
  }
  std::size_t at = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (whole.compare(i, runner::kMask.size(), runner::kMask) == 0) {
      i += runner::kMask.size() - 1;
      continue;
    }
    at = text.find(whole[i], at);
    fuzz::require(at++ != std::string::npos, "nothing is made up", whole);
  }
  return 0;
}
