#pragma once

// One container from its creation to its end: created, attached to, started, told what to run,
// watched, gone. What it runs is told only once it runs (container_command.h); the holder of a
// network is never told.
//
// Loop thread. Nothing here blocks but the writes to the log.

#include <functional>
#include <memory>
#include <string>

#include "dsl/result.h"
#include "dsl/units.h"
#include "runner/engine/container_api.h"
#include "runner/run/job.h"
#include "runner/sys/event_loop.h"

namespace runner {

class ContainerJob {
 public:
  /// Creates, attaches and starts the container `name`. `ready`: it waits for `run`, or why it
  /// never will. The loop and the api outlive this object.
  ContainerJob(EventLoop& loop,
               ContainerApi& api,
               std::string name,
               std::string body,
               std::function<void(dsl::Status)> ready);
  ContainerJob(const ContainerJob&) = delete;
  ContainerJob& operator=(const ContainerJob&) = delete;
  /// The container dies (its standard input ends) and the engine removes it; nothing is called.
  ~ContainerJob();

  /// Ends and removes a container; `done` comes when it is gone, or was already.
  static void remove(ContainerApi& api, const std::string& container, std::function<void()> done);

  /// No container has this id before `ready`.
  [[nodiscard]] const std::string& id() const;

  /// It ended, or somebody ended it.
  [[nodiscard]] bool is_over() const;

  /// Runs the job as soon as the container is ready; `request` is init_request's. `ended` is called
  /// once, when nothing of the job runs any more: after `end_mark` and a report, or where that is
  /// "" or did not come, with the container's end; where the container could not be had, with
  /// JobEnd::How::Lost.
  /// REQUIRES: called once.
  void run(const Job& job,
           std::string request,
           std::string end_mark,
           std::function<void(JobEnd)> ended);

  /// TERM to the job's whole tree, KILL after `grace`; `ended` tells How::Stopped.
  /// REQUIRES: `run` was called.
  void stop(dsl::Duration grace);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What pipe-init wrote on the container's STDERR (init/protocol.h, attached), as the end of the
/// job without `took`. Without a report: How::Lost, with what was said instead.
JobEnd read_container_report(const Job& job, std::string text);

}  // namespace runner
