#include "dsl/stdlib.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/dsl/compile_file.h"

namespace dsl {
namespace {

namespace fs = std::filesystem;

TEST(Stdlib, IsEmbeddedAsItStandsInTheTree) {
  std::vector<std::string> files;
  const fs::path root = fs::path(PIPE_SOURCE_DIR) / "stdlib";
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().extension() == ".yaml" && entry.path().parent_path() != root / "firewall" &&
        entry.path() != root / "prices.yaml") {
      fs::path name = fs::path("std") / fs::relative(entry.path(), root);
      name.replace_extension();
      files.push_back(name.string());
      std::ifstream file(entry.path());
      std::stringstream text;
      text << file.rdbuf();
      ASSERT_TRUE(stdlib_step(files.back())) << files.back() << " is not in dsl/compiler.cmake";
      EXPECT_EQ(*stdlib_step(files.back()), text.str());
    }
  }
  std::sort(files.begin(), files.end());
  const auto names = stdlib_names();
  EXPECT_EQ(files, std::vector<std::string>(names.begin(), names.end()));
}

TEST(Stdlib, HasThePricesOfTheTree) {
  std::ifstream file(fs::path(PIPE_SOURCE_DIR) / "stdlib/prices.yaml");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(stdlib_prices(), text.str());
}

TEST(Stdlib, HasEveryFirewallPresetOfTheTree) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(PIPE_SOURCE_DIR) / "stdlib/firewall")) {
    names.push_back(entry.path().stem().string());
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    ASSERT_TRUE(stdlib_preset(names.back())) << names.back() << " is not in dsl/compiler.cmake";
    EXPECT_EQ(*stdlib_preset(names.back()), text.str());
  }
  std::sort(names.begin(), names.end());
  const auto known = stdlib_presets();
  EXPECT_EQ(names, std::vector<std::string>(known.begin(), known.end()));
}

TEST(Stdlib, HasStepsThatCompileAndAreVerified) {
  for (const std::string_view name : stdlib_names()) {
    // An agent has to be told what to do, and what must be true then.
    const bool is_agent = name.starts_with("std/agent/");
    const std::string with =
        name == "std/agent/command" ? "{prompt: x, command: cat}" : "{prompt: x}";
    const Compilation compilation = dsl_test::compile_text(
        "tasks: {t: {uses: " + std::string(name) +
        (is_agent ? ", with: " + with + ", success_criteria: [{'[ ] ok': 'true'}]" : "") + "}}\n");
    EXPECT_EQ(dsl_test::messages(compilation), "") << name;
    ASSERT_TRUE(compilation.plan) << name;
    EXPECT_FALSE(dsl_test::node(compilation, "t").criteria.empty()) << name;
    EXPECT_FALSE(dsl_test::node(compilation, "t").command.argv.empty()) << name;
  }
}

TEST(Stdlib, DoesNotHaveWhatNobodyWrote) {
  EXPECT_FALSE(stdlib_step("std/nothing"));
}

}  // namespace
}  // namespace dsl
