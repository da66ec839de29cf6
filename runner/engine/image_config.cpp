#include "runner/engine/image_config.h"

namespace runner {

void add_variable(const std::string& line, Variables& env) {
  const std::size_t equals = line.find('=');
  if (equals != std::string::npos && equals > 0) {
    env.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
}

void complete_from_image(const ImageConfig& image, Job& job) {
  job.default_env = layered(job.default_env, image.env);
  const bool own_command = !job.argv.empty();
  if (!own_command) {
    job.argv = image.command;
  }
  if (job.working_directory.empty()) {
    job.working_directory =
        own_command || image.working_directory.empty() ? "/" : image.working_directory;
  }
}

}  // namespace runner
