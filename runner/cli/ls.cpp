// pipe ls: the runs of the store.

#include <algorithm>
#include <ctime>
#include <memory>

#include <fmt/format.h>

#include "runner/cli/commands.h"
#include "runner/cli/run_status.h"
#include "runner/cli/runs.h"
#include "runner/report/columns.h"
#include "runner/report/escape.h"
#include "runner/report/node_text.h"
#include "runner/report/paint.h"

namespace runner::cli {
namespace {

struct Arguments {
  bool json = false;
  bool quiet = false;
  std::optional<int> count;
};

struct Row {
  std::string run;
  RunStatus status = RunStatus::Dead;
  std::string pipeline;
  std::string tasks;
  std::string started;
  std::string took;
};

std::string local_time(std::int64_t wall_ms) {
  const std::time_t seconds = wall_ms / 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}",
                     local.tm_year + 1900,
                     local.tm_mon + 1,
                     local.tm_mday,
                     local.tm_hour,
                     local.tm_min);
}

report::Meaning meaning_of(RunStatus status) {
  switch (status) {
    case RunStatus::Passed:
      return report::Meaning::Good;
    case RunStatus::Failed:
    case RunStatus::Errored:
      return report::Meaning::Bad;
    case RunStatus::Running:
      return report::Meaning::Active;
    case RunStatus::Parked:
    case RunStatus::Interrupted:
    case RunStatus::Waiting:
    case RunStatus::Answered:
    case RunStatus::Undelivered:
    case RunStatus::Dead:
      return report::Meaning::Doubt;
    case RunStatus::Undone:
    case RunStatus::Skipped:
      return report::Meaning::Quiet;
  }
  return report::Meaning::Quiet;
}

Row row_of(const RunOverview& overview) {
  const report::RunSummary& summary = overview.summary;
  const bool started = summary.started_ms != 0;
  Row row;
  row.run = report::one_line(overview.run.value);
  row.status = overview.status;
  row.pipeline = report::one_line(summary.pipeline);
  row.tasks = fmt::format("{}/{}", summary.settled, summary.tasks);
  row.started = started ? local_time(summary.started_ms) : "-";
  row.took = started ? report::took_text(summary.took_ms) : "-";
  return row;
}

std::string table(const std::vector<Row>& rows, dsl::Colour colour) {
  std::size_t run_width = 3;
  std::size_t pipeline_width = 8;
  for (const Row& row : rows) {
    run_width = std::max(run_width, report::columns(row.run));
    pipeline_width =
        std::max(pipeline_width, std::min<std::size_t>(report::columns(row.pipeline), 32));
  }
  const auto line = [&](const Row& row, const std::string& status) {
    return fmt::format("{}  {}  {}  {:>7}  {:<16}  {:>7}\n",
                       report::padded(row.run, run_width),
                       status,
                       report::padded(report::cut(row.pipeline, pipeline_width), pipeline_width),
                       row.tasks,
                       row.started,
                       row.took);
  };
  std::string text =
      line({"RUN", RunStatus::Dead, "PIPELINE", "TASKS", "STARTED", "TOOK"}, "STATUS     ");
  for (const Row& row : rows) {
    const std::string word = fmt::format("{:<11}", to_text(row.status));
    text += line(row, report::painted(word, meaning_of(row.status), colour));
  }
  return text;
}

ExitCode list(const Arguments& arguments, Console& console) {
  const auto runs = Runs::open_here();
  if (!runs) {
    return console.fail(ExitCode::Environment, runs.error());
  }
  const std::size_t all = runs->names().size();
  const std::size_t count =
      arguments.count ? std::min(all, static_cast<std::size_t>(*arguments.count)) : all;
  std::vector<Row> rows;
  dsl::Value::List records;
  for (std::size_t i = 0; i < count; ++i) {
    const dsl::RunId& run = runs->names()[i];
    if (arguments.quiet) {
      console.out(report::one_line(run.value) + "\n");
      continue;
    }
    const auto overview = look_over(*runs, run);
    if (!overview) {
      console.warning(report::one_line(run.value) + ": " + overview.error().message);
    } else if (arguments.json) {
      records.emplace_back(summary_record(*overview));
    } else {
      rows.push_back(row_of(*overview));
    }
  }
  if (arguments.json) {
    console.out(dsl::to_json(dsl::Value(dsl::Value::Record{{"runs", dsl::Value(records)}})) + "\n");
  } else if (!rows.empty()) {
    console.out(table(rows, console.out_colour()));
  } else if (all == 0) {
    console.note("no runs in '" + runs->settings().state_dir + "' yet; `pipe run FILE` makes one");
  }
  return ExitCode::Passed;
}

}  // namespace

Command ls_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "ls";
  command.summary = "list runs";
  command.description = "Lists the runs of the store, the newest first.";
  command.options = {
      {"-n,--count", "N", "only the newest N", {}, &arguments->count},
      {"-q,--quiet", "", "only names", {}, &arguments->quiet},
      {"--json", "", "print as JSON", {}, &arguments->json},
  };
  command.examples = {"pipe ls",
                      "pipe ls --json | jq -r '.runs[] | select(.status==\"failed\").run'"};
  command.action = [arguments, &console] { return list(*arguments, console); };
  return command;
}

}  // namespace runner::cli
