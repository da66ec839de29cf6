#pragma once

// From the bytes that a task left to typed values. Pure.

#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "dsl/value.h"

namespace runner {

struct TypedOutputs {
  dsl::Value::Record values;  // those that could be read
  std::string problem;        // the first that could not, for people; "" none
};

/// `read` has the bytes of each declaration, in the same order. One line end at the end of the file
/// does not belong to the value.
TypedOutputs type_outputs(const std::vector<dsl::OutputDecl>& declared,
                          const std::vector<dsl::Result<std::string>>& read);

}  // namespace runner
