#include "dsl/yaml.h"

#include <algorithm>
#include <charconv>
#include <istream>
#include <streambuf>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "dsl/codes.h"
#include "dsl/render.h"
#include "dsl/yaml_mask.h"
#include "dsl/yaml_scan.h"

namespace dsl {
namespace {

/// Lets yaml-cpp read a text without a copy of it.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // NOLINT: the get area is never written to
    setg(begin, begin, begin + text.size());
  }
};

/// Thrown through yaml-cpp when there is no point in going on; the reason was reported.
struct GiveUp {};

}  // namespace

/// Turns events into nodes, and reports what they must not hold.
class YamlReader : public YAML::EventHandler {
 public:
  /// `is_masked`: the events come from a masked text, see yaml_mask.h; `text` is the author's.
  YamlReader(std::string_view text, bool is_masked, YamlDocument& document, Findings& findings)
      : text_(text),
        is_masked_(is_masked),
        bom_(text.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0),
        document_(document),
        findings_(findings) {
    document_.nodes_.reserve(std::min<std::size_t>(text.size() / 16, 1U << 20U) + 16);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      fail(kSecondDocument,
           span(offset(mark), offset(mark) + 1),
           "a second document, or a line that does not belong to the first",
           "write one pipeline per file; a key at the top must not follow a list");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    std::size_t begin = skip_properties(text_, offset(mark));
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

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const std::size_t begin = offset(mark);
    std::size_t end = begin + 1;
    while (end < text_.size() &&
           std::string_view(" \t\r\n,]}").find(text_[end]) == std::string_view::npos) {
      ++end;
    }
    refuse_key(begin, end, "is an alias");
    Anchor& target = anchors_.at(anchor - 1);
    target.used = true;
    if (!target.complete) {
      fail(kUnfinishedAlias,
           span(begin, end),
           fmt::format("the alias {} stands inside the node that it means",
                       quoted(text_.substr(begin, end - begin))),
           "an alias can only repeat what is complete before it");
    }
    alias_nodes_ += target.size;
    expanded_ += target.size;
    if (alias_nodes_ > YamlDocument::kMaxAliasNodes) {
      fail(kAliasBomb,
           span(begin, end),
           fmt::format("the aliases up to here expand to more than {} values",
                       YamlDocument::kMaxAliasNodes),
           "use fewer aliases; 'defaults:' and 'matrix:' repeat without them");
    }
    check_depth(open_.size() + target.height, begin, end);
    raise_height(target.height);
    const std::uint32_t node = begin_node(YamlDocument::NodeKind::Alias, begin, end, 0);
    document_.nodes_[node].children = target.node;
    end_node(0);
  }

  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& parsed) override {
    const std::string& value = is_masked_ ? unmasked_ = unmasked(parsed) : parsed;
    const std::size_t start = offset(mark);
    const bool is_tagged = check_tag(tag, start);
    const std::size_t begin = skip_properties(text_, start);
    if (is_tagged && value.empty()) {
      // `if: !cancelled()`: go on with what the author meant, it was reported.
      const std::size_t stop = token_end(start);
      put_scalar(start, stop, text_.substr(start, stop - start), true, anchor);
      return;
    }
    const auto end = scalar_end(text_, begin, value);
    if (!end) {
      fail(kOpenQuote, span(begin, begin + 1), "this quote is never closed", "close it");
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

  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    begin_collection(YamlDocument::NodeKind::List, mark, tag, anchor);
  }
  void OnSequenceEnd() override { end_collection(); }

  void OnMapStart(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    begin_collection(YamlDocument::NodeKind::Map, mark, tag, anchor);
  }
  void OnMapEnd() override {
    check_keys(open_.back().node);
    end_collection();
  }

  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    const std::size_t at = text_.find('&', offset(mark));
    const std::size_t begin = at == std::string_view::npos ? offset(mark) : at;
    anchors_.push_back({is_masked_ ? unmasked(name) : name, span(begin, begin + 1 + name.size())});
  }

  void finish() {
    for (const Anchor& anchor : anchors_) {
      if (!anchor.used) {
        findings_.error(kUnusedAnchor,
                        anchor.span,
                        fmt::format("nothing uses the anchor {}", quoted(anchor.name)),
                        "remove it; if the value itself begins with '&', put it in quotes");
      }
    }
  }

  [[nodiscard]] bool has_document() const { return documents_ > 0; }
  [[nodiscard]] std::size_t offset(const YAML::Mark& mark) const {
    const auto at = static_cast<std::size_t>(std::max(mark.pos, 0)) + bom_;
    return std::min(at, text_.size());
  }
  [[nodiscard]] Span span(std::size_t begin, std::size_t end) const {
    return {document_.source_,
            static_cast<std::uint32_t>(begin),
            static_cast<std::uint32_t>(std::min(end, text_.size()))};
  }

 private:
  struct Anchor {
    std::string name;
    Span span;
    bool used = false;
    bool complete = false;
    std::uint32_t node = 0;
    std::size_t size = 0;    // nodes, aliases in it expanded
    std::size_t height = 0;  // levels of maps and lists in it
  };

  struct Open {
    std::uint32_t node = 0;
    YAML::anchor_t anchor = 0;
    bool is_map = false;
    std::uint32_t parts = 0;      // keys and values, or items, so far
    std::uint32_t key = 0;        // of a map: the last key
    std::size_t height = 1;       // with the deepest part so far
    std::size_t expanded_at = 0;  // what `expanded_` was before it
  };

  [[noreturn]] void fail(std::string_view code,
                         const Span& where,
                         std::string message,
                         std::string remedy) {
    findings_.error(code, where, std::move(message), std::move(remedy));
    throw GiveUp{};
  }

  [[nodiscard]] bool at_key() const {
    return !open_.empty() && open_.back().is_map && open_.back().parts % 2 == 0;
  }
  [[nodiscard]] bool at_value() const {
    return !open_.empty() && open_.back().is_map && open_.back().parts % 2 == 1;
  }

  void refuse_key(std::size_t begin, std::size_t end, std::string_view what) {
    if (at_key()) {
      fail(kBadKey,
           span(begin, std::max(end, begin + 1)),
           fmt::format("a key that {}", what),
           "a key is a plain text; put it in quotes if it must hold other characters");
    }
  }

  void check_depth(std::size_t depth, std::size_t begin, std::size_t end) {
    if (depth > YamlDocument::kMaxDepth) {
      fail(kTooDeep,
           span(begin, end),
           fmt::format("nested deeper than {} levels", YamlDocument::kMaxDepth),
           "no pipeline needs that; is this another file?");
    }
  }

  void raise_height(std::size_t height) {
    if (!open_.empty()) {
      open_.back().height = std::max(open_.back().height, height + 1);
    }
  }

  [[nodiscard]] std::size_t token_end(std::size_t begin) const {
    std::size_t end = text_.find_first_of("\r\n", begin);
    end = end == std::string_view::npos ? text_.size() : end;
    const std::size_t comment = text_.substr(begin, end - begin).find(" #");
    end = comment == std::string_view::npos ? end : begin + comment;
    while (end > begin && text_[end - 1] == ' ') {
      --end;
    }
    return end;
  }

  /// True (and reported) when there is a tag; there is none that means anything here.
  bool check_tag(const std::string& tag, std::size_t begin) {
    if (tag.empty() || tag == "?" || tag == "!") {
      return false;
    }
    const std::size_t mark = text_.find('!', begin);
    const std::size_t from = mark == std::string_view::npos ? begin : mark;
    std::size_t end = from;
    while (end < text_.size() && text_[end] != ' ' && text_[end] != '\n' && text_[end] != '\r') {
      ++end;
    }
    const std::size_t line = std::max(token_end(from), end);
    findings_.error(kUnknownTag,
                    span(from, end),
                    fmt::format("unknown tag {}", quoted(text_.substr(from, end - from))),
                    fmt::format("a value that begins with '!' must stand in quotes: \"{}\"",
                                visible(text_.substr(from, line - from))));
    return true;
  }

  std::uint32_t begin_node(YamlDocument::NodeKind kind,
                           std::size_t begin,
                           std::size_t end,
                           YAML::anchor_t anchor) {
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

  void end_node(YAML::anchor_t anchor) {
    if (anchor != 0) {
      complete(anchors_.at(anchor - 1), 1, 0);
    }
  }

  static void complete(Anchor& anchor, std::size_t size, std::size_t height) {
    anchor.complete = true;
    anchor.size = size;
    anchor.height = height;
  }

  void put_scalar(std::size_t begin,
                  std::size_t end,
                  std::string_view text,
                  bool is_quoted,
                  YAML::anchor_t anchor) {
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

  void begin_collection(YamlDocument::NodeKind kind,
                        const YAML::Mark& mark,
                        const std::string& tag,
                        YAML::anchor_t anchor) {
    check_tag(tag, offset(mark));
    const std::size_t begin = skip_properties(text_, offset(mark));
    check_depth(open_.size() + 1, begin, begin + 1);
    if (const auto box = at_key() ? bare_checkbox(text_, begin) : std::nullopt) {
      fail(box->code, span(box->begin, box->end), box->message, box->remedy);
    }
    refuse_key(begin, begin + 1, "is a list or a map");
    const std::size_t before = expanded_;
    const std::uint32_t node = begin_node(kind, begin, begin + 1, anchor);
    open_.push_back({node, anchor, kind == YamlDocument::NodeKind::Map, 0, 0, 1, before});
  }

  void end_collection() {
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

  void check_keys(std::uint32_t map) {
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

  const std::string_view text_;
  const bool is_masked_;
  const std::size_t bom_;
  YamlDocument& document_;
  Findings& findings_;
  std::vector<Open> open_;
  std::vector<Anchor> anchors_;  // by anchor_t - 1
  std::vector<std::uint32_t> keys_;
  std::string unmasked_;  // the scalar at hand
  std::size_t documents_ = 0;
  std::size_t expanded_ = 0;  // nodes so far, as if aliases were copies
  std::size_t alias_nodes_ = 0;
};

std::optional<YamlDocument> YamlDocument::parse(const Sources& sources,
                                                std::uint32_t source,
                                                Findings& findings) {
  const std::string_view text = sources.text(source);
  const Span start{source, 0, 0};
  if (text.size() > kMaxBytes) {
    findings.error(
        kTooLarge,
        start,
        fmt::format(
            "the file has {} MiB, the most is {} MiB", text.size() >> 20U, kMaxBytes >> 20U),
        "is this a pipeline file?");
    return std::nullopt;
  }
  if (const auto problem = text_problem(text)) {
    const auto at = static_cast<std::uint32_t>(problem->offset);
    findings.error(kNotText, {source, at, at + 1}, problem->message, problem->remedy);
    return std::nullopt;
  }
  YamlDocument document;
  document.source_ = source;
  const std::optional<std::string> masked = mask_question_marks(text);
  YamlReader reader(text, masked.has_value(), document, findings);
  try {
    ViewBuffer buffer(masked ? std::string_view(*masked) : text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(reader)) {
    }
  } catch (const GiveUp&) {
    return std::nullopt;
  } catch (const YAML::Exception& failure) {
    const SyntaxProblem problem =
        explain_syntax(text, reader.offset(failure.mark), unmasked(failure.msg));
    findings.error(
        problem.code, reader.span(problem.begin, problem.end), problem.message, problem.remedy);
    return std::nullopt;
  }
  if (!reader.has_document() || document.nodes_.empty()) {
    findings.error(kEmptyFile, start, "the file is empty", "begin with 'version: 1'");
    return std::nullopt;
  }
  reader.finish();
  return document;
}

}  // namespace dsl
