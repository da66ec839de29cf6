#include "runner/cli/run_argument.h"

#include <utility>

#include <fmt/format.h>

#include "runner/report/escape.h"

namespace runner::cli {

Positional run_argument(std::string& run) {
  return {
      "RUN", "the run; the project's latest where none is given", false, Completes::Run, {}, &run};
}

namespace {

/// Why `run` may not be what was meant.
std::string whose(const dsl::RunId& run, const Project& project) {
  return fmt::format("'{}' is a run of '{}', which you are not in",
                     report::one_line(run.value),
                     report::one_line(project.folder));
}

}  // namespace

dsl::Result<dsl::RunId> find_run(const Runs& runs,
                                 const std::string& text,
                                 Purpose purpose,
                                 Console& console) {
  const bool is_latest = text.empty() || text == "latest";
  auto found = runs.find(is_latest ? "latest" : text);
  const auto here = whereabouts_of(".");
  if (!found || !here) {
    return found ? here.error() : found;
  }
  if (is_latest) {
    if (auto latest = runs.latest_at(*here)) {
      return *std::move(latest);
    }
    if (purpose == Purpose::Act) {
      return dsl::Error{fmt::format("no run is one of '{}', and which other one is meant is not "
                                    "guessed",
                                    report::one_line(here->folder)),
                        "name it (`pipe ls` lists all runs), or go to its project"};
    }
  }
  const auto project = runs.project_of(*found);
  if (project && !is_at(*project, *here) && (is_latest || purpose == Purpose::Act)) {
    console.note(whose(*found, *project));
  }
  return found;
}

RunLookup look_up_run(const std::string& text, Purpose purpose, Console& console) {
  auto runs = Runs::open_here();
  if (!runs) {
    return {std::nullopt, console.fail(ExitCode::Environment, runs.error())};
  }
  auto run = find_run(*runs, text, purpose, console);
  if (!run) {
    return {std::nullopt, console.fail(ExitCode::Invalid, run.error())};
  }
  return {NamedRun{*std::move(runs), *std::move(run)}, ExitCode::Passed};
}

ViewLookup look_up_view(const std::string& text, Purpose purpose, Console& console) {
  const RunLookup lookup = look_up_run(text, purpose, console);
  if (!lookup.found) {
    return {std::nullopt, lookup.code};
  }
  auto view = lookup.found->runs.view(lookup.found->run);
  if (!view) {
    return {std::nullopt, console.fail(ExitCode::Environment, view.error())};
  }
  return {*std::move(view), ExitCode::Passed};
}

}  // namespace runner::cli
