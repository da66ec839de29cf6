#include "runner/engine/docker_daemon.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "runner/sys/certificates.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

constexpr const char* kServerFolder = "/certs/server";
constexpr const char* kClientFolder = "/certs/client";

/// Longer than any node: they are worth nothing once the daemon is gone.
constexpr dsl::Duration kGoodFor{std::int64_t{365} * 24 * 3'600'000};

/// In the shell of whatever image has a daemon; Docker's own has an entry point that prepares more.
/// The cgroups are the container's own, since its namespace is, and mounted read-only by the engine
/// outside. Where they are of version 2, none that has groups beneath it may hold a process.
constexpr const char* kScript = R"(set -e
command -v dockerd > /dev/null || { echo "this image has no 'dockerd'" >&2; exit 127; }
test ! -d /sys/fs/cgroup || mount -o remount,rw /sys/fs/cgroup || true
while read -r _ at kind _; do
  case $kind in cgroup | cgroup2) mount -o remount,rw,bind "$at" || mount -o remount,rw "$at" ;; esac
done < /proc/mounts
if test -e /sys/fs/cgroup/cgroup.subtree_control; then
  mkdir -p /sys/fs/cgroup/init
  while read -r process; do
    echo "$process" > /sys/fs/cgroup/init/cgroup.procs || true
  done < /sys/fs/cgroup/cgroup.procs
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
    echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control || true
  done
fi
exec $(command -v dockerd-entrypoint.sh || true) dockerd "$@")";

std::string parent_folder(const std::string& state_dir) {
  return state_dir + "/engine/dind";
}

dsl::Status write_identity(const std::string& folder,
                           const std::string& authority,
                           const Certificate& identity) {
  if (dsl::Status made = files::make_directories(folder); !made)
    return made;
  // Whoever the job is must be able to read it; the folder above lets nobody else in.
  for (const auto& [name, text] : {std::pair{"ca.pem", &authority},
                                   std::pair{"cert.pem", &identity.certificate},
                                   std::pair{"key.pem", &identity.key}}) {
    const dsl::Status written =
        files::write_atomically(folder + "/" + name, *text, files::Durable::No, 0444);
    if (!written)
      return written;
  }
  return dsl::Ok{};
}

}  // namespace

dsl::Result<std::string> make_daemon_folder(const std::string& state_dir,
                                            const std::string& network) {
  if (dsl::Status made = files::make_directories(parent_folder(state_dir), 0700); !made)
    return made.error();
  std::string folder = parent_folder(state_dir) + "/" + network;
  const auto identities =
      make_tls_identities({"DNS:localhost", "DNS:docker", "IP:127.0.0.1"}, kGoodFor);
  if (!identities)
    return identities.error();
  for (const auto& [name, identity] :
       {std::pair{"/server", &identities->server}, std::pair{"/client", &identities->client}}) {
    if (dsl::Status written = write_identity(folder + name, identities->authority, *identity);
        !written)
      return written.error();
  }
  return folder;
}

void remove_daemon_folders(const std::string& state_dir, const dsl::RunId& run) {
  const auto parent = files::open_folder(parent_folder(state_dir));
  std::vector<std::string> names;
  if (!parent || !files::list_names(parent->get(), names))
    return;
  for (const std::string& name : names) {
    if (run.empty() || name.find("-" + run.value + "-") != std::string::npos)
      (void)files::remove_tree(parent_folder(state_dir) + "/" + name);
  }
}

void become_daemon(const std::string& folder, Job& job) {
  job.argv = {"/bin/sh",
              "-c",
              kScript,
              "dockerd",
              "--host=unix:///var/run/docker.sock",
              fmt::format("--host=tcp://127.0.0.1:{}", dsl::kDockerDaemonPort),
              "--tlsverify",
              "--log-level=warn"};
  for (const auto& [option, file] :
       {std::pair{"tlscacert", "ca"}, std::pair{"tlscert", "cert"}, std::pair{"tlskey", "key"}})
    job.argv.push_back(fmt::format("--{}={}/{}.pem", option, kServerFolder, file));
  job.user = "root";
  job.mounts.push_back({folder + "/server", kServerFolder, true});
}

void lead_to_daemon(const std::string& folder, Job& job) {
  job.mounts.push_back({folder + "/client", kClientFolder, true});
  job.default_env =
      layered(job.default_env,
              {{"DOCKER_HOST", fmt::format("tcp://localhost:{}", dsl::kDockerDaemonPort)},
               {"DOCKER_TLS_VERIFY", "1"},
               {"DOCKER_CERT_PATH", kClientFolder},
               {"TESTCONTAINERS_HOST_OVERRIDE", "localhost"},
               {"TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE", "/var/run/docker.sock"}});
}

}  // namespace runner
