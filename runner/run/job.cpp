#include "runner/run/job.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace runner {

Variables layered(const Variables& below, const Variables& above) {
  Variables all;
  all.reserve(below.size() + above.size());
  for (const auto& variable : below) {
    const bool is_hidden = std::any_of(above.begin(), above.end(), [&](const auto& other) {
      return other.first == variable.first;
    });
    if (!is_hidden) {
      all.push_back(variable);
    }
  }
  all.insert(all.end(), above.begin(), above.end());
  return all;
}

Variables usual_environment() {
  return {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
          {"LANG", "C.UTF-8"}};
}

JobEnd lost_job(const dsl::Error& why) {
  JobEnd end;
  end.how = JobEnd::How::Lost;
  end.detail = why.remedy.empty() ? why.message : why.message + "; " + why.remedy;
  return end;
}

std::string to_text(const JobEnd& end) {
  switch (end.how) {
    case JobEnd::How::Exited:
      return fmt::format("exit {}", end.code);
    case JobEnd::How::Signalled: {
      const char* name = sigabbrev_np(end.code);
      return name != nullptr ? fmt::format("killed by signal {} (SIG{})", end.code, name)
                             : fmt::format("killed by signal {}", end.code);
    }
    case JobEnd::How::TimedOut:
      return end.detail.empty() ? fmt::format("timed out after {}", dsl::to_rounded_text(end.took))
                                : fmt::format("timed out: its limit is {}, it had ended after {}",
                                              end.detail,
                                              dsl::to_rounded_text(end.took));
    case JobEnd::How::Idle:
      return fmt::format("stopped: it had written nothing for {}", end.detail);
    case JobEnd::How::Stopped:
      return "stopped";
    case JobEnd::How::OutOfMemory:
      return end.peak_memory
                 ? fmt::format("out of memory (peak {})", dsl::to_text(*end.peak_memory))
                 : "out of memory";
    case JobEnd::How::OutOfDisk:
      return "out of disk: it wrote more than its limit of " + end.detail;
    case JobEnd::How::NotStarted:
      return "could not be started: " + end.detail;
    case JobEnd::How::Lost:
      return "lost: " + end.detail;
  }
  return "";
}

}  // namespace runner
