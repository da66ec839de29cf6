// Any bytes as a text with ${{ }}, as a condition, as an expression, and as a script.

#include <cstdint>
#include <string>
#include <string_view>

#include "dsl/expression.h"
#include "dsl/expression_check.h"
#include "dsl/shell.h"
#include "tests/fuzz/property.h"

namespace {

constexpr std::uint32_t kOffset = 1000;

dsl::VisibleName known(dsl::Value value) {
  dsl::VisibleName name;
  name.type = type_of(value);
  name.value = std::move(value);
  return name;
}

dsl::VisibleName open(dsl::ExpressionType type, std::string expression = "") {
  dsl::VisibleName name;
  name.type = type;
  name.expression = std::move(expression);
  return name;
}

/// The same names for the checker (some known, some not) and for the run.
struct World {
  World() {
    inputs["a"] = known(dsl::Value("it's {0} ${{ x }}"));
    inputs["n"] = known(dsl::Value(3.0));
    inputs["t"] = known(dsl::Value(true));
    inputs["j"] = known(*dsl::value_from_json(R"({"a":[1,"b",null]})"));
    inputs["x"] = open(dsl::ExpressionType::String, "env.A || run.id");
    env["A"] = open(dsl::ExpressionType::String);
    names.task = "t";
    names.inputs = &inputs;
    names.env = &env;
    names.item = open(dsl::ExpressionType::Json);
    names.pipeline_name = "p";
    names.need = [](std::string_view task) {
      dsl::NeedAnswer answer;
      answer.candidates = {"b"};
      if (task == "b") {
        answer.kind = dsl::NeedAnswer::Kind::Ancestor;
        answer.outputs = {{"o", dsl::ExpressionType::Json}, {"n", dsl::ExpressionType::Number}};
      }
      return answer;
    };
    scope.contexts = std::get<dsl::Value::Record>(
        dsl::value_from_json(R"({"inputs":{"a":"it's {0} ${{ x }}","n":3,"t":true,
          "j":{"a":[1,"b",null]},"x":"r"},"env":{"A":""},"item":{"a":1},"pipeline":{"name":"p"},
          "run":{"id":"r","attempt":1},"needs":{"b":{"result":"passed",
          "outputs":{"o":[1,{"a":2}],"n":7}}}})")
            ->held);
    scope.hash_files = [](const std::vector<std::string>&) -> dsl::Result<std::string> {
      return std::string("digest");
    };
  }

  dsl::NameTable inputs;
  dsl::NameTable env;
  dsl::VisibleNames names;
  dsl::Scope scope;
};

void check_spans(const std::vector<dsl::Diagnostic>& diagnostics, std::size_t size) {
  std::uint32_t last = 0;
  for (const dsl::Diagnostic& each : diagnostics) {
    fuzz::require(each.span.begin >= kOffset && each.span.begin <= each.span.end &&
                      each.span.end <= kOffset + size,
                  "a span lies inside the text",
                  each.message);
    fuzz::require(each.span.begin >= last, "mistakes come by position", each.message);
    last = each.span.begin;
  }
}

/// What was checked can be evaluated, and what folding left means the same as the whole.
void check_meaning(std::string_view text,
                   const dsl::CheckedExpression& checked,
                   const World& world) {
  const dsl::Result<dsl::Value> folded = dsl::evaluate(checked.text, world.scope);
  if (checked.value) {
    fuzz::require(folded.has_value() && *folded == *checked.value,
                  "a known value is its own expression",
                  checked.text);
  }
  const dsl::Result<dsl::Value> whole = dsl::evaluate(text, world.scope);
  if (whole && folded) {
    fuzz::require(*whole == *folded, "folding keeps the value", checked.text);
  }
}

void check_origin(std::string_view text) {
  const std::string_view raw = text.substr(text.size() / 3);
  const dsl::TextOrigin origin = dsl::TextOrigin::align(0, 7, raw, text);
  for (std::size_t k = 0; k <= text.size(); k += 1 + text.size() / 16) {
    const dsl::Span span = origin.span(k, text.size());
    fuzz::require(7 <= span.begin && span.begin <= span.end && span.end <= 7 + raw.size(),
                  "an aligned span lies inside the source");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World world;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const dsl::TextOrigin origin(0, kOffset);

  const dsl::CheckedText whole = check_text(text, origin, world.names);
  check_spans(whole.diagnostics, size);
  if (whole.diagnostics.empty()) {
    (void)render(whole.text, world.scope);
  }

  const dsl::CheckedExpression expression = check_expression(text, origin, world.names);
  check_spans(expression.diagnostics, size);
  if (expression.diagnostics.empty() && text.find("${{") == std::string_view::npos) {
    check_meaning(text, expression, world);
  }
  (void)dsl::evaluate(text, world.scope);

  const dsl::CheckedCondition condition = check_condition(text, origin, world.names);
  check_spans(condition.diagnostics, size);
  if (condition.diagnostics.empty() && condition.condition) {
    (void)dsl::evaluate_condition(*condition.condition, world.scope);
  }

  const dsl::BoundScript script = bind_script(text, origin, world.names);
  check_spans(script.diagnostics, size);
  check_origin(text);
  return 0;
}
