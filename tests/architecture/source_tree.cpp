#include "tests/architecture/source_tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

namespace architecture {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFolders[] = {
    "dsl", "runner", "tests", "stdlib", "schemas", "scripts", "examples"};

std::string_view trimmed(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view{} : line.substr(begin);
}

/// The target of an #include line, or nothing.
bool parse_include(std::string_view line, Include& found) {
  line = trimmed(line);
  if (!line.starts_with('#')) {
    return false;
  }
  line = trimmed(line.substr(1));
  if (!line.starts_with("include")) {
    return false;
  }
  line = trimmed(line.substr(7));
  if (line.size() < 2 || (line[0] != '"' && line[0] != '<')) {
    return false;
  }
  const auto end = line.find(line[0] == '"' ? '"' : '>', 1);
  if (end == std::string_view::npos) {
    return false;
  }
  found.quoted = line[0] == '"';
  found.target = line.substr(1, end - 1);
  return true;
}

std::string read_bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

SourceFile parse_file(std::string path, std::string text) {
  SourceFile file{std::move(path), std::move(text), {}};
  if (!is_code(file.path)) {
    return file;
  }
  std::istringstream lines(file.text);
  std::string line;
  bool in_comment = false;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    if (!in_comment) {
      Include include;
      if (parse_include(line, include)) {
        include.line = number;
        file.includes.push_back(std::move(include));
      }
    }
    // Good enough for our own style: block comments open and close at most once a line.
    if (!in_comment && trimmed(line).starts_with("/*")) {
      in_comment = true;
    }
    if (in_comment && line.find("*/") != std::string::npos) {
      in_comment = false;
    }
  }
  return file;
}

SourceTree read_tree(const std::string& root) {
  SourceTree tree;
  tree.push_back(parse_file("CMakeLists.txt", read_bytes(fs::path(root) / "CMakeLists.txt")));
  for (const char* folder : kFolders) {
    if (!fs::is_directory(fs::path(root) / folder)) {
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(root) / folder)) {
      if (entry.is_regular_file() && !entry.is_symlink()) {
        tree.push_back(parse_file(fs::relative(entry.path(), root).generic_string(),
                                  read_bytes(entry.path())));
      }
    }
  }
  std::sort(tree.begin(), tree.end(), [](const SourceFile& a, const SourceFile& b) {
    return a.path < b.path;
  });
  return tree;
}

std::string room_of(const std::string& path) {
  const auto first = path.find('/');
  const std::string top = path.substr(0, first);
  if (top != "runner" || first == std::string::npos) {
    return top;
  }
  const auto second = path.find('/', first + 1);
  return second == std::string::npos ? top : path.substr(0, second);
}

bool is_code(const std::string& path) {
  return has_extension(path, ".h") || has_extension(path, ".cpp") || has_extension(path, ".c");
}

bool has_extension(const std::string& path, const char* extension) {
  return std::string_view(path).ends_with(extension);
}

}  // namespace architecture
