// The part of ExpressionChecker that writes what remains of an expression when everything known has
// been put in.

#include <algorithm>

#include "dsl/expression_checker.h"

namespace dsl {
namespace {

using Kind = ExpressionNode::Kind;

// How tightly operators bind.
constexpr int kOr = 1;
constexpr int kAnd = 2;
constexpr int kEquality = 3;
constexpr int kRelation = 4;
constexpr int kUnary = 5;
constexpr int kPrimary = 6;

bool is_plain_path(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

std::string_view sign_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::Equal:
      return " == ";
    case Comparison::NotEqual:
      return " != ";
    case Comparison::Less:
      return " < ";
    case Comparison::LessOrEqual:
      return " <= ";
    case Comparison::Greater:
      return " > ";
    case Comparison::GreaterOrEqual:
      return " >= ";
  }
  return "";
}

}  // namespace

int ExpressionChecker::precedence_of(Id id) const {
  const Facts& facts = facts_[id];
  if (facts.value || !facts.replacement.empty()) {
    return kPrimary;
  }
  const Node& node = tree_.nodes[id];
  switch (node.kind) {
    case Kind::And:
      return kAnd;
    case Kind::Or:
      return kOr;
    case Kind::Not:
      return kUnary;
    case Kind::Compare:
      return is_ordered(node.comparison) ? kRelation : kEquality;
    case Kind::Literal:
    case Kind::Name:
    case Kind::Member:
    case Kind::Index:
    case Kind::Call:
      break;
  }
  return kPrimary;
}

void ExpressionChecker::print(Id id, int precedence, std::string& out) const {
  const Facts& facts = facts_[id];
  if (facts.value) {
    out += literal_expression(*facts.value);
    return;
  }
  if (!facts.replacement.empty()) {
    const bool plain = is_plain_path(facts.replacement);
    out += plain ? facts.replacement : "(" + facts.replacement + ")";
    return;
  }
  if (facts.kept.size() == 1) {
    print(facts.kept.front(), precedence, out);
    return;
  }
  const int own = precedence_of(id);
  out += own < precedence ? "(" : "";
  print_undecided(id, own, out);
  out += own < precedence ? ")" : "";
}

void ExpressionChecker::print_undecided(Id id, int own, std::string& out) const {
  const Facts& facts = facts_[id];
  const Node& node = tree_.nodes[id];
  switch (node.kind) {
    case Kind::Literal:
      break;  // has a value
    case Kind::Name:
      out += node.name;
      break;
    case Kind::Member:
      print(node.parts[0], kPrimary, out);
      out += "." + node.name;
      break;
    case Kind::Index:
      print(node.parts[0], kPrimary, out);
      out += "[";
      print(node.parts[1], 0, out);
      out += "]";
      break;
    case Kind::Call:
      out += find_function(node.name)->name;
      out += "(";
      for (std::size_t k = 0; k < node.parts.size(); ++k) {
        out += k == 0 ? "" : ", ";
        print(node.parts[k], 0, out);
      }
      out += ")";
      break;
    case Kind::Not:
      out += "!";
      print(node.parts[0], kUnary, out);
      break;
    case Kind::Compare:
      print(node.parts[0], own, out);
      out += sign_of(node.comparison);
      print(node.parts[1], own + 1, out);
      break;
    case Kind::And:
    case Kind::Or:
      for (std::size_t k = 0; k < facts.kept.size(); ++k) {
        out += k == 0 ? "" : (node.kind == Kind::And ? " && " : " || ");
        print(facts.kept[k], own + 1, out);
      }
      break;
  }
}

}  // namespace dsl
