#include "runner/engine/root_in_image.h"

#include <fmt/format.h>

#include "runner/engine/init_program.h"
#include "runner/sys/files.h"

namespace runner {

bool is_root_in_image(const Job& job) {
  return job.user == "root" && job.image.kind != dsl::Image::Kind::Host;
}

dsl::Status add_sudo(const std::string& state_dir, Job& job) {
  const std::string path = state_dir + "/engine/sudo";
  const std::string script = fmt::format("#!{} sudo\n", kInitPath);
  if (dsl::Status made = files::make_directories(state_dir + "/engine"); !made) {
    return made;
  }
  if (dsl::Status written = files::write_atomically(path, script, files::Durable::No, 0555);
      !written) {
    return written;
  }
  job.mounts.push_back({path, "/usr/local/bin/sudo", true});
  return dsl::Ok{};
}

}  // namespace runner
