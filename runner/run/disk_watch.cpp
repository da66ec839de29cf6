#include "runner/run/disk_watch.h"

#include <utility>

namespace runner {

namespace {

/// How often a job is looked at.
constexpr dsl::Duration kLook{250};

}  // namespace

struct DiskWatch::State : std::enable_shared_from_this<State> {
  State(std::optional<dsl::Bytes> limit_of_job, Engine& its_engine, Trees& all_trees, Clock& time)
      : limit(limit_of_job), engine(its_engine), trees(all_trees), clock(time) {}

  /// What cannot be told is too much.
  [[nodiscard]] bool is_too_much(std::optional<std::int64_t> bytes) const {
    return !bytes || *bytes - before > limit->count;
  }

  void look_later() {
    clock.after(kLook, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self != nullptr && self->is_watching) {
        self->look();
      }
    });
  }

  void look() {
    trees.measure(workspace, [weak = weak_from_this()](std::optional<std::int64_t> bytes) {
      const auto self = weak.lock();
      if (self == nullptr || !self->is_watching) {
        return;
      }
      self->engine.disk_use(self->job, [weak, bytes](std::optional<std::int64_t> beside) {
        const auto still = weak.lock();
        if (still != nullptr && still->is_watching) {
          still->judge(bytes, beside);
        }
      });
    });
  }

  void judge(std::optional<std::int64_t> bytes, std::optional<std::int64_t> beside) {
    // What the engine cannot tell just now, it tells at the next look.
    if (is_too_much(bytes ? std::optional(*bytes + beside.value_or(0)) : std::nullopt)) {
      is_full = true;
      engine.stop(job, dsl::Duration{0});
    } else {
      look_later();
    }
  }

  const std::optional<dsl::Bytes> limit;
  Engine& engine;
  Trees& trees;
  Clock& clock;
  PreparedWorkspace workspace;
  JobName job;
  std::int64_t before = 0;  // in bytes
  bool is_watching = false;
  bool is_full = false;
};

DiskWatch::DiskWatch(std::optional<dsl::Bytes> limit, Engine& engine, Trees& trees, Clock& clock)
    : state_(std::make_shared<State>(limit, engine, trees, clock)) {}

DiskWatch::~DiskWatch() = default;

void DiskWatch::begin(const PreparedWorkspace& workspace, std::function<void()> done) {
  if (!state_->limit) {
    done();
    return;
  }
  state_->trees.measure(
      workspace, [state = state_, done = std::move(done)](std::optional<std::int64_t> bytes) {
        state->before = bytes.value_or(0);
        done();
      });
}

void DiskWatch::watch(const PreparedWorkspace& workspace, const JobName& job) {
  if (!state_->limit) {
    return;
  }
  state_->workspace = workspace;
  state_->job = job;
  state_->is_watching = true;
  state_->look_later();
}

bool DiskWatch::is_full() const {
  return state_->is_full;
}

void DiskWatch::conclude(const PreparedWorkspace& workspace,
                         JobEnd end,
                         std::function<void(JobEnd)> done) {
  state_->is_watching = false;
  if (!state_->limit || end.how == JobEnd::How::Lost) {
    done(std::move(end));
    return;
  }
  state_->trees.measure(workspace,
                        [state = state_, end = std::move(end), done = std::move(done)](
                            std::optional<std::int64_t> bytes) mutable {
                          if (state->is_full || state->is_too_much(bytes)) {
                            end.how = JobEnd::How::OutOfDisk;
                            end.detail = dsl::to_text(*state->limit);
                          }
                          done(std::move(end));
                        });
}

}  // namespace runner
