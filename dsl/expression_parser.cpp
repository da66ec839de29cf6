#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "dsl/expression_lexer.h"
#include "dsl/expression_tree.h"

namespace dsl {
namespace {

using Kind = ExpressionNode::Kind;
using Id = ExpressionNode::Id;
using Token = ExpressionToken::Kind;

/// Recursive descent. Every level that can recurse counts in `nesting_`; every node knows its
/// depth, so that a long chain (a.b.c.…) is bounded as well.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), lexer_(text) { advance(); }

  std::variant<ExpressionTree, SyntaxError> parse() {
    if (text_.size() > kMaxExpressionBytes) {
      return SyntaxError{"P0707",
                         {0, text_.size()},
                         fmt::format("the expression is {} bytes long, at most {} are read",
                                     text_.size(),
                                     kMaxExpressionBytes),
                         "let a task's script do the work, and pass the result on as an output"};
    }
    if (token_.kind == Token::End) {
      return SyntaxError{
          "P0702", {0, text_.size()}, "the expression is empty", "write a name or a value in it"};
    }
    Id root = 0;
    if (disjunction(root) && token_.kind != Token::End) {
      unexpected("an operator or the end of the expression");
    }
    if (failed_) {
      return std::move(error_);
    }
    tree_.root = root;
    return std::move(tree_);
  }

 private:
  void advance() { token_ = lexer_.next(); }

  bool fail(SyntaxError error) {
    if (!failed_) {
      failed_ = true;
      error_ = std::move(error);
    }
    return false;
  }

  bool unexpected(std::string_view expected) {
    if (token_.kind == Token::Bad) {
      return fail(token_.error);
    }
    if (token_.kind == Token::End) {
      return fail({"P0703",
                   token_.range,
                   fmt::format("the expression ends where {} should be", expected),
                   ""});
    }
    const std::string_view found =
        text_.substr(token_.range.begin, token_.range.end - token_.range.begin);
    return fail({"P0703",
                 token_.range,
                 fmt::format("expected {}, found '{}'", expected, found),
                 remedy_for(found)});
  }

  static std::string remedy_for(std::string_view found) {
    if (found == "and") {
      return "write '&&'";
    }
    if (found == "or") {
      return "write '||'";
    }
    return found == "not" ? "write '!'" : "";
  }

  bool too_deep(TextRange range) {
    return fail(
        {"P0706",
         range,
         fmt::format("the expression is nested more than {} levels deep", kMaxExpressionDepth),
         "let a task's script do the work, and pass the result on as an output"});
  }

  /// Adds a node whose parts, kind and name are set. On failure `id` is unchanged.
  bool add(ExpressionNode node, Id& id) {
    for (const Id part : node.parts) {
      node.depth = std::max(node.depth, tree_.nodes[part].depth + 1);
    }
    if (node.depth > kMaxExpressionDepth) {
      return too_deep(node.range);
    }
    id = static_cast<Id>(tree_.nodes.size());
    tree_.nodes.push_back(std::move(node));
    return true;
  }

  bool disjunction(Id& id) { return chain(Kind::Or, Token::Or, &Parser::conjunction, id); }

  bool conjunction(Id& id) { return chain(Kind::And, Token::And, &Parser::equality, id); }

  /// operand (separator operand)*, as one node with many parts.
  bool chain(Kind kind, Token separator, bool (Parser::*operand)(Id&), Id& id) {
    if (!(this->*operand)(id)) {
      return false;
    }
    if (token_.kind != separator) {
      return true;
    }
    ExpressionNode node;
    node.kind = kind;
    node.name_range = token_.range;
    node.parts.push_back(id);
    while (token_.kind == separator) {
      advance();
      Id next = 0;
      if (!(this->*operand)(next)) {
        return false;
      }
      node.parts.push_back(next);
    }
    node.range = {tree_.nodes[node.parts.front()].range.begin,
                  tree_.nodes[node.parts.back()].range.end};
    return add(std::move(node), id);
  }

  static bool is_equality(Comparison comparison) {
    return comparison == Comparison::Equal || comparison == Comparison::NotEqual;
  }

  bool equality(Id& id) {
    if (!relation(id)) {
      return false;
    }
    while (token_.kind == Token::Compare && is_equality(token_.comparison)) {
      if (!compare(&Parser::relation, id)) {
        return false;
      }
    }
    return true;
  }

  bool relation(Id& id) {
    if (!unary(id)) {
      return false;
    }
    while (token_.kind == Token::Compare && !is_equality(token_.comparison)) {
      if (!compare(&Parser::unary, id)) {
        return false;
      }
    }
    return true;
  }

  /// `id` is the left side; the operator is the current token.
  bool compare(bool (Parser::*operand)(Id&), Id& id) {
    ExpressionNode node;
    node.kind = Kind::Compare;
    node.comparison = token_.comparison;
    node.name_range = token_.range;
    advance();
    Id right = 0;
    if (!(this->*operand)(right)) {
      return false;
    }
    node.parts = {id, right};
    node.range = {tree_.nodes[id].range.begin, tree_.nodes[right].range.end};
    return add(std::move(node), id);
  }

  bool unary(Id& id) {
    if (token_.kind != Token::Not) {
      return postfix(id);
    }
    const TextRange sign = token_.range;
    if (++nesting_ > kMaxExpressionDepth) {
      return too_deep(sign);
    }
    advance();
    Id operand = 0;
    if (!unary(operand)) {
      return false;
    }
    --nesting_;
    ExpressionNode node;
    node.kind = Kind::Not;
    node.parts = {operand};
    node.name_range = sign;
    node.range = {sign.begin, tree_.nodes[operand].range.end};
    return add(std::move(node), id);
  }

  bool postfix(Id& id) {
    if (!primary(id)) {
      return false;
    }
    while (token_.kind == Token::Dot || token_.kind == Token::OpenBracket) {
      if (!(token_.kind == Token::Dot ? member(id) : index(id))) {
        return false;
      }
    }
    return true;
  }

  bool refuse_filter() {
    return fail({"P0722",
                 token_.range,
                 "'.*' and '[*]' filters are not part of our expressions",
                 "name the member, or let a task's script filter the list and pass it on as an "
                 "output"});
  }

  bool member(Id& id) {
    advance();
    if (token_.kind == Token::Star) {
      return refuse_filter();
    }
    if (token_.kind != Token::Name) {
      return unexpected("a name after '.'");
    }
    ExpressionNode node;
    node.kind = Kind::Member;
    node.parts = {id};
    node.name_range = token_.range;
    node.name = text_.substr(token_.range.begin, token_.range.end - token_.range.begin);
    node.range = {tree_.nodes[id].range.begin, token_.range.end};
    advance();
    return add(std::move(node), id);
  }

  bool index(Id& id) {
    if (++nesting_ > kMaxExpressionDepth) {
      return too_deep(token_.range);
    }
    advance();
    if (token_.kind == Token::Star) {
      return refuse_filter();
    }
    Id key = 0;
    if (!disjunction(key)) {
      return false;
    }
    if (token_.kind != Token::CloseBracket) {
      return unexpected("']'");
    }
    --nesting_;
    ExpressionNode node;
    node.kind = Kind::Index;
    node.parts = {id, key};
    node.name_range = tree_.nodes[key].range;
    node.range = {tree_.nodes[id].range.begin, token_.range.end};
    advance();
    return add(std::move(node), id);
  }

  bool primary(Id& id) {
    if (token_.kind == Token::Number || token_.kind == Token::String) {
      return literal(std::move(token_.literal), id);
    }
    if (token_.kind == Token::Name) {
      return word(id);
    }
    return token_.kind == Token::OpenParen ? group(id) : unexpected("a value");
  }

  bool literal(Value value, Id& id) {
    ExpressionNode node;
    node.literal = std::move(value);
    node.range = token_.range;
    advance();
    return add(std::move(node), id);
  }

  bool word(Id& id) {
    const std::string_view name =
        text_.substr(token_.range.begin, token_.range.end - token_.range.begin);
    if (name == "true" || name == "false") {
      return literal(Value(name == "true"), id);
    }
    if (name == "null") {
      return literal(Value(), id);
    }
    ExpressionNode node;
    node.kind = Kind::Name;
    node.name = name;
    node.range = token_.range;
    node.name_range = token_.range;
    advance();
    return token_.kind == Token::OpenParen ? call(std::move(node), id) : add(std::move(node), id);
  }

  bool group(Id& id) {
    if (++nesting_ > kMaxExpressionDepth) {
      return too_deep(token_.range);
    }
    const std::size_t begin = token_.range.begin;
    advance();
    if (!disjunction(id)) {
      return false;
    }
    if (token_.kind != Token::CloseParen) {
      return unexpected("')'");
    }
    --nesting_;
    tree_.nodes[id].range = {begin, token_.range.end};
    advance();
    return true;
  }

  bool call(ExpressionNode node, Id& id) {
    if (++nesting_ > kMaxExpressionDepth) {
      return too_deep(token_.range);
    }
    node.kind = Kind::Call;
    advance();
    while (token_.kind != Token::CloseParen) {
      if (!node.parts.empty()) {
        if (token_.kind != Token::Comma) {
          return unexpected("',' or ')'");
        }
        advance();
      }
      Id argument = 0;
      if (!disjunction(argument)) {
        return false;
      }
      node.parts.push_back(argument);
    }
    --nesting_;
    node.range.end = token_.range.end;
    advance();
    return add(std::move(node), id);
  }

  std::string_view text_;
  ExpressionLexer lexer_;
  ExpressionToken token_;
  ExpressionTree tree_;
  int nesting_ = 0;
  bool failed_ = false;
  SyntaxError error_;
};

}  // namespace

std::variant<ExpressionTree, SyntaxError> parse_expression(std::string_view text) {
  return Parser(text).parse();
}

std::string quote_expression_string(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c;
    if (c == '\'') {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string literal_expression(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value.held)) {
    return quote_expression_string(*text);
  }
  if (const auto* number = std::get_if<double>(&value.held)) {
    std::array<char, 32> digits{};
    const auto [end, problem] =
        std::to_chars(digits.data(), digits.data() + digits.size(), *number);
    return std::string(digits.data(), end);
  }
  if (const auto* flag = std::get_if<bool>(&value.held)) {
    return *flag ? "true" : "false";
  }
  return value.is_null() ? "null" : "fromJSON(" + quote_expression_string(to_json(value)) + ")";
}

}  // namespace dsl
