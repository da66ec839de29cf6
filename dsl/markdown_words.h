#pragma once

// Words of plans in Markdown, and what they mean. Internal to the import of such plans. Any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/markdown.h"
#include "dsl/markdown_plan.h"

namespace dsl::markdown_words {

/// ASCII letters alone.
std::string lower_case(std::string_view text);

/// "Phase 6 (Testing)" -> "phase-6-testing"; "" where nothing is left.
std::string slug_of(std::string_view text);

/// The number of "Phase 6 (Testing)", "Step 2: Build"; no value: it is no such heading.
std::optional<std::int64_t> phase_number(std::string_view heading);

/// "Success Criteria", "Definition of Done" and their like.
bool is_about_criteria(std::string_view heading);

/// What stands behind "Prerequisites:", "Depends on" and their like; no value: it is about
/// something else.
std::optional<std::string> prerequisites_in(std::string_view text);
bool is_about_prerequisites(std::string_view heading);

/// All numbers of phases that a text names: "Phases 1, 2 and 4".
std::vector<std::int64_t> phases_in(std::string_view text);

/// Why no check can ask this URL; "": it can, where a service answers in its own container.
std::string why_not_asked(std::string_view url);

/// Its port; 0: none that can be.
std::int64_t port_of(std::string_view url);

/// The check of a box; what a person has to say is noted.
MarkdownCriterion criterion_of(const MarkdownBlock& box,
                               const MarkdownOptions& options,
                               std::vector<MarkdownNote>& notes);

}  // namespace dsl::markdown_words
