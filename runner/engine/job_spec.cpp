#include "runner/engine/job_spec.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/engine/permission_shims.h"
#include "runner/init/protocol.h"

namespace runner {
namespace {

/// A name that no rule can allow and no event tells of (RFC 6761).
constexpr const char* kCanary = "canary.pipe.invalid";

void add_text(std::string& spec, const std::string& text) {
  // A NUL cannot be part of an argument or a variable; what follows it would become another.
  spec += text.substr(0, text.find('\0'));
  spec += '\0';
}

void add_list(std::string& spec, const std::vector<std::string>& texts) {
  add_text(spec, std::to_string(texts.size()));
  for (const std::string& text : texts) {
    add_text(spec, text);
  }
}

}  // namespace

std::string job_spec_bytes(const Job& job, const std::vector<std::string>& cgroups) {
  std::string spec;
  spec.reserve(1024);
  add_text(spec, job.working_directory);
  Variables env = layered(job.default_env, job.env);
  for (const auto& [name, content] : job.secret_files) {
    env = layered(env, {{name, std::string(init::kSecretFolder) + "/" + name}});
  }
  if (!job.permissions.empty()) {
    env = layered(env, {{"PATH", path_with_shims(env)}});
  }
  add_text(spec, std::to_string(env.size()));
  for (const auto& [name, value] : env) {
    spec += name;
    spec += '=';
    add_text(spec, value);
  }
  add_list(spec, cgroups);
  std::vector<std::string> proof;
  if (job.egress_proof) {
    proof.emplace_back(kCanary);
    proof.insert(proof.end(), job.egress_proof->begin(), job.egress_proof->end());
  }
  add_list(spec, proof);
  std::vector<std::string> secrets;
  for (const auto& [name, content] : job.secret_files) {
    secrets.push_back(name);
    secrets.push_back(content);
  }
  add_list(spec, secrets);
  add_list(spec, job.argv);
  return spec;
}

dsl::Result<Fd> make_job_spec(const Job& job, const std::vector<std::string>& cgroups) {
  const std::string spec = job_spec_bytes(job, cgroups);
  Fd file(memfd_create("pipe-job", MFD_CLOEXEC));
  if (!file || write(file.get(), spec.data(), spec.size()) != static_cast<ssize_t>(spec.size())) {
    return dsl::Error{std::string("hand over the command: ") + strerrordesc_np(errno), ""};
  }
  return file;
}

}  // namespace runner
