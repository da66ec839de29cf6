#include "runner/app/session.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <set>
#include <thread>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "dsl/plan_json.h"
#include "runner/agent/stream_reader.h"
#include "runner/app/delivery.h"
#include "runner/app/engines.h"
#include "runner/app/forecast.h"
#include "runner/app/input.h"
#include "runner/app/model_ledger.h"
#include "runner/app/mounts.h"
#include "runner/app/node_engines.h"
#include "runner/app/paths.h"
#include "runner/app/plan_approval.h"
#include "runner/app/protected_names.h"
#include "runner/app/publish.h"
#include "runner/app/random.h"
#include "runner/app/recording.h"
#include "runner/app/secret_files.h"
#include "runner/app/secret_store.h"
#include "runner/net/gateway.h"
#include "runner/net/system_resolver.h"
#include "runner/report/run_summary.h"
#include "runner/run/owed.h"
#include "runner/run/preflight.h"
#include "runner/run/run_loop.h"
#include "runner/store/job_files.h"
#include "runner/store/journal.h"
#include "runner/store/project.h"
#include "runner/store/result_cache.h"
#include "runner/store/run_store.h"
#include "runner/store/trees.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/files.h"
#include "runner/sys/name_lookup.h"

namespace runner {

using dsl::Error;
using dsl::Plan;
using dsl::Result;
using dsl::RunId;
using dsl::Status;

namespace {

const char* signal_name(int number) {
  switch (number) {
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    case SIGQUIT:
      return "SIGQUIT, which is what `pipe stop --now` sends";
    default:
      return "SIGHUP";
  }
}

/// Everything of one run, wired together. Members are destroyed from the last to the first: the
/// loop outlives all that calls it.
class Session {
 public:
  Session(const Settings& settings, const MakeObservers& make_observers)
      : settings_(settings), make_observers_(make_observers) {}

  SessionEnd run(RunRequest request) {
    Plan as_compiled = request.sealed ? request.plan : Plan();
    take_over(request);
    if (request.rehearsal) {
      rehearsal_.emplace(loop_, std::move(request.rehearsal->script), plan_);
    }
    if (!request.record.empty()) {
      recording_ = std::make_unique<Recording>(request.record);
    }
    if (const Status approved = check_is_approved(request); !approved) {
      return refused(ExitCode::Invalid, approved.error());
    }
    dsl::SealedPlan now;  // what would be sealed, as far as it is known; of a sealed plan's run
    if (request.sealed) {
      now = as_far_as_files_say(*request.sealed, std::move(as_compiled), request.sources);
      if (drifts(*request.sealed, now)) {
        return refused(ExitCode::Invalid);
      }
    }
    if (!open_store() || !look_for_engines()) {
      return refused(ExitCode::Environment);
    }
    // Before they are run for what they tell.
    if (request.sealed) {
      if (const Status added = add_programs(plan_, now); !added) {
        return refused(ExitCode::Environment, added.error());
      }
      if (drifts(*request.sealed, now)) {
        return refused(ExitCode::Invalid);
      }
    }
    if (!load_secrets()) {
      return refused(ExitCode::Environment);
    }
    Result<Project> project = take_input(request);
    if (!project) {
      return refused(ExitCode::Environment, project.error());
    }
    // Before the images: to build one is to run what the project says.
    if (request.sealed) {
      if (const Status added = add_input(*project, *trees_, now); !added) {
        return refused(ExitCode::Invalid, added.error());
      }
      if (drifts(*request.sealed, now)) {
        return refused(ExitCode::Invalid);
      }
    }
    if (const Status able = check_can_publish(*project, plan_.git); !able) {
      return refused(ExitCode::Environment, able.error());
    }
    if (request.sealed) {
      if (const Status added = add_remote(plan_, *project, now); !added) {
        return refused(ExitCode::Environment, added.error());
      }
      if (drifts(*request.sealed, now)) {
        return refused(ExitCode::Invalid);
      }
      sealed_remote_ = now.remote;
    }
    if (!prepare_images()) {
      return refused(ExitCode::Environment);
    }
    if (request.sealed) {
      now.places = sealed_places(plan_, by_node_, digests_);
      if (drifts(*request.sealed, now)) {
        return refused(ExitCode::Invalid);
      }
    }
    const std::string json = dsl::plan_to_json(plan_, dsl::JsonLayout::Indented);
    std::vector<RunStore::FirstFile> beside = {{kProjectFile, project_to_json(*project)}};
    if (!reuse_) {
      beside.push_back({kNoCacheFile, ""});
    }
    if (request.rehearsal) {
      beside.push_back({kRehearsalFile, request.rehearsal->text});
    }
    if (recording_) {
      beside.push_back({kRecordedFile, recording_->begin()});
    }
    if (request.sealed) {
      beside.push_back({kSealedFile, dsl::sealed_plan_to_json(*request.sealed)});
    }
    Result<RunId> run = store_->create_run(request.name, json, random_numbers(), beside);
    if (!run) {
      return refused(ExitCode::Invalid, run.error());
    }
    run_ = *run;
    plan_digest_ = dsl::sha256_hex(json);
    return drive(*project);
  }

  SealEnd seal(RunRequest request) {
    dsl::SealedPlan sealed = as_far_as_files_say({}, request.plan, request.sources);
    take_over(request);
    if (!open_store() || !look_for_engines()) {
      return {ExitCode::Environment, std::move(problems_), std::nullopt};
    }
    Result<Project> project = take_input(request);
    if (!project) {
      return {ExitCode::Environment, {project.error()}, std::nullopt};
    }
    if (!prepare_images()) {
      return {ExitCode::Environment, std::move(problems_), std::nullopt};
    }
    for (const Status& added : {add_programs(plan_, sealed),
                                add_remote(plan_, *project, sealed),
                                add_input(*project, *trees_, sealed)}) {
      if (!added) {
        return {ExitCode::Environment, {added.error()}, std::nullopt};
      }
    }
    sealed.places = sealed_places(plan_, by_node_, digests_);
    Result<std::unique_ptr<SqliteResultCache>> cache = open_cache();
    if (!cache) {
      return {ExitCode::Environment, {cache.error()}, std::nullopt};
    }
    StoreTrees trees(loop_, *trees_, RunId("plan"), places_of(RunId("plan")), [](const Error&) {});
    sealed.forecast = forecast_of({plan_, project->input, digests_, trees, **cache, loop_, reuse_});
    sealed.digest = dsl::digest_of(sealed);
    return {ExitCode::Passed, {}, std::move(sealed)};
  }

  SessionEnd resume(const RunId& run, int jobs, const std::vector<std::string>& env_files) {
    jobs_ = jobs;
    env_files_ = absolute(env_files);
    run_ = run;
    resumed_ = true;
    if (!open_store()) {
      return refused(ExitCode::Environment);
    }
    const Result<std::string> json = store_->plan_json(run);
    if (!json) {
      return refused(ExitCode::Environment, json.error());
    }
    Result<Plan> plan = dsl::plan_from_json(*json);
    if (!plan) {
      return refused(ExitCode::Environment, plan.error().within("plan of run " + run.value));
    }
    plan_ = *std::move(plan);
    plan_digest_ = dsl::sha256_hex(*json);
    reuse_ = ::access(file_of_run(kNoCacheFile).c_str(), F_OK) != 0;
    if (const Status rehearses = rehearse_again(); !rehearses) {
      return refused(ExitCode::Environment, rehearses.error());
    }
    auto recording = recording_of_run(store_->run_folder(run_));
    if (!recording) {
      return refused(ExitCode::Environment, recording.error());
    }
    recording_ = *std::move(recording);
    Result<RunLock> lock = store_->lock(run_);
    if (!lock) {
      return refused(ExitCode::Invalid, lock.error());
    }
    lock_.emplace(*std::move(lock));
    Result<Project> project = project_of_run(*trees_, store_->run_folder(run_));
    if (!project) {
      return refused(ExitCode::Environment, project.error());
    }
    // The machine may have become another while the run of a sealed plan waited. The pipeline's
    // files and the input are the run's own since it began.
    const Result<std::optional<dsl::SealedPlan>> sealed = sealed_of_run(store_->run_folder(run_));
    if (!sealed) {
      return refused(ExitCode::Environment, sealed.error());
    }
    dsl::SealedPlan now = sealed->value_or(dsl::SealedPlan());
    if (*sealed) {
      for (const Status& added : {add_programs(plan_, now), add_remote(plan_, *project, now)}) {
        if (!added) {
          return refused(ExitCode::Environment, added.error());
        }
      }
      if (drifts(**sealed, now)) {
        return refused(ExitCode::Invalid);
      }
      sealed_remote_ = now.remote;
    }
    if (!look_for_engines() || !load_secrets() || !prepare_images()) {
      return refused(ExitCode::Environment);
    }
    if (*sealed) {
      now.places = sealed_places(plan_, by_node_, digests_);
      if (drifts(**sealed, now)) {
        return refused(ExitCode::Invalid);
      }
    }
    if (!remove_leftovers(engines_->engines())) {
      return refused(ExitCode::Environment);
    }
    clear_work_folder();
    return drive(*project);
  }

 private:
  // ---- before the run
  // ------------------------------------------------------------------------------

  void take_over(RunRequest& request) {
    jobs_ = request.jobs;
    reuse_ = request.reuse && !request.learn_firewall;  // what is not run tries nothing
    learn_firewall_ = request.learn_firewall;
    plan_ = std::move(request.plan);
    places_ = std::move(request.places);
    own_file_name_ = request.file.substr(request.file.rfind('/') + 1);
    make_paths_absolute(plan_, request.file);
    // What a rehearsal makes is nobody else's business.
    plan_.git.push = plan_.git.push && request.push && !request.rehearsal;
    if (!plan_.git.push || !request.pull_request) {
      plan_.git.pull_request.reset();
    }
    env_files_ = absolute(request.env_files);
  }

  static std::string how_it_is_asked_for(const RunRequest& request) {
    const std::string& run = request.sources.origin.continues;
    return run.empty() ? request.file : "--continue " + run + " --prompt …";
  }

  /// Whose word for the sealed plan counts is kept for the journal.
  Status check_is_approved(const RunRequest& request) {
    if (!request.sealed) {
      if (!plan_.require_approval) {
        return dsl::Ok{};
      }
      const Error only{"'" + plan_.name + "' runs only from an approved plan",
                       "seal it with `pipe plan " + how_it_is_asked_for(request) +
                           " -o plan.json`, have it approved with `pipe approve plan.json`, then "
                           "`pipe run --plan plan.json`"};
      return places_.require_approval.empty() ? only : only.within(places_.require_approval);
    }
    CheckedApprovals checked = check_approvals(*request.sealed, settings_.allowed_signers);
    const bool must = plan_.require_approval || request.sealed->plan.require_approval;
    if (checked.by.empty() && !checked.problems.empty()) {
      return checked.problems.front();
    }
    if (checked.by.empty() && must) {
      return Error{"nobody has approved this plan, and its pipeline asks for that",
                   "`pipe approve " + request.sealed_file + "` does"};
    }
    sealed_digest_ = request.sealed->digest;
    approved_by_ = std::move(checked.by);
    return dsl::Ok{};
  }

  Result<Project> take_input(const RunRequest& request) {
    InputRequest input;
    input.folder = plan_.workspace.source;
    input.place = places_.workspace_source;
    input.include_dirty = request.include_dirty;
    input.branch = request.branch;
    input.commit = request.commit;
    input.secrets = secret_files(plan_, own_env_files());
    input.not_input = {settings_.state_dir};
    if (!request.sealed_file.empty()) {
      input.not_input.push_back(absolute({request.sealed_file}).front());
    }
    input.say = request.say;
    Result<Project> project = runner::take_input(input, *trees_, loop_);
    if (!project) {
      return project;
    }
    const RunId run(request.name.empty() ? "RUN" : request.name);
    if (const Status free = check_branch(*project, plan_, run); !free) {
      return free.error();
    }
    return project;
  }

  bool drifts(const dsl::SealedPlan& sealed, const dsl::SealedPlan& now) {
    problems_ = drift_of(sealed, now);
    return !problems_.empty();
  }

  bool open_store() {
    Result<RunStore> store = RunStore::open(settings_.state_dir, RunStore::Access::Create);
    if (!store) {
      return fail(store.error());
    }
    store_.emplace(*std::move(store));
    Result<std::unique_ptr<TreeStore>> trees = TreeStore::open(store_->trees_folder(), {});
    if (!trees) {
      return fail(trees.error());
    }
    trees_ = *std::move(trees);
    return true;
  }

  /// There for a run with --no-cache, which holds when it is resumed too.
  static constexpr const char* kNoCacheFile = "no-cache";

  std::string file_of_run(const char* name) const { return store_->run_folder(run_) + "/" + name; }

  /// A rehearsal stays one when it is resumed.
  Status rehearse_again() {
    const std::string file = file_of_run(kRehearsalFile);
    if (::access(file.c_str(), F_OK) != 0) {
      return dsl::Ok{};
    }
    Result<std::string> text = files::read_file(file, kMostScript);
    if (!text) {
      return text.error();
    }
    ReadScript read = read_script(file, *std::move(text), nullptr);
    if (!read.script) {
      return Error{"'" + file + "' is no script of a rehearsal any more", "start another one"};
    }
    rehearsal_.emplace(loop_, *std::move(read.script), plan_);
    return dsl::Ok{};
  }

  bool look_for_engines() {
    engines_ = std::make_unique<EngineRegistry>(
        loop_, engine_options(settings_, store_->id()), container_environment(settings_));
    bool done = false;
    engines_->look_for(engines_of(plan_), [&done] { done = true; });
    wait_for(done);
    by_node_ = choose_engines(plan_, *engines_, places_.node, problems_);
    for (Error& problem : preflight(plan_, by_node_, places_.node)) {
      problems_.push_back(std::move(problem));
    }
    for (Error& problem : trouble_with_host_files(
             plan_, settings_.state_dir, engine_sockets(settings_), places_.node)) {
      problems_.push_back(std::move(problem));
    }
    return problems_.empty();
  }

  bool load_secrets() {
    SecretStoreOptions options;
    options.env_files = env_files_;
    options.settings_env_file = settings_.env_file;
    options.directory = plan_.workspace.source;
    options.random = random_numbers();
    if (rehearsal_) {
      options.is_made_up = is_key_of_models;
    }
    secrets_ = std::make_unique<SecretStore>(loop_, std::move(options));
    bool done = false;
    secrets_->load(plan_, [&](SecretStore::Loaded loaded) {
      done = true;
      problems_.insert(problems_.end(), loaded.problems.begin(), loaded.problems.end());
      warnings_.insert(warnings_.end(), loaded.warnings.begin(), loaded.warnings.end());
    });
    wait_for(done);
    return problems_.empty();
  }

  /// Those that the command line and the settings name.
  std::vector<std::string> own_env_files() const {
    std::vector<std::string> all = env_files_;
    if (!settings_.env_file.empty()) {
      all.push_back(settings_.env_file);
    }
    return all;
  }

  static std::vector<std::string> absolute(const std::vector<std::string>& paths) {
    std::vector<std::string> all;
    for (const std::string& path : paths) {
      std::error_code failed;  // without a current folder it stays, and reading it says so
      all.push_back(std::filesystem::absolute(path, failed).lexically_normal().string());
    }
    return all;
  }

  /// What is told of the world may hold what a command or a container said.
  std::vector<Error> masked(std::vector<Error> errors) const {
    if (secrets_ != nullptr && !secrets_->masking().empty()) {
      for (Error& error : errors) {
        error.message = secrets_->masking().masked(error.message);
        error.remedy = secrets_->masking().masked(error.remedy);
      }
    }
    return errors;
  }

  bool prepare_images() {
    bool done = false;
    prepare_all_images(plan_, by_node_, places_.node, [&](NodeImages images) {
      done = true;
      digests_ = std::move(images.digests);
      problems_.insert(problems_.end(), images.problems.begin(), images.problems.end());
    });
    wait_for(done);
    return problems_.empty();
  }

  std::set<Engine*> engines_of_nodes() const {
    std::set<Engine*> engines(by_node_.begin(), by_node_.end());
    engines.erase(nullptr);
    return engines;
  }

  template <class Engines>
  bool remove_leftovers(const Engines& engines) {
    for (Engine* engine : engines) {
      bool done = false;
      engine->remove_leftovers(run_, [&](Status removed) {
        done = true;
        if (!removed) {
          problems_.push_back(removed.error());
        }
      });
      wait_for(done);
    }
    return problems_.empty();
  }

  void wait_for(const bool& done) {
    while (!done) {
      loop_.run_for(dsl::Duration{1'000});
    }
  }

  // ---- the run
  // -------------------------------------------------------------------------------------

  SessionEnd drive(const Project& project) {
    if (!lock_) {
      Result<RunLock> lock = store_->lock(run_);
      if (!lock) {
        return refused(ExitCode::Invalid, lock.error());
      }
      lock_.emplace(*std::move(lock));
    }
    const std::string folder = store_->run_folder(run_);
    Result<std::unique_ptr<SqliteJournal>> journal = SqliteJournal::open(folder);
    Result<std::unique_ptr<SqliteResultCache>> cache = open_cache();
    if (!journal || !cache) {
      return refused(ExitCode::Environment, journal ? cache.error() : journal.error());
    }
    JournalWriter writer(loop_, **journal);
    const auto kept = std::make_shared<Kept>(plan_, usual_durations(plan_, **cache));
    RunState& state = kept->state;
    if (resumed_) {
      if (const Status replayed = replay(folder, state); !replayed) {
        return refused(ExitCode::Environment, replayed.error());
      }
      if (is_over(state)) {
        return refused(ExitCode::Invalid,
                       Error{"run '" + run_.value + "' has finished already",
                             "see `pipe show " + run_.value + "`, or start a new run"});
      }
    }
    StoreTrees trees(
        loop_,
        *trees_,
        run_,
        places_of(run_),
        [this](const Error& problem) { warnings_.push_back(problem); },
        &secrets_->masking());
    DiskJobFiles files(folder);
    const std::vector<std::unique_ptr<Observer>> observers =
        make_observers_({run_, folder, plan_, state.started(), doubts_about(project), &loop_});
    SystemResolver resolver(loop_);
    const Result<std::vector<ModelAnswered>> charged = open_ledger(folder, state.started_ms());
    if (!charged) {
      return refused(ExitCode::Environment, charged.error());
    }
    Gateway gateway(loop_,
                    resolver,
                    {.directory = settings_.state_dir + "/egress",
                     .own_addresses = own_addresses,
                     .secrets = secrets_.get(),
                     .learning = learn_firewall_,
                     .stand_in = rehearsal_ ? rehearsal_->stand_in() : nullptr,
                     .models = metering()});
    ResultCache* const results = rehearsal_ ? &rehearsal_->cache() : cache->get();
    RunParts parts{trees, writer, loop_, files, results, by_node_, digests_, {}};
    if (recording_) {
      recording_->keep_in(folder, secrets_->masking());
      parts.observers.push_back(&recording_->observer());
    }
    parts.egress = &gateway;
    parts.secrets = secrets_.get();
    parts.agents = make_stream_reader;
    if (rehearsal_) {
      parts.observers.push_back(&rehearsal_->observer());
    }
    for (const auto& observer : observers) {
      parts.observers.push_back(observer.get());
    }
    RunLoopOptions options;
    options.slots = slots();
    options.reuse = reuse_;
    options.grace = settings_.grace;
    options.job_prefix = settings_.container_prefix;
    std::optional<RunEnd> end;
    RunLoop loop(state, std::move(parts), options, [&](RunEnd how) {
      end = std::move(how);
      loop_.stop();
    });
    int signalled = 0;
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
      loop_.on_signal(number, [&loop, &signalled, &observers](int got) {
        const bool now = signalled != 0 || got == SIGQUIT;
        signalled = signalled == 0 ? got : signalled;
        const char* by = signal_name(got);
        for (const auto& observer : observers) {
          observer->on_stopping(by, now ? StopHow::AtOnce : StopHow::InGrace);
        }
        loop.stop(by);
        if (got == SIGQUIT) {
          loop.stop(by);  // at once
        }
      });
    }
    // A runner that died before its first commit leaves a run that never began.
    if (state.started()) {
      loop.resume();
      for (const ModelAnswered& one : *charged) {
        if (state.find(one.node) && !state.has_charged(one.request)) {
          loop.record(one, [](const Status&) {});
        }
      }
    } else {
      loop.start(how_it_began(project));
    }
    loop_.run();
    SessionEnd ended = conclude(*end, signalled, project, state, loop);
    // A job ends a little before its container: nothing of the run is left when we are.
    if (!remove_leftovers(engines_of_nodes())) {
      warnings_.insert(warnings_.end(), problems_.begin(), problems_.end());
      problems_.clear();
    }
    ended.problems = masked(std::move(ended.problems));
    ended.state = std::shared_ptr<const RunState>(kept, &state);
    ended.run_folder = folder;
    keep_summary(state);
    clear_work_folder();
    if (recording_) {
      if (const Status written = recording_->write(run_, plan_, secrets_->masking()); !written) {
        warnings_.push_back(written.error());
      }
    }
    if (rehearsal_) {
      ended.rehearsed = rehearsal_->sum();
      std::vector<Error> differences = rehearsal_->differences();
      warnings_.insert(warnings_.end(), differences.begin(), differences.end());
      if (ended.code == ExitCode::Passed && !rehearsal_->was_kept()) {
        ended.code = ExitCode::Failed;
        ended.problems.push_back(
            {"the agents asked for what the script does not have, so that this "
             "rehearsal proves nothing of what they do then",
             "the warnings say where: add the turns, or correct `expects:`"});
      }
    }
    ended.warnings = masked(warnings_);
    return ended;
  }

  /// What a person wants to know before hours of work.
  std::vector<Error> doubts_about(const Project& project) const {
    std::vector<Error> doubts;
    if (!resumed_) {
      doubts = doubts_about_protection(plan_, own_file_name_, project, *trees_);
    }
    const bool writes_nothing = rehearsal_ && project.kind == Project::Kind::Folder;
    if (const Status writable = check_project_is_writable(project); !writable && !writes_nothing) {
      doubts.push_back(writable.error());
    }
    return doubts;
  }

  Workspaces::Places places_of(const RunId& run) const {
    return {store_->work_folder(run),
            store_->folder() + "/checkouts",
            store_->folder() + "/caches",
            cache_owner(plan_, rehearsal_.has_value()),
            plan_.learnings};
  }

  /// A rehearsal costs nothing: it has accounts of its own. What a resumed run was charged there
  /// since it began.
  Result<std::vector<ModelAnswered>> open_ledger(const std::string& folder, std::int64_t since_ms) {
    if (const Status opened = ledger_.open(plan_, rehearsal_ ? folder : settings_.state_dir);
        !opened) {
      return opened.error();
    }
    return resumed_ ? ledger_.settle_dead(run_, since_ms) : std::vector<ModelAnswered>();
  }

  ModelMetering metering() const {
    ModelMetering how = ledger_.metering(plan_);
    if (!rehearsal_) {
      how.upstreams = settings_.model_upstreams;
    }
    if (recording_) {
      how.listener = recording_->listener();
    }
    return how;
  }

  RunStarted how_it_began(const Project& project) const {
    RunStarted started;
    started.run = run_;
    started.pipeline = plan_.name;
    started.plan_digest = plan_digest_;
    started.input = project.input;
    started.taken = rehearsal_ ? "a rehearsal on " + project.taken : project.taken;
    started.jobs = static_cast<std::int64_t>(slots());
    started.sealed = sealed_digest_;
    started.approved_by = approved_by_;
    return started;
  }

  /// For lists of runs. Only where nothing will be added to the journal any more.
  void keep_summary(const RunState& state) {
    if (!is_over(state)) {
      return;
    }
    const Status kept = files::write_atomically(store_->run_folder(run_) + "/summary.json",
                                                report::summary_to_json(report::summarise(state)),
                                                files::Durable::No,
                                                0600);
    if (!kept) {
      warnings_.push_back(kept.error());
    }
  }

  /// Finished, and what passed has reached the project. What the world kept from running is not
  /// over: once that is mended, the run can go on.
  static bool is_over(const RunState& state) {
    return state.outcome() && state.outcome() != Outcome::Errored && owed(state) == Owed::Nothing;
  }

  /// Workspaces are copies: what is left of them is of no use to anybody, a resumed run included.
  void clear_work_folder() {
    if (const Status removed = files::remove_tree(store_->work_folder(run_)); !removed) {
      warnings_.push_back(removed.error());
    }
  }

  static ExitCode code_of(int signalled) {
    return signalled == SIGTERM || signalled == SIGQUIT ? ExitCode::Terminated
                                                        : ExitCode::Interrupted;
  }

  /// `signalled` may change while the result is delivered.
  SessionEnd conclude(const RunEnd& end,
                      const int& signalled,
                      const Project& project,
                      const RunState& state,
                      RunLoop& loop) {
    SessionEnd ended;
    ended.run = run_;
    switch (end.how) {
      case RunEnd::How::Interrupted:
        ended.code = code_of(signalled);
        return ended;
      case RunEnd::How::Waiting:
        ended.code = ExitCode::WaitingForApproval;
        return ended;
      case RunEnd::How::Broken:
        ended.code =
            end.error.message.compare(0, 4, "BUG:") == 0 ? ExitCode::Bug : ExitCode::Environment;
        ended.problems.push_back(end.error);
        return ended;
      case RunEnd::How::Finished:
        break;
    }
    if (state.outcome() != Outcome::Passed) {
      ended.code = state.outcome() == Outcome::Errored ? ExitCode::Environment
                   : ended_by_budget(state)            ? ExitCode::BudgetExhausted
                                                       : ExitCode::Failed;
      return ended;
    }
    const Status done =
        deliver_result({loop_,
                        *trees_,
                        project,
                        state,
                        rehearsal_.has_value(),
                        sealed_remote_,
                        [&](decltype(Event::what) what) { return record(loop, std::move(what)); },
                        [&] { return signalled != 0; }});
    if (!done) {
      ended.code = signalled == 0 ? ExitCode::Environment : code_of(signalled);
      ended.problems.push_back(done.error());
    }
    return ended;
  }

  /// Writes a fact that no action of the loop is behind.
  Status record(RunLoop& loop, decltype(Event::what) what) {
    std::optional<Status> recorded;
    loop.record(std::move(what), [&](Status status) { recorded = std::move(status); });
    while (!recorded) {
      loop_.run_for(dsl::Duration{1'000});
    }
    return *recorded;
  }

  Result<std::unique_ptr<SqliteResultCache>> open_cache() {
    Result<Database> database = store_->database();
    if (!database) {
      return database.error();
    }
    return SqliteResultCache::open(
        *std::move(database), [this](const std::string& content, const std::string& artifacts) {
          return trees_->has(content, artifacts);
        });
  }

  std::size_t slots() const {
    const int asked = jobs_ > 0 ? jobs_ : settings_.jobs;
    return asked > 0 ? static_cast<std::size_t>(asked)
                     : std::max<std::size_t>(std::thread::hardware_concurrency(), 1);
  }

  bool fail(Error error) {
    problems_.push_back(std::move(error));
    return false;
  }

  SessionEnd refused(ExitCode code) {
    return {code, run_, masked(std::move(problems_)), {}, nullptr, "", std::nullopt};
  }
  SessionEnd refused(ExitCode code, Error error) {
    problems_.push_back(std::move(error));
    return refused(code);
  }

  /// What is told of the run after the session: the state looks at the plan.
  struct Kept {
    Kept(Plan plan_in, std::vector<std::int64_t> usual_ms)
        : plan(std::move(plan_in)), state(plan, std::move(usual_ms)) {}
    Plan plan;
    RunState state;
  };

  const Settings& settings_;
  const MakeObservers& make_observers_;
  EventLoop loop_;
  std::optional<RunStore> store_;
  std::optional<RunLock> lock_;
  std::unique_ptr<TreeStore> trees_;
  std::unique_ptr<EngineRegistry> engines_;
  Plan plan_;
  PlacesInFile places_;
  std::string own_file_name_;
  std::string plan_digest_;
  std::string sealed_digest_;
  std::string sealed_remote_;
  std::vector<std::string> approved_by_;
  RunId run_;
  std::vector<std::string> env_files_;
  std::unique_ptr<SecretStore> secrets_;
  std::optional<Rehearsal> rehearsal_;
  std::unique_ptr<Recording> recording_;
  ModelLedger ledger_{loop_};
  std::vector<Engine*> by_node_;
  std::vector<std::string> digests_;
  std::vector<Error> problems_;
  std::vector<Error> warnings_;
  int jobs_ = 0;
  bool reuse_ = true;
  bool learn_firewall_ = false;
  bool resumed_ = false;
};

}  // namespace

SessionEnd run_session(const Settings& settings,
                       RunRequest request,
                       const MakeObservers& make_observers) {
  return Session(settings, make_observers).run(std::move(request));
}

SealEnd seal_session(const Settings& settings, RunRequest request) {
  const MakeObservers nobody;
  return Session(settings, nobody).seal(std::move(request));
}

SessionEnd resume_session(const Settings& settings,
                          const RunId& run,
                          int jobs,
                          const std::vector<std::string>& env_files,
                          const MakeObservers& make_observers) {
  return Session(settings, make_observers).resume(run, jobs, env_files);
}

}  // namespace runner
