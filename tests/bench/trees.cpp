// What trees cost: one line a figure. Not a test; `bench_trees [FOLDER]` prints milliseconds.

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <sys/resource.h>

#include <fmt/format.h>

#include "runner/store/project.h"
#include "runner/store/workspaces.h"
#include "tests/support/git_program.h"
#include "tests/support/temp_folder.h"

namespace runner::test {
namespace {

template <class T>
T must(dsl::Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().message);
    std::exit(1);
  }
  return *std::move(result);
}

double wall_ms() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

double cpu_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

void measure(const std::string& what, int times, const std::function<void(int)>& work) {
  const double wall = wall_ms();
  const double cpu = cpu_ms();
  for (int i = 0; i < times; ++i) {
    work(i);
  }
  fmt::print("{:58} {:10.3f} ms each, {:10.3f} ms of processor\n",
             what,
             (wall_ms() - wall) / times,
             (cpu_ms() - cpu) / times);
  std::fflush(stdout);
}

long peak_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

struct Bench {
  TempFolder temp;
  std::unique_ptr<TreeStore> store = must(TreeStore::open(temp / "store/trees.git", {}));
  Workspaces spaces{
      *store,
      dsl::RunId("bench"),
      {temp / "store/runs/bench/work", temp / "store/checkouts", temp / "store/caches", "bench"}};
  int jobs = 0;

  PreparedWorkspace prepare(const TreeRef& tree,
                            bool overlay,
                            const std::optional<SpareFolder>& spare = {}) {
    WorkspaceRequest request;
    request.job = JobName(fmt::format("job-{}", ++jobs));
    request.tree = tree;
    request.overlay = overlay;
    if (spare && spare->laid_out != nullptr && spare->laid_out->serves(request)) {
      return Workspaces::take_over(request, *spare);
    }
    return must(spaces.prepare(request, spare ? &*spare : nullptr));
  }
  Capture capture(const PreparedWorkspace& workspace) {
    CaptureRequest request;
    request.workspace = workspace;
    request.commit_message = "Work";
    request.commit_time_s = 1'700'000'000;
    return must(spaces.capture(request));
  }
  Project take(const std::string& folder, bool dirty = false) {
    TakeRequest request;
    request.folder = folder;
    request.include_dirty = dirty;
    request.time_s = 1'700'000'000;
    return must(take_project(*store, request));
  }
};

void small(Bench& bench) {
  static_cast<void>(files::make_directories(bench.temp / "empty"));
  const TreeRef empty = bench.take(bench.temp / "empty").input;
  std::optional<SpareFolder> spare;
  measure("empty tree: prepare, capture, discard", 5'000, [&](int) {
    const PreparedWorkspace workspace = bench.prepare(empty, true, spare);
    bench.capture(workspace);
    spare = must(bench.spaces.discard(workspace));
  });
  for (int i = 0; i < 5; ++i) {
    write_file(bench.temp / fmt::format("five/file-{}", i), fmt::format("content {}", i));
  }
  const TreeRef five = bench.take(bench.temp / "five").input;
  measure("five files: prepare, capture, discard", 1'000, [&](int) {
    const PreparedWorkspace workspace = bench.prepare(five, true, spare);
    bench.capture(workspace);
    spare = must(bench.spaces.discard(workspace));
  });
}

void large(Bench& bench) {
  const std::string folder = bench.temp / "large";
  for (int i = 0; i < 20'000; ++i) {
    write_file(fmt::format("{}/d{}/e{}/file-{}", folder, i / 1'000, i / 50, i),
               fmt::format("{:=^{}}", i, 200 + i % 4'000));
  }
  TreeRef tree;
  measure(
      "20,000 files: take a folder, first time", 1, [&](int) { tree = bench.take(folder).input; });
  measure("20,000 files: take a folder, again", 1, [&](int) { bench.take(folder); });
  git(folder, "init -q");
  git(folder, "add -A");
  git(folder, "commit -q -m first");
  measure("20,000 files: take a repository", 3, [&](int) { tree = bench.take(folder).input; });
  measure("20,000 files: take a repository with uncommitted files", 1, [&](int) {
    write_file(folder + "/uncommitted", "x");
    bench.take(folder, true);
    std::remove((folder + "/uncommitted").c_str());
  });
  measure("20,000 files: plain prepare", 1, [&](int) {
    const PreparedWorkspace workspace = bench.prepare(tree, false);
    measure("20,000 files: plain capture, one file changed", 1, [&](int) {
      write_file(workspace.mount.directory + "/d3/new", "x");
      bench.capture(workspace);
    });
    measure("20,000 files: plain discard", 1, [&](int) { must(bench.spaces.discard(workspace)); });
  });
  measure("20,000 files: first overlay prepare (makes the base)", 1, [&](int) {
    must(bench.spaces.discard(bench.prepare(tree, true)));
  });
  measure("20,000 files: chain of 100, each changes a file", 100, [&](int i) {
    const PreparedWorkspace workspace = bench.prepare(tree, true);
    write_file(fmt::format("{}/d{}/chain-{}", workspace.mount.upper, i % 20, i), "changed");
    tree = bench.capture(workspace).tree;
    must(bench.spaces.discard(workspace));
  });
}

void merges(Bench& bench) {
  write_file(bench.temp / "merge/base", "base");
  const TreeRef base = bench.take(bench.temp / "merge").input;
  std::vector<MergeSide> sides;
  measure("a node that adds one file to a small tree", 1'000, [&](int i) {
    const PreparedWorkspace workspace = bench.prepare(base, false);
    write_file(fmt::format("{}/side-{}", workspace.mount.directory, i), fmt::format("{}", i));
    sides.push_back({dsl::NodeId(fmt::format("n{}", i)), bench.capture(workspace).tree});
    must(bench.spaces.discard(workspace));
  });
  measure("merge of 1,000 different sides", 1, [&](int) { must(bench.store->merge(sides)); });
  std::fill(sides.begin(), sides.end(), sides.front());
  measure("merge of 1,000 equal sides", 10, [&](int) { must(bench.store->merge(sides)); });
}

void giant(Bench& bench) {
  static_cast<void>(files::make_directories(bench.temp / "giant"));
  {
    std::ofstream file(bench.temp / "giant/file", std::ios::binary);
    std::string block(1 << 20, '\0');
    std::uint64_t state = 1;
    for (int i = 0; i < 1'024; ++i) {
      for (std::size_t at = 0; at + 8 <= block.size(); at += 512) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        block.replace(at, 8, reinterpret_cast<const char*>(&state), 8);
      }
      file.write(block.data(), static_cast<std::streamsize>(block.size()));
    }
  }
  const long before = peak_mib();
  TreeRef tree;
  measure("1 GiB file: take", 1, [&](int) { tree = bench.take(bench.temp / "giant").input; });
  measure("1 GiB file: plain prepare", 1, [&](int) { bench.prepare(tree, false); });
  fmt::print("1 GiB file: peak memory grew from {} to {} MiB\n", before, peak_mib());
}

}  // namespace
}  // namespace runner::test

int main() {
  runner::test::Bench bench;
  runner::test::small(bench);
  runner::test::merges(bench);
  runner::test::large(bench);
  runner::test::giant(bench);
}
