#include "runner/app/input.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "runner/app/secret_files.h"

namespace runner {

namespace {

using dsl::Result;
using dsl::Status;

using Say = std::function<void(const std::string& note)>;

/// A large project takes its time to be read: says so after a second, and again now and then.
class ReadingProgress {
 public:
  ReadingProgress(const Clock& clock, Say say)
      : clock_(clock), say_(std::move(say)), next_ms_(clock.monotonic_ms() + 1000) {}

  void add(std::int64_t bytes) {
    ++files_;
    bytes_ += bytes;
    if (say_ && clock_.monotonic_ms() >= next_ms_) {
      say_(fmt::format("reading the project: {} files, {} MB so far", files_, bytes_ / 1'000'000));
      next_ms_ = clock_.monotonic_ms() + 10'000;
    }
  }

 private:
  const Clock& clock_;
  Say say_;
  std::int64_t next_ms_;
  std::int64_t files_ = 0;
  std::int64_t bytes_ = 0;
};

/// A home folder is a project for few; it takes long and is copied with all that is in it.
void warn_of_home(const InputRequest& request) {
  const char* const home = std::getenv("HOME");
  std::error_code failed;
  if (request.say && home != nullptr && *home != '\0' &&
      std::filesystem::equivalent(home, request.folder, failed) &&
      ::access((request.folder + "/.git").c_str(), F_OK) != 0) {
    request.say(
        "the project is your home folder: all of it is copied into the store; name a folder in it "
        "as `workspace: {source: …}`");
  }
}

}  // namespace

Result<Project> take_input(const InputRequest& request, TreeStore& trees, const Clock& clock) {
  warn_of_home(request);
  TakeRequest take;
  take.folder = request.folder;
  take.include_dirty = request.include_dirty;
  take.branch = request.branch;
  take.commit = request.commit;
  take.time_s = clock.wall_ms() / 1000;
  take.excluded = request.secrets;
  take.excluded.insert(take.excluded.end(), request.not_input.begin(), request.not_input.end());
  take.on_read = [progress = ReadingProgress(clock, request.say)](std::int64_t bytes) mutable {
    progress.add(bytes);
  };
  Result<Project> project = take_project(trees, take);
  if (!project) {
    return request.place.empty() ? project.error() : project.error().within(request.place);
  }
  if (const Status apart = check_are_apart(request.secrets, *project, trees); !apart) {
    return apart.error();
  }
  return project;
}

}  // namespace runner
