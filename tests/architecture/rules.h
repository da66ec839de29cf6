#pragma once

// The laws of the house that a program can check. Each rule returns one sentence for every breach,
// "path:line: what is wrong", in order of path; none means that the tree keeps the law. Pure.

#include <map>
#include <string>
#include <vector>

#include "tests/architecture/source_tree.h"

namespace architecture {

using Breaches = std::vector<std::string>;

/// Which rooms may see which. A room includes itself and rooms of lower levels.
struct House {
  std::map<std::string, int> levels;  // room -> level
  /// Pairs of rooms on one level where the first may include the second.
  std::vector<std::pair<std::string, std::string>> neighbours;
};

/// A foreign library: the files that may include it, each with the reason.
struct Library {
  std::string name;
  std::vector<std::string> prefixes;         // of include targets: "boost/graph"
  std::map<std::string, std::string> files;  // path, or folder with a final '/' -> why
};

/// Includes point to lower levels; every quoted include names a file of the tree.
Breaches check_layers(const SourceTree& tree, const House& house);

/// No circle of includes between files.
Breaches check_file_circles(const SourceTree& tree);

/// No circle of includes between rooms.
Breaches check_room_circles(const SourceTree& tree);

/// Each library only in its files, and in a header of dsl/ or runner/ only where the table names
/// that very header. An allowance that nothing uses is a breach too, so that the table does not
/// outlive its reasons.
Breaches check_libraries(const SourceTree& tree, const std::vector<Library>& libraries);

/// No file is called after a role that says nothing.
Breaches check_names(const SourceTree& tree);

/// Nothing is left for later.
Breaches check_leftovers(const SourceTree& tree);

/// Every header of C++ says `#pragma once`.
Breaches check_guards(const SourceTree& tree);

/// Every source file is named in a CMake list: what is not built is not tested.
Breaches check_build_lists(const SourceTree& tree);

}  // namespace architecture
