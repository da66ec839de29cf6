#include "runner/run/executor.h"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "dsl/permission_rule.h"
#include "runner/run/disk_watch.h"
#include "runner/run/node_network.h"
#include "runner/run/outputs.h"
#include "runner/run/service_group.h"
#include "runner/run/verifier.h"

namespace runner {

namespace {

constexpr const char* kScratch = "/pipe";
constexpr std::size_t kFeedbackInEnvironment = 32 << 10;
constexpr std::size_t kAnswerCap = 2 << 20;
/// How long an agent's processes may go on without a word after its last one.
constexpr dsl::Duration kAfterLastWord{30'000};
/// A provider that wants a longer pause than this keeps no container waiting.
constexpr dsl::Duration kLongestOwnWait{60'000};

class Work;

}  // namespace

struct Executor::Shared {
  Parts parts;
  Listener listener;
  bool stopping = false;
  std::size_t reading_back = 0;
  std::set<Work*> under_way;
};

namespace {

/// How the common part of an attempt or a check came out.
struct WorkEnd {
  JobEnd end;
  std::vector<ServiceGroup::Death> deaths;  // of services, before the job ended
  LogSummary log;
  std::string log_name;
};

/// What a job left that was not taken, for people.
std::vector<std::string> notes_of(const Capture& capture) {
  constexpr std::size_t kMost = 20;
  std::vector<std::string> notes;
  const std::size_t count = capture.untaken.size();
  for (std::size_t i = 0; i < count && i < kMost; ++i) {
    notes.push_back(fmt::format("changes to protected '{}' were not taken", capture.untaken[i]));
  }
  if (count > kMost) {
    notes.push_back(
        fmt::format("changes to {} more protected files were not taken", count - kMost));
  }
  for (const auto& [path, reason] : capture.refused) {
    notes.push_back(path + ": " + reason);
  }
  notes.insert(notes.end(), capture.notes.begin(), capture.notes.end());
  return notes;
}

std::string text_of(const ServiceGroup::Death& death) {
  return fmt::format(
      "service '{}' ended before the job did: {}", death.service, to_text(death.end));
}

/// What is met against a service that has crashed proves nothing of that service.
void doubt_if_service_died(const std::string& service,
                           const std::vector<ServiceGroup::Death>& deaths,
                           Judgement& judgement) {
  for (const ServiceGroup::Death& death : deaths) {
    if (death.service == service && !death.end.succeeded() && judgement.verdict == Verdict::Met) {
      judgement.verdict = Verdict::Unverified;
      judgement.evidence.result = text_of(death);
      judgement.evidence.excerpt = death.tail;
    }
  }
}

/// Workspace, services, container; then `ended`, after which the owner reads the workspace and
/// calls `finish`. Keeps itself alive until `finish`.
class Work : public std::enable_shared_from_this<Work> {
 public:
  using Ended = std::function<void(WorkEnd)>;

  Work(std::shared_ptr<Executor::Shared> shared, WorkOrder order)
      : shared_(std::move(shared)),
        order_(std::move(order)),
        secrets_(shared_->parts.secrets, order_.plan->secrets),
        disk_(order_.plan->resources.disk,
              *order_.engine,
              shared_->parts.trees,
              shared_->parts.clock) {
    shared_->under_way.insert(this);
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() { shared_->under_way.erase(this); }

  [[nodiscard]] bool stopped() const { return stopped_; }
  /// How the job sees its scratch folder.
  [[nodiscard]] std::string scratch_inside() const {
    return order_.engine->traits().own_paths ? kScratch : workspace_.scratch;
  }

  /// What an attempt is told, beyond a check. REQUIRES: not started.
  void tell(const AttemptOrder& order) {
    feedback_ = order.feedback;
    permissions_ = order_.plan->permissions;
    // The engine `host` has no network to lead anywhere: the agent goes where it wants.
    if (is_metered(*order_.plan) && shared_->parts.egress != nullptr &&
        order_.engine->traits().egress) {
      spender_ = order.spender;
    }
    if (order_.plan->agent && shared_->parts.agents) {
      reader_ = shared_->parts.agents(*order_.plan->agent);
      // One that goes on knows what it was asked, it is told what came of it. It knows its sessions
      // by the folder that it works in, which is another one each time where paths are the host's.
      if (order_.engine->traits().own_paths) {
        session_ = order.session;
      }
      const std::string& more = order.feedback.empty() ? order.follow_up : order.feedback;
      prompt_ = session_.empty() ? order.prompt : more;
      if (session_.empty() && !order.feedback.empty()) {
        prompt_ += "\n" + order.feedback;
      }
    }
  }

  /// What became of the agent, where the job was one's. Called once.
  std::optional<AgentOutcome> conclude_agent(const JobEnd& end) {
    if (reader_ == nullptr) {
      return std::nullopt;
    }
    AgentOutcome outcome = reader_->conclude(end);
    judge_limit(outcome);
    // One whose last request was refused has not done its work, whatever it says.
    if (exhausted_ || was_refused_last_ ||
        (!refusal_.empty() && outcome.reason != dsl::AgentReason::Done)) {
      outcome.reason = refused_for_;
      outcome.errors.push_back(refusal_);
    } else if (!unanswered_.empty()) {
      outcome.reason = dsl::AgentReason::Provider;
      outcome.errors.push_back(unanswered_);
    }
    return outcome;
  }

  /// What the gateway knows of the provider's limits, which few agents tell.
  void judge_limit(AgentOutcome& outcome) const {
    if (!limit_) {
      return;
    }
    if (shut_out_ && outcome.reason != dsl::AgentReason::Done) {
      outcome.reason = dsl::AgentReason::RateWindow;
      outcome.errors.emplace_back("its provider takes nothing more for a while");
    }
    if (outcome.reason != dsl::AgentReason::RateWindow) {
      return;
    }
    if (limit_->is_for_good) {
      outcome.reason = dsl::AgentReason::Provider;
    } else if (limit_->resets_at_ms > 0) {
      outcome.resets_at_s = (limit_->resets_at_ms + 999) / 1000;
    }
  }

  void start(Ended ended) {
    ended_ = std::move(ended);
    WorkspaceRequest request;
    request.job = order_.job;
    request.tree = order_.tree;
    request.overlay = order_.engine->traits().overlays;
    request.read_only = order_.plan->workspace.mode == dsl::Workspace::Mode::ReadOnly;
    request.caches = order_.caches;
    request.repository = order_.own_commits;
    if (!order_.restore_protected && order_.engine->traits().own_paths) {
      request.read_only_paths = order_.protect;
    }
    if (order_.restore_protected) {
      request.protect = order_.protect;
      request.protect_from = order_.run_input;
      request.protect_else = order_.input;
    }
    shared_->parts.trees.prepare(std::move(request), [self = shared_from_this()](auto workspace) {
      if (!workspace) {
        self->end(lost_job(workspace.error().within("prepare the workspace")));
        return;
      }
      self->workspace_ = *std::move(workspace);
      self->prepared_ = true;
      self->disk_.begin(self->workspace_, [self] { self->prepare_secrets(); });
    });
  }

  void stop(dsl::Duration grace) {
    stopped_ = true;
    if (running_) {
      order_.engine->stop(order_.job, grace);
    } else if (services_ != nullptr && waiting_for_services_) {
      waiting_for_services_ = false;
      end(JobEnd{});
    }
  }

  /// Protected files that the job could have written to: too many for a mount each.
  [[nodiscard]] std::size_t left_writable() const { return workspace_.left_writable; }

  /// The workspace, which is the caller's to discard.
  PreparedWorkspace give_workspace() {
    prepared_ = false;
    return std::move(workspace_);
  }

  /// The workspace is needed no more.
  void finish() {
    if (prepared_) {
      shared_->parts.trees.discard(std::move(workspace_));
      prepared_ = false;
    }
  }

 private:
  void prepare_secrets() {
    secrets_.prepare([self = shared_from_this()](const dsl::Status& prepared) {
      if (prepared) {
        self->open_network();
      } else {
        self->end(lost_job(prepared.error()));
      }
    });
  }

  void open_network() {
    if (stopped_ || shared_->stopping) {
      stopped_ = true;
      end(JobEnd{});
      return;
    }
    network_ = std::make_unique<NodeNetwork>(*order_.engine,
                                             shared_->parts.egress,
                                             NodeNetwork::Order{order_.job.value,
                                                                order_.node,
                                                                order_.plan->firewall,
                                                                secrets_.lent(),
                                                                !order_.services.empty(),
                                                                shared_->listener.denied,
                                                                model_access()});
    if (!network_->is_needed()) {
      start_services();
      return;
    }
    network_->open([self = shared_from_this()](const dsl::Status& opened) {
      if (opened) {
        self->start_services();
      } else {
        self->end(lost_job(opened.error().within("set the network up")));
      }
    });
  }

  /// Of an agent whose requests are metered.
  std::optional<ModelAccess> model_access() {
    if (!spender_) {
      return std::nullopt;
    }
    ModelAccess access{*order_.plan->agent->provider, *spender_, {}, {}, {}, {}, {}};
    // What the last requests took is known only after the attempt.
    access.answered =
        [shared = shared_, node = order_.node, weak = weak_from_this()](ModelAnswered answered) {
          answered.node = node;
          if (const auto self = weak.lock(); self && answered.spent.turns > 0) {
            self->limit_.reset();
            self->was_refused_last_ = false;
          }
          if (shared->listener.answered) {
            shared->listener.answered(std::move(answered));
          }
        };
    access.reached = [weak = weak_from_this()](BudgetReached reached) {
      if (const auto self = weak.lock()) {
        self->reach(std::move(reached));
      }
    };
    access.heard = [weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->note_life();
      }
    };
    access.exhausted = [weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->stop_exhausted();
      }
    };
    access.limited = [weak = weak_from_this()](RateLimit limit) {
      if (const auto self = weak.lock()) {
        self->meet_limit(limit);
      }
    };
    access.unanswered = [weak = weak_from_this()](const std::string& why) {
      if (const auto self = weak.lock(); self && self->running_ && self->unanswered_.empty()) {
        self->unanswered_ = why;
        self->order_.engine->stop(self->order_.job, self->shared_->parts.grace);
      }
    };
    return access;
  }

  /// An agent would wait for the window inside of its container, and most give up after a while;
  /// one tries again and again where nobody says when it ends. A short wait is left to it. Whether
  /// it is woken, or has failed, is the scheduler's to say.
  void meet_limit(const RateLimit& limit) {
    const std::int64_t now_ms = shared_->parts.clock.monotonic_ms();
    if (!limit_) {
      limited_since_ms_ = now_ms;
    }
    limit_ = limit;
    const std::int64_t wait_ms = limit.resets_at_ms - shared_->parts.clock.wall_ms();
    const bool is_long = limit.is_shut || wait_ms > kLongestOwnWait.ms ||
                         now_ms - limited_since_ms_ > kLongestOwnWait.ms;
    if (running_ && !shut_out_ && is_long && !limit.is_for_good) {
      shut_out_ = true;
      order_.engine->stop(order_.job, shared_->parts.grace);
    }
  }

  void reach(BudgetReached reached) {
    reached.node = order_.node;
    if (reached.is_refusal()) {
      was_refused_last_ = true;
      refused_for_ = reached.mark == BudgetReached::kUnpriced ? dsl::AgentReason::Unpriced
                                                              : dsl::AgentReason::Budget;
      if (!refusal_.empty()) {
        return;  // it is told once
      }
      refusal_ = reached.text;
    }
    if (shared_->listener.budget) {
      shared_->listener.budget(std::move(reached));
    }
  }

  /// It does not take no for an answer: the whole container goes.
  void stop_exhausted() {
    if (running_ && !exhausted_) {
      exhausted_ = true;
      order_.engine->stop(order_.job, shared_->parts.grace);
    }
  }

  void start_services() {
    if (stopped_ || shared_->stopping) {
      stopped_ = true;
      end(JobEnd{});
      return;
    }
    if (order_.services.empty()) {
      run_job();
      return;
    }
    ServiceOrder services{{}, {}, *network_, {}, {}, masking()};
    for (const WorkOrder::ServiceEnv& one : order_.services) {
      services.services.push_back({one.service, one.argv, one.env, one.service->image});
    }
    services.like.run = order_.run;
    services.like.node = order_.node;
    services.like.name = order_.job;
    services.like.user = order_.plan->user;
    services.like.runtime = order_.plan->runtime;
    services.like.resources = order_.plan->resources;
    services.like.docker = order_.plan->docker;
    services.log_part = order_.log_part + ".service-";
    services.tree = order_.tree;
    services_ = std::make_unique<ServiceGroup>(
        *order_.engine, shared_->parts.trees, shared_->parts.files, std::move(services));
    waiting_for_services_ = true;
    services_->start([self = shared_from_this()](dsl::Status ready) {
      self->waiting_for_services_ = false;
      if (ready) {
        self->run_job();
      } else {
        JobEnd end;
        end.how = JobEnd::How::NotStarted;
        end.detail = ready.error().message;
        self->service_output_ = ready.error().remedy;
        self->end(end);
      }
    });
  }

  void run_job() {
    Job job;
    job.name = order_.job;
    job.run = order_.run;
    job.node = order_.node;
    job.argv = order_.argv;
    job.image = order_.plan->image;
    job.resources = order_.plan->resources;
    job.user = order_.plan->user;
    job.runtime = order_.plan->runtime;
    job.workspace = workspace_.mount;
    job.timeout = order_.timeout;
    job.grace = shared_->parts.grace;
    network_->join(job);
    log_name_ = shared_->parts.files.log_name(order_.node, order_.log_part);
    job.log_path = shared_->parts.files.absolute(log_name_);
    const bool own_paths = order_.engine->traits().own_paths;
    const std::string root = own_paths ? workspace_.mount.target : workspace_.mount.directory;
    job.working_directory = root;
    if (!order_.plan->working_directory.empty()) {
      job.working_directory += "/" + order_.plan->working_directory;
    }
    if (own_paths) {
      job.mounts.push_back({workspace_.scratch, kScratch, false});
      if (workspace_.home != workspace_.scratch + "/home") {
        job.mounts.push_back({workspace_.home, std::string(kScratch) + "/home", false});
      }
    }
    for (const dsl::HostMount& mount : order_.plan->mounts) {
      const bool at_home = mount.target.starts_with("~/");
      job.mounts.push_back(
          {mount.source,
           at_home ? std::string(kScratch) + "/home" + mount.target.substr(1) : mount.target,
           !(mount.writable && order_.writes_mounts)});
    }
    job.default_env = usual_environment();
    job.env = layered(environment(root, own_paths), secrets_.variables());
    job.secret_files = secrets_.files();
    job.masking = masking();
    job.docker = order_.plan->docker;
    job.permissions = permissions_;
    job.denied_files = files_to_deny();
    if (shared_->listener.line) {
      job.on_line = [shared = shared_, node = order_.node](std::string_view line) {
        shared->listener.line(node, line);
      };
    }
    if (reader_ != nullptr || order_.idle_timeout.ms > 0) {
      job.on_output = [weak = weak_from_this()](std::string_view bytes) {
        if (const auto self = weak.lock()) {
          self->hear(bytes);
        }
      };
    }
    if (const dsl::Status ready = write_scratch(); !ready) {
      end(lost_job(ready.error()));
      return;
    }
    running_ = true;
    heard_ms_ = shared_->parts.clock.monotonic_ms();
    silence_ = order_.idle_timeout;
    watch_silence();
    disk_.watch(workspace_, order_.job);
    order_.engine->start(std::move(job), [self = shared_from_this()](JobEnd end) {
      self->running_ = false;
      if (end.how == JobEnd::How::TimedOut) {
        end.detail = dsl::to_text(self->order_.timeout);
      } else if (end.how == JobEnd::How::Stopped && self->fell_silent_) {
        end.how = JobEnd::How::Idle;
        end.detail = dsl::to_text(self->silence_);
      }
      self->stopped_ = self->stopped_ ||
                       (end.how == JobEnd::How::Stopped && !self->exhausted_ && !self->shut_out_ &&
                        self->unanswered_.empty() && !self->disk_.is_full());
      self->disk_.conclude(self->workspace_, std::move(end), [self](JobEnd concluded) {
        self->end(std::move(concluded));
      });
    });
  }

  /// Those that are there: nothing can stand before a file that is not.
  std::vector<std::string> files_to_deny() const {
    std::vector<std::string> files;
    for (const std::string& path : dsl::denied_files(permissions_)) {
      const auto file = shared_->parts.trees.read_file(order_.tree, path, 0);
      if (file && *file && !(*file)->symlink) {
        files.push_back(path);
      }
    }
    return files;
  }

  /// Null where there is nothing to mask: then a log costs what it did.
  const Masking* masking() const {
    const Secrets* secrets = shared_->parts.secrets;
    return secrets != nullptr && !secrets->masking().empty() ? &secrets->masking() : nullptr;
  }

  /// It is not silent. What an agent does after its last word is not waited for.
  void note_life() {
    if (reader_ == nullptr || !reader_->has_ended()) {
      heard_ms_ = shared_->parts.clock.monotonic_ms();
    }
  }

  /// Output of the job: it is alive, and an agent's words.
  void hear(std::string_view bytes) {
    note_life();
    if (reader_ == nullptr) {
      return;
    }
    const bool had_ended = reader_->has_ended();
    reader_->read(bytes);
    if (!had_ended && reader_->has_ended()) {
      silence_ = silence_.ms > 0 ? std::min(silence_, kAfterLastWord) : kAfterLastWord;
      watch_silence();
    }
  }

  /// Stops the job, all of it, once it has written nothing for `silence_`.
  void watch_silence() {
    if (silence_.ms == 0) {
      return;
    }
    const std::int64_t due = heard_ms_ + silence_.ms;
    const std::int64_t now = shared_->parts.clock.monotonic_ms();
    if (now >= due) {
      fell_silent_ = true;
      order_.engine->stop(order_.job, shared_->parts.grace);
      return;
    }
    shared_->parts.clock.after(dsl::Duration{due - now}, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self != nullptr && self->running_ && !self->fell_silent_) {
        self->watch_silence();
      }
    });
  }

  dsl::Status write_scratch() {
    for (const auto& [name, text] :
         {std::pair("/feedback.md", &feedback_), std::pair("/prompt.md", &prompt_)}) {
      if (text->empty()) {
        continue;
      }
      if (dsl::Status written = shared_->parts.files.write(workspace_.scratch + name, *text);
          !written) {
        return written;
      }
    }
    return dsl::Ok{};
  }

  Variables environment(const std::string& root, bool own_paths) const {
    const std::string scratch = scratch_inside();
    Variables env{{"HOME", own_paths ? scratch + "/home" : workspace_.home},
                  {"CI", "true"},
                  {"PIPE_WORKSPACE", root},
                  {"PIPE_OUTPUTS", scratch + "/outputs"}};
    if (!feedback_.empty()) {
      env.emplace_back("PIPE_FEEDBACK", scratch + "/feedback.md");
      env.emplace_back("PIPE_FEEDBACK_TEXT", feedback_.substr(0, kFeedbackInEnvironment));
    }
    if (!prompt_.empty()) {
      env.emplace_back("PIPE_PROMPT", scratch + "/prompt.md");
    }
    if (!permissions_.empty()) {
      const std::vector<std::string> rules = dsl::rules_without_exception(permissions_);
      env.emplace_back("PIPE_DENIED", fmt::format("{}", fmt::join(rules, "\n")));
      env.emplace_back("PIPE_DENIED_MESSAGE", permissions_.message);
    }
    if (!session_.empty()) {
      env.emplace_back("PIPE_SESSION", session_);
    }
    if (spender_) {
      const dsl::AgentProvider& provider = *order_.plan->agent->provider;
      env.emplace_back(provider.base_url, "http://" + provider.host + provider.path);
    }
    return layered(env, order_.env);
  }

  void end(JobEnd job_end) {
    if (services_ != nullptr && !services_stopped_) {
      services_stopped_ = true;
      deaths_ = services_->deaths();
      services_->stop([self = shared_from_this(), job_end] { self->end(job_end); });
      return;
    }
    if (network_ != nullptr) {
      network_->close();
    }
    if (!job_end.succeeded() && job_end.how != JobEnd::How::Lost &&
        job_end.how != JobEnd::How::Stopped) {
      // What found no room to write fails in ways of its own, often without a word.
      if (const dsl::Status room = shared_->parts.files.check_room(); !room) {
        job_end = lost_job(room.error());
      }
    }
    WorkEnd end;
    end.end = std::move(job_end);
    end.deaths = deaths_;
    if (!log_name_.empty()) {
      end.log_name = log_name_;
      end.log = shared_->parts.files.summarise(log_name_);
    }
    if (!service_output_.empty()) {
      end.log.tail = service_output_;
    }
    std::exchange(ended_, nullptr)(std::move(end));
  }

  std::shared_ptr<Executor::Shared> shared_;
  const WorkOrder order_;
  JobSecrets secrets_;
  Ended ended_;
  dsl::Permissions permissions_;  // a check has none: it is not the task that runs it
  std::string feedback_;
  std::unique_ptr<AgentReader> reader_;  // null: no agent
  std::string prompt_;
  std::string session_;
  std::optional<Spender> spender_;                           // whose requests are metered
  std::string refusal_;                                      // why the first of them was refused
  dsl::AgentReason refused_for_ = dsl::AgentReason::Budget;  // the last of them
  bool was_refused_last_ = false;                            // no answer has come since
  bool exhausted_ = false;
  std::string unanswered_;             // why it was stopped that got no answers
  std::optional<RateLimit> limit_;     // that the provider told last, and no answer since
  std::int64_t limited_since_ms_ = 0;  // by the clock that only goes on; of limit_
  bool shut_out_ = false;              // and it was stopped for that
  dsl::Duration silence_{0};           // how long is too long; 0: none is
  std::int64_t heard_ms_ = 0;
  bool fell_silent_ = false;
  DiskWatch disk_;
  std::string log_name_;
  std::string service_output_;  // the last lines of a service that did not get ready
  PreparedWorkspace workspace_;
  std::unique_ptr<NodeNetwork> network_;
  std::unique_ptr<ServiceGroup> services_;
  std::vector<ServiceGroup::Death> deaths_;
  bool prepared_ = false;
  bool running_ = false;
  bool stopped_ = false;
  bool waiting_for_services_ = false;
  bool services_stopped_ = false;
};

}  // namespace

Executor::Executor(Parts parts, Listener listener)
    : shared_(
          std::make_shared<Shared>(Shared{std::move(parts), std::move(listener), false, 0, {}})) {}

Executor::~Executor() = default;

void Executor::run_attempt(AttemptOrder order,
                           std::function<void(std::optional<AttemptEnded>)> done) {
  auto work = std::make_shared<Work>(shared_, order.work);
  work->tell(order);
  work->start([shared = shared_, work, order, done = std::move(done)](WorkEnd ended) {
    for (JobEnd::Denial& denial : ended.end.denials) {
      shared->listener.not_permitted(
          {order.work.node, std::move(denial.operation), std::move(denial.rule)});
    }
    ended.end.denials.clear();
    if (work->stopped()) {
      work->finish();
      done(std::nullopt);
      return;
    }
    AttemptEnded event;
    event.node = order.work.node;
    event.attempt = order.attempt;
    event.end = ended.end;
    event.log = ended.log_name;
    event.produced = order.work.tree;
    if (work->left_writable() > 0) {
      event.notes.push_back(fmt::format(
          "{} protected files are too many to be read-only; changes to them are not taken",
          work->left_writable()));
    }
    for (const ServiceGroup::Death& death : ended.deaths) {
      event.notes.push_back(text_of(death));
    }
    const bool is_lost = ended.end.how == JobEnd::How::Lost;
    event.agent = work->conclude_agent(ended.end);
    if (event.agent && !is_lost) {
      event.problem = problem_of(*event.agent);
    }
    if (!event.is_through()) {
      event.excerpt =
          event.agent && !event.agent->claim.empty() ? event.agent->claim : ended.log.tail;
    }
    // What a failed attempt left matters only to one that goes on from it.
    const bool goes_on = order.work.plan->retry.feedback ||
                         (event.agent && event.agent->reason == dsl::AgentReason::RateWindow);
    if (!event.is_through() && !goes_on) {
      work->finish();
      done(std::move(event));
      return;
    }
    if (is_lost) {
      work->finish();
      done(std::move(event));
      return;
    }
    CaptureRequest request;
    request.workspace = work->give_workspace();
    request.discard = true;
    request.artifacts = order.work.plan->artifacts;
    request.outputs = order.work.plan->outputs;
    request.protect = order.work.protect;
    request.since = order.work.input;
    request.commit_message = order.commit_message;
    request.commit_time_s = order.commit_time_s;
    request.own_commits = order.work.own_commits;
    request.conventional = order.conventional;
    request.save_caches = event.is_through();
    const auto read = [shared, work, order, event, done](auto capture) mutable {
      --shared->reading_back;
      if (!capture) {
        event.end = lost_job(capture.error().within("read what the node left"));
        done(std::move(event));
        return;
      }
      event.produced = capture->tree;
      event.changed_paths = static_cast<std::int64_t>(capture->changes.size());
      event.flagged = std::move(capture->flagged);
      for (std::string& note : notes_of(*capture)) {
        event.notes.push_back(std::move(note));
      }
      TypedOutputs outputs = type_outputs(order.work.plan->outputs, capture->outputs);
      event.outputs = std::move(outputs.values);
      if (event.is_through()) {
        event.problem = std::move(outputs.problem);
      }
      done(std::move(event));
    };
    ++shared->reading_back;
    shared->parts.trees.capture(std::move(request), read);
    shared->listener.read_back();
  });
}

std::size_t Executor::reading_back() const {
  return shared_->reading_back;
}

void Executor::run_check(CheckOrder order, std::function<void(std::optional<CheckEnded>)> done) {
  const dsl::Criterion& criterion = order.work.plan->criteria[order.criterion];
  const auto* run = std::get_if<dsl::RunCheck>(&criterion.check);
  const auto* http = std::get_if<dsl::HttpCheck>(&criterion.check);
  if (http != nullptr) {
    order.work.argv = {order.work.engine->traits().init_path,
                       "http",
                       http->method,
                       order.url,
                       std::to_string(criterion.timeout.ms)};
    for (const auto& [name, value] : http->headers) {
      order.work.argv.emplace_back("-H");
      order.work.argv.push_back(name + ": " + value);
    }
  }
  auto work = std::make_shared<Work>(shared_, order.work);
  work->start([shared = shared_, work, order, run, http, done = std::move(done)](WorkEnd ended) {
    work->finish();
    if (work->stopped()) {
      done(std::nullopt);
      return;
    }
    Judgement judgement;
    if (run != nullptr) {
      judgement = judge_run(*run, ended.end, ended.log);
    } else if (http != nullptr) {
      const auto answer = shared->parts.files.head(ended.log_name, kAnswerCap);
      judgement = judge_http(*http, order.url, ended.end, answer ? *answer : std::string());
    }
    doubt_if_service_died(
        order.work.plan->criteria[order.criterion].service, ended.deaths, judgement);
    if (judgement.evidence.excerpt.empty()) {
      judgement.evidence.excerpt = ended.log.tail;
    }
    CheckEnded event;
    event.node = order.work.node;
    event.attempt = order.attempt;
    event.criterion = static_cast<std::int64_t>(order.criterion);
    event.subject = order.subject;
    event.verdict = judgement.verdict;
    event.evidence = std::move(judgement.evidence);
    event.evidence.log = ended.log_name;
    done(std::move(event));
  });
}

void Executor::stop_all(dsl::Duration grace) {
  shared_->stopping = true;
  const std::set<Work*> under_way = shared_->under_way;
  for (Work* work : under_way) {
    if (shared_->under_way.count(work) != 0) {
      work->stop(grace);
    }
  }
}

}  // namespace runner
