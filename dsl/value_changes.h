#pragma once

// Where two values differ, member by member. Lists of records that have a name are compared by it,
// lists of texts as sets, so that what was added in the middle is one change. Any thread; linear
// but for sorting.

#include <string>
#include <string_view>
#include <vector>

#include "dsl/value.h"

namespace dsl {

struct ValueChange {
  std::vector<std::string> path;  // names of members and of items
  const Value* before = nullptr;  // null: it was not there
  const Value* after = nullptr;   // null: it is not there any more
};

/// How a member is compared; where nothing is said, member by member, and lists as a whole.
struct HowCompared {
  enum class As {
    Whole,  // one change, whatever differs in it
    Named,  // a list of records: `key` names each
    Set,    // a list of texts
  };
  std::string_view member;
  As as = As::Whole;
  std::string_view key = {};
};

/// Every difference, in the order of `before`; none exactly where the two are equal. An order alone
/// that differs is a change of the list. Both must outlive the result.
std::vector<ValueChange> value_changes(const Value& before,
                                       const Value& after,
                                       const std::vector<HowCompared>& how);

}  // namespace dsl
