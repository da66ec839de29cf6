#pragma once

// A folder of its own for a test, gone afterwards; and short words for the files in it.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/sys/files.h"

namespace runner::test {

class TempFolder {
 public:
  TempFolder() {
    const char* parent = std::getenv("TMPDIR");
    path_ = std::string(parent == nullptr ? "/tmp" : parent) + "/pipe-test-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) {
      throw std::runtime_error("cannot make a folder for the test");
    }
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() { static_cast<void>(files::remove_tree(path_)); }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

 private:
  std::string path_;
};

/// Makes the folders above, too.
inline void write_file(const std::string& path, std::string_view bytes, mode_t mode = 0644) {
  static_cast<void>(files::make_directories(path.substr(0, path.rfind('/'))));
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file || ::chmod(path.c_str(), mode) != 0) {
    throw std::runtime_error("cannot write " + path);
  }
}

/// "<absent>" where there is no such file.
inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return file ? std::string(std::istreambuf_iterator<char>(file), {}) : "<absent>";
}

inline bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

inline mode_t mode_of(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode : 0;
}

}  // namespace runner::test
