#include "runner/engine/host.h"

#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "runner/engine/cgroup.h"
#include "runner/engine/host_keeper.h"
#include "runner/engine/init_program.h"
#include "runner/engine/init_report.h"
#include "runner/engine/installed_software.h"
#include "runner/engine/job_deadline.h"
#include "runner/engine/job_output.h"
#include "runner/engine/job_spec.h"

namespace runner {
namespace {

struct HostJob {
  HostJob(EventLoop& loop, Job the_job, JobDeadline::Reach reach)
      : job(std::move(the_job)),
        started_ms(loop.monotonic_ms()),
        deadline(loop, std::move(reach)) {}

  const Job job;
  const std::int64_t started_ms;
  std::function<void(JobEnd)> ended;
  std::unique_ptr<JobOutput> output;
  JobCgroup cgroup;
  JobDeadline deadline;
};

class HostEngine final : public Engine {
 public:
  HostEngine(EventLoop& loop, const EngineOptions& options)
      : loop_(loop), options_(options), cgroups_(options) {
    traits_.name = dsl::EngineName::Host;
    traits_.isolates = false;
    traits_.own_paths = false;
  }

  [[nodiscard]] const EngineTraits& traits() const override { return traits_; }
  [[nodiscard]] std::vector<dsl::Error> unsupported(const JobNeeds& needs) const override;
  void prepare_image(const dsl::Image& image,
                     std::function<void(dsl::Result<std::string>)> done) override;
  void start(Job job, std::function<void(JobEnd)> ended) override;
  void stop(const JobName& job, dsl::Duration grace) override;
  void open_network(const std::string& network, std::function<void(dsl::Status)> done) override;
  void close_network(const std::string& network) override;
  void remove_leftovers(const dsl::RunId& run, std::function<void(dsl::Status)> done) override;

 private:
  dsl::Status make_keeper();
  dsl::Status launch(std::uint32_t number, HostJob& job);
  void on_report(std::uint32_t number, std::string_view report);
  void on_keeper_lost();
  void end_job(std::uint32_t number, JobEnd end);

  // Constant after construction.
  EventLoop& loop_;
  const EngineOptions options_;
  EngineTraits traits_;

  Cgroups cgroups_;
  std::uint32_t next_number_ = 1;
  std::unordered_map<std::uint32_t, std::unique_ptr<HostJob>> jobs_;
  std::map<JobName, std::uint32_t> numbers_;
  std::unique_ptr<HostKeeper> keeper_;
};

std::vector<dsl::Error> HostEngine::unsupported(const JobNeeds& needs) const {
  std::vector<dsl::Error> errors;
  if (needs.image.kind != dsl::Image::Kind::Host) {
    errors.push_back({"the engine `host` has no images, such as '" + needs.image.reference + "'",
                      "write `image: host`, or choose another engine"});
  }
  if (!needs.user.empty() && needs.user != "host") {
    errors.push_back(
        {"the engine `host` runs everything as the calling user, not as '" + needs.user + "'",
         "leave out `user`, or choose another engine"});
  }
  if (!needs.runtime.empty()) {
    errors.push_back({"the engine `host` has no OCI runtimes, such as '" + needs.runtime + "'",
                      "choose engine `docker` or `podman`"});
  }
  if (needs.resources.disk) {
    errors.push_back(
        {"a limit of disk space cannot be enforced: with the engine `host` jobs write "
         "wherever they like",
         "leave out `disk`, or choose another engine"});
  }
  const auto limits = cgroups_.unsupported(needs.resources);
  errors.insert(errors.end(), limits.begin(), limits.end());
  return errors;
}

void HostEngine::prepare_image(const dsl::Image& image,
                               std::function<void(dsl::Result<std::string>)> done) {
  static_cast<void>(image);  // `unsupported` lets only one through
  auto digest = std::make_shared<std::string>();
  loop_.run_blocking([digest] { *digest = installed_software_digest(); },
                     [digest, done = std::move(done)] { done(*digest); });
}

dsl::Status HostEngine::make_keeper() {
  if (keeper_) {
    return dsl::Ok{};
  }
  const auto init = install_init_program(options_.state_dir);
  if (!init) {
    return init.error();
  }
  auto keeper =
      HostKeeper::start(loop_,
                        *init,
                        {.ended = [this](std::uint32_t number,
                                         std::string_view report) { on_report(number, report); },
                         .lost = [this] { on_keeper_lost(); }});
  if (!keeper) {
    return keeper.error();
  }
  keeper_ = std::move(*keeper);
  return dsl::Ok{};
}

dsl::Status HostEngine::launch(std::uint32_t number, HostJob& job) {
  for (const Mount& mount : job.job.mounts) {
    if (mount.source != mount.target) {
      return dsl::Error{
          "the engine `host` cannot show '" + mount.source + "' at '" + mount.target + "'",
          "choose another engine"};
    }
  }
  if (const auto made = make_keeper(); !made) {
    return made.error();
  }
  auto output = JobOutput::open(loop_, job.job, [&job] { job.deadline.abandon(); });
  if (!output) {
    return output.error();
  }
  job.output = std::move(*output);
  auto cgroup = cgroups_.make(job.job.name, job.job.resources, 0);
  if (!cgroup) {
    return cgroup.error();
  }
  job.cgroup = std::move(*cgroup);
  const auto spec = make_job_spec(job.job, job.cgroup.folders());
  if (!spec) {
    return spec.error();
  }
  const dsl::Status started = keeper_->start_job(number, spec->get(), job.output->write_end());
  if (started) {
    job.output->close_write_end();
    job.deadline.start(job.job.timeout, job.job.grace);
  }
  return started;
}

void HostEngine::start(Job job, std::function<void(JobEnd)> ended) {
  const std::uint32_t number = next_number_++;
  numbers_[job.name] = number;
  auto& held = jobs_[number];
  held = std::make_unique<HostJob>(loop_,
                                   std::move(job),
                                   JobDeadline::Reach{
                                       .term = [this, number] { keeper_->term(number); },
                                       .kill = [this, number] { keeper_->kill(number); },
                                       .force = [this, number] { keeper_->kill(number); },
                                   });
  held->ended = std::move(ended);
  const dsl::Status launched = launch(number, *held);
  if (launched) {
    return;
  }
  loop_.post([this, number, end = lost_job(launched.error())] { end_job(number, end); });
}

void HostEngine::on_report(std::uint32_t number, std::string_view report) {
  const auto found = jobs_.find(number);
  if (found == jobs_.end()) {
    return;
  }
  HostJob& job = *found->second;
  job.output->drain();
  JobEnd end;
  if (const auto reason = job.deadline.reason()) {
    end.how = *reason;
  } else if (auto reported = read_init_report(job.job, report)) {
    end = *std::move(reported);
  } else {
    end.how = JobEnd::How::Lost;
    end.detail = "BUG: the keeper reported '" + std::string(report) + "'";
  }
  job.cgroup.conclude(end);
  job.output->conclude(end);
  end_job(number, std::move(end));
}

void HostEngine::on_keeper_lost() {
  const std::unique_ptr<HostKeeper> gone = std::move(keeper_);
  while (!jobs_.empty()) {
    const auto first = jobs_.begin();
    JobEnd end;
    if (const auto reason = first->second->deadline.reason()) {
      end.how = *reason;  // it was we who ended it
    } else {
      end.how = JobEnd::How::Lost;
      end.detail = "the keeper of the job was killed from outside";
    }
    end_job(first->first, std::move(end));
  }
}

void HostEngine::end_job(std::uint32_t number, JobEnd end) {
  const auto found = jobs_.find(number);
  const std::unique_ptr<HostJob> job = std::move(found->second);
  jobs_.erase(found);
  if (const auto name = numbers_.find(job->job.name);
      name != numbers_.end() && name->second == number) {
    numbers_.erase(name);
  }
  end.took = {loop_.monotonic_ms() - job->started_ms};
  job->ended(std::move(end));
}

void HostEngine::stop(const JobName& job, dsl::Duration grace) {
  if (const auto found = numbers_.find(job); found != numbers_.end() && keeper_) {
    jobs_.at(found->second)->deadline.stop(grace);
  }
}

void HostEngine::open_network(const std::string& network, std::function<void(dsl::Status)> done) {
  static_cast<void>(network);  // all jobs share the machine's own loopback
  loop_.post([done = std::move(done)] { done(dsl::Ok{}); });
}

void HostEngine::close_network(const std::string& network) {
  static_cast<void>(network);
}

void HostEngine::remove_leftovers(const dsl::RunId& run, std::function<void(dsl::Status)> done) {
  // The keeper ended all jobs when their runner died.
  loop_.post([done = std::move(done), removed = cgroups_.remove_leftovers(run)] { done(removed); });
}

}  // namespace

std::unique_ptr<Engine> make_host_engine(EventLoop& loop, const EngineOptions& options) {
  return std::make_unique<HostEngine>(loop, options);
}

}  // namespace runner
