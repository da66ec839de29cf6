#include "runner/app/paths.h"

#include <cstdlib>
#include <filesystem>

namespace runner {

namespace {

std::string below(const std::filesystem::path& folder, const std::string& path) {
  std::string whole = (folder / path).lexically_normal().string();
  if (whole.size() > 1 && whole.back() == '/') {
    whole.pop_back();
  }
  return whole;
}

std::string with_home(const std::string& path) {
  const char* const home = std::getenv("HOME");
  return path.starts_with("~/") && home != nullptr ? home + path.substr(1) : path;
}

void make_absolute(dsl::Image& image, const std::filesystem::path& folder) {
  switch (image.kind) {
    case dsl::Image::Kind::Host:
    case dsl::Image::Kind::Reference:
      return;
    case dsl::Image::Kind::Build:
      image.reference = below(folder, image.reference);
      image.context = below(folder, image.context);
      return;
    case dsl::Image::Kind::RootFs:
    case dsl::Image::Kind::OciArchive:
    case dsl::Image::Kind::Devcontainer:
      image.reference = below(folder, image.reference);
      return;
  }
}

}  // namespace

std::string cache_owner(const dsl::Plan& plan, bool rehearsal) {
  return plan.workspace.source + "\n" + plan.name + (rehearsal ? "\nrehearsal" : "");
}

void make_paths_absolute(dsl::Plan& plan, const std::string& pipeline_file) {
  std::error_code failed;  // no current folder: the paths stay relative, and using them says so
  const std::filesystem::path folder =
      std::filesystem::absolute(pipeline_file, failed).parent_path();
  plan.workspace.source = below(folder, plan.workspace.source);
  for (std::string& file : plan.env_files) {
    file = below(folder, with_home(file));
  }
  for (dsl::PlanNode& node : plan.nodes) {
    node.workspace.source = plan.workspace.source;
    make_absolute(node.image, folder);
    for (dsl::HostMount& mount : node.mounts) {
      mount.source = below(folder, with_home(mount.source));
    }
    for (dsl::Secret& secret : node.secrets) {
      if (!secret.file.empty()) {
        secret.file = below(folder, with_home(secret.file));
      }
    }
    for (dsl::Service& service : node.services) {
      make_absolute(service.image, folder);
    }
  }
}

}  // namespace runner
