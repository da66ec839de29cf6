#include "runner/app/mounts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <unistd.h>

#include <fmt/format.h>

namespace runner {

namespace {

namespace fs = std::filesystem;

bool is_at_or_below(const fs::path& path, const fs::path& folder) {
  const fs::path beneath = path.lexically_relative(folder);
  return !beneath.empty() && *beneath.begin() != "..";
}

/// Sockets by which whoever may speak there gets this machine, by their usual names.
bool is_master_socket(const fs::path& path) {
  static constexpr std::array<std::string_view, 7> kNames{"docker.sock",
                                                          "podman.sock",
                                                          "containerd.sock",
                                                          "crio.sock",
                                                          "buildkitd.sock",
                                                          "system_bus_socket",
                                                          "libvirt-sock"};
  const std::string name = path.filename().string();
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         path == "/run/systemd/private";
}

/// Where the sockets really are: those that somebody listens on now, wherever, and those that were
/// named. A folder that holds one gives it away, read-only or not.
std::vector<fs::path> master_sockets(const std::vector<std::string>& named) {
  std::vector<fs::path> sockets;
  const auto add = [&](const fs::path& path) {
    std::error_code failed;
    const fs::path real = fs::weakly_canonical(path, failed);
    sockets.push_back(failed ? path : real);
  };
  for (const char* usual :
       {"/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock"}) {
    if (std::error_code failed; fs::exists(usual, failed)) {
      add(usual);
    }
  }
  for (const std::string& path : named) {
    add(path);
  }
  std::ifstream listening("/proc/net/unix");  // Num RefCount Protocol Flags Type St Inode Path
  for (std::string line; std::getline(listening, line);) {
    const std::size_t path = line.find(" /");
    if (path != std::string::npos && is_master_socket(line.substr(path + 1))) {
      add(line.substr(path + 1));
    }
  }
  return sockets;
}

struct Forbidden {
  fs::path state_dir;
  std::vector<fs::path> sockets;
};

/// "" where nothing is wrong with it.
std::string trouble_with(const std::string& file, bool writable, const Forbidden& forbidden) {
  std::error_code failed;
  const fs::path source = fs::canonical(file, failed);
  if (failed) {
    return failed.message();
  }
  for (const fs::path& socket : forbidden.sockets) {
    if (is_at_or_below(socket, source) && source != "/") {
      return fmt::format(
          "'{}' is there, and whoever speaks with it is as good as root on this machine",
          socket.string());
    }
  }
  if (!fs::is_directory(source, failed) && !fs::is_regular_file(source, failed)) {
    return "neither file nor folder";
  }
  for (const char* kernels : {"/proc", "/sys", "/dev"}) {
    if (source == "/" || is_at_or_below(source, kernels)) {
      return "it leads to " + source.string() + ", which no task may see whole";
    }
  }
  if (is_at_or_below(forbidden.state_dir, source) || is_at_or_below(source, forbidden.state_dir)) {
    return "runs and their evidence lie there (" + forbidden.state_dir.string() + ")";
  }
  if (::access(source.c_str(), writable ? R_OK | W_OK : R_OK) != 0) {
    return std::strerror(errno);
  }
  return "";
}

}  // namespace

std::vector<dsl::Error> trouble_with_host_files(
    const dsl::Plan& plan,
    const std::string& state_dir,
    const std::vector<std::string>& engine_sockets,
    const std::function<std::string(std::size_t node)>& place_of) {
  std::vector<dsl::Error> problems;
  std::optional<Forbidden> forbidden;  // most plans show nothing of the machine
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    const dsl::PlanNode& node = plan.nodes[i];
    const auto look = [&](const std::string& file, bool writable, const char* remedy) {
      if (!forbidden) {
        std::error_code failed;
        forbidden = {fs::weakly_canonical(state_dir, failed), master_sockets(engine_sockets)};
      }
      const std::string trouble = trouble_with(file, writable, *forbidden);
      if (trouble.empty()) {
        return;
      }
      const dsl::Error problem{
          fmt::format("'{}' asks to see '{}': {}", node.id.value, file, trouble), remedy};
      const std::string place = place_of ? place_of(i) : "";
      problems.push_back(place.empty() ? problem : problem.within(place));
    };
    for (const dsl::HostMount& mount : node.mounts) {
      look(mount.source, mount.writable, "name another file or folder under `mounts:`");
    }
    std::vector<const dsl::Image*> images{&node.image};
    for (const dsl::Service& service : node.services) {
      images.push_back(&service.image);
    }
    for (const dsl::Image* image : images) {
      std::error_code failed;  // one that is not there is told, once, by whoever is to unpack it
      if (image->kind == dsl::Image::Kind::RootFs && fs::exists(image->reference, failed)) {
        look(image->reference, false, "name the folder of another system; this one is `host`");
      }
    }
  }
  return problems;
}

}  // namespace runner
