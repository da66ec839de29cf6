#pragma once

// Changes of a node that reach beyond it: what other programs will run, obey or misread once the
// result is in the project. They are data as all else that a node leaves, taken as they are and
// told; `workspace: {flagged: …}` has a person approve them, or refuses them. Any thread; pure.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace runner {

/// A changed path, and what is to be known of it before anybody takes it over.
struct FlaggedPath {
  std::string path;  // bytes as git has them
  std::string why;   // "GitHub Actions runs it", "a link that leads out of the project", …
  bool operator==(const FlaggedPath&) const = default;
};

/// At most so many of a node are kept; one more then says how many there were beyond them.
inline constexpr std::size_t kMostFlagged = 200;

/// The name as file systems see it that take 'A' and 'a' for one (macOS, Windows).
std::string folded(std::string_view name);

/// Which program elsewhere runs or obeys a file of that path, in any folder and any case of its
/// letters: "GitHub Actions runs it"; "" none that is known.
std::string_view runs_elsewhere(std::string_view path);

/// Does the name hold characters that show nothing, or something else (control characters, line
/// breaks, bidirectional marks, invalid UTF-8)?
bool is_deceptive(std::string_view path);

/// Does a link at `path` with that target lead out of the folder that `path` is beneath?
bool leads_out(std::string_view path, std::string_view target);

/// "'a' and 2 more: GitHub Actions runs it; 'b': …", for a person to decide on, in one line.
std::string flagged_text(const std::vector<FlaggedPath>& flagged);

}  // namespace runner
