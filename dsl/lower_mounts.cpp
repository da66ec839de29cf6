// Files of this machine that a task sees, and what its containers run first.

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/fields.h"
#include "dsl/lower_task.h"

namespace dsl {
namespace {

/// Of a container: the kernel's, and what pipe itself puts there.
constexpr std::array<std::string_view, 5> kTaken = {"/proc", "/sys", "/dev", "/workspace", "/pipe"};

bool is_at_or_below(std::string_view path, std::string_view folder) {
  return path == folder || (path.starts_with(folder) && path[folder.size()] == '/');
}

bool has_odd_part(std::string_view path) {
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t slash = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, slash - begin);
    if (part.empty() || part == "." || part == "..") {
      return true;
    }
    begin = slash + 1;
  }
  return false;
}

/// Why nothing can be mounted there; "": it can.
std::string trouble_with_target(std::string_view target) {
  if (target.starts_with("~/")) {
    return has_odd_part(target.substr(1)) ? "has an empty, '.' or '..' part" : "";
  }
  if (!target.starts_with('/')) {
    return "is neither absolute nor in the task's home (~/…)";
  }
  if (target == "/") {
    return "is all of the container";
  }
  if (has_odd_part(target)) {
    return "has an empty, '.' or '..' part";
  }
  if (is_at_or_below(target, "/workspace")) {
    return "would hide files of the workspace";
  }
  const bool taken = target.starts_with("/.pipe") ||
                     std::any_of(kTaken.begin(), kTaken.end(), [&](std::string_view folder) {
                       return is_at_or_below(target, folder);
                     });
  return taken ? "is the container's own" : "";
}

bool is_engine_socket(std::string_view source) {
  return source.ends_with("docker.sock") || source.ends_with("podman.sock") ||
         source.ends_with("containerd.sock");
}

/// Why nobody may see it; "": one may.
std::string trouble_with_source(std::string_view source) {
  if (source == "/") {
    return "is this whole machine";
  }
  for (const std::string_view folder : {"/proc", "/sys", "/dev"}) {
    if (is_at_or_below(source, folder)) {
      return "is the kernel's, and leads out of the container";
    }
  }
  return is_engine_socket(source) ? "is as good as root on this machine" : "";
}

}  // namespace

void TaskLowering::lower_mounts() {
  const Layer* const layer = stating(&TaskSpec::mounts);
  if (layer == nullptr) {
    return;
  }
  for (const MountSpec& spec : layer->body->mounts.items) {
    HostMount mount{known(spec.source, number_of(*layer), "a mount's source"),
                    known(spec.target, number_of(*layer), "a mount's target"),
                    spec.writable.value};
    while (mount.target.size() > 1 && mount.target.ends_with('/')) {
      mount.target.pop_back();
    }
    if (mount.source.empty() || mount.target.empty()) {
      continue;  // reported
    }
    const std::string target = trouble_with_target(mount.target);
    const std::string source = trouble_with_source(mount.source);
    const bool is_second =
        std::any_of(node_.mounts.begin(), node_.mounts.end(), [&](const HostMount& other) {
          return is_at_or_below(mount.target, other.target) ||
                 is_at_or_below(other.target, mount.target);
        });
    if (!target.empty()) {
      program_.findings.error(kBadMount,
                              spec.target.span,
                              fmt::format("the target {} {}", quoted(mount.target), target),
                              "write another absolute path, such as /data");
    } else if (!source.empty()) {
      program_.findings.error(kBadMount,
                              spec.source.span,
                              fmt::format("{} {}", quoted(mount.source), source),
                              is_engine_socket(mount.source)
                                  ? "write 'docker: broker' (or, dangerous, 'docker: socket')"
                                  : "name the folder that the task needs");
    } else if (is_second) {
      program_.findings.error(
          kBadMount,
          spec.target.span,
          fmt::format("another mount is at {}, above it or below it", quoted(mount.target)),
          "give each a place of its own");
    } else {
      node_.mounts.push_back(std::move(mount));
    }
  }
  // What lies there is no part of what a result is looked up by.
  node_.reuse = node_.reuse && node_.mounts.empty();
}

void TaskLowering::lower_setup() {
  if (const Layer* layer = stating(&TaskSpec::setup); layer != nullptr) {
    node_.setup = std::string(layer->body->setup.value);
  }
}

}  // namespace dsl
