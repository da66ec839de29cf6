// Runs `true` in containers through Engine::start and prints the milliseconds a job:
//
//   container-starts docker|podman COUNT JOBS
//
// COUNT jobs, JOBS at a time (1: a chain).

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "runner/engine/container.h"
#include "runner/sys/event_loop.h"

extern char** environ;

namespace {

using namespace runner;

struct Bench {
  EventLoop loop;
  std::unique_ptr<Engine> engine;
  std::string folder;
  int count = 0;
  int started = 0;
  int ended = 0;
  std::int64_t begun_ms = 0;

  Job job(int number) const {
    Job one;
    one.name = JobName(fmt::format("pipe-bench-{}-{}", getpid(), number));
    one.run = dsl::RunId("bench");
    one.node = dsl::NodeId("true");
    one.argv = {"true"};
    one.env = {{"PATH", "/bin"}};
    one.image.kind = dsl::Image::Kind::Reference;
    one.image.reference = "pipe-test/busybox:1";
    one.log_path = folder + "/log";
    return one;
  }

  void start_next() {
    if (started == count)
      return;
    const int number = started++;
    engine->start(job(number), [this](const JobEnd& end) {
      if (!end.succeeded()) {
        fmt::print(stderr, "{}\n", end.detail);
        std::exit(3);
      }
      ++ended;
      start_next();
      if (ended == count)
        loop.stop();
    });
  }
};

[[noreturn]] void refuse(const dsl::Error& error) {
  fmt::print(stderr, "{}: {}\n", error.message, error.remedy);
  std::exit(3);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "usage: container-starts docker|podman COUNT JOBS\n");
    return 2;
  }
  Bench bench;
  bench.count = std::atoi(argv[2]);
  const int jobs = std::atoi(argv[3]);
  bench.folder = std::filesystem::temp_directory_path() / fmt::format("pipe-bench-{}", getpid());
  std::filesystem::create_directories(bench.folder);

  ContainerEnvironment environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string line = *variable;
    environment.variables.emplace_back(line.substr(0, line.find('=')),
                                       line.substr(line.find('=') + 1));
  }
  const auto name =
      std::strcmp(argv[1], "podman") == 0 ? dsl::EngineName::Podman : dsl::EngineName::Docker;
  probe_container_program(
      bench.loop, name, environment, [&](dsl::Result<ContainerProgram> program) {
        if (!program)
          refuse(program.error());
        EngineOptions options;
        options.state_dir = bench.folder;
        bench.engine = make_container_engine(bench.loop, options, *program);
        bench.engine->prepare_image(bench.job(0).image,
                                    [&](const dsl::Result<std::string>& digest) {
                                      if (!digest)
                                        refuse(digest.error());
                                      bench.begun_ms = bench.loop.monotonic_ms();
                                      for (int i = 0; i < jobs; ++i)
                                        bench.start_next();
                                    });
      });
  bench.loop.run();
  const std::int64_t took = bench.loop.monotonic_ms() - bench.begun_ms;
  fmt::print("{} {} jobs, {} at a time: {} ms, {} ms a job\n",
             argv[1],
             bench.count,
             jobs,
             took,
             took / bench.count);
  bench.engine.reset();
  std::filesystem::remove_all(bench.folder);
}
