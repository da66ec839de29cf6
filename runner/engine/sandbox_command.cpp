#include "runner/engine/sandbox_command.h"

#include <charconv>

#include "runner/engine/root_in_image.h"

namespace runner {
namespace {

using Arguments = std::vector<std::string>;
using Descriptors = SandboxDescriptors;

void add(Arguments& arguments, std::initializer_list<std::string> more) {
  arguments.insert(arguments.end(), more);
}

std::string number(std::int64_t value) {
  return std::to_string(value);
}

/// What must be there before bubblewrap: only where something must be, since it is one more program
/// to start.
void add_stage(Arguments& arguments, const SandboxProgram& program, const SandboxSetup& setup) {
  const bool joins = setup.network == SandboxNetwork::Joined;
  if (setup.cgroups.empty() && setup.overlays.empty() && !joins) {
    return;
  }
  add(arguments, {program.init, "stage"});
  for (const std::string& folder : setup.cgroups) {
    add(arguments, {"--cgroup", folder});
  }
  if (joins && !program.is_root()) {
    add(arguments, {"--userns", number(Descriptors::kUserNamespace)});
  } else if (!setup.overlays.empty() && !program.is_root()) {
    add(arguments, {"--new-user", number(program.uid), number(program.gid)});
  }
  if (joins) {
    add(arguments, {"--netns", number(Descriptors::kNetworkNamespace)});
  }
  for (const OverlayMount& overlay : setup.overlays) {
    add(arguments, {"--overlay", overlay.target, overlay.upper, overlay.work});
    arguments.insert(arguments.end(), overlay.lower.begin(), overlay.lower.end());
    arguments.emplace_back(";");
  }
  arguments.emplace_back("--");
}

void add_isolation(Arguments& arguments,
                   const SandboxProgram& program,
                   const SandboxSetup& setup,
                   const InnerUser& user) {
  add(arguments,
      {"--unshare-ipc",
       "--unshare-pid",
       "--unshare-uts",
       "--unshare-cgroup-try",
       "--hostname",
       "pipe",
       "--cap-drop",
       "ALL",
       "--die-with-parent",
       "--new-session",
       "--as-pid-1",
       "--seccomp",
       number(Descriptors::kSeccomp)});
  if (setup.root_capabilities) {
    for (const char* const capability : kRootCapabilities) {
      add(arguments, {"--cap-add", std::string("CAP_") + capability});
    }
  }
  if (setup.network == SandboxNetwork::Own) {
    arguments.emplace_back("--unshare-net");
  }
  if (!program.is_root() || user.mapped) {
    arguments.emplace_back("--unshare-user");
  }
  if (user.mapped) {
    add(arguments, {"--uid", number(user.uid), "--gid", number(user.gid)});
  }
}

void add_system(Arguments& arguments, const SystemImage& system) {
  for (const std::string& folder : system.folders) {
    add(arguments, {"--ro-bind", folder, folder});
  }
  for (const auto& [target, path] : system.links) {
    add(arguments, {"--symlink", target, path});
  }
  add(arguments, {"--ro-bind", system.etc, "/etc"});
}

/// Everything that lives in memory has a size: the kernel's own default is half of the machine's.
/// /proc is read-only as a whole: to the machine's root /proc/sys is writable without any
/// capability, and all that a job loses by it is to change what the kernel notes of itself.
void add_kernel_folders(Arguments& arguments, const EngineOptions& options) {
  add(arguments, {"--proc",       "/proc",
                  "--remount-ro", "/proc",
                  "--dev",        "/dev",
                  "--perms",      "1777",
                  "--size",       number(options.shm_size.count),
                  "--tmpfs",      "/dev/shm",
                  "--remount-ro", "/dev",
                  "--perms",      "1777",
                  "--size",       number(options.tmp_size.count),
                  "--tmpfs",      "/tmp"});
}

void add_mounts(Arguments& arguments, const Job& job) {
  const WorkspaceMount& workspace = job.workspace;
  if (!workspace.directory.empty()) {
    add(arguments,
        {workspace.read_only ? "--ro-bind" : "--bind", workspace.directory, workspace.target});
  }
  for (const ReadOnlyPath& part : workspace.read_only_paths) {
    add(arguments, {"--ro-bind", part.source, workspace.target + "/" + part.path});
  }
  for (const Mount& mount : job.mounts) {
    add(arguments, {mount.read_only ? "--ro-bind" : "--bind", mount.source, mount.target});
  }
}

bool parse_id(std::string_view text, long* id) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *id);
  return error == std::errc() && end == text.data() + text.size() && *id >= 0 && !text.empty();
}

}  // namespace

dsl::Result<InnerUser> inner_user(const std::string& user, const SandboxProgram& program) {
  if (user.empty() || user == "host") {
    return InnerUser{};
  }
  InnerUser inner{true, 0, 0};
  if (user == "root") {
    inner.mapped = !program.is_root();
    return inner;
  }
  const std::size_t colon = user.find(':');
  const std::string_view all = user;
  if (!parse_id(all.substr(0, colon), &inner.uid)) {
    return dsl::Error{"the sandbox does not know the user '" + user + "'",
                      "write `host`, `root`, or a number, or choose engine `docker` or `podman`"};
  }
  inner.gid = inner.uid;
  if (colon != std::string::npos && !parse_id(all.substr(colon + 1), &inner.gid)) {
    return dsl::Error{"the sandbox does not know the group of '" + user + "'",
                      "write numbers, such as `1000:1000`"};
  }
  return inner;
}

std::vector<std::string> host_paths(const SandboxSetup& setup, const Job& job) {
  std::vector<std::string> paths = setup.cgroups;
  const auto add_path = [&](const std::string& path) {
    if (!path.empty()) {
      paths.push_back(path);
    }
  };
  if (setup.root.system != nullptr) {
    paths.insert(paths.end(), setup.root.system->folders.begin(), setup.root.system->folders.end());
    add_path(setup.root.system->etc);
  }
  add_path(setup.root.folder);
  for (const OverlayMount& overlay : setup.overlays) {
    add_path(overlay.target);
    add_path(overlay.upper);
    add_path(overlay.work);
    paths.insert(paths.end(), overlay.lower.begin(), overlay.lower.end());
  }
  add_path(job.workspace.directory);
  for (const ReadOnlyPath& part : job.workspace.read_only_paths) {
    add_path(part.source);
  }
  for (const Mount& mount : job.mounts) {
    add_path(mount.source);
  }
  return paths;
}

std::vector<std::string> sandbox_command(const SandboxProgram& program,
                                         const EngineOptions& options,
                                         const SandboxSetup& setup,
                                         const Job& job) {
  const InnerUser user = *inner_user(job.user, program);
  Arguments arguments;
  arguments.reserve(96);
  add_stage(arguments, program, setup);
  arguments.push_back(program.bwrap);
  add_isolation(arguments, program, setup, user);
  if (setup.root.system != nullptr) {
    add_system(arguments, *setup.root.system);
  } else {
    add(arguments, {"--bind", setup.root.folder, "/"});
  }
  add_kernel_folders(arguments, options);
  if (setup.root.system != nullptr) {
    add(arguments, {"--dir", "/var", "--symlink", "../tmp", "/var/tmp", "--dir", "/run"});
  }
  add_mounts(arguments, job);
  if (setup.root.system != nullptr) {
    add(arguments, {"--remount-ro", "/"});
  }
  // Executed from its descriptor: no mount, and no file of the image can stand in its place.
  add(arguments,
      {"--",
       "/proc/self/fd/" + number(Descriptors::kInit),
       "run",
       "--spec",
       number(Descriptors::kSpec),
       "--control",
       number(Descriptors::kControl),
       "--status",
       number(Descriptors::kControl)});
  return arguments;
}

}  // namespace runner
