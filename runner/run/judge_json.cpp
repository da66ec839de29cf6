// Criteria that look at a value in a JSON file. Declared in judge.h.

#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "dsl/json_tree.h"
#include "runner/run/json_schema.h"
#include "runner/run/judge.h"
#include "runner/run/tree_walk.h"

namespace runner {

using dsl::Value;

namespace {

/// RFC 6901. Null where there is nothing at that place.
const Value* at_pointer(const Value& document, const std::string& pointer) {
  const Value* here = &document;
  std::size_t begin = 0;
  while (here != nullptr && begin < pointer.size()) {
    std::size_t end = pointer.find('/', begin + 1);
    end = end == std::string::npos ? pointer.size() : end;
    std::string key;
    for (std::size_t i = begin + 1; i < end; ++i) {
      if (pointer[i] == '~' && i + 1 < end) {
        key += pointer[++i] == '1' ? '/' : '~';
      } else {
        key += pointer[i];
      }
    }
    if (const auto* list = std::get_if<Value::List>(&here->held)) {
      std::size_t index = 0;
      const char* last = key.data() + key.size();
      const auto read = std::from_chars(key.data(), last, index);
      const bool is_plain = key == "0" || !key.starts_with('0');  // "01" is no index
      const bool good =
          is_plain && read.ec == std::errc() && read.ptr == last && index < list->size();
      here = good ? &(*list)[index] : nullptr;
    } else {
      here = here->find(key);
    }
    begin = end;
  }
  return here;
}

const char* sign(dsl::JsonCheck::Comparison comparison) {
  using C = dsl::JsonCheck::Comparison;
  switch (comparison) {
    case C::Equals:
      return "equals";
    case C::NotEquals:
      return "differs from";
    case C::Less:
      return "<";
    case C::LessOrEqual:
      return "<=";
    case C::Greater:
      return ">";
    case C::GreaterOrEqual:
      return ">=";
    case C::Exists:
      return "exists";
  }
  return "";
}

enum class Likeness { Same, Different, Unsure };

/// As JSON has it: the order of a record's members means nothing. Unsure of numbers beyond 2^53,
/// of which several read as the same.
Likeness likeness(const Value& left, const Value& right);

Likeness likeness_of_numbers(double left, double right) {
  constexpr double kExact = 9007199254740992.0;
  if (left != right) {
    return Likeness::Different;
  }
  return std::fabs(left) < kExact ? Likeness::Same : Likeness::Unsure;
}

Likeness likeness_of_lists(const Value::List& left, const Value::List& right) {
  Likeness all = left.size() == right.size() ? Likeness::Same : Likeness::Different;
  for (std::size_t i = 0; all != Likeness::Different && i < left.size(); ++i) {
    const Likeness one = likeness(left[i], right[i]);
    all = one == Likeness::Same ? all : one;
  }
  return all;
}

Likeness likeness_of_records(const Value::Record& left, const Value& right) {
  Likeness all = std::get<Value::Record>(right.held).size() == left.size() ? Likeness::Same
                                                                           : Likeness::Different;
  for (std::size_t i = 0; all != Likeness::Different && i < left.size(); ++i) {
    const Value* other = right.find(left[i].first);
    const Likeness one = other == nullptr ? Likeness::Different : likeness(left[i].second, *other);
    all = one == Likeness::Same ? all : one;
  }
  return all;
}

Likeness likeness(const Value& left, const Value& right) {
  if (left.held.index() != right.held.index()) {
    return Likeness::Different;
  }
  if (const auto* number = std::get_if<double>(&left.held)) {
    return likeness_of_numbers(*number, std::get<double>(right.held));
  }
  if (const auto* list = std::get_if<Value::List>(&left.held)) {
    return likeness_of_lists(*list, std::get<Value::List>(right.held));
  }
  if (const auto* record = std::get_if<Value::Record>(&left.held)) {
    return likeness_of_records(*record, right);
  }
  return left == right ? Likeness::Same : Likeness::Different;
}

/// REQUIRES: an order, and two numbers that are not the same.
bool is_ordered(dsl::JsonCheck::Comparison comparison, double found, double expected) {
  using C = dsl::JsonCheck::Comparison;
  const bool wants_less = comparison == C::Less || comparison == C::LessOrEqual;
  return wants_less ? found < expected : found > expected;
}

Judgement compare(const std::string& what, const dsl::JsonCheck& check, const Value& found) {
  using C = dsl::JsonCheck::Comparison;
  const C how = check.comparison;
  const std::string shown = "found " + dsl::to_json(found).substr(0, 200);
  const auto* number = std::get_if<double>(&found.held);
  const auto* expected = std::get_if<double>(&check.expected.held);
  const bool is_equality = how == C::Equals || how == C::NotEquals;
  if (!is_equality && expected == nullptr) {
    return unverified(what, "the expected value is no number");
  }
  if (!is_equality && number == nullptr) {
    return not_met(what, shown + ", which is no number");
  }
  const Likeness alike = likeness(found, check.expected);
  if (alike == Likeness::Unsure) {
    return unverified(what, shown + ", beyond 2^53 where numbers are not exact");
  }
  const bool same = alike == Likeness::Same;
  const bool holds = how == C::NotEquals ? !same
                     : same              ? how != C::Less && how != C::Greater
                     : is_equality       ? false
                                         : is_ordered(how, *number, *expected);
  return holds ? met(what, shown) : not_met(what, shown);
}

/// `exists: true` or `exists: false`.
bool wants_existence(const dsl::JsonCheck& check) {
  const auto* flag = std::get_if<bool>(&check.expected.held);
  return flag == nullptr || *flag;
}

Judgement judge_against_schema(const std::string& what,
                               const std::string& document,
                               const std::string& schema_file,
                               Trees& trees,
                               const TreeRef& trusted) {
  const auto schema = trees.read_file(trusted, schema_file, kMostOfAFile);
  if (!schema) {
    return unverified(what, schema.error().message);
  }
  if (!schema->has_value()) {
    return unverified(what, "no schema '" + schema_file + "' in the run's input");
  }
  const dsl::Result<std::vector<std::string>> problems =
      json_schema_problems((*schema)->bytes, document);
  if (!problems) {
    return unverified(what, problems.error().message);
  }
  if (problems->empty()) {
    return met(what, "fits schema '" + schema_file + "'");
  }
  Judgement judgement = not_met(what, problems->front());
  for (const std::string& problem : *problems) {
    judgement.evidence.excerpt += problem + "\n";
  }
  return judgement;
}

/// However deep it is, and whatever stands in it twice.
bool is_json(const std::string& document) {
  return dsl::JsonTree::parse(document, document.size(), "it").has_value();
}

Judgement judge_value(std::string what, const dsl::JsonCheck& check, const std::string& document) {
  const bool existence = check.comparison == dsl::JsonCheck::Comparison::Exists;
  const bool wanted = wants_existence(check);
  what += fmt::format(" {} {}",
                      check.pointer.empty() ? "/" : check.pointer,
                      existence && !wanted ? "does not exist" : sign(check.comparison));
  if (!existence) {
    what += " " + dsl::to_json(check.expected);
  }
  const dsl::Result<Value> whole = dsl::value_from_json(document);
  if (!whole) {
    return is_json(document)
               ? unverified(what, "JSON that cannot be read: " + whole.error().message)
               : not_met(what, "no JSON: " + whole.error().message);
  }
  const Value* found = at_pointer(*whole, check.pointer);
  if (found == nullptr) {
    return existence && !wanted ? met(what, "nothing at that place")
                                : not_met(what, "nothing at that place");
  }
  if (!existence) {
    return compare(what, check, *found);
  }
  const std::string shown = "found " + dsl::to_json(*found).substr(0, 200);
  return wanted ? met(what, shown) : not_met(what, shown);
}

}  // namespace

Judgement judge_json(const dsl::JsonCheck& check,
                     Trees& trees,
                     const TreeRef& trusted,
                     const TreeRef& produced) {
  const std::string what = "json '" + check.file + "'";
  const auto reached = follow(trees, produced, check.file);
  if (!reached) {
    return unverified(what, reached.error().message);
  }
  if (reached->kind != PathKind::File) {
    const bool is_of_a_value = check.comparison == dsl::JsonCheck::Comparison::Exists &&
                               !check.schema && !wants_existence(check);
    return not_met(
        what,
        reached->why_not +
            (is_of_a_value ? "; `exists: false` is of a value in a file that is there" : ""));
  }
  if (reached->file.truncated) {
    return unverified(what, "larger than 16MiB");
  }
  return check.schema
             ? judge_against_schema(what, reached->file.bytes, *check.schema, trees, trusted)
             : judge_value(what, check, reached->file.bytes);
}

}  // namespace runner
