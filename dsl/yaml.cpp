#include "dsl/yaml.h"

#include <algorithm>
#include <istream>
#include <streambuf>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "dsl/codes.h"
#include "dsl/yaml_builder.h"
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

/// Hands on what yaml-cpp tells.
class Events : public YAML::EventHandler {
 public:
  /// `is_masked`: the events come from a masked text, see yaml_mask.h; `text` is the author's.
  Events(std::string_view text, bool is_masked, YamlBuilder& builder)
      : size_(text.size()),
        bom_(text.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0),
        is_masked_(is_masked),
        builder_(builder) {}

  void OnDocumentStart(const YAML::Mark& mark) override { builder_.begin_document(offset(mark)); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    builder_.null(offset(mark), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    builder_.alias(offset(mark), anchor);
  }
  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    if (is_masked_) {
      builder_.scalar(offset(mark), tag, anchor, unmasked(value));
    } else {
      builder_.scalar(offset(mark), tag, anchor, value);
    }
  }
  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    builder_.begin_list(offset(mark), tag, anchor);
  }
  void OnSequenceEnd() override { builder_.end_list(); }
  void OnMapStart(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    builder_.begin_map(offset(mark), tag, anchor);
  }
  void OnMapEnd() override { builder_.end_map(); }
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    builder_.anchor(offset(mark), is_masked_ ? unmasked(name) : name);
  }

  /// yaml-cpp counts from behind a byte order mark.
  [[nodiscard]] std::size_t offset(const YAML::Mark& mark) const {
    return std::min(static_cast<std::size_t>(std::max(mark.pos, 0)) + bom_, size_);
  }

 private:
  const std::size_t size_;
  const std::size_t bom_;
  const bool is_masked_;
  YamlBuilder& builder_;
};

}  // namespace

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
  YamlBuilder builder(text, document, findings);
  Events events(text, masked.has_value(), builder);
  try {
    ViewBuffer buffer(masked ? std::string_view(*masked) : text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(events)) {
    }
  } catch (const YamlGiveUp&) {
    return std::nullopt;
  } catch (const YAML::Exception& failure) {
    const SyntaxProblem problem =
        explain_syntax(text, events.offset(failure.mark), unmasked(failure.msg));
    findings.error(
        problem.code, builder.span(problem.begin, problem.end), problem.message, problem.remedy);
    return std::nullopt;
  }
  if (!builder.has_document() || document.nodes_.empty()) {
    findings.error(kEmptyFile, start, "the file is empty", "begin with 'version: 1'");
    return std::nullopt;
  }
  builder.finish();
  return document;
}

}  // namespace dsl
