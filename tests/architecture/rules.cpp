#include "tests/architecture/rules.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <functional>
#include <set>
#include <sstream>
#include <string_view>

namespace architecture {

namespace {

std::string at(const SourceFile& file, std::size_t line) {
  return file.path + ":" + std::to_string(line) + ": ";
}

bool is_product_header(const std::string& path) {
  return has_extension(path, ".h") && (std::string_view(path).starts_with("dsl/") ||
                                       std::string_view(path).starts_with("runner/"));
}

using Graph = std::map<std::string, std::set<std::string>>;

/// One sentence for each circle that a depth-first walk closes: "a -> b -> a".
Breaches circles_of(const Graph& graph) {
  enum class Mark { New, Open, Done };
  std::map<std::string, Mark> marks;
  std::vector<std::string> path;
  Breaches breaches;
  const std::function<void(const std::string&)> visit = [&](const std::string& node) {
    marks[node] = Mark::Open;
    path.push_back(node);
    const auto edges = graph.find(node);
    if (edges != graph.end()) {
      for (const std::string& next : edges->second) {
        if (marks[next] == Mark::New) {
          visit(next);
        } else if (marks[next] == Mark::Open) {
          std::string circle = "include circle: ";
          for (auto step = std::find(path.begin(), path.end(), next); step != path.end(); ++step) {
            circle += *step + " -> ";
          }
          breaches.push_back(circle + next);
        }
      }
    }
    path.pop_back();
    marks[node] = Mark::Done;
  };
  for (const auto& [node, edges] : graph) {
    if (marks[node] == Mark::New) {
      visit(node);
    }
  }
  return breaches;
}

bool may_include(const House& house, const std::string& from, const std::string& to) {
  if (from == to) {
    return true;
  }
  const auto upper = house.levels.find(from);
  const auto lower = house.levels.find(to);
  if (upper == house.levels.end() || lower == house.levels.end()) {
    return false;
  }
  return lower->second < upper->second ||
         std::find(house.neighbours.begin(), house.neighbours.end(), std::pair{from, to}) !=
             house.neighbours.end();
}

/// The entry of the table that allows `path`, or nothing.
const std::string* allowance_for(const Library& library, const std::string& path) {
  if (const auto exact = library.files.find(path); exact != library.files.end()) {
    return &exact->first;
  }
  for (const auto& [allowed, reason] : library.files) {
    if (allowed.ends_with('/') && path.starts_with(allowed)) {
      return &allowed;
    }
  }
  return nullptr;
}

bool belongs_to(const Library& library, const Include& include) {
  return !include.quoted &&
         std::any_of(library.prefixes.begin(),
                     library.prefixes.end(),
                     [&](const std::string& prefix) { return include.target.starts_with(prefix); });
}

/// The words of a file's name: "run_store_test.cpp" is {run, store, test}.
std::vector<std::string> words_of(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  name = name.substr(0, name.find('.'));
  std::vector<std::string> words(1);
  for (const char c : name) {
    if (c == '_' || c == '-') {
      words.emplace_back();
    } else {
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return words;
}

/// Every path that a CMake file names, seen from the root.
void collect_named_paths(const SourceFile& list, std::set<std::string>& named) {
  const std::filesystem::path folder = std::filesystem::path(list.path).parent_path();
  std::string text = list.text;
  std::replace_if(
      text.begin(),
      text.end(),
      [](char c) { return c == '(' || c == ')' || c == '"' || c == ';'; },
      ' ');
  std::istringstream words(text);
  std::string before;
  for (std::string word; words >> word; before = word) {
    std::filesystem::path base = folder;
    if (before == "pipe_fuzzer") {
      word += "_fuzzer.cpp";  // as the function itself does
    }
    if (word.starts_with("${CMAKE_CURRENT_SOURCE_DIR}/")) {
      word = word.substr(word.find('/') + 1);
    } else if (word.starts_with("${PROJECT_SOURCE_DIR}/")) {
      word = word.substr(word.find('/') + 1);
      base.clear();
    }
    named.insert((base / word).lexically_normal().generic_string());
  }
}

}  // namespace

Breaches check_layers(const SourceTree& tree, const House& house) {
  std::set<std::string> paths;
  for (const SourceFile& file : tree) {
    paths.insert(file.path);
  }
  Breaches breaches;
  for (const SourceFile& file : tree) {
    const std::string room = room_of(file.path);
    if (is_code(file.path) && !house.levels.contains(room)) {
      breaches.push_back(file.path + ": room '" + room + "' is not in the house");
      continue;
    }
    for (const Include& include : file.includes) {
      if (!include.quoted) {
        continue;
      }
      if (!paths.contains(include.target)) {
        breaches.push_back(at(file, include.line) + "'" + include.target +
                           "' is no file of the tree (includes start at its root)");
      } else if (!may_include(house, room, room_of(include.target))) {
        breaches.push_back(at(file, include.line) + "'" + room + "' may not include '" +
                           include.target + "'");
      }
    }
  }
  return breaches;
}

Breaches check_file_circles(const SourceTree& tree) {
  Graph graph;
  for (const SourceFile& file : tree) {
    for (const Include& include : file.includes) {
      if (include.quoted) {
        graph[file.path].insert(include.target);
      }
    }
  }
  return circles_of(graph);
}

Breaches check_room_circles(const SourceTree& tree) {
  Graph graph;
  for (const SourceFile& file : tree) {
    for (const Include& include : file.includes) {
      if (include.quoted && room_of(file.path) != room_of(include.target)) {
        graph[room_of(file.path)].insert(room_of(include.target));
      }
    }
  }
  return circles_of(graph);
}

Breaches check_libraries(const SourceTree& tree, const std::vector<Library>& libraries) {
  Breaches breaches;
  for (const Library& library : libraries) {
    std::set<std::string> used;
    for (const SourceFile& file : tree) {
      for (const Include& include : file.includes) {
        if (!belongs_to(library, include)) {
          continue;
        }
        const std::string* allowance = allowance_for(library, file.path);
        if (allowance != nullptr) {
          used.insert(*allowance);
        }
        if (is_product_header(file.path) && !library.files.contains(file.path)) {
          breaches.push_back(at(file, include.line) + library.name + " in a header");
        } else if (allowance == nullptr) {
          breaches.push_back(at(file, include.line) + library.name + " has no business here");
        }
      }
    }
    for (const auto& [allowed, reason] : library.files) {
      if (!used.contains(allowed)) {
        breaches.push_back(allowed + ": is allowed " + library.name + " and does not use it");
      }
    }
  }
  return breaches;
}

Breaches check_names(const SourceTree& tree) {
  static const std::set<std::string> kEmptyWords = {"manager",
                                                    "managers",
                                                    "helper",
                                                    "helpers",
                                                    "util",
                                                    "utils",
                                                    "data",
                                                    "info",
                                                    "base",
                                                    "common",
                                                    "misc"};
  Breaches breaches;
  for (const SourceFile& file : tree) {
    if (!is_code(file.path)) {
      continue;
    }
    for (const std::string& word : words_of(file.path)) {
      if (kEmptyWords.contains(word)) {
        breaches.push_back(file.path + ": '" + word + "' says nothing about what is in the file");
      }
    }
  }
  return breaches;
}

Breaches check_leftovers(const SourceTree& tree) {
  // In two parts, so that this file does not find itself.
  static const std::string kMarks[] = {
      "TO"
      "DO",
      "FIX"
      "ME",
      "XX"
      "X:"};
  Breaches breaches;
  for (const SourceFile& file : tree) {
    std::istringstream lines(file.text);
    std::size_t number = 1;
    for (std::string line; std::getline(lines, line); ++number) {
      for (const std::string& mark : kMarks) {
        if (line.find(mark) != std::string::npos) {
          breaches.push_back(at(file, number) + "something is left for later");
        }
      }
    }
  }
  return breaches;
}

Breaches check_guards(const SourceTree& tree) {
  Breaches breaches;
  for (const SourceFile& file : tree) {
    if (has_extension(file.path, ".h") && !file.text.starts_with("#pragma once\n") &&
        file.text.find("\n#pragma once\n") == std::string::npos) {
      breaches.push_back(file.path + ": no '#pragma once'");
    }
  }
  return breaches;
}

Breaches check_build_lists(const SourceTree& tree) {
  std::set<std::string> named;
  for (const SourceFile& file : tree) {
    if (has_extension(file.path, "CMakeLists.txt") || has_extension(file.path, ".cmake")) {
      collect_named_paths(file, named);
    }
  }
  Breaches breaches;
  for (const SourceFile& file : tree) {
    const bool built = has_extension(file.path, ".cpp") || has_extension(file.path, ".c");
    if (built && !named.contains(file.path)) {
      breaches.push_back(file.path + ": in no CMake list, so it is never built");
    }
  }
  return breaches;
}

}  // namespace architecture
