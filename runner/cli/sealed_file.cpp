#include "runner/cli/sealed_file.h"

#include <fmt/format.h>

#include "runner/report/escape.h"
#include "runner/report/node_text.h"
#include "runner/sys/files.h"

namespace runner::cli {

namespace {

constexpr std::int64_t kLargest = 256LL << 20;

}  // namespace

bool looks_like_plan_file(const std::string& text) {
  return text.find('/') != std::string::npos || text.ends_with(".json");
}

dsl::Result<dsl::SealedPlan> read_sealed_plan(const std::string& path) {
  const auto text = files::read_file(path, kLargest);
  if (!text) {
    return text.error();
  }
  auto plan = dsl::sealed_plan_from_json(*text);
  return plan ? std::move(plan) : plan.error().within("'" + report::one_line(path) + "'");
}

dsl::Status write_sealed_plan(const std::string& path, const dsl::SealedPlan& plan) {
  return files::write_atomically(path, dsl::sealed_plan_to_json(plan), files::Durable::Yes);
}

std::string short_digest(const dsl::SealedPlan& plan) {
  return plan.digest.substr(0, 12);
}

std::string forecast_text(const dsl::Forecast& forecast) {
  const std::string time = forecast.worst_time
                               ? "at most " + dsl::to_rounded_text(*forecast.worst_time)
                               : "no limit of time";
  const bool is_free = forecast.worst_cost && forecast.worst_cost->micros == 0;
  const std::string cost = is_free               ? "no agent is paid"
                           : forecast.worst_cost ? "at most " + dsl::to_text(*forecast.worst_cost)
                                                 : "no limit of cost";
  return fmt::format("about {}; {}; {}", report::took_text(forecast.expected.ms), time, cost);
}

}  // namespace runner::cli
