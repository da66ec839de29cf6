#include "runner/store/run_store.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "dsl/suggest.h"
#include "runner/store/layers.h"
#include "runner/store/project.h"
#include "runner/store/result_cache.h"
#include "runner/store/tree_store.h"
#include "runner/sys/files.h"
#include "runner/sys/git.h"

namespace runner {

using dsl::Error;
using dsl::Ok;
using dsl::Result;
using dsl::RunId;
using dsl::Status;

namespace {

constexpr std::array<const char*, 2> kSchema = {
    "CREATE TABLE results (key TEXT PRIMARY KEY, name TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    " took_ms INTEGER NOT NULL, result TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX results_by_name ON results (name, at_ms);",
    "CREATE TABLE store (id TEXT NOT NULL) STRICT;"
    "INSERT INTO store VALUES (lower(hex(randomblob(6))));"};

constexpr std::int64_t kHasId = 2;  // the version from which on a store has an id

Result<std::string> read_id(Database& database) {
  auto statement = database.prepare("SELECT id FROM store");
  if (!statement) {
    return statement.error();
  }
  const auto row = statement->step();
  if (!row) {
    return row.error();
  }
  return *row ? std::string(statement->text(0)) : std::string();
}

constexpr std::array kFirst = {
    "amber", "bold",  "brave", "brisk",  "calm",  "clear", "crisp", "deft",  "eager", "early",
    "fair",  "fast",  "fine",  "fond",   "fresh", "glad",  "grand", "green", "happy", "keen",
    "kind",  "late",  "light", "lively", "loyal", "lucid", "merry", "mild",  "neat",  "noble",
    "plain", "proud", "pure",  "quick",  "quiet", "rapid", "ready", "rosy",  "sharp", "shy",
    "sleek", "slow",  "snug",  "soft",   "spry",  "still", "sunny", "sure",  "swift", "tidy",
    "trim",  "true",  "vivid", "warm",   "wild",  "wise"};
constexpr std::array kSecond = {
    "ant",   "auk",   "bear",  "bee",  "boar",   "carp",  "cat",   "cod",   "colt",  "crab",
    "crane", "crow",  "deer",  "dove", "duck",   "eagle", "eel",   "elk",   "finch", "fox",
    "frog",  "goat",  "goose", "gull", "hare",   "hawk",  "heron", "horse", "ibis",  "jay",
    "kite",  "koi",   "lark",  "lynx", "marten", "mole",  "moose", "moth",  "newt",  "otter",
    "owl",   "perch", "pike",  "puma", "quail",  "raven", "robin", "seal",  "shrew", "snail",
    "stork", "swan",  "tern",  "toad", "trout",  "vole",  "wasp",  "whale", "wren",  "yak"};

std::string made_up_name(const std::function<std::uint32_t()>& random) {
  return fmt::format("{}-{}-{:04x}",
                     kFirst[random() % kFirst.size()],
                     kSecond[random() % kSecond.size()],
                     random() & 0xffffU);
}

Status check_name(const std::string& name) {
  const bool good = !name.empty() && name.size() <= 32 && name.front() != '-' && name != "latest" &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                    });
  if (good) {
    return Ok{};
  }
  if (name == "latest") {
    return Error{"'latest' cannot be the name of a run: it means the one that began last",
                 "choose another name, such as 'nightly-1'"};
  }
  return Error{"'" + files::printable(name) + "' cannot be the name of a run",
               "use at most 32 of a-z, 0-9 and '-', such as 'nightly-1'"};
}

std::string lock_file(const std::string& run_folder) {
  return run_folder + "/lock";
}

std::optional<pid_t> pid_in(int file) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(file, text.data(), text.size(), 0);
  pid_t pid = 0;
  if (got <= 0 || std::from_chars(text.data(), text.data() + got, pid).ec != std::errc() ||
      pid <= 0) {
    return std::nullopt;
  }
  return pid;
}

Error of_store(const Error& error) {
  const Error told = error.within("run store");
  return told.remedy.empty()
             ? told.then("set PIPE_STATE to a folder that can be made, and written to")
             : told;
}

}  // namespace

bool RunStore::exists(const std::string& folder) {
  return ::access((folder + "/store.db").c_str(), F_OK) == 0 || errno != ENOENT;
}

Result<RunStore> RunStore::open(const std::string& folder, Access access) {
  RunStore store(folder);
  if (access == Access::Create) {
    for (const std::string& needed : {folder, folder + "/runs"}) {
      if (const Status made = files::make_directories(needed, 0700); !made) {
        return of_store(made.error());
      }
    }
  }
  const std::string file = folder + "/store.db";
  if (access == Access::ReadOnly && ::access(file.c_str(), R_OK) != 0) {
    return of_store(files::system_error("read", file, errno));
  }
  Result<Database> database = Database::open(
      file, access == Access::Create ? Database::Access::Create : Database::Access::ReadOnly);
  if (!database) {
    return database.error().within("run store");
  }
  if (access == Access::Create) {
    if (const Status ready = database->migrate(kSchema); !ready) {
      return ready.error().within("run store");
    }
  }
  const Result<std::int64_t> version = database->version();
  if (!version) {
    return version.error().within("run store");
  }
  if (*version > static_cast<std::int64_t>(kSchema.size())) {
    return Error{"run store '" + folder + "' was made by a newer pipe",
                 "use that pipe, or another store with PIPE_STATE"};
  }
  if (*version >= kHasId) {
    auto id = read_id(*database);
    if (!id) {
      return id.error().within("run store");
    }
    store.id_ = *std::move(id);
  }
  return store;
}

Result<Database> RunStore::database() const {
  return Database::open(folder_ + "/store.db", Database::Access::Write);
}

std::string RunStore::run_folder(const RunId& run) const {
  return folder_ + "/runs/" + run.value;
}

std::string RunStore::work_folder(const RunId& run) const {
  return run_folder(run) + "/work";
}

namespace {

/// A folder that becomes a run's by its name alone; removed where it did not.
class Draft {
 public:
  explicit Draft(std::string folder) : folder_(std::move(folder)) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() { static_cast<void>(files::remove_tree(folder_)); }  // gone already where it was named

  Status fill(const std::string& plan_json, const std::vector<RunStore::FirstFile>& beside) const {
    if (Status made = files::make_directories(folder_ + "/logs", 0700); !made) {
      return made;
    }
    for (const RunStore::FirstFile& file : beside) {
      if (Status written = write(file.name, file.bytes); !written) {
        return written;
      }
    }
    return write("plan.json", plan_json);
  }

  /// False: the name is taken.
  Result<bool> name_it(const std::string& folder) const {
    // The kernel's own stamp is too coarse to tell two runs of one moment apart.
    if (const Status dated = files::set_modified(folder_ + "/plan.json", files::clock_ns());
        !dated) {
      return dated.error();
    }
    if (::rename(folder_.c_str(), folder.c_str()) == 0) {
      return true;
    }
    if (errno == EEXIST || errno == ENOTEMPTY) {
      return false;
    }
    return files::system_error("make folder", folder, errno);
  }

 private:
  [[nodiscard]] Status write(const std::string& name, const std::string& bytes) const {
    return files::write_atomically(folder_ + "/" + name, bytes, files::Durable::Yes, 0600);
  }

  std::string folder_;
};

constexpr const char* kDraft = ".draft-";

}  // namespace

Result<RunId> RunStore::create_run(const std::string& name,
                                   const std::string& plan_json,
                                   const std::function<std::uint32_t()>& random,
                                   const std::vector<FirstFile>& beside) {
  if (!name.empty()) {
    if (const Status good = check_name(name); !good) {
      return good.error();
    }
  }
  Result<std::string> made = files::make_temporary_folder(folder_ + "/runs", kDraft);
  if (!made) {
    return made.error();
  }
  const Draft draft(*std::move(made));
  if (const Status filled = draft.fill(plan_json, beside); !filled) {
    return filled.error();
  }
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    const RunId run(name.empty() ? made_up_name(random) : name);
    const Result<bool> named = draft.name_it(run_folder(run));
    if (!named) {
      return named.error();
    }
    if (*named) {
      return run;
    }
    if (!name.empty()) {
      return Error{"a run named '" + name + "' is there already",
                   "choose another name, or remove it with `pipe clean " + name + "`"};
    }
  }
  return Error{"no free name for a run was found", "remove old runs with `pipe clean`"};
}

Result<std::string> RunStore::plan_json(const RunId& run) const {
  constexpr std::int64_t kCap = 1LL << 30;
  return files::read_file(run_folder(run) + "/plan.json", kCap);
}

Result<RunLock> RunStore::lock(const RunId& run) {
  const std::string path = lock_file(run_folder(run));
  Result<std::optional<FileLock>> lock = FileLock::try_take(path, FileLock::How::Exclusive);
  if (!lock) {
    return lock.error();
  }
  if (!*lock) {
    const std::optional<pid_t> pid = holder(run);
    return Error{
        fmt::format("run '{}' has a runner already{}",
                    run.value,
                    pid ? fmt::format(" (process {})", *pid) : ""),
        fmt::format("watch it with `pipe attach {0}`, or end it with `pipe stop {0}`", run.value)};
  }
  const int file = (*lock)->descriptor();
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(file, 0) != 0 || !files::write_all(file, pid)) {
    return files::system_error("write", path, errno);
  }
  return RunLock(**std::move(lock));
}

std::optional<pid_t> RunStore::holder(const RunId& run) const {
  const std::string path = lock_file(run_folder(run));
  if (!FileLock::is_held(path)) {
    return std::nullopt;
  }
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  return file ? pid_in(file.get()) : std::nullopt;
}

Result<std::vector<RunId>> RunStore::runs() const {
  const std::string folder = folder_ + "/runs";
  const Result<Fd> opened = files::open_folder(folder);
  if (!opened) {
    return opened.error();
  }
  std::vector<std::string> names;
  if (!files::list_names(opened->get(), names)) {
    return files::system_error("list", folder, errno);
  }
  struct Aged {
    std::int64_t made_ns;
    RunId run;
  };
  std::vector<Aged> aged;
  for (std::string& name : names) {
    struct stat status {};
    if (!name.starts_with(kDraft) &&
        ::stat((folder + "/" + name + "/plan.json").c_str(), &status) == 0) {
      aged.push_back({status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec,
                      RunId(std::move(name))});
    }
  }
  std::sort(aged.begin(), aged.end(), [](const Aged& a, const Aged& b) {
    return a.made_ns != b.made_ns ? a.made_ns > b.made_ns : a.run < b.run;
  });
  std::vector<RunId> runs;
  for (Aged& one : aged) {
    runs.push_back(std::move(one.run));
  }
  return runs;
}

Result<RunId> RunStore::find(const std::string& text) const {
  const Result<std::vector<RunId>> all = runs();
  if (!all) {
    return all.error();
  }
  if (all->empty()) {
    return Error{"there are no runs", "start one with `pipe run FILE`"};
  }
  if (text == "latest") {
    return all->front();
  }
  std::vector<RunId> begin_so;
  std::vector<std::string> names;
  for (const RunId& run : *all) {
    if (run.value == text) {
      return run;
    }
    if (!text.empty() && run.value.compare(0, text.size(), text) == 0) {
      begin_so.push_back(run);
    }
    names.push_back(run.value);
  }
  if (begin_so.size() == 1) {
    return begin_so.front();
  }
  std::string remedy = "`pipe ls` lists the runs";
  if (begin_so.size() > 1) {
    remedy = "it could be";
    for (std::size_t i = 0; i < begin_so.size() && i < 5; ++i) {
      remedy += (i == 0 ? " '" : ", '") + begin_so[i].value + "'";
    }
    return Error{"'" + files::printable(text) + "' is the beginning of several runs", remedy};
  }
  const std::string near = dsl::did_you_mean(text, {names.begin(), names.end()});
  if (!near.empty()) {
    remedy = near;
  }
  return Error{"there is no run '" + files::printable(text) + "'", remedy};
}

Status RunStore::remove(const RunId& run) {
  if (::access(trees_folder().c_str(), F_OK) == 0) {
    Result<std::unique_ptr<git::ObjectDatabase>> trees = git::ObjectDatabase::open(trees_folder());
    if (!trees) {
      return trees.error();
    }
    if (Status gone = (*trees)->remove_references("refs/pipe/runs/" + run.value + "/"); !gone) {
      return gone;
    }
  }
  return files::remove_tree(run_folder(run));
}

namespace {

constexpr std::int64_t kMonth_s = 30LL * 24 * 3600;

/// What is in the folder, begins so and was not touched since: caches by the date of their last
/// use.
Result<int> remove_old(const std::string& folder, std::string_view prefix, std::int64_t before_s) {
  const Fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::vector<std::string> names;
  if (!opened || !files::list_names(opened.get(), names)) {
    return errno == ENOENT ? Result<int>(0) : files::system_error("read folder", folder, errno);
  }
  int removed = 0;
  for (const std::string& name : names) {
    struct stat status {};
    if (name.starts_with(prefix) &&
        ::fstatat(opened.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_mtim.tv_sec < before_s) {
      if (const Status gone = files::remove_tree(folder + "/" + name); !gone) {
        return gone.error();
      }
      ++removed;
    }
  }
  return removed;
}

}  // namespace

Result<RunStore::Tidied> RunStore::tidy(std::int64_t now_ms, dsl::Duration draft_age) {
  Tidied tidied;
  const Result<std::vector<RunId>> all = runs();
  if (!all) {
    return all.error();
  }
  if (std::any_of(all->begin(), all->end(), [&](const RunId& run) { return holder(run); })) {
    return tidied;
  }
  const Result<int> checkouts = Layers::remove_unused(folder_ + "/checkouts", 0);
  const Result<int> caches = remove_old(folder_ + "/caches", "", now_ms / 1000 - kMonth_s);
  const Result<int> drafts = remove_old(folder_ + "/runs", kDraft, (now_ms - draft_age.ms) / 1000);
  Result<Database> results = database();
  for (const Result<int>* removed : {&checkouts, &caches, &drafts}) {
    if (!*removed) {
      return removed->error();
    }
  }
  const Result<std::int64_t> version = results ? results->version() : results.error();
  if (!version) {
    return version.error();
  }
  tidied.checkouts = *checkouts;
  tidied.caches = *caches;
  if (*version == 0) {  // its first runner found no room for a table
    return tidied;
  }
  const Result<std::int64_t> old =
      SqliteResultCache::remove_old(*results, now_ms - kMonth_s * 1000);
  Result<std::vector<TreeRef>> kept = SqliteResultCache::trees(*results);
  if (!old || !kept) {
    return old ? kept.error() : old.error();
  }
  tidied.results = *old;
  for (const RunId& run : *all) {
    // What nodes made has references; what the run began with stands in its project file.
    const Result<std::string> json = files::read_file(run_folder(run) + "/project.json", 64 << 20);
    const Result<Project> project = json ? project_from_json(*json) : json.error();
    if (project) {
      kept->push_back(project->input);
    }
  }
  if (::access(trees_folder().c_str(), F_OK) != 0) {
    return tidied;
  }
  Result<std::unique_ptr<TreeStore>> trees = TreeStore::open(trees_folder(), {});
  if (!trees) {
    return trees.error();
  }
  const Result<std::int64_t> objects = (*trees)->prune(*kept, (now_ms - kDay.ms) / 1000);
  if (!objects) {
    return objects.error();
  }
  tidied.objects = *objects;
  return tidied;
}

}  // namespace runner
