#pragma once

// The engine for Docker and Podman: one code path over the Engine API, which both speak.
//
// Why the API and not the command lines. One `true`, network none, two quiet cores, Docker 20.10.24
// and Podman 4.3.1; milliseconds a job, one after the other | two at a time:
//
//   docker run --rm (bridge, what people type)      262 | 218
//   docker run --rm --network none                  206 | 133
//   docker create, start -a, rm                     231 |   -
//   Engine API: create, attach, start, end          178 | 116    (6 + 1 + 145 + 20, remove 6)
//   podman run --rm --network none                  143 | 142
//   podman create, start -a, rm                     200 |   -
//   API of `podman system service`                   75 |   -    (its `wait` polls: 200 more)
//
// Each command line costs about 20 ms of processor and 25 MB; the API costs neither, streams the
// output over a connection that is also the job's life line, and takes the job over it. The end of
// a job is the end of that stream after pipe-init's report, never the `wait` call. Podman has no
// daemon, so the engine starts `podman system service` for itself (container_service.h). Pulling
// and building are left to the programs (container_images.h).
//
// Through Engine::start, against `docker run --rm` as people type it
// (tests/bench/container_starts): 20 at two a time 0.49 to 0.73 of its time, a chain of 20 0.55 to
// 0.70. Creating the next container while its predecessor runs would save another 80 ms of a link,
// but a container's mounts are fixed when it is created, and a node's layers are known only when
// its predecessor was verified.
//
// Every container: pipe-init as process 1, no capabilities, no new privileges, loopback only,
// limits, a sized /tmp, nothing of its command or environment visible in `docker inspect`, labels
// pipe.store, pipe.run, pipe.node, pipe.job. It removes itself when it ends, and it ends when its
// runner does, however.
//
// Loop thread.

#include <memory>

#include "runner/engine/container_probe.h"
#include "runner/engine/options.h"
#include "runner/run/engine.h"
#include "runner/sys/event_loop.h"

namespace runner {

/// `loop` outlives the engine. `program` as probe_container_program found it.
std::unique_ptr<Engine> make_container_engine(EventLoop& loop,
                                              const EngineOptions& options,
                                              ContainerProgram program);

}  // namespace runner
