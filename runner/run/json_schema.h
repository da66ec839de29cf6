#pragma once

// JSON Schema of `json: {schema: …}` criteria, by valijson. Pure.

#include <string>
#include <vector>

#include "dsl/result.h"

namespace runner {

/// What of the document does not fit, a line each with its place; empty: it fits. An Error where
/// the schema itself cannot be used. References to other documents are not followed.
dsl::Result<std::vector<std::string>> json_schema_problems(const std::string& schema,
                                                           const std::string& document);

}  // namespace runner
