// Every file of tests/golden/diagnostics is compiled, and what the compiler says about it is
// compared with the .txt beside it. PIPE_ACCEPT_GOLDEN=1 writes the .txt: read it before you
// commit.
//
// A file may begin with lines that stand for the command line: "#~ input name=value",
// "#~ engine docker".

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "dsl/compile.h"
#include "dsl/render.h"

namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(PIPE_SOURCE_DIR) / "tests/golden/diagnostics";

dsl::Result<std::string> read_golden(const std::string& path) {
  std::ifstream file(kFolder / path, std::ios::binary);
  if (!file) {
    return dsl::Error{"cannot read '" + path + "': no such file", "check the path"};
  }
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

dsl::EngineName engine_named(const std::string& word) {
  return word == "host"     ? dsl::EngineName::Host
         : word == "docker" ? dsl::EngineName::Docker
                            : dsl::EngineName::Sandbox;
}

dsl::Compilation compile_golden(const std::string& name) {
  dsl::CompileRequest request;
  request.path = name + ".yaml";
  request.read_file = read_golden;
  std::istringstream lines(*read_golden(request.path));
  for (std::string line; std::getline(lines, line) && line.substr(0, 3) == "#~ ";) {
    const std::size_t blank = line.find(' ', 3);
    const std::string word = line.substr(3, blank - 3);
    const std::string rest = line.substr(blank + 1);
    if (word == "engine") {
      request.engine = engine_named(rest);
    } else {
      request.inputs[rest.substr(0, rest.find('='))] = rest.substr(rest.find('=') + 1);
    }
  }
  return dsl::compile(request);
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".yaml") {
      names.push_back(entry.path().stem());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Diagnostics : public testing::TestWithParam<std::string> {};

TEST_P(Diagnostics, SayWhatIsWrongWhereAndWhatToDo) {
  const dsl::Compilation compilation = compile_golden(GetParam());
  const std::string said =
      dsl::render_text(compilation.diagnostics, compilation.sources, dsl::Colour::Never);
  const fs::path expected = kFolder / (GetParam() + ".txt");
  if (std::getenv("PIPE_ACCEPT_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    std::ofstream(expected, std::ios::binary) << said;
  }
  const auto golden = read_golden(GetParam() + ".txt");
  ASSERT_TRUE(golden) << "run with PIPE_ACCEPT_GOLDEN=1, then read " << expected;
  EXPECT_EQ(said, *golden);
  EXPECT_FALSE(compilation.diagnostics.empty());
}

TEST_P(Diagnostics, HaveSpansInsideTheirSourceAndStandInOrder) {
  const dsl::Compilation compilation = compile_golden(GetParam());
  std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::string>> seen;
  for (const dsl::Diagnostic& diagnostic : compilation.diagnostics) {
    const dsl::Span& span = diagnostic.span;
    EXPECT_LE(span.begin, span.end);
    EXPECT_LE(span.end, compilation.sources.text(span.source).size());
    const auto place = std::tuple(span.source, span.begin, span.end, diagnostic.code);
    EXPECT_TRUE(seen.empty() || *seen.rbegin() < place) << "order, or the same mistake twice";
    EXPECT_TRUE(seen.insert(place).second);
  }
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Golden, Diagnostics, testing::ValuesIn(golden_names()), test_name);

TEST(GoldenDiagnostics, PinAtLeastEightyMistakes) {
  std::set<std::string> messages;
  for (const std::string& name : golden_names()) {
    for (const dsl::Diagnostic& diagnostic : compile_golden(name).diagnostics) {
      messages.insert(diagnostic.code + diagnostic.message);
    }
  }
  EXPECT_GE(messages.size(), 80U);
}

}  // namespace
