// Any bytes as a pipeline file.

#include <cstdint>
#include <string>

#include "dsl/compile.h"
#include "dsl/export_dot.h"
#include "dsl/export_mermaid.h"
#include "dsl/export_text.h"
#include "dsl/plan_json.h"
#include "dsl/render.h"
#include "tests/fuzz/property.h"

namespace {

dsl::Compilation compile(const std::string& text) {
  dsl::CompileRequest request;
  request.path = "fuzz.yaml";
  request.read_file = [&](const std::string& path) -> dsl::Result<std::string> {
    if (path == "fuzz.yaml") {
      return text;
    }
    return dsl::Error{"no such file", ""};
  };
  return dsl::compile(request);
}

void check_span(const dsl::Sources& sources, const dsl::Span& span) {
  fuzz::require(span.begin <= span.end, "a span begins before it ends");
  fuzz::require(span.end <= sources.text(span.source).size(), "a span lies inside its source");
}

void check_diagnostics(const dsl::Compilation& compilation) {
  bool errors = false;
  for (const dsl::Diagnostic& each : compilation.diagnostics) {
    errors = errors || each.severity == dsl::Diagnostic::Severity::Error;
    fuzz::require(!each.code.empty() && !each.message.empty(), "a mistake has a code and a text");
    check_span(compilation.sources, each.span);
    for (const dsl::Diagnostic::Note& note : each.notes) {
      check_span(compilation.sources, note.span);
    }
  }
  fuzz::require(errors != compilation.plan.has_value(), "there is a plan or there are errors");
}

bool same(const dsl::Diagnostic& a, const dsl::Diagnostic& b) {
  return a.code == b.code && a.span == b.span && a.message == b.message && a.remedy == b.remedy;
}

void check_plan(const dsl::Plan& plan) {
  const std::string json = plan_to_json(plan, dsl::JsonLayout::Compact);
  const dsl::Result<dsl::Plan> again = dsl::plan_from_json(json);
  fuzz::require(again.has_value(), "a plan can be read back", again ? "" : again.error().message);
  fuzz::require(*again == plan, "plan -> json -> plan is the identity", json);
  (void)dsl::export_text(plan, {});
  (void)dsl::export_dot(plan);
  (void)dsl::export_mermaid(plan);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const dsl::Compilation first = compile(text);
  check_diagnostics(first);
  const dsl::Compilation second = compile(text);
  fuzz::require(
      first.diagnostics.size() == second.diagnostics.size() &&
          std::equal(
              first.diagnostics.begin(), first.diagnostics.end(), second.diagnostics.begin(), same),
      "the same text has the same mistakes");
  fuzz::require(first.plan == second.plan, "the same text makes the same plan");
  if (first.plan) {
    check_plan(*first.plan);
  }
  return 0;
}
