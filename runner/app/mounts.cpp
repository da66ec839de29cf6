#include "runner/app/mounts.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unistd.h>

#include <fmt/format.h>

namespace runner {

namespace {

namespace fs = std::filesystem;

bool is_at_or_below(const fs::path& path, const fs::path& folder) {
  const fs::path beneath = path.lexically_relative(folder);
  return !beneath.empty() && *beneath.begin() != "..";
}

/// "" where nothing is wrong with it.
std::string trouble_with(const dsl::HostMount& mount, const fs::path& state_dir) {
  std::error_code failed;
  const fs::path source = fs::canonical(mount.source, failed);
  if (failed) {
    return failed.message();
  }
  if (!fs::is_directory(source, failed) && !fs::is_regular_file(source, failed)) {
    return "neither file nor folder";
  }
  for (const char* kernels : {"/proc", "/sys", "/dev"}) {
    if (source == "/" || is_at_or_below(source, kernels)) {
      return "it leads to " + source.string() + ", which no task may see whole";
    }
  }
  if (is_at_or_below(state_dir, source) || is_at_or_below(source, state_dir)) {
    return "runs and their evidence lie there (" + state_dir.string() + ")";
  }
  if (::access(source.c_str(), mount.writable ? R_OK | W_OK : R_OK) != 0) {
    return std::strerror(errno);
  }
  return "";
}

}  // namespace

std::vector<dsl::Error> trouble_with_mounts(
    const dsl::Plan& plan,
    const std::string& state_dir,
    const std::function<std::string(std::size_t node)>& place_of) {
  std::error_code failed;
  fs::path state = fs::weakly_canonical(state_dir, failed);
  std::vector<dsl::Error> problems;
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    for (const dsl::HostMount& mount : plan.nodes[i].mounts) {
      const std::string trouble = trouble_with(mount, state);
      if (trouble.empty()) {
        continue;
      }
      const dsl::Error problem{
          fmt::format("'{}' asks to see '{}': {}", plan.nodes[i].id.value, mount.source, trouble),
          "name another file or folder under `mounts:`"};
      const std::string place = place_of ? place_of(i) : "";
      problems.push_back(place.empty() ? problem : problem.within(place));
    }
  }
  return problems;
}

}  // namespace runner
