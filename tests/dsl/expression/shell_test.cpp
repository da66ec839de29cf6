#include "dsl/shell.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace dsl {
namespace {

/// A place that has env.x and env.y (strings, known in the run only), run.attempt (a number) and
/// inputs.title ("it's known").
class Shell : public testing::Test {
 protected:
  Shell() {
    env["x"].type = ExpressionType::String;
    env["y"].type = ExpressionType::String;
    inputs["title"].type = ExpressionType::String;
    inputs["title"].value = Value("it's known");
    names.env = &env;
    names.inputs = &inputs;
  }

  BoundScript bind(std::string_view script) { return bind_script(script, TextOrigin(0, 0), names); }

  /// The script; X, Y and N stand for holes with env.x, env.y and run.attempt, in both directions.
  std::string bound(std::string script) {
    replace(script, "X", "${{ env.x }}");
    replace(script, "Y", "${{ env.y }}");
    replace(script, "N", "${{ run.attempt }}");
    const BoundScript result = bind(script);
    std::string told;
    for (const Diagnostic& each : result.diagnostics) {
      told += each.code + " at " + script.substr(each.span.begin, each.span.end - each.span.begin) +
              "\n";
    }
    if (!told.empty()) {
      return told;
    }
    std::string text = result.script;
    for (const EnvVar& variable : result.env) {
      const std::string& expression = variable.value.pieces.at(0).text;
      const char* letter = expression == "env.x" ? "X" : (expression == "env.y" ? "Y" : "N");
      replace(text, "${" + variable.name + "}", letter);
    }
    return text;
  }

  static void replace(std::string& text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  }

  NameTable env;
  NameTable inputs;
  VisibleNames names;
};

TEST_F(Shell, QuotesWhereNothingElseDoes) {
  EXPECT_EQ(bound("echo X"), "echo \"X\"");
  EXPECT_EQ(bound("echo aXb/*.c; a=X b"), "echo a\"X\"b/*.c; a=\"X\" b");
  EXPECT_EQ(bound("X"), "\"X\"");
  EXPECT_EQ(bound("echo XY"), "echo \"X\"\"Y\"");
  EXPECT_EQ(bound("[ X = 'a' ] && (cd X) > X"), "[ \"X\" = 'a' ] && (cd \"X\") > \"X\"");
}

TEST_F(Shell, AddsNoQuotesToQuotes) {
  EXPECT_EQ(bound("echo \"a X b\" c"), "echo \"a X b\" c");
  EXPECT_EQ(bound("echo \"it's X\" X"), "echo \"it's X\" \"X\"");
  EXPECT_EQ(bound("echo \"\\\"X\\\"\""), "echo \"\\\"X\\\"\"");
  EXPECT_EQ(bound("echo $\"a X\""), "echo $\"a X\"");
}

TEST_F(Shell, StartsAnewInsideASubstitution) {
  EXPECT_EQ(bound("echo \"$(cat X \"X\" $(cat X))\" X"),
            "echo \"$(cat \"X\" \"X\" $(cat \"X\"))\" \"X\"");
  EXPECT_EQ(bound("echo `cat X \"X\"` \"`cat X`\""), "echo `cat \"X\" \"X\"` \"`cat \"X\"`\"");
  EXPECT_EQ(bound("echo \"`cat \\\"X\\\"`\""), "echo \"`cat \\\"X\\\"`\"");
  EXPECT_EQ(bound("a=$(case X in X) echo X;; (Y) echo \"X\";; esac; echo X) \"X\""),
            "a=$(case \"X\" in \"X\") echo \"X\";; (\"Y\") echo \"X\";; esac; echo \"X\") \"X\"");
  EXPECT_EQ(bound("a=\"$( (cd X; pwd) )X\""), "a=\"$( (cd \"X\"; pwd) )X\"");
  EXPECT_EQ(bound("a=\"$(echo case X)X\""), "a=\"$(echo case \"X\")X\"");
}

TEST_F(Shell, KnowsParameterExpansions) {
  EXPECT_EQ(bound("echo ${a:-X} \"${a:-X}\" ${#a} X"), "echo ${a:-\"X\"} \"${a:-X}\" ${#a} \"X\"");
  EXPECT_EQ(bound("echo ${a#X} \"${a%%X}\" \"${a/X/X}\""),
            "echo ${a#\"X\"} \"${a%%\"X\"}\" \"${a/\"X\"/\"X\"}\"");
  EXPECT_EQ(bound("echo \"${a:-it's X}\" X"), "echo \"${a:-it's X}\" \"X\"");
  EXPECT_EQ(bound("echo \"${a:-${b:-X}}X\""), "echo \"${a:-${b:-X}}X\"");
  EXPECT_EQ(bound("echo ${#} ${?} ${-} ${$} X"), "echo ${#} ${?} ${-} ${$} \"X\"");
}

TEST_F(Shell, LetsOnlyNumbersIntoArithmetic) {
  EXPECT_EQ(bound("echo $((N + (1 + N))) X"), "echo $((N + (1 + N))) \"X\"");
  EXPECT_EQ(bound("echo ${a:N} ${a[N]} $[N] X"), "echo ${a:N} ${a[N]} $[N] \"X\"");
  EXPECT_EQ(bound("((a += N)); a[N]=X"), "((a += N)); a[N]=\"X\"");
  EXPECT_EQ(bound("[[ N -eq 1 && X == a ]]"), "[[ \"N\" -eq 1 && \"X\" == a ]]");
  for (const char* script : {"echo $((1 + X))",
                             "echo $((\"X\"))",
                             "echo $(( ${a:-X} ))",
                             "echo ${a:X}",
                             "echo ${a[X]}",
                             "echo $[X]",
                             "((a += X))",
                             "a[X]=1",
                             "[[ X -eq 1 ]]",
                             "[[ 1 -lt \"X\" ]]"}) {
    EXPECT_EQ(bound(script), "P0736 at ${{ env.x }}\n") << script;
  }
}

TEST_F(Shell, TellsSubshellsFromArithmetic) {
  EXPECT_EQ(bound("((echo N); echo X) X"), "((echo N); echo \"X\") \"X\"");
  EXPECT_EQ(bound("a=$((echo N); echo X) X"), "a=$((echo N); echo \"X\") \"X\"");
}

TEST_F(Shell, RefusesPlacesWhereNothingExpands) {
  EXPECT_EQ(bound("echo 'a X' \"X\""), "P0731 at ${{ env.x }}\n");
  EXPECT_EQ(bound("echo $'a\\'X' X"), "P0732 at ${{ env.x }}\n");
  EXPECT_EQ(bound("cat <<'EOF'\nX\nEOF\necho X"), "P0733 at ${{ env.x }}\n");
  EXPECT_EQ(bound("cat <<\\EOF\nX\nEOF\n"), "P0733 at ${{ env.x }}\n");
  EXPECT_EQ(bound("cat <<\"EOF\"\nX\nEOF\n"), "P0733 at ${{ env.x }}\n");
  EXPECT_EQ(bound("echo \\X"), "P0734 at \\${{ env.x }}\n");
  EXPECT_EQ(bound("echo \"\\X\""), "P0734 at \\${{ env.x }}\n");
  EXPECT_EQ(bound("echo $X"), "P0734 at $${{ env.x }}\n");
  EXPECT_EQ(bound("echo ${X}"), "P0735 at ${{ env.x }}\n");
  EXPECT_EQ(bound("cat <<X\n"), "P0735 at ${{ env.x }}\n");
  EXPECT_EQ(bound("cat <<E\n${a#X}\nE\n"), "P0740 at ${{ env.x }}\n");
  EXPECT_EQ(bound("echo `echo \\`echo X\\``"), "P0737 at ${{ env.x }}\n");
}

TEST_F(Shell, ReadsHereDocuments) {
  EXPECT_EQ(bound("cat <<EOF X\n\"X\" 'X' $(cat X)\nEOF\necho X"),
            "cat <<EOF \"X\"\n\"X\" 'X' $(cat \"X\")\nEOF\necho \"X\"");
  EXPECT_EQ(bound("cat <<-A <<'B' X\n\tX\n\tA\n'plain'\nB\necho 'a' X"),
            "cat <<-A <<'B' \"X\"\n\tX\n\tA\n'plain'\nB\necho 'a' \"X\"");
  EXPECT_EQ(bound("cat <<EOF\n$(cat <<B\n'X'\nB\n)\n'X'\nEOF\necho X"),
            "cat <<EOF\n$(cat <<B\n'X'\nB\n)\n'X'\nEOF\necho \"X\"");
  EXPECT_EQ(bound("cat <<<X; echo $((1 << 2)) X"), "cat <<<\"X\"; echo $((1 << 2)) \"X\"");
  EXPECT_EQ(bound("cat <<EOF\nX"), "cat <<EOF\nX");
}

TEST_F(Shell, LeavesCommentsAlone) {
  EXPECT_EQ(bind("a # it's ${{ nonsense\n }}\necho ${{ env.x }}").script,
            "a # it's ${{ nonsense  }}\necho \"${PIPE_EXPR_1}\"");
  EXPECT_EQ(bound("echo a#X $#X ${#}"), "echo a#\"X\" $#\"X\" ${#}");
  EXPECT_EQ(bound("a=\"$( # it's\necho X)\" X"), "a=\"$( # it's\necho \"X\")\" \"X\"");
}

TEST_F(Shell, SharesAVariableBetweenEqualExpressions) {
  const BoundScript result =
      bind("${{ env.x }} ${{env.x}} ${{ env['x'] }} ${{ inputs.title }} ${{ 'it''s known' }}");
  EXPECT_EQ(result.script,
            "\"${PIPE_EXPR_1}\" \"${PIPE_EXPR_1}\" \"${PIPE_EXPR_2}\" \"${PIPE_EXPR_3}\" "
            "\"${PIPE_EXPR_3}\"");
  ASSERT_EQ(result.env.size(), 3u);
  EXPECT_EQ(result.env[2].value, Template("it's known"));
}

TEST_F(Shell, GivesAnEmptyValueAVariableToo) {
  const BoundScript result = bind("echo ${{ '' }}");
  ASSERT_EQ(result.env.size(), 1u);
  EXPECT_EQ(result.env[0].value, Template());
  EXPECT_EQ(result.script, "echo \"${PIPE_EXPR_1}\"");
}

TEST_F(Shell, ReportsMistakesOfExpressionsAtTheirPlace) {
  const BoundScript result = bind("echo 'a'\necho ${{ env.z }} '${{ env.x }}' ${{");
  ASSERT_EQ(result.diagnostics.size(), 3u);
  EXPECT_EQ(result.diagnostics[0].message, "there is no variable 'z'");
  EXPECT_EQ(result.diagnostics[0].span, (Span{0, 22, 23}));
  EXPECT_EQ(result.diagnostics[1].code, "P0731");
  EXPECT_EQ(result.diagnostics[2].code, "P0701");
}

TEST_F(Shell, BoundsNesting) {
  std::string script;
  for (int k = 0; k < 20'000; ++k) {
    script += "$(";
  }
  const BoundScript result = bind(script);
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_EQ(result.diagnostics[0].code, "P0738");
}

TEST_F(Shell, RefusesHolesInOtherLanguages) {
  const auto diagnostics = refuse_expressions("print(${{ env.x }})", TextOrigin(0, 0), "python3");
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].message, "an expression cannot stand in a script for 'python3'");
  EXPECT_EQ(diagnostics[0].span, (Span{0, 6, 18}));
}

}  // namespace
}  // namespace dsl
