#include "dsl/yaml_builder.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/render.h"
#include "dsl/yaml_scan.h"

namespace dsl {

YamlBuilder::YamlBuilder(std::string_view text, YamlDocument& document, Findings& findings)
    : text_(text), document_(document), findings_(findings) {
  document_.nodes_.reserve(std::min<std::size_t>(text.size() / 16, 1U << 20U) + 16);
}

// ---- what the parser meets -------------------------------------------------------------------

void YamlBuilder::begin_document(std::size_t at) {
  if (++documents_ > 1) {
    fail(kSecondDocument,
         span(at, at + 1),
         "a second document, or a line that does not belong to the first",
         "write one pipeline per file; a key at the top must not follow a list");
  }
}

void YamlBuilder::null(std::size_t at, std::size_t anchor) {
  std::size_t begin = skip_properties(text_, at);
  std::size_t end = begin;
  for (const std::string_view word : {"null", "Null", "NULL", "~"}) {
    if (text_.substr(begin, word.size()) == word) {
      end = begin + word.size();
      break;
    }
  }
  if (end == begin && at_value()) {  // nothing is written: the key is all there is to point at
    const YamlDocument::Node& key = document_.nodes_[open_.back().key];
    begin = key.begin;
    end = key.end;
  }
  refuse_key(begin, end, "is empty");
  begin_node(YamlDocument::NodeKind::Null, begin, end, anchor);
  end_node(anchor);
}

void YamlBuilder::alias(std::size_t at, std::size_t anchor) {
  std::size_t end = at + 1;
  while (end < text_.size() &&
         std::string_view(" \t\r\n,]}").find(text_[end]) == std::string_view::npos) {
    ++end;
  }
  refuse_key(at, end, "is an alias");
  Anchor& target = anchors_.at(anchor - 1);
  target.used = true;
  if (!target.complete) {
    fail(kUnfinishedAlias,
         span(at, end),
         fmt::format("the alias {} stands inside the node that it means",
                     quoted(text_.substr(at, end - at))),
         "an alias can only repeat what is complete before it");
  }
  alias_nodes_ += target.size;
  expanded_ += target.size;
  if (alias_nodes_ > YamlDocument::kMaxAliasNodes) {
    fail(kAliasBomb,
         span(at, end),
         fmt::format("the aliases up to here expand to more than {} values",
                     YamlDocument::kMaxAliasNodes),
         "use fewer aliases; 'defaults:' and 'matrix:' repeat without them");
  }
  check_depth(open_.size() + target.height, at, end);
  raise_height(target.height);
  const std::uint32_t node = begin_node(YamlDocument::NodeKind::Alias, at, end, 0);
  document_.nodes_[node].children = target.node;
  end_node(0);
}

void YamlBuilder::scalar(std::size_t at,
                         const std::string& tag,
                         std::size_t anchor,
                         const std::string& value) {
  const bool is_tagged = check_tag(tag, at);
  const std::size_t begin = skip_properties(text_, at);
  if (is_tagged && value.empty()) {
    // `if: !cancelled()`: go on with what the author meant, it was reported.
    const std::size_t stop = token_end(text_, at);
    put_scalar(at, stop, text_.substr(at, stop - at), true, anchor);
    return;
  }
  const auto end = scalar_end(text_, begin, value);
  if (!end) {
    fail(kOpenQuote, span(begin, begin + 1), "this quote is never closed", "close it");
  }
  if (value.find('\0') != std::string::npos) {
    findings_.error(kNotText,
                    span(begin, *end),
                    "this text holds a NUL character",
                    "leave the \\0 out: a program would be given what stands before it only");
  }
  // Most scalars stand in the file as they are, perhaps in quotes.
  std::string_view shown = text_.substr(begin, *end - begin);
  const bool is_quoted = tag == "!";
  if (is_quoted && shown.size() >= 2) {
    shown = shown.substr(1, shown.size() - 2);
  }
  if (shown != value) {
    shown = document_.decoded_.emplace_back(value);
  }
  put_scalar(begin, *end, shown, is_quoted, anchor);
}

void YamlBuilder::begin_list(std::size_t at, const std::string& tag, std::size_t anchor) {
  begin_collection(YamlDocument::NodeKind::List, at, tag, anchor);
}

void YamlBuilder::end_list() {
  end_collection();
}

void YamlBuilder::begin_map(std::size_t at, const std::string& tag, std::size_t anchor) {
  begin_collection(YamlDocument::NodeKind::Map, at, tag, anchor);
}

void YamlBuilder::end_map() {
  check_keys(open_.back().node);
  end_collection();
}

void YamlBuilder::anchor(std::size_t at, const std::string& name) {
  const std::size_t found = text_.find('&', at);
  const std::size_t begin = found == std::string_view::npos ? at : found;
  anchors_.push_back({name, span(begin, begin + 1 + name.size())});
}

void YamlBuilder::finish() {
  for (const Anchor& anchor : anchors_) {
    if (!anchor.used) {
      findings_.error(kUnusedAnchor,
                      anchor.span,
                      fmt::format("nothing uses the anchor {}", quoted(anchor.name)),
                      "remove it; if the value itself begins with '&', put it in quotes");
    }
  }
}

Span YamlBuilder::span(std::size_t begin, std::size_t end) const {
  return {document_.source_,
          static_cast<std::uint32_t>(begin),
          static_cast<std::uint32_t>(std::min(end, text_.size()))};
}

// ---- rules -----------------------------------------------------------------------------------

void YamlBuilder::fail(std::string_view code,
                       const Span& where,
                       std::string message,
                       std::string remedy) {
  findings_.error(code, where, std::move(message), std::move(remedy));
  throw YamlGiveUp{};
}

bool YamlBuilder::at_key() const {
  return !open_.empty() && open_.back().is_map && open_.back().parts % 2 == 0;
}

bool YamlBuilder::at_value() const {
  return !open_.empty() && open_.back().is_map && open_.back().parts % 2 == 1;
}

void YamlBuilder::refuse_key(std::size_t begin, std::size_t end, std::string_view what) {
  if (at_key()) {
    fail(kBadKey,
         span(begin, std::max(end, begin + 1)),
         fmt::format("a key that {}", what),
         "a key is a plain text; put it in quotes if it must hold other characters");
  }
}

void YamlBuilder::check_depth(std::size_t depth, std::size_t begin, std::size_t end) {
  if (depth > YamlDocument::kMaxDepth) {
    fail(kTooDeep,
         span(begin, end),
         fmt::format("nested deeper than {} levels", YamlDocument::kMaxDepth),
         "no pipeline needs that; is this another file?");
  }
}

void YamlBuilder::raise_height(std::size_t height) {
  if (!open_.empty()) {
    open_.back().height = std::max(open_.back().height, height + 1);
  }
}

/// True (and reported) when there is a tag; there is none that means anything here.
bool YamlBuilder::check_tag(const std::string& tag, std::size_t begin) {
  if (tag.empty() || tag == "?" || tag == "!") {
    return false;
  }
  const std::size_t mark = text_.find('!', begin);
  const std::size_t from = mark == std::string_view::npos ? begin : mark;
  std::size_t end = from;
  while (end < text_.size() && text_[end] != ' ' && text_[end] != '\n' && text_[end] != '\r') {
    ++end;
  }
  const std::size_t line = std::max(token_end(text_, from), end);
  findings_.error(kUnknownTag,
                  span(from, end),
                  fmt::format("unknown tag {}", quoted(text_.substr(from, end - from))),
                  fmt::format("a value that begins with '!' must stand in quotes: \"{}\"",
                              visible(text_.substr(from, line - from))));
  return true;
}

void YamlBuilder::check_keys(std::uint32_t map) {
  // Called when all children are there; `next` of the map itself is not set yet.
  const auto& nodes = document_.nodes_;
  keys_.clear();
  for (std::uint32_t key = map + 1; key < nodes.size(); key = nodes[nodes[key].next].next) {
    keys_.push_back(key);
  }
  if (keys_.size() < 2) {
    return;
  }
  const auto before = [&](std::uint32_t a, std::uint32_t b) {
    const int order = nodes[a].text.compare(nodes[b].text);
    return order != 0 ? order < 0 : a < b;
  };
  const bool sorted = std::is_sorted(keys_.begin(), keys_.end(), before);
  if (!sorted) {
    std::sort(keys_.begin(), keys_.end(), before);
  }
  for (std::size_t i = 1; i < keys_.size(); ++i) {
    const YamlDocument::Node& first = nodes[keys_[i - 1]];
    const YamlDocument::Node& second = nodes[keys_[i]];
    if (first.text == second.text) {
      findings_.error(kDuplicateKey,
                      span(second.begin, second.end),
                      fmt::format("the key {} stands here twice", quoted(second.text)),
                      "remove one of the two, or give it another name",
                      {{span(first.begin, first.end), "first written here"}});
    }
  }
}

// ---- nodes -----------------------------------------------------------------------------------

std::uint32_t YamlBuilder::begin_node(YamlDocument::NodeKind kind,
                                      std::size_t begin,
                                      std::size_t end,
                                      std::size_t anchor) {
  const auto node = static_cast<std::uint32_t>(document_.nodes_.size());
  if (at_key()) {
    open_.back().key = node;
  }
  if (!open_.empty()) {
    ++open_.back().parts;
  }
  if (anchor != 0) {
    anchors_.at(anchor - 1).node = node;
  }
  ++expanded_;
  document_.nodes_.push_back({kind,
                              false,
                              static_cast<std::uint32_t>(begin),
                              static_cast<std::uint32_t>(end),
                              node + 1,
                              0,
                              {}});
  return node;
}

void YamlBuilder::end_node(std::size_t anchor) {
  if (anchor != 0) {
    complete(anchors_.at(anchor - 1), 1, 0);
  }
}

void YamlBuilder::complete(Anchor& anchor, std::size_t size, std::size_t height) {
  anchor.complete = true;
  anchor.size = size;
  anchor.height = height;
}

void YamlBuilder::put_scalar(
    std::size_t begin, std::size_t end, std::string_view text, bool is_quoted, std::size_t anchor) {
  if (at_key() && text == "<<" && !is_quoted) {
    findings_.error(kMergeKey,
                    span(begin, end),
                    "merge keys ('<<') are not part of this language",
                    "write the keys out, or put what tasks share into 'defaults:'");
  }
  const std::uint32_t node = begin_node(YamlDocument::NodeKind::Scalar, begin, end, anchor);
  document_.nodes_[node].text = text;
  document_.nodes_[node].quoted = is_quoted;
  end_node(anchor);
}

void YamlBuilder::begin_collection(YamlDocument::NodeKind kind,
                                   std::size_t at,
                                   const std::string& tag,
                                   std::size_t anchor) {
  check_tag(tag, at);
  const std::size_t begin = skip_properties(text_, at);
  check_depth(open_.size() + 1, begin, begin + 1);
  if (const auto box = at_key() ? bare_checkbox(text_, begin) : std::nullopt) {
    fail(box->code, span(box->begin, box->end), box->message, box->remedy);
  }
  refuse_key(begin, begin + 1, "is a list or a map");
  const std::size_t before = expanded_;
  const std::uint32_t node = begin_node(kind, begin, begin + 1, anchor);
  open_.push_back({node, anchor, kind == YamlDocument::NodeKind::Map, 0, 0, 1, before});
}

void YamlBuilder::end_collection() {
  const Open done = open_.back();
  open_.pop_back();
  YamlDocument::Node& node = document_.nodes_[done.node];
  node.next = static_cast<std::uint32_t>(document_.nodes_.size());
  node.children = done.is_map ? done.parts / 2 : done.parts;
  const bool is_block_map = done.is_map && done.parts != 0 && text_[node.begin] != '{';
  if (is_block_map) {
    node.end = document_.nodes_[done.node + 1].end;  // point at the first key
  }
  raise_height(done.height);
  if (done.anchor != 0) {
    complete(anchors_.at(done.anchor - 1), expanded_ - done.expanded_at, done.height);
  }
}

}  // namespace dsl
