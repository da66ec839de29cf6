#pragma once

// The project's own files as the architecture rules see them. Any thread.

#include <cstddef>
#include <string>
#include <vector>

namespace architecture {

struct Include {
  std::string target;    // as written between the brackets or quotes
  bool quoted = false;   // "…": one of ours
  std::size_t line = 1;  // 1-based
};

struct SourceFile {
  std::string path;  // from the project's root, '/' between names
  std::string text;
  std::vector<Include> includes;
};

using SourceTree = std::vector<SourceFile>;  // sorted by path

/// A file with its #include lines found, where it is code; not those in block comments.
SourceFile parse_file(std::string path, std::string text);

/// Every file beneath the folders that hold code or its companions, and CMakeLists.txt of the root.
/// Build output is no part of it. REQUIRES: `root` is a checkout of this project.
SourceTree read_tree(const std::string& root);

/// "dsl", "runner/store", "tests", …; "runner" for runner/main.cpp.
std::string room_of(const std::string& path);

/// C or C++; only such files have includes.
bool is_code(const std::string& path);

/// The path ends in this ("." included: ".h").
bool has_extension(const std::string& path, const char* extension);

}  // namespace architecture
