#include "runner/engine/init_report.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>

#include "runner/engine/init_program.h"
#include "runner/engine/permission_shims.h"
#include "runner/init/protocol.h"

namespace runner {
namespace {

/// Takes the text up to the next blank.
std::string_view take_word(std::string_view& text) {
  const std::size_t end = text.find(' ');
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

std::string why_not_executed(const Job& job, int error_number) {
  const std::string name = job.argv.empty() ? "" : job.argv[0];
  const bool searched = name.find('/') == std::string::npos;
  if (error_number == ENOENT && searched) {
    return "'" + name +
           "' is in no folder of the job's PATH; choose an image that has it, or install "
           "it in an earlier step";
  }
  if (error_number == ENOENT) {
    return "'" + name +
           "' does not exist in the image or the workspace, or its interpreter (the "
           "first line of a script, the loader of a program) does not";
  }
  if (error_number == EACCES) {
    return "'" + name + "' may not be executed; make it executable with chmod +x";
  }
  if (error_number == ENOEXEC) {
    return "'" + name + "' is no program for this machine, and no script that begins with #!";
  }
  return "'" + name + "' cannot be executed: " + strerrordesc_np(error_number);
}

std::string why_not_that_user(const std::string& user, int error_number) {
  if (error_number == ENOENT) {
    return "the image has no user '" + user +
           "'; name one of its /etc/passwd, a number, `root` or `host`";
  }
  return "the container cannot run as '" + user + "': " + strerrordesc_np(error_number) +
         "; an engine without root has only the numbers of /etc/subuid";
}

/// A line that tells of something that was denied to the job.
std::optional<JobEnd::Denial> read_denial(const Job& job, std::string_view line) {
  if (take_word(line) != "denied") {
    return std::nullopt;
  }
  const std::string_view number = take_word(line);
  std::size_t rule = 0;
  if (std::from_chars(number.data(), number.data() + number.size(), rule).ec != std::errc()) {
    return std::nullopt;
  }
  const std::vector<std::string> rules = permission_rules(job.permissions);
  if (rule >= rules.size() && rule != init::kNotAllowed) {
    return std::nullopt;  // nothing of ours sent it
  }
  const std::string by = rule < rules.size() ? rules[rule] : "";
  return JobEnd::Denial{std::string(line), by.substr(by.find(' ') + 1)};
}

}  // namespace

std::vector<JobEnd::Denial> take_denials(const Job& job, std::string& report) {
  std::vector<JobEnd::Denial> denials;
  std::string rest;
  for (std::string_view left = report; !left.empty();) {
    const std::size_t size = std::min(left.find('\n'), left.size() - 1) + 1;
    std::string_view line = left.substr(0, size);
    left.remove_prefix(size);
    line.remove_suffix(line.ends_with('\n') ? 1 : 0);
    if (auto denial = read_denial(job, line)) {
      denials.push_back(*std::move(denial));
    } else if (!line.starts_with("denied ")) {
      rest.append(line.data(), size);
    }
  }
  report = std::move(rest);
  return denials;
}

std::optional<JobEnd> read_init_report(const Job& job, std::string_view report) {
  if (!report.ends_with('\n')) {
    return std::nullopt;
  }
  report.remove_suffix(1);
  const std::string_view what = take_word(report);
  const std::string_view number = take_word(report);
  int code = 0;
  if (std::from_chars(number.data(), number.data() + number.size(), code).ec != std::errc()) {
    return std::nullopt;
  }
  JobEnd end;
  end.code = code;
  if (what == "exited") {
    end.how = JobEnd::How::Exited;
  } else if (what == "signalled") {
    end.how = JobEnd::How::Signalled;
  } else if (what == "exec-failed") {
    end.how = JobEnd::How::NotStarted;
    end.detail = why_not_executed(job, code);
  } else if (what == "no-directory") {
    end.how = JobEnd::How::NotStarted;
    end.detail = "the working directory '" + std::string(report) +
                 "' cannot be entered: " + strerrordesc_np(code);
  } else if (what == "no-user") {
    end.how = JobEnd::How::NotStarted;
    end.detail = why_not_that_user(std::string(report), code);
  } else if (what == "no-egress") {
    end.how = JobEnd::How::Lost;
    end.detail = "the firewall could not be proven: '" + std::string(report) +
                 "' in the job's network: " + strerrordesc_np(code);
  } else if (what == "no-filter") {
    end.how = JobEnd::How::Lost;
    end.detail = std::string("install the system call filter: ") + strerrordesc_np(code);
  } else if (what == "no-secrets") {
    end.how = JobEnd::How::Lost;
    end.detail = "write the secret file '" + std::string(report) +
                 "' in the job's memory: " + strerrordesc_np(code);
  } else if (what == "no-cgroup") {
    end.how = JobEnd::How::Lost;
    end.detail = "join the cgroup '" + std::string(report) + "': " + strerrordesc_np(code);
  } else {
    return std::nullopt;
  }
  return end;
}

}  // namespace runner
