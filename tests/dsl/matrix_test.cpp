#include "dsl/matrix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dsl/compile_file.h"

namespace dsl {
namespace {

using dsl_test::compile_text;
using dsl_test::messages;
using dsl_test::need_names;
using dsl_test::node;
using dsl_test::shown;
using testing::ElementsAre;
using testing::HasSubstr;

/// Ids of the nodes that the matrix gives; `matrix` is indented by four.
std::vector<std::string> instances(const std::string& matrix,
                                   const std::map<std::string, std::string>& inputs = {}) {
  const Compilation compilation = compile_text(
      "inputs: {list: {type: json, default: [a, b]}}\n"
      "tasks:\n"
      "  t:\n"
      "    run: make\n"
      "    success_criteria: [{'[ ] ok': 'true'}]\n"
      "    matrix:\n" +
          matrix,
      inputs);
  EXPECT_EQ(messages(compilation), "");
  std::vector<std::string> ids;
  for (const PlanNode& each : compilation.plan.value().nodes) {
    if (each.kind == NodeKind::Task) {
      ids.push_back(each.id.value);
    }
  }
  return ids;
}

TEST(Matrix, HasEveryCombinationTheLastAxisRunningFastest) {
  EXPECT_THAT(
      instances("      os: [linux, mac]\n"
                "      cc: [gcc, clang]\n"),
      ElementsAre(
          "t[os=linux,cc=gcc]", "t[os=linux,cc=clang]", "t[os=mac,cc=gcc]", "t[os=mac,cc=clang]"));
}

TEST(Matrix, LeavesOutWhatARowOfExcludeFits) {
  EXPECT_THAT(instances("      os: [linux, mac]\n"
                        "      cc: [gcc, clang]\n"
                        "      exclude: [{os: mac, cc: gcc}]\n"),
              ElementsAre("t[os=linux,cc=gcc]", "t[os=linux,cc=clang]", "t[os=mac,cc=clang]"));
  EXPECT_THAT(instances("      os: [linux, mac]\n"
                        "      cc: [gcc, clang]\n"
                        "      exclude: [{os: mac}]\n"),
              ElementsAre("t[os=linux,cc=gcc]", "t[os=linux,cc=clang]"));
}

TEST(Matrix, AddsToTheCombinationsThatARowOfIncludeAgreesWith) {
  EXPECT_THAT(instances("      os: [linux, mac]\n"
                        "      include: [{os: mac, sdk: 14}, {os: bsd}]\n"),
              ElementsAre("t[os=linux]", "t[os=mac,sdk=14]", "t[os=bsd]"));
}

TEST(Matrix, MayBeOnlyIncludes) {
  EXPECT_THAT(instances("      include: [{a: 1}, {a: 2}]\n"), ElementsAre("t[a=1]", "t[a=2]"));
}

TEST(Matrix, TakesAnAxisFromAnInput) {
  EXPECT_THAT(instances("      part: ${{ inputs.list }}\n"), ElementsAre("t[part=a]", "t[part=b]"));
  EXPECT_THAT(instances("      part: ${{ inputs.list }}\n", {{"list", "[1]"}}),
              ElementsAre("t[part=1]"));
}

TEST(Matrix, NamesInstancesSoThatTheNameCannotBeMisread) {
  EXPECT_THAT(instances("      a: ['x,y]=[', 'x_y___']\n"),
              ElementsAre("t[a=x_y___]", "t[a=x_y___#2]"));
}

TEST(Matrix, PutsItsValuesIntoTextsAndScripts) {
  const Compilation compilation = compile_text(R"(
tasks:
  t:
    matrix: {os: [linux, mac], include: [{os: mac, sdk: 14}]}
    env: {TARGET: "on-${{ matrix.os }}", SDK: "${{ matrix.sdk }}"}
    run: echo "${{ matrix.os }}"
    success_criteria: [{'[ ] ok on ${{ matrix.os }}': 'true'}]
)");
  ASSERT_EQ(messages(compilation), "");
  const PlanNode& mac = node(compilation, "t[os=mac,sdk=14]");
  EXPECT_EQ(shown(mac.env[0].value), "on-mac");
  EXPECT_EQ(shown(mac.env[1].value), "14");
  EXPECT_EQ(shown(node(compilation, "t[os=linux]").env[1].value), "");  // null is no text
  EXPECT_EQ(mac.criteria[0].text, "ok on mac");
  EXPECT_EQ(mac.matrix[0].second, Value("mac"));
}

TEST(Matrix, IsWaitedForAsAWhole) {
  const Compilation compilation = compile_text(R"(
tasks:
  t: {run: make, matrix: {n: [1, 2]}, success_criteria: [{'[ ] ok': 'true'}]}
  after: {run: make, needs: [t], success_criteria: [{'[ ] ok': 'true'}]}
)");
  ASSERT_EQ(messages(compilation), "");
  EXPECT_THAT(need_names(compilation, "after"), ElementsAre("t[n=1]", "t[n=2]"));
}

TEST(Matrix, HasAtMost256Instances) {
  const auto with = [](int values) {
    std::string list;
    for (int i = 0; i < values; ++i) {
      list += (i == 0 ? "" : ",") + std::to_string(i);
    }
    return messages(
        compile_text("tasks:\n  t: {run: make, success_criteria: [{'[ ] ok': 'true'}], "
                     "matrix: {n: [" +
                     list + "]}}\n"));
  };
  EXPECT_EQ(with(256), "");
  EXPECT_THAT(with(257), HasSubstr("P0608"));
}

TEST(Matrix, CutsLongValuesInNamesBetweenCharacters) {
  const std::string euros = "€€€€€€€€€€€€€";  // of 3 bytes each
  EXPECT_EQ(instance_name({{"a", Value(euros + "x" + euros)}, {"b", Value("c")}}),
            "a=" + euros + "x,b=c");
  EXPECT_EQ(instance_name({{"a", Value("xy" + euros)}}), "a=xy" + euros.substr(0, 36));
}

// 2^40 combinations must not be made before they are counted.
TEST(Matrix, IsCountedBeforeItIsMade) {
  std::string axes;
  for (int i = 0; i < 40; ++i) {
    axes += "      a" + std::to_string(i) + ": [x, y]\n";
  }
  EXPECT_THAT(
      messages(compile_text("tasks:\n  t:\n    run: make\n    success_criteria: [{'[ ] ok': "
                            "'true'}]\n    matrix:\n" +
                            axes)),
      HasSubstr("P0608"));
}

}  // namespace
}  // namespace dsl
