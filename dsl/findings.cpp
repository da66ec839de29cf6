#include "dsl/findings.h"

#include <algorithm>
#include <tuple>

namespace dsl {

void Findings::error(std::string_view code,
                     const Span& span,
                     std::string message,
                     std::string remedy,
                     std::vector<Diagnostic::Note> notes) {
  add(Diagnostic{Diagnostic::Severity::Error,
                 std::string(code),
                 span,
                 std::move(message),
                 std::move(remedy),
                 std::move(notes)});
}

void Findings::warning(std::string_view code,
                       const Span& span,
                       std::string message,
                       std::string remedy,
                       std::vector<Diagnostic::Note> notes) {
  add(Diagnostic{Diagnostic::Severity::Warning,
                 std::string(code),
                 span,
                 std::move(message),
                 std::move(remedy),
                 std::move(notes)});
}

void Findings::add(Diagnostic diagnostic) {
  errors_ += diagnostic.severity == Diagnostic::Severity::Error ? 1 : 0;
  found_.push_back(std::move(diagnostic));
}

void Findings::add(std::vector<Diagnostic> diagnostics) {
  for (Diagnostic& diagnostic : diagnostics) {
    add(std::move(diagnostic));
  }
}

std::vector<Diagnostic> Findings::take() {
  const auto place = [](const Diagnostic& d) {
    return std::tie(d.span.source, d.span.begin, d.span.end, d.code);
  };
  std::stable_sort(found_.begin(), found_.end(), [&](const auto& a, const auto& b) {
    return place(a) < place(b);
  });
  // The same code at the same place is the same mistake, found again through another road (a
  // default that every task takes over, another instance of a matrix).
  const auto same = [&](const auto& a, const auto& b) { return place(a) == place(b); };
  found_.erase(std::unique(found_.begin(), found_.end(), same), found_.end());
  errors_ = 0;
  return std::exchange(found_, {});
}

}  // namespace dsl
