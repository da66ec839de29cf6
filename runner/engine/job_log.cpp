#include "runner/engine/job_log.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "runner/sys/files.h"

namespace runner {
namespace {

constexpr std::size_t kLineCap = 4096;
constexpr dsl::Duration kPauseBetweenLines{100};

}  // namespace

JobLog::JobLog(EventLoop& loop, const Job& job)
    : loop_(loop),
      path_(job.log_path),
      cap_(job.log_cap),
      on_line_(job.on_line),
      on_output_(job.on_output) {
  if (job.masking != nullptr) {
    mask_.emplace(*job.masking);
  }
}

bool JobLog::open() {
  if (!file_) {
    file_ = Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!file_) {
      failure_ = files::system_error("open the log", path_, errno);
    }
  }
  return static_cast<bool>(file_);
}

JobLog::~JobLog() {
  if (pause_) {
    loop_.cancel_timer(*pause_);
  }
}

void JobLog::append(std::string_view bytes) {
  if (!mask_) {
    append_masked(bytes);
    return;
  }
  std::string masked;
  mask_->add(bytes, masked);
  if (!masked.empty()) {
    append_masked(masked);
  }
}

void JobLog::append_masked(std::string_view bytes) {
  if (on_output_) {
    on_output_(bytes);
  }
  if (on_line_ || bytes.size() < kLineCap) {
    note_lines(bytes);
  } else {
    note_lines(bytes.substr(bytes.size() - kLineCap));
  }
  if (truncated_) {
    return;
  }
  const auto room = static_cast<std::size_t>(std::max<std::int64_t>(cap_ - written_, 0));
  write(bytes.substr(0, room));
  written_ += static_cast<std::int64_t>(std::min(room, bytes.size()));
  if (bytes.size() > room) {
    truncated_ = true;
    write("\n[pipe: this log has reached its limit of " + dsl::to_text(dsl::Bytes{cap_}) +
          "; the rest of the output was not kept]\n");
  }
}

void JobLog::write(std::string_view bytes) {
  if (!bytes.empty() && !failure_ && open() && !files::write_all(file_.get(), bytes)) {
    failure_ = files::system_error("write the log", path_, errno);
  }
}

void JobLog::note_lines(std::string_view bytes) {
  const std::size_t last_end = bytes.rfind('\n');
  if (last_end == std::string_view::npos) {
    partial_.append(bytes.substr(0, kLineCap - std::min(kLineCap, partial_.size())));
  } else {
    const std::string_view lines = bytes.substr(0, last_end);
    const std::size_t before = lines.rfind('\n');
    std::string line = before == std::string_view::npos ? partial_ : std::string();
    line += lines.substr(before == std::string_view::npos ? 0 : before + 1);
    if (!line.empty() && line.back() == '\r') {
      line.pop_back();
    }
    if (!line.empty()) {
      line.resize(std::min(line.size(), kLineCap));
      complete_ = std::move(line);
    }
    partial_ = bytes.substr(last_end + 1).substr(0, kLineCap);
  }
  untold_ = true;
  if (!pause_ && on_line_) {
    tell_soon();
  }
}

const std::string& JobLog::last_line() const {
  return partial_.empty() ? complete_ : partial_;
}

void JobLog::tell() {
  if (untold_ && on_line_ && !last_line().empty()) {
    untold_ = false;
    on_line_(last_line());
  }
}

/// The first line at once, the next after a pause.
void JobLog::tell_soon() {
  tell();
  pause_ = loop_.start_timer(kPauseBetweenLines, [this] {
    pause_.reset();
    if (untold_) {
      tell_soon();
    }
  });
}

void JobLog::finish() {
  if (mask_) {
    std::string rest;
    mask_->finish(rest);
    if (!rest.empty()) {
      append_masked(rest);
    }
  }
  if (pause_) {
    loop_.cancel_timer(*pause_);
    pause_.reset();
  }
  tell();
}

}  // namespace runner
