// What a firewall adds to the start of a node: runs `true` through an Engine without a network of
// its own and in one that leads to a gateway (three ports, three names to prove), alternating:
//
//   bench_firewall_starts sandbox|docker|podman [ROUNDS]
//
// Prints the medians and their difference.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "runner/engine/container.h"
#include "runner/engine/sandbox.h"
#include "runner/net/gateway.h"
#include "tests/engine/our_environment.h"
#include "tests/net/inside.h"

namespace {

using namespace runner;

[[noreturn]] void refuse(const dsl::Error& error) {
  fmt::print(stderr, "{}\n", error.message);
  std::exit(3);
}

struct Bench {
  EventLoop loop;
  net_test::FakeResolver resolver{loop};
  std::string folder;
  std::unique_ptr<Gateway> gateway;
  std::unique_ptr<Engine> engine;
  dsl::Image image;
  int number = 0;

  void make_engine(const std::string& name) {
    EngineOptions options;
    options.state_dir = folder;
    if (name == "sandbox") {
      engine = make_sandbox_engine(loop, options);
    } else {
      image.kind = dsl::Image::Kind::Reference;
      image.reference = "pipe-test/busybox:1";
      probe_container_program(loop,
                              name == "podman" ? dsl::EngineName::Podman : dsl::EngineName::Docker,
                              our_environment(),
                              [&](dsl::Result<ContainerProgram> program) {
                                if (!program) {
                                  refuse(program.error());
                                }
                                engine = make_container_engine(loop, options, *std::move(program));
                                loop.stop();
                              });
      loop.run();
    }
    engine->prepare_image(image, [&](const dsl::Result<std::string>& digest) {
      if (!digest) {
        refuse(digest.error());
      }
      loop.stop();
    });
    loop.run();
  }

  /// Milliseconds from the order to the end of a job that does nothing.
  double run_one(bool firewall) {
    const std::string network = fmt::format("pipe-firewall-{}-{}", getpid(), ++number);
    Job job;
    job.name = JobName(network);
    job.run = dsl::RunId("bench");
    job.node = dsl::NodeId("true");
    job.argv = {"true"};
    job.env = {{"PATH", "/bin:/usr/bin"}};
    job.image = image;
    job.log_path = folder + "/log";
    const auto begin = std::chrono::steady_clock::now();
    const auto start = [&] {
      engine->start(job, [&](const JobEnd& end) {
        if (!end.succeeded()) {
          refuse({end.detail, ""});
        }
        loop.stop();
      });
    };
    if (firewall) {
      dsl::Firewall rules;
      rules.allow = {"a.test:443", "b.test:80", "c.test:22"};
      auto door = gateway->open(network, job.node, rules, nullptr);
      if (!door) {
        refuse(door.error());
      }
      job.network = network;
      job.egress_proof = door->proof;
      engine->open_network_to(network, *door, NetworkUse::OneJob, [&](const dsl::Status& status) {
        if (!status) {
          refuse(status.error());
        }
        start();
      });
    } else {
      start();
    }
    loop.run();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    if (firewall) {
      engine->close_network(network);
      gateway->close(network);
    }
    return took.count();
  }
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "sandbox";
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 20;
  Bench bench;
  bench.folder = "/tmp/pipe-firewall-XXXXXX";
  if (mkdtemp(bench.folder.data()) == nullptr) {
    return 3;
  }
  bench.gateway = std::make_unique<Gateway>(
      bench.loop,
      bench.resolver,
      GatewayOptions{.directory = bench.folder + "/doors",
                     .own_addresses = [] { return std::vector<dsl::IpAddress>(); }});
  bench.make_engine(name);
  std::vector<double> bare;
  std::vector<double> walled;
  for (int i = 0; i < rounds; ++i) {
    bare.push_back(bench.run_one(false));
    walled.push_back(bench.run_one(true));
  }
  fmt::print("{}: {:.1f} ms without a firewall, {:.1f} ms with one: {:.1f} ms more\n",
             name,
             median(bare),
             median(walled),
             median(walled) - median(bare));
  bench.engine.reset();
  std::filesystem::remove_all(bench.folder);
  return 0;
}
