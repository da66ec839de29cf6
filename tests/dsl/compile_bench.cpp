// Where the time of `pipe plan` goes: reading the YAML, the whole compilation, the text for people.
//
//   bench_compile FILE [TIMES]     prints the best of TIMES (default 5), and the memory used
//
// How that compares with yaml-cpp alone is bench_ratios' business.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <sys/resource.h>

#include <fmt/format.h>

#include "dsl/compile.h"
#include "dsl/export_text.h"
#include "dsl/yaml.h"

namespace {

double milliseconds(const std::chrono::steady_clock::time_point& start) {
  const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - start;
  return passed.count();
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_compile FILE [TIMES]\n");
    return 2;
  }
  const std::string path = argv[1];
  const int times = argc > 2 ? std::atoi(argv[2]) : 5;
  double yaml = 1e9;
  double compiled = 1e9;
  double exported = 1e9;
  std::size_t nodes = 0;
  for (int i = 0; i < times; ++i) {
    {
      dsl::Sources sources;
      dsl::Findings findings;
      const std::uint32_t source = sources.add(path, text_of(path));
      const auto start = std::chrono::steady_clock::now();
      const auto document = dsl::YamlDocument::parse(sources, source, findings);
      yaml = std::min(yaml, milliseconds(start));
    }
    dsl::CompileRequest request;
    request.path = path;
    request.read_file = [](const std::string& file) -> dsl::Result<std::string> {
      return text_of(file);
    };
    auto start = std::chrono::steady_clock::now();
    const dsl::Compilation compilation = dsl::compile(request);
    compiled = std::min(compiled, milliseconds(start));
    if (!compilation.plan) {
      fmt::print(stderr, "{} does not compile\n", path);
      return 1;
    }
    nodes = compilation.plan->nodes.size();
    start = std::chrono::steady_clock::now();
    const std::string text = dsl::export_text(*compilation.plan, {});
    exported = std::min(exported, milliseconds(start));
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print("{} nodes: yaml {:.1f} ms, compile {:.1f} ms, text {:.1f} ms, peak {} MiB\n",
             nodes,
             yaml,
             compiled,
             exported,
             usage.ru_maxrss / 1024);
  return 0;
}
