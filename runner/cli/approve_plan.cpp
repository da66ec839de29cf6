#include "runner/cli/approve_plan.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "runner/cli/account.h"
#include "runner/cli/sealed_file.h"
#include "runner/report/escape.h"

namespace runner::cli {
namespace {

std::string now_text() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                     utc.tm_year + 1900,
                     utc.tm_mon + 1,
                     utc.tm_mday,
                     utc.tm_hour,
                     utc.tm_min,
                     utc.tm_sec);
}

}  // namespace

ExitCode approve_plan(const PlanApprovalArguments& arguments, Console& console) {
  auto plan = read_sealed_plan(arguments.file);
  if (!plan) {
    return console.fail(ExitCode::Invalid, plan.error());
  }
  dsl::PlanApproval approval;
  approval.account = account_name();
  approval.by = arguments.by.empty() ? approval.account : arguments.by;
  approval.at = now_text();
  approval.digest = plan->digest;
  const std::string key = arguments.no_key        ? ""
                          : arguments.key.empty() ? usual_signing_key()
                                                  : arguments.key;
  if (!key.empty()) {
    auto made = signed_approval(std::move(approval), key);
    if (!made) {
      return console.fail(ExitCode::Environment, made.error());
    }
    approval = *std::move(made);
  }
  std::erase_if(plan->approvals,
                [&](const dsl::PlanApproval& one) { return one.by == approval.by; });
  plan->approvals.push_back(approval);
  if (const dsl::Status written = write_sealed_plan(arguments.file, *plan); !written) {
    return console.fail(ExitCode::Environment, written.error());
  }
  const std::string file = report::one_line(arguments.file);
  if (arguments.json) {
    console.out(dsl::to_json(dsl::Value(
                    dsl::Value::Record{{"file", dsl::Value(arguments.file)},
                                       {"digest", dsl::Value(plan->digest)},
                                       {"by", dsl::Value(approval.by)},
                                       {"at", dsl::Value(approval.at)},
                                       {"signed", dsl::Value(!approval.signature.empty())}})) +
                "\n");
  } else {
    console.out(fmt::format(
        "{} approved {} ({})\n",
        report::one_line(approval.by),
        short_digest(*plan),
        key.empty() ? "a plain record: there is no key" : "signed with " + report::one_line(key)));
  }
  console.note("`pipe run --plan " + file + "` runs it and nothing else");
  return ExitCode::Passed;
}

}  // namespace runner::cli
