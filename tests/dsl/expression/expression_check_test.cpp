#include "dsl/expression_check.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "dsl/expression.h"
#include "dsl/expression_tree.h"

namespace dsl {
namespace {

/// A place in task 'test' of a pipeline that also has 'build' (an ancestor) and 'docs' (none).
class ExpressionCheck : public testing::Test {
 protected:
  static VisibleName known(Value value) {
    VisibleName name;
    name.type = type_of(value);
    name.value = std::move(value);
    return name;
  }

  static VisibleName open(ExpressionType type, std::string expression = "") {
    VisibleName name;
    name.type = type;
    name.expression = std::move(expression);
    return name;
  }

  VisibleNames names() {
    VisibleNames result;
    result.task = "test";
    result.inputs = &inputs;
    result.env = &env;
    result.matrix = &matrix;
    result.pipeline_name = "demo";
    result.need = [](std::string_view task) {
      NeedAnswer answer;
      if (task == "build") {
        answer.kind = NeedAnswer::Kind::Ancestor;
        answer.outputs = {{"version", ExpressionType::String},
                          {"count", ExpressionType::Number},
                          {"ok", ExpressionType::Boolean},
                          {"list", ExpressionType::Json}};
      } else if (task == "docs" || task == "test") {
        answer.kind = NeedAnswer::Kind::NotAncestor;
      } else {
        answer.candidates = {"build", "docs"};
      }
      return answer;
    };
    return result;
  }

  /// "code: message (remedy)", one a line, each followed by what its span covers.
  static std::string told(std::string_view text, const std::vector<Diagnostic>& diagnostics) {
    std::string result;
    for (const Diagnostic& each : diagnostics) {
      result += each.code + ": " + each.message;
      result += each.remedy.empty() ? "" : " (" + each.remedy + ")";
      result += " <" +
                std::string(text.substr(each.span.begin - 100, each.span.end - each.span.begin)) +
                ">\n";
    }
    return result;
  }

  std::string mistakes(std::string_view expression) {
    const std::string text = "${{ " + std::string(expression) + " }}";
    return told(text, check_text(text, TextOrigin(0, 100), names()).diagnostics);
  }

  /// What remains of an expression, or its mistakes.
  std::string folded(std::string_view expression) {
    const CheckedExpression checked = check_expression(expression, TextOrigin(0, 100), names());
    return checked.diagnostics.empty() ? checked.text : told(expression, checked.diagnostics);
  }

  std::string condition(std::string_view text) {
    const CheckedCondition checked = check_condition(text, TextOrigin(0, 100), names());
    if (!checked.diagnostics.empty()) {
      return told(text, checked.diagnostics);
    }
    return checked.condition.value_or("none") + (checked.never ? ", never" : "");
  }

  NameTable inputs = {
      {"service", known(Value("gateway"))},
      {"debug", known(Value(true))},
      {"level", known(Value(3.0))},
      {"options", known(Value(Value::Record{{"dry run", Value(true)}}))},
      {"title", open(ExpressionType::String, "needs.build.outputs.version")},
      {"label", open(ExpressionType::String, "format('v{0}', needs.build.outputs.version)")}};
  NameTable env = {{"HOME", open(ExpressionType::String)}};
  NameTable matrix = {{"os", known(Value("linux"))}, {"task", known(Value("build"))}};
};

TEST_F(ExpressionCheck, PutsKnownValuesIn) {
  EXPECT_EQ(folded("inputs.service"), "'gateway'");
  EXPECT_EQ(folded("inputs['service']"), "'gateway'");
  EXPECT_EQ(folded("inputs.options['dry run']"), "true");
  EXPECT_EQ(folded("inputs.options.other"), "null");
  EXPECT_EQ(folded("inputs.options"), "fromJSON('{\"dry run\":true}')");
  EXPECT_EQ(folded("matrix"), "fromJSON('{\"os\":\"linux\",\"task\":\"build\"}')");
  EXPECT_EQ(folded("pipeline.name"), "'demo'");
  EXPECT_EQ(folded("inputs.level < 5 && format('{0}-{1}', matrix.os, inputs.level)"), "'linux-3'");
}

TEST_F(ExpressionCheck, KeepsWhatOnlyTheRunKnows) {
  EXPECT_EQ(folded("run.id"), "run.id");
  EXPECT_EQ(folded("env.HOME"), "env.HOME");
  EXPECT_EQ(folded("needs.build.outputs.list[0].name"), "needs.build.outputs.list[0].name");
  EXPECT_EQ(folded("needs[matrix.task].result"), "needs['build'].result");
  EXPECT_EQ(folded("needs.build.outputs"), "needs.build.outputs");
  EXPECT_EQ(folded("hashfiles('*.c')"), "hashFiles('*.c')");
}

TEST_F(ExpressionCheck, FoldsTheKnownPartsOfAnExpression) {
  EXPECT_EQ(folded("needs.build.outputs.version == inputs.service"),
            "needs.build.outputs.version == 'gateway'");
  EXPECT_EQ(folded("inputs.debug && needs.build.outputs.ok"), "needs.build.outputs.ok");
  EXPECT_EQ(folded("inputs.debug || needs.build.outputs.ok"), "true");
  EXPECT_EQ(folded("needs.build.outputs.ok || inputs.debug || run.id"),
            "needs.build.outputs.ok || true");
  EXPECT_EQ(folded("join(needs.build.outputs.list, format('{0}', ', '))"),
            "join(needs.build.outputs.list, ', ')");
}

TEST_F(ExpressionCheck, KeepsTheMeaningOfParentheses) {
  EXPECT_EQ(folded("!(env.HOME == run.id)"), "!(env.HOME == run.id)");
  EXPECT_EQ(folded("(env.HOME || run.id) && env.HOME"), "(env.HOME || run.id) && env.HOME");
  EXPECT_EQ(folded("env.HOME || (run.id && env.HOME)"), "env.HOME || run.id && env.HOME");
  EXPECT_EQ(folded("(run.attempt < 2) == (run.attempt > 1)"), "run.attempt < 2 == run.attempt > 1");
  EXPECT_EQ(folded("needs.build.outputs.ok == (env.HOME == run.id)"),
            "needs.build.outputs.ok == (env.HOME == run.id)");
  EXPECT_EQ(folded("!(inputs.debug && (env.HOME || run.id))"), "!(env.HOME || run.id)");
}

TEST_F(ExpressionCheck, PutsTheCallersExpressionInPlaceOfAnInput) {
  EXPECT_EQ(folded("inputs.title"), "needs.build.outputs.version");
  EXPECT_EQ(folded("inputs.label == 'v1'"),
            "(format('v{0}', needs.build.outputs.version)) == 'v1'");
}

TEST_F(ExpressionCheck, WhatRemainsMeansTheSame) {
  Scope scope;
  scope.contexts = std::get<Value::Record>(
      value_from_json(R"({"inputs":{"service":"gateway","debug":true,"level":3},
        "matrix":{"os":"linux"}, "env":{"HOME":""}, "run":{"id":"r","attempt":2},
        "needs":{"build":{"result":"success","outputs":{"ok":false,"count":4}}}})")
          ->held);
  for (const char* text :
       {"inputs.debug && (env.HOME || run.id) || inputs.service",
        "!(needs.build.outputs.ok && inputs.debug) == (run.attempt >= inputs.level)",
        "(inputs.level < run.attempt || needs.build.outputs.ok) && false || env.HOME",
        "format('{0}{{}}', inputs.service == matrix.os || needs.build.outputs.count)"}) {
    const CheckedExpression checked = check_expression(text, TextOrigin(0, 100), names());
    ASSERT_TRUE(checked.diagnostics.empty()) << told(text, checked.diagnostics);
    EXPECT_EQ(to_json(*evaluate(text, scope)), to_json(*evaluate(checked.text, scope)))
        << text << "\n"
        << checked.text;
  }
}

TEST_F(ExpressionCheck, KnowsTypes) {
  const auto type = [&](std::string_view text) {
    return to_text(check_expression(text, TextOrigin(0, 100), names()).type);
  };
  EXPECT_EQ(type("null"), "null");
  EXPECT_EQ(type("needs.build.outputs.count"), "number");
  EXPECT_EQ(type("needs.build.outputs.ok && needs.build.outputs.ok"), "boolean");
  EXPECT_EQ(type("needs.build.outputs.ok && env.HOME"), "json");
  EXPECT_EQ(type("needs.build.result"), "string");
  EXPECT_EQ(type("run.attempt == 1"), "boolean");
  EXPECT_EQ(type("fromJSON('1')"), "json");
  EXPECT_EQ(type("toJSON(needs.build.outputs)"), "string");
}

TEST_F(ExpressionCheck, SuggestsTheNearestName) {
  EXPECT_EQ(mistakes("inputs.servce"),
            "P0712: there is no input 'servce' (did you mean 'service'?) <servce>\n");
  EXPECT_EQ(mistakes("input.service"),
            "P0710: there is no 'input' (did you mean 'inputs'?) <input>\n");
  EXPECT_EQ(mistakes("needs.biuld.result"),
            "P0713: there is no task 'biuld' (did you mean 'build'?) <biuld>\n");
  EXPECT_EQ(mistakes("needs.build.outputs.versoin"),
            "P0712: task 'build' has no output 'versoin' (did you mean 'version'?) <versoin>\n");
  EXPECT_EQ(mistakes("startWith('a', 'b')"),
            "P0716: there is no function 'startWith' (did you mean 'startsWith'?) <startWith>\n");
  EXPECT_EQ(mistakes("run.number"),
            "P0712: there is no 'number' of a run (there is 'id' and 'attempt') <number>\n");
}

TEST_F(ExpressionCheck, ExplainsNamesOfOtherTools) {
  EXPECT_EQ(mistakes("steps.build.outputs.x"),
            "P0710: there is no 'steps' (an earlier task's outputs are needs.TASK.outputs.NAME) "
            "<steps>\n");
  EXPECT_EQ(mistakes("main"),
            "P0710: there is no 'main' (there is 'inputs', 'env', 'matrix', 'needs', 'run' and "
            "'pipeline'; a text stands in single quotes) <main>\n");
  EXPECT_EQ(mistakes("success"),
            "P0710: there is no 'success' (a function is called with parentheses: success()) "
            "<success>\n");
}

TEST_F(ExpressionCheck, ReadsOnlyOutputsOfAncestors) {
  EXPECT_EQ(mistakes("needs.docs.result"),
            "P0714: 'docs' is no ancestor of 'test' (add 'docs' to the 'needs:' of 'test') "
            "<docs>\n");
  EXPECT_EQ(mistakes("needs.test.result"),
            "P0714: 'test' is no ancestor of 'test' (a task cannot read its own outputs) <test>\n");
  EXPECT_EQ(mistakes("needs.build.version"),
            "P0712: there is no 'version' of a task (write needs.build.outputs.version) "
            "<version>\n");
}

TEST_F(ExpressionCheck, NamesWhatDoesNotExistAtThePlace) {
  EXPECT_EQ(mistakes("item.name"),
            "P0711: 'item' does not exist in task 'test' (give the task a 'for_each:') <item>\n");
  EXPECT_EQ(mistakes("secrets.TOKEN"),
            "P0715: secrets cannot be read in an expression here (list the name under the task's "
            "'secrets:'; the runner brings it to where it is used) <secrets>\n");
  EXPECT_EQ(mistakes("failure()"),
            "P0719: 'failure()' can only be asked in an 'if:' (the result of one task is "
            "needs.TASK.result) <failure()>\n");
}

TEST_F(ExpressionCheck, RefusesAWordThatNoResultIs) {
  EXPECT_EQ(mistakes("needs.build.result == 'passed'"),
            "P0741: a task's result is never \"passed\" (it is one of success, failure, skipped) "
            "<'passed'>\n");
  EXPECT_EQ(mistakes("'' != needs.build.result"),
            "P0741: a task's result is never \"\" (it is one of success, failure, skipped) <''>\n");
  EXPECT_EQ(mistakes("needs.build.result == 'Failure' || needs.build.result != 'skipped'"), "");
}

TEST_F(ExpressionCheck, RefusesWrongTypes) {
  EXPECT_EQ(mistakes("inputs.debug == 'true'"),
            "P0720: a boolean is compared with a string (write true or false without quotes) "
            "<inputs.debug == 'true'>\n");
  EXPECT_EQ(mistakes("needs.build.outputs.count > '3'"),
            "P0720: a number is compared with a string (write the number without quotes, or "
            "declare both with the same type) <needs.build.outputs.count > '3'>\n");
  EXPECT_EQ(mistakes("inputs.debug < 1"),
            "P0720: a boolean is neither greater nor less than anything (order numbers or strings) "
            "<inputs.debug>\n");
  EXPECT_EQ(mistakes("env.HOME.length"),
            "P0721: a string has no members (to read JSON text, write fromJSON(…); an output or "
            "input can be of type json) <length>\n");
  EXPECT_EQ(mistakes("needs.build.outputs.list[true]"),
            "P0721: a boolean is no index (a list's index is a number, a record's is a string) "
            "<true>\n");
  EXPECT_EQ(mistakes("needs[env.HOME].result"),
            "P0721: a name in '[ ]' must be known before the run (write the name itself, or use an "
            "input or matrix value) <env.HOME>\n");
  EXPECT_EQ(mistakes("join('a', 1)"),
            "P0718: 'join' wants a list here, found a string (it is used as join(list, separator)) "
            "<'a'>\n"
            "P0718: 'join' wants a string here, found a number (it is used as join(list, "
            "separator)) <1>\n");
  EXPECT_EQ(mistakes("contains('a')"),
            "P0717: 'contains' is given 1 value (it is used as contains(search, item)) "
            "<contains('a')>\n");
  EXPECT_EQ(mistakes("needs == env"),
            "P0723: 'needs' is a group of names, not a value (write one of its members) <needs>\n"
            "P0723: 'env' as a whole is not known before the run (write one of its members) "
            "<env>\n");
}

TEST_F(ExpressionCheck, FindsWhatWouldFailInTheRun) {
  EXPECT_EQ(mistakes("fromJSON('{')").substr(0, 26), "P0724: fromJSON: no JSON a");
  EXPECT_EQ(mistakes("format('{0} {1}', run.id)"),
            "P0724: format() has no value for '{1}', it was given 1 (places count from {0}) <'{0} "
            "{1}'>\n");
}

TEST_F(ExpressionCheck, ReportsEveryMistakeOfATextInItsOrder) {
  const std::string_view text = "a ${{ inputs.nope }} b ${{ 1 + 1 }} c ${{ nope() }}";
  EXPECT_EQ(told(text, check_text(text, TextOrigin(0, 100), names()).diagnostics),
            "P0712: there is no input 'nope' (there is 'debug', 'label', 'level', 'options', "
            "'service' and 'title') <nope>\n"
            "P0703: expressions do not add (to put texts together, write format('{0}{1}', a, b)) "
            "<+>\n"
            "P0716: there is no function 'nope' (there is 'contains', 'startsWith', 'endsWith', "
            "'format', 'join', 'toJSON', 'fromJSON', 'hashFiles', …) <nope>\n");
}

TEST_F(ExpressionCheck, ReportsFromLeftToRight) {
  EXPECT_EQ(mistakes("nope(inputs.nope)").substr(0, 38), "P0716: there is no function 'nope' (th");
}

TEST_F(ExpressionCheck, ReportsTheSameMistakeOnce) {
  EXPECT_EQ(mistakes("!(inputs.nope.a[0] == 1) && inputs.debug").substr(0, 36),
            "P0712: there is no input 'nope' (the");
  EXPECT_EQ(mistakes("!(inputs.nope.a[0] == 1) && inputs.debug").find('\n'),
            mistakes("!(inputs.nope.a[0] == 1) && inputs.debug").size() - 1);
}

TEST_F(ExpressionCheck, RefusesAHoleWithoutEnd) {
  const std::string_view text = "a ${{ run.id b";
  EXPECT_EQ(told(text, check_text(text, TextOrigin(0, 100), names()).diagnostics),
            "P0701: the '${{' that starts here has no '}}' (close it with '}}'; to write '${{' as "
            "text, use ${{ '${{' }}) <${{>\n");
  const std::string_view quote = "a ${{ 'x }} b";
  EXPECT_EQ(told(quote, check_text(quote, TextOrigin(0, 100), names()).diagnostics),
            "P0704: the string that starts here has no end (close it with '; a quote inside a "
            "string is written twice: 'it''s') <'x }} b>\n");
}

TEST_F(ExpressionCheck, MakesLiteralPiecesOfWhatIsKnown) {
  const CheckedText checked = check_text(
      "s=${{ inputs.service }}-${{ inputs.level }} on ${{ run.id }}!", TextOrigin(0, 100), names());
  const std::vector<Template::Piece> expected = {
      {Template::Piece::Kind::Literal, "s=gateway-3 on "},
      {Template::Piece::Kind::Expression, "run.id"},
      {Template::Piece::Kind::Literal, "!"}};
  EXPECT_EQ(checked.text.pieces, expected);
  EXPECT_TRUE(checked.has_holes);
  EXPECT_FALSE(checked.value);
}

TEST_F(ExpressionCheck, GivesTheTypedValueOfATextThatIsOneHole) {
  const CheckedText number = check_text("${{ inputs.level }}", TextOrigin(0, 100), names());
  EXPECT_EQ(number.type, ExpressionType::Number);
  EXPECT_EQ(number.value, Value(3.0));
  const CheckedText text = check_text("${{ inputs.level }}s", TextOrigin(0, 100), names());
  EXPECT_EQ(text.value, Value("3s"));
  EXPECT_EQ(check_text("${{ '${{' }}", TextOrigin(0, 100), names()).value, Value("${{"));
  EXPECT_EQ(check_text("plain", TextOrigin(0, 100), names()).value, Value("plain"));
}

TEST_F(ExpressionCheck, NeverLooksIntoAValueAgain) {
  inputs["service"] = known(Value("${{ secrets.TOKEN }} {0}"));
  const CheckedText checked =
      check_text("${{ format('{0}', inputs.service) }}", TextOrigin(0, 100), names());
  EXPECT_EQ(checked.value, Value("${{ secrets.TOKEN }} {0}"));
}

TEST_F(ExpressionCheck, TakesAConditionWithAndWithoutMarks) {
  EXPECT_EQ(condition("failure()"), "failure()");
  EXPECT_EQ(condition(" ${{ failure() }} "), "failure()");
  EXPECT_EQ(condition("needs.build.outputs.ok"), "success() && (needs.build.outputs.ok)");
  EXPECT_EQ(condition("always() && run.attempt == 1"), "always() && run.attempt == 1");
  EXPECT_EQ(condition("inputs.debug"), "none");
  EXPECT_EQ(condition("!inputs.debug"), "false, never");
  EXPECT_EQ(condition("inputs.debug || always()"), "true");
  EXPECT_EQ(condition("env.HOME == '${{'"), "success() && (env.HOME == '${{')");
}

TEST_F(ExpressionCheck, RefusesTextAroundACondition) {
  EXPECT_EQ(condition("${{ inputs.debug }} && true"),
            "P0709: there is text around the '${{ }}', so that this is no single value (write all "
            "of it as one expression: ${{ a && b }}) <${{ inputs.debug }} && true>\n");
  EXPECT_EQ(condition(""), "P0702: the expression is empty (write a name or a value in it) <>\n");
}

TEST_F(ExpressionCheck, BoundsWhatCallersExpressionsGrowInto) {
  std::string deep = "env.HOME";
  for (int k = 0; k < 60; ++k) {
    deep = "!(" + deep + ")";
  }
  inputs["title"] = open(ExpressionType::Boolean, deep);
  EXPECT_EQ(folded("!!!!!!!!inputs.title").substr(0, 6), "P0708:");
}

TEST(AsExpression, IsTheTextAsOneExpression) {
  const auto piece = [](const char* text) {
    return Template::Piece{Template::Piece::Kind::Expression, text};
  };
  Template one;
  one.pieces = {piece("needs.a.outputs.x")};
  EXPECT_EQ(as_expression(one), "needs.a.outputs.x");
  EXPECT_EQ(as_expression(Template("it's {0}")), "'it''s {0}'");
  EXPECT_EQ(as_expression(Template()), "''");
  Template mixed = Template("{it's} ");
  mixed.pieces.push_back(piece("run.id"));
  mixed.pieces.push_back(piece("a || b"));
  EXPECT_EQ(as_expression(mixed), "format('{{it''s}} {0}{1}', run.id, a || b)");
}

}  // namespace
}  // namespace dsl
