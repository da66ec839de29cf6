// Any bytes as what a client sends, in pieces: what goes on does not depend on the pieces, nothing
// goes on after a refusal, and nothing is held for ever.

#include <cstdint>
#include <string>
#include <string_view>

#include "runner/net/client_stream.h"
#include "tests/fuzz/property.h"

namespace {

using runner::ClientStream;
using runner::Looked;

struct Outcome {
  std::string went_on;
  bool refused = false;
  bool stopped = false;  // waits for an answer
};

Outcome send(std::uint16_t port, std::string_view bytes, std::size_t step, bool injects) {
  ClientStream stream({"good.test", port, false, injects});
  Outcome outcome;
  std::string held;
  for (std::size_t at = 0; at < bytes.size() && !outcome.refused && !outcome.stopped; at += step) {
    held += bytes.substr(at, step);
    Looked looked = stream.look(held);
    for (;; looked = stream.look(held)) {
      fuzz::require(looked.clear <= held.size(), "no more goes on than came");
      outcome.went_on += held.substr(0, looked.clear);
      held.erase(0, looked.clear);
      if (looked.head == Looked::kNoHead) {
        break;
      }
      fuzz::require(injects && looked.head < looked.clear, "a head is told where it is asked for");
      fuzz::require(outcome.went_on.ends_with("\r\n\r\n"), "a head is told whole");
    }
    outcome.refused = looked.then == Looked::Then::Refuse;
    outcome.stopped = looked.then == Looked::Then::Answer;
    fuzz::require(looked.then != Looked::Then::Look || held.size() < ClientStream::kMostHeld + step,
                  "no more is held than may be");
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const std::uint16_t port = data[0] % 2 == 0 ? 443 : 2222;
  const std::size_t step = 1 + data[1];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const bool injects = data[0] % 4 < 2;
  const Outcome whole = send(port, bytes, bytes.size() + 1, injects);
  const Outcome pieces = send(port, bytes, step, injects);
  fuzz::require(whole.stopped || pieces.stopped || whole.refused == pieces.refused,
                "pieces do not change the decision");
  // In pieces something may have gone on before the byte that is refused; never anything else.
  fuzz::require(std::string_view(bytes).substr(0, pieces.went_on.size()) == pieces.went_on,
                "what goes on is what came");
  return 0;
}
