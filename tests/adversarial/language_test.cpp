// Texts that attack the compiler, and texts of nodes that pose as more than data: cases A32 to A38
// and A57 of list A.

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/adversarial/attacked.h"

namespace adversarial {
namespace {

namespace fs = std::filesystem;
using e2e::Ended;
using e2e::read_text;
using e2e::run;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

class Language : public Attacked {
 protected:
  /// What `pipe validate` makes of a file.
  Ended validate(const std::string& text) {
    folder_.write("hostile.yaml", text);
    return run(pipe({"validate", "hostile.yaml"}));
  }
  /// Told as a mistake with its place, and for little memory.
  void expect_told(const std::string& text, const std::string& what) {
    constexpr std::int64_t kMostKiB = 50 << 10;
    const Ended plain = validate("version: 1\nname: a\ntasks: {a: {run: 'true'}}\n");
    const Ended ended = validate(text);
    EXPECT_EQ(ended.exit_code, 2) << what << ended.err.substr(0, 1000);
    EXPECT_THAT(ended.err, HasSubstr("hostile.yaml:")) << what;
    EXPECT_LT(ended.peak_rss_kib - plain.peak_rss_kib, kMostKiB) << what;
    EXPECT_LT(ended.err.size(), 20'000U) << what;
    note_blocked(what, GetParam(), "a mistake with its place");
  }
};

TEST_P(Language, TextsThatAttackTheCompilerAreMistakes) {
  std::string bomb = "version: 1\nname: a\nx0: &x0 [a,a,a,a,a,a,a,a,a]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string last = "*x" + std::to_string(i - 1);
    bomb += "x" + std::to_string(i) + ": &x" + std::to_string(i) + " [" + last;
    for (int k = 0; k < 8; ++k) {
      bomb += "," + last;
    }
    bomb += "]\n";
  }
  expect_told(bomb + "tasks: {a: {run: *x9}}\n", "A32 a bomb of aliases");
  expect_told("a: &a [*a]\n", "A33 an alias of itself");
  expect_told("version: 1\nname: a\ntasks:\n  a: {run: x}\n  a: {run: y}\n", "A34 a key twice");
  expect_told(std::string(100'000, '['), "A35 100,000 brackets");
  std::string deep;
  for (int i = 0; i < 3'000; ++i) {
    deep += std::string(static_cast<std::size_t>(i), ' ') + "k:\n";
  }
  expect_told(deep, "A35 3,000 nested maps");
}

// A30: names that git, or a shell, would read as something else.
TEST_P(Language, NamesOfRunsAndPipelinesAreNeverOptionsOrPaths) {
  const std::string marker = around_.path() / "marker";
  const std::string good = "version: 1\nname: a\ntasks: {a: {run: 'true'}}\n";
  folder_.write("good.yaml", good);
  for (const std::string& name : {"--upload-pack=touch " + marker,
                                  std::string("a..b"),
                                  std::string("@{-1}"),
                                  std::string("x.lock"),
                                  std::string("../../x"),
                                  "$(touch " + marker + ")"}) {
    const Ended asked = run(pipe({"run", "good.yaml", "--engine", engine(), "--name", name}));
    EXPECT_EQ(asked.exit_code, 2) << name << asked.out << asked.err;
    EXPECT_EQ(validate("version: 1\nname: \"" + name + "\"\ntasks: {a: {run: 'true'}}\n").exit_code,
              2)
        << name;
  }
  EXPECT_FALSE(fs::exists(marker));
  note_blocked("A30 names that are options, paths or commands", GetParam(), "a usage error");
}

// A36, A37: what a node hands over arrives byte by byte, in whatever language it is written.
TEST_P(Language, AValueOfANodeNeverBecomesCode) {
  const std::string value =
      R"("; touch marker; # $(touch marker) `touch marker` ' ${{ inputs.x }})";
  folder_.write("value", value);
  const std::string marker = "test ! -e marker";
  const Ended ended = run_plain(
      "inputs: {x: {default: evaluated}}\ntasks:\n"
      "  a:\n    run: cat value > $PIPE_OUTPUTS/v\n    outputs: {v: string}\n"
      "    success_criteria: [{'[ ] ok': 'true'}]\n"
      "  b:\n    needs: [a]\n    run: printf %s \"${{ needs.a.outputs.v }}\" > got\n"
      "    success_criteria: [{'[ ] no code': " +
      marker +
      "}]\n"
      "  c:\n    needs: [a]\n    env: {V: '${{ needs.a.outputs.v }}'}\n"
      "    run: printf %s \"$V\" > got-env\n"
      "    success_criteria: [{'[ ] no code': " +
      marker + "}]\n");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(read_text(folder_.path() / "got"), value);
  EXPECT_EQ(read_text(folder_.path() / "got-env"), value);
  // Pasted into the text of a script, it is one.
  static_cast<void>(
      on_the_machine("echo \"" + value.substr(0, 18) + "\n", around_.path().string()));
  EXPECT_TRUE(fs::exists(around_.path() / "marker"));
  note({"A36 an output that is shell code", kNoEngine, "gets through: pasted text runs"});
  note_blocked("A36 an output that is shell code", GetParam(), "byte by byte, as a variable");
  note_blocked("A37 an output that is an expression", GetParam(), "not evaluated again");
}

// A38.
TEST_P(Language, NothingThatANodePrintsIsACommandOrAnEvent) {
  const std::string event =
      R"({"version":1,"sequence":9,"at_ms":1,"kind":"node_finished","node":"a","outcome":"passed",)"
      R"("reason":"forged","tree":{"commit":"","artifacts":""}})";
  folder_.write("words",
                "::set-env name=PATH::/evil\n::set-output name=v::forged\n" + event + "\n");
  write_plain(
      "tasks:\n  a:\n    run: cat words; cat words >&2; printf '\\n'; cat words > /dev/console || "
      "true\n"
      "    success_criteria: [{'[ ] never': test -e forged}]\n");
  const Ended ended = run(pipe({"run", "p.yaml", "--name", "one", "--json"}));
  EXPECT_EQ(ended.exit_code, 1) << ended.err;
  std::istringstream lines(ended.out);
  int finished = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << line;
    if (json["kind"] == "node_finished" && json["node"] == "a") {
      ++finished;
      EXPECT_EQ(json["outcome"], "failed");
    }
  }
  EXPECT_EQ(finished, 1);
  EXPECT_THAT(log("a"), HasSubstr("forged")) << "it did print that";
  note_blocked("A38 words of a runner on STDOUT", GetParam(), "lines of a log");
}

// A57: the judge reads what was approved, not what the judged one says.
TEST_P(Language, ATaskCannotTalkItsJudgeRound) {
  folder_.write("checks/verify", "#!/bin/sh\ngrep -q needle hay\n");
  fs::permissions(folder_.path() / "checks/verify", fs::perms(0755));
  const auto verdict = [&](const std::string& hay, const std::string& name) {
    return run_plain(
        "workspace: {protect: [checks/]}\n"
        "tasks:\n  a:\n    run: |\n      echo " +
            hay +
            " > hay\n"
            "      printf '#!/bin/sh\\nexit 0\\n' > grep; chmod +x grep; cp grep true\n"
            "      cp grep checks/verify || true; (rm -rf checks; mkdir checks; cp grep "
            "checks/verify) || true\n"
            "      sed -i s/verify/nothing/ p.yaml || true; rm -f p.yaml || true\n"
            "      echo '{\"verified\": true}' > result.json; echo PATH=. > .env; export "
            "PATH=.:$PATH\n"
            "    success_criteria: [{'[ ] it holds': ./checks/verify}]\n",
        name);
  };
  const Ended cheat = verdict("straw", "one");
  EXPECT_EQ(cheat.exit_code, 1) << cheat.out << cheat.err;
  EXPECT_THAT(cheat.out, HasSubstr("[ ] it holds"));
  EXPECT_EQ(verdict("needle", "two").exit_code, 0) << "the judge can be satisfied";
  EXPECT_THAT(read_text(folder_.path() / "p.yaml"), HasSubstr("verify"));
  EXPECT_THAT(read_text(folder_.path() / "checks/verify"), HasSubstr("needle"));
  note_blocked("A57 a task edits its judge", GetParam(), "judged by what was approved");
}

INSTANTIATE_FOR_ENGINES(Language);

}  // namespace
}  // namespace adversarial
