// Speed and memory of `pipe` beside the bare commands that do the same work, on the same machine in
// the same minutes. Prints a Markdown table. Exit 0: every figure keeps its target; 1: one is
// short; 3: a competitor is missing.
//
//   bench_ratios [PART...]      parts: sandbox host docker plan schedule memory files egress
//                               gateway; none is all

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/bench/generated.h"
#include "tests/bench/metered.h"
#include "tests/e2e/pipe_command.h"

namespace {

using bench::chain;
using bench::layered;
using bench::Shape;
using bench::wide;
using e2e::Ended;
using e2e::Start;

/// PIPE_BENCH_ROUNDS, 5 when it is not set.
int rounds() {
  static const int wanted = [] {
    const char* text = std::getenv("PIPE_BENCH_ROUNDS");
    return text == nullptr ? 5 : std::max(1, std::atoi(text));
  }();
  return wanted;
}

struct Row {
  std::string what;
  std::string against;
  double limit = 0;
  double measured = 0;
  std::string unit;  // "x" for a ratio
};

std::vector<Row>& rows() {
  static std::vector<Row> all;
  return all;
}

void report(Row row) {
  std::fprintf(stderr,
               "%s: %.2f %s (target %.2f)\n",
               row.what.c_str(),
               row.measured,
               row.unit.c_str(),
               row.limit);
  rows().push_back(std::move(row));
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double seconds(const Ended& ended) {
  return static_cast<double>(ended.took.count()) / 1e6;
}

/// Runs and insists on success: a competitor that fails fast would win.
Ended must(const Start& start) {
  Ended ended = e2e::run(start, std::chrono::seconds(1800));
  if (ended.exit_code != 0) {
    throw std::runtime_error(fmt::format("'{}' ended with {}: {}{}",
                                         fmt::join(start.argv, " "),
                                         ended.exit_code,
                                         ended.out,
                                         ended.err));
  }
  return ended;
}

using Measurement = std::function<double()>;  // seconds

/// The median of ours / theirs over pairs; who starts changes from pair to pair.
double ratio(const Measurement& ours, const Measurement& theirs) {
  std::vector<double> ratios;
  for (int round = 0; round < rounds(); ++round) {
    double mine = 0;
    double other = 0;
    if (round % 2 == 0) {
      mine = ours();
      other = theirs();
    } else {
      other = theirs();
      mine = ours();
    }
    std::fprintf(stderr, "  %.3f s beside %.3f s\n", mine, other);
    ratios.push_back(mine / other);
  }
  return median(ratios);
}

double median_of(const Measurement& measure) {
  std::vector<double> values;
  for (int round = 0; round < rounds(); ++round) {
    values.push_back(measure());
  }
  return median(values);
}

/// `pipe run` of a text by a user who has run something of this kind before, which sets his store
/// up (once, a fraction of a second). Not from the cache: tasks that are alike would take their
/// results from the first of them.
Ended pipe_run(const std::string& head, const std::string& text) {
  const e2e::User user;
  const e2e::TempFolder folder;
  const std::string path = folder.path().string();
  folder.write("first.yaml", bench::pipeline({wide(1), head, "\"true\"", false}));
  must(user.pipe({"run", "first.yaml"}, path));
  folder.write("bench.yaml", text);
  return must(user.pipe({"run", "bench.yaml", "--no-cache", "-j", "2"}, path));
}

Measurement pipe_run_of(const bench::PipelineText& text) {
  return [head = text.head, body = bench::pipeline(text)] { return seconds(pipe_run(head, body)); };
}

Measurement shell(const std::string& script) {
  return [script] { return seconds(must({{"sh", "-c", script}, "", {}})); };
}

const std::string kSandbox = "engine: sandbox\nimage: host\n";
const std::string kHost = "engine: host\n";
const std::string kDocker = "engine: docker\nimage: pipe-test/busybox:1\n";

const std::string kBareBwrap =
    "bwrap --unshare-all --die-with-parent --new-session --cap-drop ALL --ro-bind /usr /usr "
    "--symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc "
    "--dev /dev --tmpfs /tmp true";

void measure_sandbox() {
  const Measurement bare = shell("seq 1000 | xargs -P2 -I{} " + kBareBwrap);
  const std::string against = "1,000 bare `bwrap … true` by `xargs -P2`";
  report({"sandbox, 1,000 independent `true`, -j2",
          against,
          1.5,
          ratio(pipe_run_of({wide(1000), kSandbox, "\"true\"", false}), bare),
          "x"});
  report({"the same, one `run` criterion each",
          against,
          3.0,
          ratio(pipe_run_of({wide(1000), kSandbox, "\"true\"", true}), bare),
          "x"});
}

void measure_host_shape(const std::string& name, const Shape& shape) {
  const e2e::TempFolder folder;
  folder.write("build.ninja", bench::ninja_file(shape));
  const std::string path = folder.path().string();
  const Measurement ninja = [path] { return seconds(must({{"ninja", "-j2"}, path, {}})); };
  report({"host engine, " + name + ", -j2",
          "ninja",
          1.5,
          ratio(pipe_run_of({shape, kHost, "\"true\"", false}), ninja),
          "x"});
}

void measure_host() {
  measure_host_shape("1,000 wide", wide(1000));
  measure_host_shape("chain of 1,000", chain(1000));
  measure_host_shape("20 layers of 50", layered(20, 50));
}

void measure_docker() {
  const std::string one = "docker run --rm --network none pipe-test/busybox:1 true";
  report({"docker, 20 independent, -j2",
          "`xargs -P2 docker run --rm`",
          0.9,
          ratio(pipe_run_of({wide(20), kDocker, "\"true\"", false}),
                shell("seq 20 | xargs -P2 -I{} " + one)),
          "x"});
  report({"docker, chain of 20",
          "20 `docker run` in a row",
          0.8,
          ratio(pipe_run_of({chain(20), kDocker, "\"true\"", false}),
                shell("for i in $(seq 20); do " + one + "; done")),
          "x"});
}

void measure_plan() {
  const e2e::User user;
  const e2e::TempFolder folder;
  const std::string path = folder.path().string();
  const auto plan_of = [&](const std::string& file) {
    return must(user.pipe({"plan", file}, path));
  };
  folder.write("ten.yaml", bench::pipeline({layered(100, 100), kSandbox, "\"true\"", true}));
  report({"`pipe plan` of 10,000 tasks",
          "bare yaml-cpp events of that file",
          2.0,
          ratio([&] { return seconds(plan_of("ten.yaml")); },
                [&] {
                  return seconds(must({{YAML_EVENTS, "ten.yaml"}, path, {}}));
                }),
          "x"});
  folder.write("hundred.yaml", bench::pipeline({layered(100, 1000), kSandbox, "\"true\"", true}));
  report({"`pipe plan` of 100,000 tasks, memory",
          "",
          500,
          static_cast<double>(plan_of("hundred.yaml").peak_rss_kib) / 1024,
          "MB"});
  folder.write("ladder.yaml", bench::pipeline({layered(60, 2), kSandbox, "\"true\"", false}));
  report({"`pipe plan` of the 60 x 2 ladder",
          "",
          30,
          median_of([&] { return seconds(plan_of("ladder.yaml")); }) * 1000,
          "ms"});
}

void measure_schedule() {
  std::string text = "version: 1\nname: bench\n" + kSandbox + "tasks:\n";
  std::string before;
  for (const char* step : {"a", "b", "c", "d", "e", "f"}) {
    text += fmt::format("  {}:\n    run: sleep 0.5\n    expect: 500ms\n", step);
    if (!before.empty()) {
      text += fmt::format("    needs: [{}]\n", before);
    }
    before = step;
  }
  text += "  long:\n    run: sleep 3\n    expect: 3s\n";
  report({"a 3 s task beside a chain of six 0.5 s tasks, -j2",
          "3 s",
          1.05,
          median_of([&] { return seconds(pipe_run(kSandbox, text)); }) / 3.0,
          "x"});
}

void measure_memory() {
  const std::string text = bench::pipeline({wide(1000), kSandbox, "\"true\"", true});
  report({"resident memory of the runner, 1,000 tasks",
          "",
          40,
          static_cast<double>(pipe_run(kSandbox, text).peak_rss_kib) / 1024,
          "MB"});
}

/// A repository with `files` files, committed.
void make_repository(const e2e::User& user, const e2e::TempFolder& folder, std::size_t files) {
  for (std::size_t number = 0; number < files; ++number) {
    folder.write(fmt::format("src/{}/{}.txt", number / 200, number),
                 fmt::format("file {}\n", number));
  }
  folder.write("one.txt", "one\n");
  for (const std::size_t nodes : {std::size_t{1}, std::size_t{11}}) {
    folder.write(fmt::format("chain{}.yaml", nodes),
                 bench::pipeline({chain(nodes), kSandbox, "echo more >> one.txt", false}));
  }
  const std::string path = folder.path().string();
  user.git({"init", "-q"}, path);
  user.git({"add", "."}, path);
  user.git({"commit", "-qm", "files"}, path);
}

/// What one node more costs in this repository: ten more nodes, by ten.
double node_cost(const e2e::User& user, const e2e::TempFolder& folder) {
  const auto run = [&](const std::string& file) {
    return seconds(must(user.pipe({"run", file, "--no-cache"}, folder.path().string())));
  };
  return (run("chain11.yaml") - run("chain1.yaml")) / 10;
}

void measure_files() {
  const e2e::User user;
  const e2e::TempFolder empty;
  const e2e::TempFolder large;
  make_repository(user, empty, 0);
  make_repository(user, large, 20'000);
  report({"a node that changes one file of 20,000",
          "one in an empty repository, the difference",
          150,
          median_of([&] { return node_cost(user, large) - node_cost(user, empty); }) * 1000,
          "ms"});
}

/// Sealing a plan, and finding that it drifted.
void measure_sealing() {
  const e2e::User user;
  const e2e::TempFolder large;
  make_repository(user, large, 20'000);
  const std::string path = large.path().string();
  const std::string plan = user.home() + "/plan.json";
  report({"`pipe plan -o` in a repository of 20,000 files",
          "",
          1000,
          median_of([&] {
            return seconds(must(user.pipe({"plan", "chain11.yaml", "-o", plan}, path)));
          }) * 1000,
          "ms"});
  large.write("src/0/1.txt", "drifted\n");
  user.git({"commit", "-qam", "drift"}, path);
  report({"`pipe run --plan` there, refused since one file drifted",
          "",
          1000,
          median_of([&] {
            return seconds(e2e::run(user.pipe({"run", "--plan", plan}, path)));
          }) * 1000,
          "ms"});
}

/// The figure behind `before` in what a program printed.
double figure(const std::string& text, const std::string& before) {
  const std::size_t at = text.find(before);
  if (at == std::string::npos) {
    throw std::runtime_error("no '" + before + "' in: " + text);
  }
  return std::atof(text.c_str() + at + before.size());
}

/// What a firewall adds to the start of a node.
double firewall_start(const char* engine) {
  return median_of([&] {
    const std::string text = must({{BENCH_FIREWALL_STARTS, engine, "10"}, "", {}}).out;
    std::fprintf(stderr, "  %s", text.c_str());
    return figure(text, "with one: ");
  });
}

/// Bytes through the gateway, and what a road to it costs to make.
void measure_egress() {
  std::vector<double> carried;
  for (int round = 0; round < rounds(); ++round) {
    const std::string text = must({{BENCH_EGRESS}, "", {}}).out;
    std::fprintf(stderr, "  %s", text.c_str());
    carried.push_back(figure(text, "bare loopback ") / figure(text, "gateway down "));
  }
  report({"1 GB through the gateway", "the bare loopback", 2, median(carried), "x"});
  const std::string against = "one without network, the difference";
  report(
      {"start of a sandbox node behind a firewall", against, 15, firewall_start("sandbox"), "ms"});
  report({"start of a Docker node behind a firewall", against, 80, firewall_start("docker"), "ms"});
}

/// What metering costs an agent, and the runner.
void measure_gateway() {
  const int streams = 200;
  std::vector<double> kept;
  std::vector<double> fresh;
  for (int round = 0; round < rounds(); ++round) {
    const bench::Metered direct = bench::first_byte_direct();
    const bench::Metered through = bench::first_byte_through_gateway();
    std::fprintf(stderr,
                 "  %.2f ms beside %.2f ms, on a new connection %.2f beside %.2f\n",
                 through.kept_ms,
                 direct.kept_ms,
                 through.new_ms,
                 direct.new_ms);
    kept.push_back(through.kept_ms - direct.kept_ms);
    fresh.push_back(through.new_ms - direct.new_ms);
  }
  const std::string against = "a direct connection, the difference";
  report({"first byte of a model's answer, metered", against, 2, median(kept), "ms"});
  report({"the same, on a new connection", against, 2, median(fresh), "ms"});
  report({fmt::format("resident memory of the runner, {} models' answers at once", streams),
          "",
          100,
          median_of([&] { return bench::memory_of_streams(streams); }),
          "MB"});
}

void print_table() {
  const std::time_t now = std::time(nullptr);
  char date[16] = "";
  std::tm parts{};
  std::strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&now, &parts));
  std::printf("Measured %s, medians of %d pairs.\n\n", date, rounds());
  std::printf("| what | beside | target | measured | |\n|---|---|---|---|---|\n");
  for (const Row& row : rows()) {
    const std::string unit = row.unit == "x" ? " x" : " " + row.unit;
    fmt::print("| {} | {} | <= {}{} | {:.{}f}{} | {} |\n",
               row.what,
               row.against,
               row.limit,
               unit,
               row.measured,
               row.unit == "x" ? 2 : (row.measured < 10 ? 1 : 0),
               unit,
               row.measured <= row.limit ? "ok" : "short");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::pair<std::string, void (*)()>> parts = {{"sandbox", measure_sandbox},
                                                                 {"host", measure_host},
                                                                 {"docker", measure_docker},
                                                                 {"plan", measure_plan},
                                                                 {"schedule", measure_schedule},
                                                                 {"memory", measure_memory},
                                                                 {"files", measure_files},
                                                                 {"sealing", measure_sealing},
                                                                 {"egress", measure_egress},
                                                                 {"gateway", measure_gateway}};
  const std::vector<std::string> wanted(argv + 1, argv + argc);
  int code = 0;
  for (const auto& [name, measure] : parts) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), name) == wanted.end()) {
      continue;
    }
    try {
      measure();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "bench: %s: %s\n", name.c_str(), error.what());
      code = 3;
    }
  }
  print_table();
  if (code == 0 && std::any_of(rows().begin(), rows().end(), [](const Row& row) {
        return row.measured > row.limit;
      })) {
    code = 1;
  }
  return code;
}
