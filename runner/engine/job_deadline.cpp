#include "runner/engine/job_deadline.h"

#include <utility>

namespace runner {
namespace {

constexpr dsl::Duration kForceAfter{5'000};

}  // namespace

JobDeadline::JobDeadline(EventLoop& loop, Reach reach) : loop_(loop), reach_(std::move(reach)) {}

JobDeadline::~JobDeadline() {
  if (timer_) {
    loop_.cancel_timer(*timer_);
  }
}

void JobDeadline::start(dsl::Duration timeout, dsl::Duration grace) {
  if (timeout.ms > 0) {
    set_timer(timeout, [this, grace] { begin(JobEnd::How::TimedOut, grace); });
  }
}

void JobDeadline::stop(dsl::Duration grace) {
  if (!reason_) {
    begin(JobEnd::How::Stopped, grace);
  } else if (grace.ms == 0) {
    kill();
  }
}

void JobDeadline::abandon() {
  if (!reason_) {
    reason_ = JobEnd::How::Lost;
    kill();
  }
}

void JobDeadline::begin(JobEnd::How reason, dsl::Duration grace) {
  reason_ = reason;
  if (grace.ms <= 0) {
    kill();
    return;
  }
  set_timer(grace, [this] { kill(); });
  reach_.term();
}

void JobDeadline::kill() {
  set_timer(kForceAfter, [this] { reach_.force(); });
  reach_.kill();
}

void JobDeadline::set_timer(dsl::Duration delay, std::function<void()> then) {
  if (timer_) {
    loop_.cancel_timer(*timer_);
  }
  timer_ = loop_.start_timer(delay, [this, then = std::move(then)] {
    timer_.reset();
    then();
  });
}

}  // namespace runner
