#include "runner/engine/permission_shims.h"

#include <filesystem>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "dsl/permission_rule.h"
#include "runner/engine/init_program.h"
#include "runner/init/protocol.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUsualFolders[] = {
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};

/// What is denied has its script in a folder beside `bin`, named by a digest, since it is a path.
std::string script_of_file(const std::string& path) {
  return "files/" + dsl::sha256_hex(path).substr(0, 16);
}

/// A shell that is told to read it, and does not look at the first line, comes to the same end.
std::string script(const std::string& name) {
  return fmt::format(
      "#!{0} {1}{2}\nexec {0} '{1}{2}' \"$0\" \"$@\"\n", kInitPath, init::kPermit, name);
}

std::string rules_text(const dsl::Permissions& permissions) {
  std::string text;
  for (const std::string& rule : permission_rules(permissions)) {
    text += rule + "\n";
  }
  text += "\n" + permissions.message;
  if (!permissions.message.empty() && permissions.message.back() != '\n') {
    text += "\n";
  }
  return text;
}

/// Names and bytes of all the files.
Variables files_of(const dsl::Permissions& permissions) {
  Variables all = {{"rules", rules_text(permissions)}};
  for (const std::string& name : dsl::named_programs(permissions)) {
    all.emplace_back("bin/" + name, script(name));
  }
  for (const std::string& path : dsl::denied_files(permissions)) {
    const bool is_in_root = path.find('/') == std::string::npos;
    all.emplace_back(script_of_file(path), script(is_in_root ? "./" + path : path));  // as in rules
  }
  return all;
}

/// The folder is named by what is in it, and nobody else writes there: it is made once.
dsl::Result<std::string> install(const std::string& state_dir,
                                 const dsl::Permissions& permissions) {
  const Variables all = files_of(permissions);
  std::string bytes;
  for (const auto& [name, content] : all) {
    bytes += name + '\0' + content + '\0';
  }
  const std::string folder =
      state_dir + "/engine/permissions/" + dsl::sha256_hex(bytes).substr(0, 16);
  for (const char* const part : {"/bin", "/files"}) {
    if (dsl::Status made = files::make_directories(folder + part); !made) {
      return made.error();
    }
  }
  for (const auto& [name, content] : all) {
    const std::string path = folder + "/" + name;
    std::error_code error;
    if (fs::file_size(path, error) == content.size() && !error) {
      continue;
    }
    if (dsl::Status written = files::write_atomically(path, content, files::Durable::No, 0555);
        !written) {
      return written.error();
    }
  }
  return folder;
}

/// Whether a program that can be covered is there: a file, by no link.
bool is_plain_program(const std::string& root, const std::string& folder, const std::string& name) {
  std::string path = root;
  for (const fs::path& part : fs::path(folder).relative_path()) {
    path += "/" + part.string();
    std::error_code error;
    if (!fs::is_directory(fs::symlink_status(path, error))) {
      return false;
    }
  }
  std::error_code error;
  return fs::is_regular_file(fs::symlink_status(path + "/" + name, error));
}

}  // namespace

std::vector<std::string> permission_rules(const dsl::Permissions& permissions) {
  std::vector<std::string> rules;
  for (const std::string& rule : permissions.allow) {
    rules.push_back("allow " + rule);
  }
  for (const std::string& rule : permissions.deny) {
    rules.push_back("deny " + rule);
  }
  return rules;
}

std::string path_with_shims(const Variables& env) {
  std::string path;
  for (const Variables& from : {usual_environment(), env}) {
    for (const auto& [name, value] : from) {
      if (name == "PATH") {
        path = value;
      }
    }
  }
  return std::string(init::kPermissionPrograms) + ":" + path;
}

dsl::Status add_permission_shims(const std::string& state_dir, const std::string& root, Job& job) {
  auto folder = install(state_dir, job.permissions);
  if (!folder) {
    return folder.error();
  }
  job.mounts.push_back({*folder, init::kPermissionFolder, true});
  for (const std::string& name : dsl::denied_programs(job.permissions)) {
    for (const char* const place : kUsualFolders) {
      if (!root.empty() && is_plain_program(root, place, name)) {
        job.mounts.push_back({*folder + "/bin/" + name, std::string(place) + "/" + name, true});
      }
    }
  }
  const std::string workspace = job.workspace.target + "/";
  for (const std::string& file : job.denied_files) {
    job.mounts.push_back({*folder + "/" + script_of_file(file), workspace + file, true});
  }
  return dsl::Ok{};
}

}  // namespace runner
