#pragma once

// The boxes of a Markdown plan, ticked with what a run found. The text stays as it is but for the
// boxes and a line of evidence below each, which is written anew each time. Any thread.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dsl {

/// What became of a criterion, by its text.
struct BoxResult {
  std::string text;
  bool met = false;
  bool judged = false;   // false: nobody came to it
  std::string evidence;  // one line
};

struct TickedMarkdown {
  std::string text;
  std::size_t boxes = 0;
  std::size_t ticked = 0;
  std::vector<std::string> unknown;  // boxes that no result is about
};

/// In the order of the plan: boxes of the same text are matched one after the other. A box is
/// ticked where its result is met, and empty where it is not; one without a result stays as it is.
TickedMarkdown tick_boxes(std::string_view markdown, const std::vector<BoxResult>& results);

}  // namespace dsl
