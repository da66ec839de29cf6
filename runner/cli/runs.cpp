#include "runner/cli/runs.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <unistd.h>
#include <utility>

#include "dsl/plan_json.h"
#include "runner/store/journal.h"
#include "runner/store/result_cache.h"
#include "runner/store/run_store.h"
#include "runner/sys/files.h"

namespace runner::cli {

using dsl::Error;
using dsl::Result;
using dsl::RunId;
using dsl::Status;

namespace {

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

// ---- One run
// -------------------------------------------------------------------------------------

struct RunView::Impl {
  Impl(RunStore from, RunId of, dsl::Plan its_plan, const std::vector<std::int64_t>& usual_ms)
      : store(std::move(from)),
        run(std::move(of)),
        folder(store.run_folder(run)),
        plan(std::move(its_plan)),
        state(plan, usual_ms) {}

  RunStore store;
  RunId run;
  std::string folder;
  dsl::Plan plan;  // constant: the state looks at it
  RunState state;
  std::optional<JournalReader> journal;  // absent while the run has none yet
  std::vector<Event> events;
};

RunView::RunView(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RunView::RunView(RunView&&) noexcept = default;
RunView::~RunView() = default;

const RunId& RunView::run() const {
  return impl_->run;
}
const std::string& RunView::folder() const {
  return impl_->folder;
}
const RunState& RunView::state() const {
  return impl_->state;
}
std::optional<pid_t> RunView::runner() const {
  return impl_->store.holder(impl_->run);
}
std::int64_t RunView::until_ms() const {
  const std::int64_t last = state().last_ms();
  return runner() ? std::max(last, now_ms()) : last;
}
const std::vector<Event>& RunView::events_so_far() const {
  return impl_->events;
}

Result<std::vector<Event>> RunView::more() {
  if (!impl_->journal) {
    std::error_code ignored;
    if (!std::filesystem::exists(impl_->folder + "/journal.db", ignored)) {
      return std::vector<Event>{};
    }
    auto journal = JournalReader::open(impl_->folder);
    if (!journal) {
      return journal.error();
    }
    impl_->journal = *std::move(journal);
  }
  auto events = impl_->journal->more();
  if (!events) {
    return events.error();
  }
  for (const Event& event : *events) {
    if (Status applied = impl_->state.apply(event); !applied) {
      return applied.error();
    }
    impl_->events.push_back(event);
  }
  return events;
}

// ---- All of them
// ---------------------------------------------------------------------------------

struct Runs::Impl {
  Settings settings;
  std::optional<RunStore> store;  // absent: there are no runs yet
  std::vector<RunId> names;

  /// For who watches the run; of one that nobody drives it is not worth its time.
  [[nodiscard]] std::vector<std::int64_t> usual_ms(const RunId& run, const dsl::Plan& plan) const {
    if (!store->holder(run)) {
      return {};
    }
    auto database = store->database();
    if (!database) {
      return {};
    }
    const auto cache = SqliteResultCache::open(
        *std::move(database), [](const std::string&, const std::string&) { return false; });
    return cache ? usual_durations(plan, **cache) : std::vector<std::int64_t>{};
  }
};

Runs::Runs(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Runs::Runs(Runs&&) noexcept = default;
Runs::~Runs() = default;

Result<Runs> Runs::open(const Settings& settings) {
  auto impl = std::make_unique<Impl>();
  impl->settings = settings;
  if (RunStore::exists(settings.state_dir)) {
    auto store = RunStore::open(settings.state_dir, RunStore::Access::ReadOnly);
    if (!store) {
      return store.error();
    }
    auto names = store->runs();
    if (!names) {
      return names.error();
    }
    impl->store = *std::move(store);
    impl->names = *std::move(names);
  }
  return Runs(std::move(impl));
}

Result<Runs> Runs::open_here() {
  const auto settings = load_settings(".");
  return settings ? open(*settings) : Result<Runs>(settings.error());
}

const Settings& Runs::settings() const {
  return impl_->settings;
}
std::string Runs::store_id() const {
  return impl_->store ? impl_->store->id() : "";
}
const std::vector<RunId>& Runs::names() const {
  return impl_->names;
}

Result<RunId> Runs::find(const std::string& text) const {
  if (impl_->names.empty()) {
    return Error{"there are no runs in '" + impl_->settings.state_dir + "'",
                 "`pipe run FILE` makes one"};
  }
  return impl_->store->find(text);
}

Result<Project> Runs::project_of(const RunId& run) const {
  return read_project(folder_of(run));
}

std::optional<RunId> Runs::latest_at(const Whereabouts& here) const {
  for (const RunId& run : names()) {
    if (const auto project = project_of(run); project && is_at(*project, here)) {
      return run;
    }
  }
  return std::nullopt;
}

std::optional<pid_t> Runs::runner_of(const RunId& run) const {
  return impl_->store->holder(run);
}
std::string Runs::folder_of(const RunId& run) const {
  return impl_->store->run_folder(run);
}

std::optional<report::RunSummary> Runs::kept_summary(const RunId& run) const {
  constexpr std::int64_t kCap = 64 << 10;
  const auto json = files::read_file(folder_of(run) + "/summary.json", kCap);
  auto summary = json ? report::summary_from_json(*json) : Result<report::RunSummary>(json.error());
  return summary ? std::optional(*std::move(summary)) : std::nullopt;
}

Result<RunView> Runs::view(const RunId& run) const {
  const auto within = [&](const Error& error) { return error.within("run '" + run.value + "'"); };
  auto json = impl_->store->plan_json(run);
  if (!json) {
    return within(json.error());
  }
  auto plan = dsl::plan_from_json(*json);
  if (!plan) {
    return within(plan.error());
  }
  const auto usual_ms = impl_->usual_ms(run, *plan);
  RunView view(std::make_unique<RunView::Impl>(*impl_->store, run, *std::move(plan), usual_ms));
  if (auto events = view.more(); !events) {
    return within(events.error());
  }
  return view;
}

Result<Runs::Trees> Runs::trees(const RunId& run) const {
  auto store = TreeStore::open(impl_->store->trees_folder(), {});
  if (!store) {
    return store.error();
  }
  auto project = project_of_run(**store, folder_of(run));
  if (!project) {
    return project.error().within("run '" + run.value + "'");
  }
  return Trees{*std::move(store), *std::move(project)};
}

Status Runs::record(const RunId& run, decltype(Event::what) what) {
  const auto lock = impl_->store->lock(run);
  if (!lock) {
    return lock.error();
  }
  // Read again under the lock: what was decided on may be over by now.
  auto view = this->view(run);
  if (!view) {
    return view.error();
  }
  auto journal = SqliteJournal::open(folder_of(run));
  if (!journal) {
    return journal.error();
  }
  Event event;
  event.sequence = view->state().sequence() + 1;
  event.at_ms = now_ms();
  event.after_ms = 0;  // nobody runs it meanwhile
  event.what = std::move(what);
  RunState trial = view->state();
  if (Status fits = trial.apply(event); !fits) {
    return fits;
  }
  if (Status written = (*journal)->append({event}); !written) {
    return written;
  }
  // What the run's runner has kept of it for lists does not tell this.
  std::error_code absent;
  std::filesystem::remove(folder_of(run) + "/summary.json", absent);
  return dsl::Ok{};
}

Status Runs::check_writable() const {
  const std::string runs = impl_->settings.state_dir + "/runs";
  if (!impl_->store || ::access(runs.c_str(), W_OK | X_OK) == 0) {
    return dsl::Ok{};
  }
  return Error{files::system_error("write to", runs, errno).message,
               "make it writable for you; nothing was removed"};
}

std::int64_t Runs::size_of(const RunId& run) const {
  return files::disk_use(folder_of(run)).value_or(0);
}

Result<std::int64_t> Runs::tidy(Tidy how) {
  if (!impl_->store) {
    return std::int64_t{0};
  }
  constexpr std::int64_t kTwoMonths = 60LL * 24 * 3600 * 1000;  // everything is old then
  const std::int64_t now = now_ms();
  const std::int64_t before = files::disk_use(impl_->store->folder()).value_or(0);
  if (auto done = impl_->store->tidy(how == Tidy::Everything ? now + kTwoMonths : now,
                                     how == Tidy::Old ? RunStore::kDay : dsl::Duration{-1000});
      !done) {
    return done.error();
  }
  return std::max<std::int64_t>(before - files::disk_use(impl_->store->folder()).value_or(0), 0);
}

Status Runs::remove(const RunId& run) {
  return impl_->store->remove(run);
}

}  // namespace runner::cli
