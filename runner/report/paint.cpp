#include "runner/report/paint.h"

namespace runner::report {
namespace {

std::string_view code(Meaning meaning) {
  switch (meaning) {
    case Meaning::Good:
      return "\x1b[32m";
    case Meaning::Bad:
      return "\x1b[1;31m";
    case Meaning::Doubt:
      return "\x1b[33m";
    case Meaning::Quiet:
      return "\x1b[2m";
    case Meaning::Strong:
      return "\x1b[1m";
    case Meaning::Active:
      return "\x1b[36m";
  }
  return "";
}

}  // namespace

std::string painted(std::string_view text, Meaning meaning, Colour colour) {
  if (colour == Colour::Never || text.empty()) {
    return std::string(text);
  }
  std::string out(code(meaning));
  out += text;
  out += "\x1b[0m";
  return out;
}

}  // namespace runner::report
