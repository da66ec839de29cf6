#include "runner/store/handed_over.h"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/stat.h>

#include <fmt/format.h>

#include "dsl/glob.h"
#include "runner/store/job_folder.h"
#include "runner/store/tree_paths.h"
#include "runner/sys/files.h"

namespace runner {

using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

namespace {

constexpr std::int64_t kMaxOutput = 1 << 20;

}  // namespace

dsl::Result<std::string> read_output(Objects& objects,
                                     const PreparedWorkspace& workspace,
                                     const Halves& after,
                                     const dsl::OutputDecl& output) {
  const bool handed_over = output.file.empty();
  const std::string& path = handed_over ? output.name : output.file;
  const std::string folder =
      handed_over ? workspace.scratch + "/outputs" : written_folder(workspace);
  // Whoever tells the Error names the output and its file before it.
  const dsl::Error absent{"it was not written", "write the file before the command ends"};
  auto opened = files::open_folder(folder);
  if (!opened) {
    return opened.error();
  }
  auto read = files::read_beneath(opened->get(), path, kMaxOutput);
  if (read) {
    return read;
  }
  struct stat status {};
  const bool there = ::fstatat(opened->get(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  const bool hidden = there && is_overlay(workspace) && S_ISCHR(status.st_mode) &&
                      status.st_rdev == 0;  // the job removed it
  if (hidden) {
    return absent;
  }
  if (there || (errno != ENOENT && errno != ENOTDIR)) {
    return read.error();
  }
  if (handed_over || !is_overlay(workspace)) {
    return absent;
  }
  for (const Oid& half : {after.files, after.artifacts}) {
    auto entry = find_entry(objects, half, path);
    if (!entry) {
      return entry.error();
    }
    if (!entry->has_value()) {
      continue;
    }
    if ((*entry)->kind != Kind::File && (*entry)->kind != Kind::Executable) {
      return dsl::Error{"it is not a regular file", ""};
    }
    auto size = objects.blob_size((*entry)->id);
    if (size && *size > kMaxOutput) {
      return dsl::Error{fmt::format("it is larger than {} bytes", kMaxOutput), ""};
    }
    return objects.read_blob((*entry)->id, kMaxOutput);
  }
  return absent;
}

dsl::Result<std::vector<std::pair<std::string, std::string>>> missing_artifacts(
    Objects& objects, const std::vector<dsl::ArtifactDecl>& artifacts, const Halves& after) {
  std::vector<std::pair<std::string, dsl::GlobSet>> missing;
  for (const dsl::ArtifactDecl& artifact : artifacts) {
    for (const std::string& pattern : artifact.paths) {
      missing.emplace_back(pattern, dsl::GlobSet({pattern}));
    }
  }
  // Artifacts first: where all are found among them, the files need not be walked.
  for (const Oid& half : {after.artifacts, after.files}) {
    const dsl::Error found_all{"found all", ""};  // ends the walk
    auto walked =
        missing.empty()
            ? dsl::Status(dsl::Ok{})
            : for_each_entry(
                  objects, half, [&](const std::string& path, const Entry&) -> dsl::Status {
                    std::erase_if(missing,
                                  [&](const auto& one) { return one.second.matches(path); });
                    return missing.empty() ? dsl::Status(found_all) : dsl::Ok{};
                  });
    if (!walked && !missing.empty()) {
      return walked.error();
    }
  }
  std::vector<std::pair<std::string, std::string>> told;
  for (const auto& [pattern, glob] : missing) {
    told.emplace_back(fmt::format("artifacts '{}'", files::printable(pattern)), "nothing matches");
  }
  return told;
}

}  // namespace runner
