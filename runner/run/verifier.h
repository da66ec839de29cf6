#pragma once

// What a check's outcome means. The judge is not the judged: `run` and `http` are judged by how a
// fresh container ended, the others by reading the produced tree itself, where no process of the
// node can reach. Loop thread; no I/O but through Trees.

#include <string>

#include "dsl/plan.h"
#include "runner/run/event.h"
#include "runner/run/job.h"
#include "runner/run/job_files.h"
#include "runner/run/trees.h"

namespace runner {

struct Judgement {
  Verdict verdict = Verdict::Unverified;
  Evidence evidence;
};

/// Whether the criterion is judged by a container.
bool needs_container(const dsl::Criterion& criterion);

/// "make check", "GET http://localhost:8080/x", "file 'a.txt'": what stands in the checklist.
std::string describe(const dsl::Criterion& criterion);

/// Of a `run` check's container.
Judgement judge_run(const dsl::RunCheck& check, const JobEnd& end, const LogSummary& log);

/// No more of a body is read (kHttpBodyCap of runner/init/protocol.h).
inline constexpr std::size_t kBodyBytesRead = std::size_t{1} << 20;

/// Of the container that made an `http` check's request: `output` is what `pipe-init http` wrote
/// ("status 403\n" and the body).
Judgement judge_http(const dsl::HttpCheck& check,
                     const std::string& url,
                     const JobEnd& end,
                     const std::string& output);

/// file, json and diff. `input` is the node's input, `trusted` the run's input (where schemas are
/// read from), `produced` what is judged. REQUIRES: !needs_container(criterion), not manual.
Judgement judge_tree(const dsl::Criterion& criterion,
                     Trees& trees,
                     const TreeRef& input,
                     const TreeRef& trusted,
                     const TreeRef& produced);

}  // namespace runner
