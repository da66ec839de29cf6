#include "runner/engine/init_program.h"

#include <sys/stat.h>

#include "dsl/digest.h"
#include "runner/sys/files.h"

// Made from the program's file by `ld -r -b binary` (CMakeLists.txt).
extern "C" {
extern const char _binary_pipe_init_start[];  // NOLINT(readability-identifier-naming)
extern const char _binary_pipe_init_end[];    // NOLINT(readability-identifier-naming)
}

namespace runner {
std::string_view init_program_bytes() {
  return {_binary_pipe_init_start,
          static_cast<std::size_t>(_binary_pipe_init_end - _binary_pipe_init_start)};
}

dsl::Result<std::string> install_init_program(const std::string& state_dir) {
  const std::string folder = state_dir + "/bin";
  if (const dsl::Status made = files::make_directories(folder); !made) {
    return made.error();
  }
  // Sixteen hex digits tell our own versions apart; nobody else writes here.
  static const std::string kDigest = dsl::sha256_hex(init_program_bytes()).substr(0, 16);
  const std::string path = folder + "/pipe-init-" + kDigest;
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 &&
      static_cast<std::size_t>(status.st_size) == init_program_bytes().size()) {
    return path;
  }
  if (const dsl::Status written =
          files::write_atomically(path, init_program_bytes(), files::Durable::No, 0555);
      !written) {
    return written.error();
  }
  return path;
}

}  // namespace runner
